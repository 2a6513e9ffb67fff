"""An IMAP server for one mailbox that is honest but for what a test tells it to lie about.

It keeps to the letter of what the connector sends and knows no more of IMAP than that. A lie is what goes
out instead of the answer to one command: bytes in which ``{tag}`` stands for the tag and which may hold
`CLOSE` or `SILENCE`, a stream without end, or a trick played with the truth.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.servers.scripted_truths import Mailbox, Truths

CAPABILITIES = (
    "IMAP4rev1 SASL-IR AUTH=PLAIN LITERAL+ UIDPLUS MOVE ENABLE CONDSTORE QRESYNC SEARCHRES UNSELECT "
    "NAMESPACE COMPRESS=DEFLATE"
)
CLOSE = b"<close>"
SILENCE = b"<silence>"
_END = re.compile(rb"\{([0-9]+)(\+?)\}\r\n\Z")

Truth = Callable[[], bytes]


@dataclass(frozen=True)
class Trick:
    """A lie that is made of the command's words and of the truth; the truth is done when it is called."""

    play: Callable[[bytes, Truth], bytes]


Lie = bytes | Callable[[], Iterator[bytes]] | Trick


class ScriptedImap(Mailbox):
    """The server. `lies` maps a command ("UID MOVE") to what is said instead of the truth.

    A tuple of lies is told one by one, and after them the truth. What is said first is "greeting", and what
    asks for a literal is "literal". `said` keeps the commands that came in, and `heard` tells that one did.
    Without `deflates` it says in clear text what it was asked to compress.
    """

    def __init__(
        self, lies: Mapping[str, Lie | tuple[Lie, ...]] | None = None, capabilities: str = CAPABILITIES
    ) -> None:
        super().__init__(capabilities)
        self.lies = {name: list(lie) if isinstance(lie, tuple) else lie for name, lie in (lies or {}).items()}
        self.said: list[bytes] = []
        self.port = 0
        self.deflates = True
        self._ended = asyncio.Event()
        self.heard = asyncio.Event()
        self._talks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[ScriptedImap]:
        """Serve for as long as the block runs."""
        talks = self._talks

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task
            talks.add(task)
            try:
                await _Talk(self, reader, writer, self._ended).serve()
            except (ConnectionError, asyncio.CancelledError):
                # A task that is cancelled is none of the loop's business: nobody else waits for it.
                pass
            finally:
                writer.transport.abort()
                talks.discard(task)

        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            self._ended.set()
            server.close()
            await server.wait_closed()
            for task in list(talks):
                task.cancel()
            await asyncio.gather(*talks, return_exceptions=True)

    async def quiet(self) -> None:
        """Wait until every client has hung up."""
        while self._talks:
            await asyncio.wait(self._talks)

    def lie(self, name: str) -> Lie | None:
        """What is to be said instead of the truth now."""
        lie = self.lies.get(name)
        if isinstance(lie, list):
            return lie.pop(0) if lie else None
        return lie


class _Talk:
    """One connection."""

    def __init__(
        self,
        server: ScriptedImap,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        ended: asyncio.Event,
    ) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._ended = ended
        self._truths = Truths(server)
        self._inflate: zlib._Decompress | None = None
        self._deflate: zlib._Compress | None = None
        self._buffer = b""

    async def serve(self) -> None:
        greeting = self._server.lie("greeting")
        if not await self._say(
            b"", greeting or f"* OK [CAPABILITY {self._server.capabilities}] hello\r\n".encode()
        ):
            return
        while line := await self._command():
            self._server.said.append(line)
            self._server.heard.set()
            tag, _, rest = line.partition(b" ")
            words = rest.upper().split(b" ")
            name = (b" ".join(words[:2]) if words[0] == b"UID" else words[0]).strip().decode()
            rest = rest.removesuffix(b"\r\n")
            if name == "AUTHENTICATE" and rest.upper() == b"AUTHENTICATE PLAIN":
                prompt = self._server.lie(name) or b"+ \r\n"
                if not await self._say(tag, prompt):
                    return
                if not isinstance(prompt, bytes) or b"+" not in prompt:
                    continue
                name, rest = "PROMPTED", await self._line()
            said = self._answer(name, rest)
            if not await self._say(tag, said):
                return
            if name == "COMPRESS" and isinstance(said, bytes) and b"OK" in said:
                self._inflate = zlib.decompressobj(-15)
                self._deflate = zlib.compressobj(wbits=-15) if self._server.deflates else None
            if name == "LOGOUT":
                return

    def _answer(self, name: str, rest: bytes) -> bytes | Callable[[], Iterator[bytes]]:
        lie = self._server.lie(name)
        if isinstance(lie, Trick):
            return lie.play(rest, lambda: self._truths.tell(name, rest))
        return self._truths.tell(name, rest) if lie is None else lie

    async def _say(self, tag: bytes, said: Lie) -> bool:
        """Say it; False when nothing more is to come."""
        if isinstance(said, Trick):
            said = said.play(b"", bytes)
        if not isinstance(said, bytes):
            for part in said():
                self._write(part)
                await self._writer.drain()
                # The one that listens lives in the same loop.
                await asyncio.sleep(0)
            return False
        for part in re.split(b"(<close>|<silence>)", said.replace(b"{tag}", tag)):
            if part == CLOSE:
                self._writer.close()
                return False
            if part == SILENCE:
                await self._ended.wait()
                return False
            self._write(part)
        await self._writer.drain()
        return True

    def _write(self, said: bytes) -> None:
        if self._deflate:
            said = self._deflate.compress(said) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        self._writer.write(said)

    async def _command(self) -> bytes:
        line = await self._line()
        while found := _END.search(line):
            size = int(found[1])
            if not found[2]:
                asks = self._server.lie("literal") or b"+ go on\r\n"
                await self._say(line.partition(b" ")[0], asks)
                if asks != b"+ go on\r\n":
                    line = await self._line()
                    continue
            while len(self._buffer) < size:
                await self._more()
            line, self._buffer = line + self._buffer[:size], self._buffer[size:]
            line += await self._line()
        return line

    async def _line(self) -> bytes:
        while b"\n" not in self._buffer:
            if not await self._more():
                return b""
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line + b"\n"

    async def _more(self) -> bool:
        content = await self._reader.read(1 << 16)
        self._buffer += self._inflate.decompress(content) if self._inflate and content else content
        return bool(content)
