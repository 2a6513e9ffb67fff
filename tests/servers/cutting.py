"""A way to a real server that breaks where a test wants: before it hears, after it hears, in its answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from enum import Enum

from tests.servers.processes import HOST


class Cut(Enum):
    """Where the connection breaks off."""

    BEFORE = "before the server hears of it"
    HEARD = "when the server has heard of it"
    ANSWERED = "when the server has answered, before we hear of it"
    HALF = "in the middle of the answer"


class CuttingProxy:
    """Passes on what both sides say, until a client says `word`; then it cuts the connection, once.

    `at_cut` is called in a thread at that moment (to kill the server), before anybody hears of the cut.
    `carried` counts the bytes that came both ways.
    """

    def __init__(
        self, server_port: int, word: bytes, cut: Cut, at_cut: Callable[[], None] = lambda: None
    ) -> None:
        self.port = 0
        self._server_port = server_port
        self._word = word
        self._cut = cut
        self._at_cut = at_cut
        self.carried = 0
        self._armed = True
        self._cutting: asyncio.Task[None] | None = None

    @property
    def has_cut(self) -> bool:
        """Whether the word was said, and all that comes with the cut is done."""
        return self._cutting is not None and self._cutting.done()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[CuttingProxy]:
        """Listen for as long as the block runs."""
        talks: set[asyncio.Task[None]] = set()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task
            talks.add(task)
            try:
                await self._between(reader, writer)
            except (OSError, asyncio.CancelledError):
                # A task that is cancelled is none of the loop's business: nobody else waits for it.
                pass
            finally:
                writer.transport.abort()
                talks.discard(task)

        listener = await asyncio.start_server(talk, HOST, 0)
        self.port = listener.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            listener.close()
            await listener.wait_closed()
            for task in list(talks):
                task.cancel()
            await asyncio.gather(*talks, return_exceptions=True)

    async def _between(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(HOST, self._server_port)
        heard = asyncio.Event()
        up = asyncio.create_task(self._up(reader, server_writer, heard))
        down = asyncio.create_task(self._down(server_reader, writer, heard))
        try:
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (up, down):
                task.cancel()
            server_writer.transport.abort()
            await asyncio.gather(up, down, return_exceptions=True)
            if self._cutting:
                await asyncio.shield(self._cutting)

    async def _up(
        self, reader: asyncio.StreamReader, server: asyncio.StreamWriter, heard: asyncio.Event
    ) -> None:
        while said := await reader.read(1 << 16):
            self.carried += len(said)
            if self._armed and self._word in said:
                self._armed = False
                if self._cut is Cut.BEFORE:
                    return await self._now()
                heard.set()
                server.write(said)
                await server.drain()
                if self._cut is Cut.HEARD:
                    return await self._now()
                continue
            server.write(said)
            await server.drain()
        return None

    async def _down(
        self, server: asyncio.StreamReader, writer: asyncio.StreamWriter, heard: asyncio.Event
    ) -> None:
        while said := await server.read(1 << 16):
            self.carried += len(said)
            if heard.is_set() and self._cut is Cut.HEARD:
                continue
            if heard.is_set():
                if self._cut is Cut.HALF:
                    writer.write(said[: len(said) // 2])
                    await writer.drain()
                return await self._now()
            writer.write(said)
            await writer.drain()
        return None

    async def _now(self) -> None:
        self._cutting = asyncio.create_task(asyncio.to_thread(self._at_cut))
        await asyncio.shield(self._cutting)
