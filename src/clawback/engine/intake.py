"""Intake: a few copies of one mailbox fetched, read, and written down in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Protocol, TypeVar

from clawback import ids
from clawback.engine.arrivals import Arrived, back
from clawback.engine.following import follow
from clawback.engine.marks import note
from clawback.engine.parts import Bodies, Parts
from clawback.engine.reading import Reading
from clawback.engine.submissions import look_again, receive, receive_moved
from clawback.errors import Gone, HandleStale, LoginFailed, MailboxError, Refused, Throttled, Unavailable
from clawback.mailboxes.base import Failure, RawMessage
from clawback.message.delivery import Delivery, DeliveryAction, DeliveryLocation, Observed
from clawback.message.reconcile import pair
from clawback.message.trace import unusual
from clawback.store import Unit

COPIES = 400
"""Copies read and written in one go."""
UNSIZED = 64 << 10
"""Bytes that a copy is taken to have when its mail system does not say."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of some copies. `missing` are the deliveries that none of them was.

    Not `clean`, when some were left alone: another worker has written of them meanwhile, or a deed that
    was cut short has to say first what they are. `trouble` is why the rest could not be fetched.
    """

    new: int
    moved: int
    failed: int
    malicious: int
    missing: tuple[Delivery, ...]
    clean: bool
    trouble: MailboxError | None


class Sized(Protocol):
    """What knows how many bytes it stands for; -1 when nobody said."""

    @property
    def size(self) -> int: ...


S = TypeVar("S", bound=Sized)


def chunks(copies: Sequence[S], most: int, most_bytes: int) -> Iterator[Sequence[S]]:
    """The copies in runs of so many copies and bytes at most; one that is larger goes alone."""
    chunk: list[S] = []
    size = 0
    for copy in copies:
        if chunk and (len(chunk) >= most or size + size_of(copy) > most_bytes):
            yield chunk
            chunk, size = [], 0
        chunk.append(copy)
        size += size_of(copy)
    if chunk:
        yield chunk


def size_of(copy: Sized) -> int:
    """The bytes that a copy will take up once it is fetched."""
    return copy.size if copy.size >= 0 else UNSIZED


async def take_in(
    parts: Parts, copies: Sequence[Observed], missing: Sequence[Delivery], *, empty: bool
) -> Taken:
    """Fetch copies of one mailbox, tell moves from arrivals, read the arrivals, and record all.

    `empty` says that no copy of the mailbox was ever known.
    """
    async with parts.pace.holding(sum(map(size_of, copies))):
        answers = await parts.connector(copies[0].handle.source).fetch([copy.handle for copy in copies])
        raws = [answer for answer in answers if isinstance(answer, RawMessage)]
        hashed = await asyncio.to_thread(_hashed, raws)
        now = parts.now()
        waiting = [*missing, *(() if empty else _lost(parts, copies[0], [sha for _, sha in hashed]))]
        moved, new, _ = pair(waiting, hashed, now)
        new_handles = {copy.handle for copy in new}
        fresh = [raw for raw in raws if raw.observed.handle in new_handles]
        readings = await asyncio.to_thread(parts.reader.read, [raw.content for raw in fresh])
        if parts.bodies is Bodies.ALL:
            await asyncio.to_thread(keep, parts, fresh)
        known = {delivery.id: delivery for delivery in waiting}
        deliveries = [
            _delivery(raw.observed, reading, now) for raw, reading in zip(fresh, readings, strict=True)
        ]
        bad, recorded, clean = _record(parts, deliveries, readings, [known[d.id] for d in moved], moved)
    found = {delivery.id for delivery in moved}
    left = tuple(delivery for delivery in missing if delivery.id not in found)
    return Taken(recorded, len(moved), _failed(answers), bad, left, clean, _trouble(answers))


def _hashed(raws: Sequence[RawMessage]) -> list[tuple[Observed, str]]:
    return [(raw.observed, sha256(raw.content).hexdigest()) for raw in raws]


def _lost(parts: Parts, copy: Observed, sha256s: Sequence[str]) -> tuple[Delivery, ...]:
    """Copies of these bytes that were gone from the mailbox and may be back."""
    with parts.store.read() as unit:
        return unit.deliveries.lost(copy.handle.source, copy.handle.mailbox, sha256s)


def keep(parts: Parts, raws: Sequence[RawMessage]) -> None:
    """Keep the bytes of these messages as sealed blobs."""
    for raw in raws:
        parts.store.blobs.put(raw.content)


def _failed(answers: Sequence[RawMessage | Failure]) -> int:
    """How many copies are there and cannot be read, now or ever."""
    return sum(
        isinstance(a, Refused | MailboxError) and not isinstance(a, HandleStale | Gone) for a in answers
    )


def _trouble(answers: Sequence[RawMessage | Failure]) -> MailboxError | None:
    """Why the mailbox is to be looked at again later, when waiting may heal it."""
    passing = (answer for answer in answers if isinstance(answer, Unavailable | Throttled | LoginFailed))
    return next(passing, None)


def _record(
    parts: Parts,
    deliveries: Sequence[Delivery],
    readings: Sequence[Reading],
    before: Sequence[Delivery],
    moved: Sequence[Delivery],
) -> tuple[int, int, bool]:
    """Write all down; answers what was asked for, how many were new, and whether nothing was left alone."""
    with parts.store.write() as unit:
        unit.indicators.fence(changing=False)
        alone = _left_alone(unit, deliveries)
        kept = [(d, r) for d, r in zip(deliveries, readings, strict=True) if d.id not in alone]
        still = unit.deliveries.unchanged(before)
        now = parts.now()
        unit.messages.add([(reading.message, reading.features) for _, reading in kept], now=now)
        unit.deliveries.save([delivery for delivery, _ in kept])
        there = [delivery for delivery in moved if delivery.id in still]
        unit.deliveries.relocate(there)
        note(unit, before, there, now)
        receive(unit, parts.reporting, [(delivery, reading.message) for delivery, reading in kept], now)
        receive_moved(unit, parts.reporting, before, there, now)
        look_again(unit, (delivery for delivery, _ in kept), now)
        new = [Arrived(d, reading.message, reading.features.entities) for d, reading in kept]
        asked = follow(unit, new, back(unit, before, there, now), now)
    return asked, len(kept), not alone and len(there) == len(moved)


def _left_alone(unit: Unit, deliveries: Sequence[Delivery]) -> set[str]:
    """Which of these are no new copies, or perhaps none.

    Where a delivery is known by now, its copy is no new one. What lies where a deed with no receipt was to
    take a copy of the same bytes may be that copy, or half of a move: the deed will look and say.
    """
    if not deliveries:
        return set()
    here = deliveries[0].handle.source, deliveries[0].handle.mailbox
    # In this order: a receipt written in between makes the place a known one.
    deeds = unit.remediations.unsettled(*here, [d.raw_sha256 for d in deliveries])
    known = unit.deliveries.named(*here, [d.handle.native_id for d in deliveries])
    goals = {(deed.raw_sha256, deed.folder) for deed in deeds}
    present = {place for place, d in known.items() if d.location is not DeliveryLocation.HARD_DELETED}
    return {
        d.id
        for d in deliveries
        if (d.raw_sha256, d.handle.folder) in goals or (d.handle.folder, d.handle.native_id) in present
    }


def _delivery(observed: Observed, reading: Reading, now: datetime) -> Delivery:
    handle, message = observed.handle, reading.message
    junk = observed.location is DeliveryLocation.JUNK
    return Delivery(
        id=ids.make(
            "dlv", handle.source, handle.mailbox, handle.folder, handle.native_id, message.raw_sha256
        ),
        message_id=message.id,
        raw_sha256=message.raw_sha256,
        size=message.size,
        handle=handle,
        flags=observed.flags,
        internal_date=observed.internal_date,
        action=DeliveryAction.JUNKED if junk else DeliveryAction.DELIVERED,
        original_location=observed.location,
        original_folder=handle.folder,
        location=observed.location,
        located_at=now,
        first_seen=now,
        trace=unusual(reading.trace, handle.mailbox),
    )
