"""Turns: who may work on a mailbox now, among all that this process does at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager

Key = tuple[str, str]
"""A source and one of its mailboxes."""


PATIENCE = 1.0
"""Seconds that a reading waits for moves to end: one mailbox that hangs must not blind us for the others."""


class Turns:
    """A mailbox is read by one at a time, and not while its copies are being moved, if that does not last.

    Whoever moves copies waits for nobody. A reading that waited sees what was moved where its receipts
    say, and need not find out what became of it. One that did not may see half of a move; it finds that
    out when it writes.
    """

    def __init__(self) -> None:
        self._read: set[Key] = set()
        self._moved: Counter[Key] = Counter()
        self._waiting: dict[Key, list[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def reading(self, source: str, mailbox: str) -> AsyncIterator[None]:
        """Read this mailbox when its turn has come."""
        key = source, mailbox
        if key in self._moved:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    while key in self._moved:
                        await self._freed(key)
        while key in self._read:
            await self._freed(key)
        self._read.add(key)
        try:
            yield
        finally:
            self._read.discard(key)
            self._free(key)

    async def _freed(self, key: Key) -> None:
        freed = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(freed)
        await freed

    @contextmanager
    def moving(self, keys: Iterable[Key]) -> Iterator[None]:
        """Move copies of these mailboxes; who wants to read them from now on waits."""
        mine = set(keys)
        self._moved.update(mine)
        try:
            yield
        finally:
            for key in mine:
                self._moved[key] -= 1
                if not self._moved[key]:
                    del self._moved[key]
                    self._free(key)

    def _free(self, key: Key) -> None:
        """Wake all who wait; the first takes the turn, the others wait on."""
        for freed in self._waiting.pop(key, ()):
            if not freed.done():
                freed.set_result(None)
