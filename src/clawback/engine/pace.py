"""The pace of reading: how many mailboxes at once, how many bytes in memory, how fast it may ask."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TypeVar

AT_ONCE = 8
"""Mailboxes that are worked on at once, unless the settings say otherwise."""
BYTES = 48 << 20
"""Raw mail held in memory, over all mailboxes."""
T = TypeVar("T")


class Pace:
    """The bounds that all reading of one process shares.

    `at_once` is how many mailboxes are worked on at the same time, `per_second` how many messages a
    first reading may fetch each second (0: as fast as it goes), `most` how many bytes of raw mail are
    held in memory.
    """

    def __init__(self, at_once: int = AT_ONCE, per_second: float = 0.0, most: int = BYTES) -> None:
        self.at_once = at_once
        self.per_second = per_second
        self.chunk_bytes = max(1, most // 4)
        """What one mailbox asks for at a time, so that others find room beside it."""
        self._free = self._most = most
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._full_at = float("-inf")

    @asynccontextmanager
    async def holding(self, size: int) -> AsyncIterator[None]:
        """Hold so many bytes, when there is room for them; one message larger than all room gets all."""
        size = min(size, self._most)
        if self._waiting or size > self._free:
            room = asyncio.get_running_loop().create_future()
            self._waiting.append((size, room))
            try:
                await room
            except asyncio.CancelledError:
                self._withdraw(size, room)
                raise
        else:
            self._free -= size
        try:
            yield
        finally:
            self._free += size
            self._admit()

    def _withdraw(self, size: int, room: asyncio.Future[None]) -> None:
        if room.cancelled():
            self._waiting.remove((size, room))
        else:
            self._free += size
        self._admit()

    def _admit(self) -> None:
        """Let in who waits, in order, so that nobody large waits for ever."""
        for size, room in tuple(self._waiting):
            if room.cancelled():
                continue  # it withdraws by itself
            if size > self._free:
                break
            self._waiting.remove((size, room))
            self._free -= size
            room.set_result(None)

    def copies(self, most: int) -> int:
        """How many copies to fetch in one go: `most`, or what the pace allows in a second."""
        return min(most, max(1, int(self.per_second))) if self.per_second else most

    async def may_fetch(self, messages: int) -> None:
        """Wait until so many more messages may be fetched; who asks first is first."""
        if not self.per_second:
            return
        now = asyncio.get_running_loop().time()
        # A second's worth may come at once; what is asked for beyond that is paid by waiting.
        self._full_at = max(self._full_at, now - 1.0) + messages / self.per_second
        await asyncio.sleep(max(0.0, self._full_at - now))


async def each(items: Iterable[T], work: Callable[[T], Awaitable[None]], at_once: int) -> None:
    """Do the work for every item, so many at once, in order; the first error ends all of it."""
    rest = iter(items)

    async def one_after_another() -> None:
        for item in rest:
            await work(item)

    tasks = [asyncio.create_task(one_after_another()) for _ in range(max(1, at_once))]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
