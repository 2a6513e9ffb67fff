"""Looks: which mailbox to look at next.

Those with news go before those that failed before, and those before what a sweep has still to look at.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import dataclass

from clawback.engine.turns import Key

STRAGGLING = 10.0
"""Seconds of looking at one mailbox after which a sweep does not wait for it any more."""


@dataclass(slots=True)
class Round:
    """One sweep: the mailboxes that it has still to look at."""

    left: set[Key]


class Looks:
    """The mailboxes to be looked at, each once at a time.

    A mailbox that fails is put off, and left alone until then; of those that failed before at most `again`
    are in hand at once, for each may hang until it fails. A source that is closed is left alone but for
    what is put off to try it again.
    """

    def __init__(self, again: int = 1) -> None:
        self._most_again = again
        self._news: dict[Key, None] = {}
        self._failed: dict[Key, None] = {}
        self._due: dict[Key, None] = {}
        self._busy: dict[Key, float] = {}
        self._trying: set[Key] = set()
        self._again: set[Key] = set()
        self._put_off: dict[Key, asyncio.TimerHandle] = {}
        self._closed: set[str] = set()
        self._rounds: list[Round] = []
        self._come = asyncio.Event()
        self._gone = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many mailboxes wait for their look."""
        return len(self._news) + len(self._failed) + len(self._due)

    def news(self, key: Key) -> None:
        """Something happened in this mailbox: look at it as soon as may be; asking twice is asking once."""
        if key in self._put_off or key in self._failed or key[0] in self._closed:
            return
        if key in self._busy:
            self._again.add(key)
            return
        self._due.pop(key, None)
        self._news[key] = None
        self._come.set()

    def sweep(self, keys: Iterable[Key]) -> Round:
        """Look at all of these, after whatever has news."""
        left = {key for key in keys if key not in self._put_off and key[0] not in self._closed}
        for key in sorted(left - self._busy.keys() - self._news.keys() - self._failed.keys()):
            self._due.setdefault(key)
        begun = Round(left)
        self._rounds.append(begun)
        self._come.set()
        return begun

    async def ended(self, begun: Round) -> None:
        """Wait until a sweep has looked at everything, but for mailboxes that take very long."""
        clock = asyncio.get_running_loop().time
        try:
            while not all(clock() - self._busy.get(key, clock()) > STRAGGLING for key in begun.left):
                self._gone.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(1.0):
                        await self._gone.wait()
        finally:
            self._rounds.remove(begun)

    async def take(self, *, news_only: bool = False) -> Key:
        """The next mailbox to look at; it is in hand until `done`."""
        while (key := self._next(news_only)) is None:
            self._come.clear()
            await self._come.wait()
        self._busy[key] = asyncio.get_running_loop().time()
        return key

    def _next(self, news_only: bool) -> Key | None:
        if self._news:
            return _first(self._news)
        if news_only:
            return None
        if self._failed and len(self._trying) < self._most_again:
            key = _first(self._failed)
            self._trying.add(key)
            return key
        return _first(self._due) if self._due else None

    def pressed(self, key: Key) -> bool:
        """Whether there was news of a mailbox in hand since it was taken."""
        return key in self._again

    def done(self, key: Key) -> None:
        """Nobody looks at this mailbox any more; if there was news meanwhile, somebody will."""
        del self._busy[key]
        if key in self._trying:
            self._trying.discard(key)
            self._come.set()
        for begun in self._rounds:
            begun.left.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.news(key)
        self._gone.set()

    def put_off(self, key: Key, seconds: float) -> None:
        """Leave a mailbox alone for so long, then look at it."""
        if key in self._put_off:
            self._put_off[key].cancel()
        for queue in (self._news, self._failed, self._due):
            queue.pop(key, None)
        self._put_off[key] = asyncio.get_running_loop().call_later(seconds, self._try_again, key)

    def _try_again(self, key: Key) -> None:
        del self._put_off[key]
        if key not in self._busy:
            self._failed[key] = None
            self._come.set()

    def close(self, source: str) -> None:
        """Leave all mailboxes of a source alone."""
        self._closed.add(source)
        for queue in (self._news, self._failed, self._due):
            for key in [key for key in queue if key[0] == source]:
                del queue[key]
        for key in [key for key in self._put_off if key[0] == source]:
            self._put_off.pop(key).cancel()
        for begun in self._rounds:
            begun.left = {key for key in begun.left if key[0] != source}
        self._gone.set()

    def open(self, source: str) -> None:
        """Look at the mailboxes of a source again."""
        self._closed.discard(source)

    def end(self) -> None:
        """Forget what was put off."""
        for handle in self._put_off.values():
            handle.cancel()
        self._put_off.clear()


def _first(queue: dict[Key, None]) -> Key:
    """Take the first of a queue."""
    key = next(iter(queue))
    del queue[key]
    return key
