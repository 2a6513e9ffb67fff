"""Turns: who may work on a mailbox now, among all that this process does at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager

Key = tuple[str, str]
"""A source and one of its mailboxes."""


class Turns:
    """A mailbox is read by one at a time, and by nobody while its copies are being moved.

    Whoever moves copies waits for nobody. So a reading that began before a move may see half of it; it
    finds that out when it writes. One that waited sees what was moved where its receipts say.
    """

    def __init__(self) -> None:
        self._read: set[Key] = set()
        self._moved: Counter[Key] = Counter()
        self._waiting: dict[Key, list[asyncio.Future[None]]] = {}

    def taken(self, source: str, mailbox: str) -> bool:
        """Whether a reading of this mailbox would have to wait now."""
        key = source, mailbox
        return key in self._read or key in self._moved

    @asynccontextmanager
    async def reading(self, source: str, mailbox: str) -> AsyncIterator[None]:
        """Read this mailbox when its turn has come."""
        key = source, mailbox
        while self.taken(*key):
            freed = asyncio.get_running_loop().create_future()
            self._waiting.setdefault(key, []).append(freed)
            await freed
        self._read.add(key)
        try:
            yield
        finally:
            self._read.discard(key)
            self._free(key)

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
