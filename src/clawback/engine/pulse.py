"""The pulse of each source: when the watch heard of it, looked at it, and what went wrong; told to the store.

The portal is another process: what is told here is all that it knows of the watch.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from clawback.engine.parts import Parts
from clawback.engine.turns import Key
from clawback.mailboxes.base import Capability
from clawback.response.overview import EventPath, SourceHealth

TELL_SECONDS = 15.0
"""How often the pulse is told, if nothing new makes it sooner."""
LEAST_SECONDS = 1.0
"""What is new is told at most so often."""
LONGEST_ERROR = 1_000
MOST_NEWS = 10_000
"""News that wait to be looked at, and whose time is known, at most."""


class Pulse:
    """What the watch has seen of each source so far."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        now = parts.now()
        self._sources = {name: SourceHealth(name, now, self._path(name)) for name in parts.connectors}
        self._news: dict[Key, datetime] = {}
        self._changed = asyncio.Event()

    def _path(self, source: str) -> EventPath:
        watches = Capability.WATCH in self._parts.connector(source).capabilities()
        return EventPath.EVENTS if watches else EventPath.SWEEPS

    def news(self, key: Key) -> None:
        """An event says that there is something new in a mailbox."""
        if key[0] in self._sources and len(self._news) < MOST_NEWS:
            now = self._parts.now()
            self._news.setdefault(key, now)
            self._change(key[0], event_at=now)

    def looked(self, key: Key) -> None:
        """A mailbox was read to its end."""
        heard = self._news.pop(key, None)
        if heard is not None:
            self._change(key[0], event_lag=self._parts.now() - heard)

    def swept(self, source: str, mailboxes: int, took: timedelta) -> None:
        """Every mailbox of a source that answers has been looked at."""
        self._change(source, swept_at=self._parts.now(), sweep=took, mailboxes=mailboxes)

    def listening(self, source: str) -> None:
        """Its events are waited for."""
        self._change(source, events=EventPath.EVENTS)

    def broke_off(self, source: str) -> None:
        """Its events ended, and sweeps alone find what is new."""
        self._change(source, events=EventPath.BROKEN)

    def trouble(self, source: str, error: object) -> None:
        """Something went wrong there."""
        self._change(source, error=str(error)[:LONGEST_ERROR], error_at=self._parts.now())

    def told(self, unreachable: Iterable[Key], stopped: Mapping[str, str]) -> tuple[SourceHealth, ...]:
        """How every source is doing now."""
        counts: dict[str, int] = {}
        for source, _ in unreachable:
            counts[source] = counts.get(source, 0) + 1
        now = self._parts.now()
        return tuple(
            replace(one, told_at=now, unreachable=counts.get(name, 0), stopped=stopped.get(name, ""))
            for name, one in sorted(self._sources.items())
        )

    async def run(self, unreachable: Mapping[Key, int], stopped: Mapping[str, str]) -> None:
        """Tell the store now and then, for ever."""
        while True:
            with self._parts.store.write() as unit:
                unit.overview.tell_health(self.told(tuple(unreachable), stopped))
            self._changed.clear()
            await asyncio.sleep(LEAST_SECONDS)
            # Not wait_for, which in Python 3.11 may swallow that we are cancelled.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TELL_SECONDS):
                    await self._changed.wait()

    def _change(self, source: str, **changes: object) -> None:
        if source in self._sources:
            self._sources[source] = replace(self._sources[source], **changes)  # type: ignore[arg-type]
            self._changed.set()
