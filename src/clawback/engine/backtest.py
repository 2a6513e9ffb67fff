"""Backtest: what would this policy have done with the mail of the last days?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from clawback.analysis.indicators import Indicator
from clawback.engine.pace import Pace
from clawback.engine.parts import Bodies, Parts, silent
from clawback.engine.policies import keep_policy
from clawback.engine.replay import Clock, Listing, MakeStandIn, Replay, tell_folder
from clawback.engine.reporting import Reporting
from clawback.engine.scoring import score
from clawback.engine.turns import Turns
from clawback.message.delivery import Delivery, DeliveryLocation, Handle, Observed
from clawback.response.backtest import Backtest
from clawback.response.events import IndicatorRemoved
from clawback.response.past import at_moment, changes_of, on_arrival
from clawback.response.plan import ActionKind
from clawback.response.planning import DESTINATION
from clawback.response.policy import Policy
from clawback.store import Store, Touch, Unit, scratch_store

PAGE = 2_000
STAGES = ("copying what was known before", "going through the past again")


async def backtest(
    parts: Parts, stand_in: MakeStandIn, policy: Policy, since: datetime, until: datetime
) -> Backtest:
    """Go through the mail that came from `since` to before `until` again, under this policy.

    No mailbox is touched, and nothing is written into the store of `parts`: everything happens in a store
    of its own, which is thrown away, on stand-ins for the mail systems.
    """
    with TemporaryDirectory(prefix="clawback-") as folder:
        scratch = scratch_store(Path(folder))
        try:
            await replayed(parts, scratch, stand_in, policy, since, until)
            return score(parts.store, scratch, policy, since, until)
        finally:
            scratch.close()


async def replayed(
    parts: Parts, scratch: Store, stand_in: MakeStandIn, policy: Policy, since: datetime, until: datetime
) -> None:
    """Fill a scratch store with all that the engine would have done under this policy."""
    clock = Clock(since)
    connectors = {name: stand_in(name, _remember(scratch, name)) for name in _sources(parts.store)}
    inner = replace(
        parts,
        store=scratch,
        connectors=connectors,
        bodies=Bodies.NONE,
        now=clock,
        progress=silent,
        pace=Pace(),
        turns=Turns(),
        reporting=Reporting(),
    )
    with parts.store.read() as unit:
        told = _Told(parts, STAGES[1], unit.past.copies_between(since, until))
    replay = Replay(inner, connectors, parts.store, clock, since, until, told)
    with scratch.write() as unit:
        keep_policy(unit, policy)
    last = _before(parts, scratch, replay, since)
    await replay.run(_listings(parts.store, scratch, since, until), last)


class _Told:
    """Tells how far the way through the past has come."""

    def __init__(self, parts: Parts, stage: str, total: int) -> None:
        self._parts, self._stage, self._total, self._done = parts, stage, total, 0

    def __call__(self, more: int) -> None:
        self._done += more
        self._parts.progress(self._stage, self._done, self._total)


def _sources(store: Store) -> list[str]:
    with store.read() as unit:
        return sorted({source for source, _, _ in unit.deliveries.mailboxes()})


def _remember(scratch: Store, source: str) -> Callable[[Sequence[Handle]], Sequence[Observed | None]]:
    """What the scratch store remembers of the copies of one mail system."""

    def remember(handles: Sequence[Handle]) -> list[Observed | None]:
        found: dict[tuple[str, str, str], Delivery] = {}
        mailboxes = {handle.mailbox for handle in handles}
        with scratch.read() as unit:
            for mailbox in mailboxes:
                ids = {handle.native_id for handle in handles if handle.mailbox == mailbox}
                for (folder, native_id), copy in unit.deliveries.named(source, mailbox, ids).items():
                    found[mailbox, folder, native_id] = copy
        copies = (found.get((handle.mailbox, handle.folder, handle.native_id)) for handle in handles)
        return [_observed(copy) for copy in copies]

    return remember


def _observed(copy: Delivery | None) -> Observed | None:
    if copy is None or copy.location is DeliveryLocation.HARD_DELETED:
        return None
    return Observed(copy.handle, copy.location, copy.size, copy.flags, copy.internal_date)


def _before(parts: Parts, scratch: Store, replay: Replay, since: datetime) -> int:
    """Take over what was known before, as it was then; answers the running number of the last copy."""
    told = _Told(parts, STAGES[0], 0)
    with parts.store.read() as past, scratch.write() as unit:
        unit.scratch.begin(past.past, past.past.first_message(since), since, told)
    last = 0
    while True:
        with parts.store.read() as past:
            kept = past.past.copies(last, PAGE)
            touched = past.past.touched([one.delivery.id for one in kept])
            mine = [one for one in kept if one.delivery.first_seen < since]
            messages = past.messages.get_many(sorted({one.delivery.message_id for one in mine}))
        if not mine:
            return last
        last = mine[-1].no
        copies = []
        for one in mine:
            touches = touched.get(one.delivery.id, ())
            changes = changes_of(one.delivery, one.marks, bool(touches))
            then = at_moment(on_arrival(one.delivery, one.marks), changes, since)
            copies.append(_taken_out(then, touches, since))
            replay.expect(change for change in changes if since <= change.at < replay.until)
        with scratch.write() as unit:
            unit.deliveries.save(copies)
            unit.correspondents.note((copy, messages[copy.message_id]) for copy in copies)
        for copy in copies:
            tell_folder(replay.connectors, copy)
        told(len(copies))
        if len(mine) < len(kept):
            return last


def _taken_out(copy: Delivery, touches: Sequence[Touch], since: datetime) -> Delivery:
    """The copy where we had it by then."""
    before = [touch for touch in touches if touch.at < since]
    if not before or before[-1].kind is ActionKind.RESTORE:
        return copy
    place = DESTINATION.get(before[-1].kind, DeliveryLocation.HARD_DELETED)
    handle = replace(copy.handle, folder=f"{place.value}/{copy.handle.folder}")
    return replace(copy, handle=handle, location=place, located_at=before[-1].at)


def _listings(store: Store, scratch: Store, since: datetime, until: datetime) -> list[Listing]:
    """Every change of the lists in the order of time; what was listed before goes into the scratch store."""
    with store.read() as unit:
        listed = list(unit.indicators.listed_between(since, until))
        gone = [one for one in _removed(unit) if one.at > since]
    with scratch.write() as unit:
        unit.indicators.add([e for one in gone for e in one.entries if e.added_at < since])
    listed += [e for one in gone for e in one.entries if since <= e.added_at < until]
    found = [one for one in gone if one.at < until]
    listed.sort(key=_together)
    found += [Listing(at, tuple(entries)) for (at, _), entries in groupby(listed, key=_together)]
    return sorted(found, key=lambda one: (one.at, not one.gone))


def _together(entry: Indicator) -> tuple[datetime, str]:
    return entry.added_at, entry.source


def _removed(unit: Unit) -> Iterator[Listing]:
    after = 0
    while rows := unit.audit.list(after_seq=after, types=[IndicatorRemoved.TYPE], limit=PAGE):
        for row in rows:
            yield Listing(row.at, (msgspec.convert(row.body["indicator"], Indicator),), gone=True)
        after = rows[-1].seq
