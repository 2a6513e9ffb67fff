"""Replay: a stretch of the past gone through again, by the same engine, on a store that is thrown away.

Mail systems are stand-ins that have what was seen, and the time is that of the past. What people decided
then is not repeated, but that they read, moved and deleted mail is, and so is every change of the lists.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count, groupby
from typing import Protocol

from clawback.analysis.features import entities_of
from clawback.analysis.indicators import Indicator
from clawback.engine import commands
from clawback.engine.arrivals import Arrived, back
from clawback.engine.following import follow
from clawback.engine.marks import note
from clawback.engine.parts import Parts
from clawback.engine.refresh import refresh_due
from clawback.engine.workflow import Worker
from clawback.errors import NotFound
from clawback.mailboxes.base import Connector
from clawback.message.delivery import Delivery, DeliveryLocation, Handle, Observed
from clawback.response.past import Change, changed, changes_of, on_arrival
from clawback.store import Store, Unit

PAGE = 1_000
"""Copies that are read and, where nothing follows from them, written in one go."""
UPKEEP = timedelta(hours=1)
"""How often what is due by time alone is looked for."""
ACTOR = "backtest"


class StandIn(Connector, Protocol):
    """A connector that can be told which folders there are."""

    def has(self, mailbox: str, folder: str, location: DeliveryLocation) -> None:
        """Be told that a mailbox has a folder, and what kind of place it is."""


MakeStandIn = Callable[[str, Callable[[Sequence[Handle]], Sequence[Observed | None]]], StandIn]
"""Makes the stand-in for a mail system from its name and from what is remembered of its copies."""


@dataclass(slots=True)
class Clock:
    """A time that only moves when it is told to."""

    at: datetime

    def __call__(self) -> datetime:
        """The time now."""
        return self.at


async def pass_time(parts: Parts, clock: Clock, worker: Worker, until: datetime) -> None:
    """Let time pass: work is done when it is due, and once in an hour what is due by time alone."""
    while True:
        await worker.drain()
        with parts.store.read() as unit:
            due = unit.jobs.next_due()
        hour = clock.at.replace(minute=0, second=0, microsecond=0) + UPKEEP
        nearest = min(hour, max(due, clock.at)) if due else hour
        if nearest > until:
            break
        clock.at = nearest
        if nearest == hour:
            commands.expire_due(parts)
            refresh_due(parts)
    clock.at = max(clock.at, until)
    await worker.drain()


@dataclass(frozen=True, slots=True)
class Listing:
    """Entries that one source listed at one moment, or (`gone`) one that was taken off."""

    at: datetime
    entries: tuple[Indicator, ...]
    gone: bool = False


@dataclass(slots=True)
class Replay:
    """One way through the past, from `since` to `until`."""

    parts: Parts
    connectors: Mapping[str, StandIn]
    past: Store
    clock: Clock
    since: datetime
    until: datetime
    told: Callable[[int], None]
    worker: Worker = field(init=False)
    changes: list[tuple[datetime, int, Change]] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        self.worker = Worker(self.parts, ACTOR)

    async def run(self, listings: Sequence[Listing], after: int) -> None:
        """Go through all that happened; `after` is the running number of the last copy that came before."""
        waiting = list(reversed(listings))
        for page in self._pages(after):
            copies = page
            while waiting and waiting[-1].at <= copies[-1].first_seen:
                copies = await self._until(copies, waiting[-1].at)
                await self._list(waiting.pop())
            await self._until(copies, None)
        for listing in reversed(waiting):
            await self._list(listing)
        await self._pass(self.until)

    def _pages(self, after: int) -> Iterator[list[Delivery]]:
        """The copies that came, in the order of time, some at once; all of one moment in the same page."""
        rest: list[Delivery] = []
        while True:
            with self.past.read() as unit:
                kept = unit.past.copies(after, PAGE)
                touched = unit.past.touched([one.delivery.id for one in kept])
            for one in kept:
                after = one.no
                if one.delivery.first_seen < self.until:
                    changes = changes_of(one.delivery, one.marks, bool(touched.get(one.delivery.id)))
                    self.expect(change for change in changes if change.at < self.until)
                    rest.append(on_arrival(one.delivery, one.marks))
            if not kept:
                if rest:
                    yield rest
                return
            rest.sort(key=lambda one: one.first_seen)
            whole = [one for one in rest if one.first_seen != rest[-1].first_seen]
            rest = rest[len(whole) :]
            if whole:
                yield whole

    def expect(self, changes: Iterable[Change]) -> None:
        """Let these things happen when it is their time."""
        for change in changes:
            heapq.heappush(self.changes, (change.at, next(self.numbers), change))

    async def _until(self, page: Sequence[Delivery], end: datetime | None) -> list[Delivery]:
        """Take in the copies of a page that came before `end`; answers the others."""
        now = [one for one in page if end is None or one.first_seen < end]
        later = list(page[len(now) :])
        by_hour = groupby(now, key=lambda one: one.first_seen.replace(minute=0, second=0, microsecond=0))
        for _, copies in by_hour:
            moments = [list(of_one) for _, of_one in groupby(copies, key=lambda one: one.first_seen)]
            await self._take(moments)
        return later

    async def _take(self, moments: Sequence[Sequence[Delivery]]) -> None:
        """Take in what came at these moments of one hour: at once, if nothing follows from any of it."""
        first, last = moments[0][0].first_seen, moments[-1][0].first_seen
        await self._pass(first)
        copies = [copy for moment in moments for copy in moment]
        if len(moments) == 1 or (self._quiet(last) and not self._followed(copies, last)):
            if len(moments) == 1:
                # Mailbox by mailbox, as they were read then: what follows is queued in that order.
                for _, mine in groupby(copies, key=lambda one: (one.handle.source, one.handle.mailbox)):
                    self._record(list(mine))
                await self.worker.drain()
            self.clock.at = last
            self.told(len(copies))
            return
        half = len(moments) // 2
        await self._take(moments[:half])
        await self._take(moments[half:])

    def _quiet(self, until: datetime) -> bool:
        """Whether no work is due before that moment."""
        with self.parts.store.read() as unit:
            due = unit.jobs.next_due()
        return due is None or due > until

    def _followed(self, copies: Sequence[Delivery], until: datetime) -> bool:
        """Record these copies and what owners do until then, or nothing of it if anything follows."""
        changes = sorted(one for one in self.changes if one[0] <= until)
        try:
            self._record(copies, [change for _, _, change in changes], until)
        except _SomethingFollows:
            return True
        for _ in changes:
            heapq.heappop(self.changes)
        return False

    def _record(
        self, copies: Sequence[Delivery], changes: Sequence[Change] = (), alone: datetime | None = None
    ) -> None:
        """Record copies, then changes. Raises _SomethingFollows if work would be due by `alone`."""
        moved: list[Delivery] = []
        with self.past.read() as past, self.parts.store.write() as unit:
            follow(unit, arrive(unit, past, copies), (), self.clock.at)
            for change in changes:
                moved += _apply(unit, change, change.at)
            due = unit.jobs.next_due() if alone else None
            if alone and due and due <= alone:
                raise _SomethingFollows
        for copy in (*copies, *moved):
            tell_folder(self.connectors, copy)

    async def _pass(self, until: datetime) -> None:
        """Let time pass, with what owners did meanwhile."""
        while self.changes and self.changes[0][0] <= until:
            at, _, change = heapq.heappop(self.changes)
            await pass_time(self.parts, self.clock, self.worker, max(at, self.clock.at))
            self._change(change)
        await pass_time(self.parts, self.clock, self.worker, max(until, self.clock.at))

    def _change(self, change: Change) -> None:
        """What an owner did to a copy, if it is still where it was done."""
        with self.parts.store.write() as unit:
            moved = _apply(unit, change, self.clock.at)
        for copy in moved:
            tell_folder(self.connectors, copy)

    async def _list(self, listing: Listing) -> None:
        """A change of the lists, with all that follows."""
        await self._pass(listing.at)
        if listing.gone:
            for entry in listing.entries:
                with suppress(NotFound):
                    commands.remove_indicator(self.parts, entry.id, ACTOR)
        elif len(listing.entries) == 1:
            commands.add_indicator(self.parts, listing.entries[0], ACTOR)
        else:
            commands.import_indicators(self.parts, listing.entries[0].source, listing.entries, ACTOR)
        await self.worker.drain()


class _SomethingFollows(Exception):
    """Ends a transaction that would have recorded copies at once which must come one after the other."""


def _apply(unit: Unit, change: Change, now: datetime) -> list[Delivery]:
    """Do to a copy what its owner did, with all that follows; answers it, if it is in a mailbox then."""
    known = unit.deliveries.get_many([change.delivery_id]).get(change.delivery_id)
    if known is None or not known.location.in_mailbox:
        return []
    after = changed(known, change, now)
    unit.deliveries.relocate([after])
    note(unit, [known], [after], now)
    follow(unit, (), back(unit, [known], [after], now), now)
    return [after] if after.location.in_mailbox else []


def arrive(unit: Unit, past: Unit, copies: Sequence[Delivery]) -> list[Arrived]:
    """Let copies come that the past knows, and with them their messages."""
    ids = sorted({copy.message_id for copy in copies})
    unit.scratch.admit(past.past, ids)
    unit.deliveries.save(copies)
    known = unit.messages.get_many(ids)
    entities = {message_id: entities_of(message) for message_id, message in known.items()}
    return [Arrived(copy, known[copy.message_id], entities[copy.message_id]) for copy in copies]


def tell_folder(connectors: Mapping[str, StandIn], copy: Delivery) -> None:
    """Let a stand-in know the folder that a copy is in."""
    handle = copy.handle
    if handle.source in connectors:
        connectors[handle.source].has(handle.mailbox, handle.folder, copy.location)
