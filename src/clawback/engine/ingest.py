"""Ingest: bring what we know of a mailbox up to what is there, and judge what is new."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from clawback import ids
from clawback.engine.arrivals import Arrived, ask, back
from clawback.engine.parts import Bodies, Parts
from clawback.engine.reading import Reading
from clawback.errors import ClawbackError, Gone, MailboxError
from clawback.mailboxes.base import Connector, FolderListing, RawMessage
from clawback.message.delivery import (
    Delivery,
    DeliveryAction,
    DeliveryLocation,
    Observed,
)
from clawback.message.reconcile import difference, lost, pair
from clawback.message.trace import unusual

COPIES = 400
"""Copies read and written in one go."""
BYTES = 48 << 20
"""Raw bytes held in memory in one go."""
LOOKS = 5
"""Times a mailbox is looked at in which copies are moving."""


@dataclass(frozen=True, slots=True)
class Synced:
    """What one pass over mailboxes found: copies new, moved, flagged, gone, unreadable; and detections.

    `unreachable` counts mailboxes that could not be looked at; nothing is concluded about them.
    """

    mailboxes: int = 0
    new: int = 0
    moved: int = 0
    changed: int = 0
    gone: int = 0
    failed: int = 0
    malicious: int = 0
    unreachable: int = 0

    def __add__(self, other: Synced) -> Synced:
        return Synced(
            self.mailboxes + other.mailboxes,
            self.new + other.new,
            self.moved + other.moved,
            self.changed + other.changed,
            self.gone + other.gone,
            self.failed + other.failed,
            self.malicious + other.malicious,
            self.unreachable + other.unreachable,
        )


async def sync_all(parts: Parts, *, full: bool = False) -> Synced:
    """Bring every mailbox of every source up to date. `full` looks into unchanged folders too.

    A mailbox that cannot be looked at does not stop the others; a source that is down raises Unavailable.
    """
    total = Synced()
    for source, connector in sorted(parts.connectors.items()):
        mailboxes = await connector.mailboxes()
        for done, mailbox in enumerate(mailboxes, 1):
            try:
                total += await sync(parts, source, mailbox, full=full)
            except MailboxError:
                total += Synced(unreachable=1)
            parts.progress("reading mailboxes", done, len(mailboxes))
    return total


async def sync(parts: Parts, source: str, mailbox: str, *, full: bool = False) -> Synced:
    """Bring one mailbox up to date; interrupted work is taken up where it stopped."""
    with parts.store.read() as unit:
        known = unit.deliveries.known(source, mailbox)
        blind = any(d.location is DeliveryLocation.UNKNOWN for d in known.values())
        cursors = {} if full or blind else unit.cursors.get(source, mailbox)
    try:
        listing = await _settled(parts.connector(source), mailbox, cursors, known.values())
    except Gone:
        listing = ()
    now = parts.now()
    diff = difference(known, {folder.folder: folder.copies for folder in listing}, now)
    waiting = [*diff.missing, *_lost_before(known.values())]
    result = Synced(mailboxes=1, changed=len(diff.changed))
    taken = 0
    for chunk in _chunks(diff.appeared):
        part, waiting = await _take_in(parts, source, chunk, waiting)
        result += part
        taken += len(chunk)
        parts.progress(f"reading {mailbox}", taken, len(diff.appeared))
    gone = [d for d in waiting if d.location is not DeliveryLocation.HARD_DELETED]
    with parts.store.write() as unit:
        unit.deliveries.relocate([*diff.changed, *(lost(d, now) for d in gone)])
        result += Synced(malicious=ask(unit, back(unit, known.values(), diff.changed, now), now))
        if not result.failed:
            unit.cursors.put(source, mailbox, {f.folder: f.cursor for f in listing})
    return result + Synced(gone=len(gone))


async def _settled(
    connector: Connector, mailbox: str, cursors: Mapping[str, str], known: Collection[Delivery]
) -> Sequence[FolderListing]:
    """A listing during which nothing moved: a copy on its way is seen twice, or not at all.

    Looks again where one look seems to show that; after some looks the last one is taken as it is.
    """
    listing = await connector.list(mailbox, cursors)
    for _ in range(LOOKS):
        if not _may_be_torn(listing, known):
            break
        again = await connector.list(mailbox, cursors)
        if [(f.folder, f.copies) for f in again] == [(f.folder, f.copies) for f in listing]:
            return again
        listing = again
    return listing


def _may_be_torn(listing: Sequence[FolderListing], known: Collection[Delivery]) -> bool:
    """Whether known copies miss, or stand in a new place with the name that clawback's moves keep."""
    places = {(c.handle.folder, c.handle.native_id) for f in listing for c in f.copies or ()}
    unchanged = {f.folder for f in listing if f.copies is None}
    there = {
        (d.handle.folder, d.handle.native_id)
        for d in known
        if d.location is not DeliveryLocation.HARD_DELETED
    }
    named = {native_id for _, native_id in there}
    missing = any(place not in places and place[0] not in unchanged for place in there)
    return missing or any(place not in there and place[1] in named for place in places)


def _lost_before(known: Iterable[Delivery]) -> list[Delivery]:
    return [d for d in known if d.location is DeliveryLocation.HARD_DELETED]


def _chunks(copies: Sequence[Observed]) -> Iterator[Sequence[Observed]]:
    chunk: list[Observed] = []
    size = 0
    for copy in copies:
        if chunk and (len(chunk) >= COPIES or size + copy.size > BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(copy)
        size += max(copy.size, 0)
    if chunk:
        yield chunk


async def _take_in(
    parts: Parts, source: str, copies: Sequence[Observed], waiting: Sequence[Delivery]
) -> tuple[Synced, list[Delivery]]:
    """Fetch copies, tell moves from arrivals, read the arrivals, record all in one transaction."""
    answers = await parts.connector(source).fetch([copy.handle for copy in copies])
    raws = [a for a in answers if isinstance(a, RawMessage)]
    failed = sum(1 for a in answers if isinstance(a, ClawbackError) and not isinstance(a, Gone))
    hashed = [(raw.observed, sha256(raw.content).hexdigest()) for raw in raws]
    now = parts.now()
    moved, new, gone = pair(waiting, hashed, now)
    fresh_handles = {copy.handle for copy in new}
    fresh = [raw for raw in raws if raw.observed.handle in fresh_handles]
    readings = await asyncio.to_thread(parts.reader.read, [raw.content for raw in fresh])
    if parts.bodies is Bodies.ALL:
        for raw in fresh:
            parts.store.blobs.put(raw.content)
    bad = _record(parts, fresh, readings, waiting, moved)
    return Synced(new=len(fresh), moved=len(moved), failed=failed, malicious=bad), list(gone)


def _record(
    parts: Parts,
    raws: Sequence[RawMessage],
    readings: Sequence[Reading],
    missing: Sequence[Delivery],
    moved: Sequence[Delivery],
) -> int:
    now = parts.now()
    deliveries = [_delivery(raw.observed, reading, now) for raw, reading in zip(raws, readings, strict=True)]
    with parts.store.write() as unit:
        unit.indicators.fence(changing=False)
        unit.messages.add([(reading.message, reading.features) for reading in readings])
        unit.deliveries.save(deliveries)
        unit.deliveries.relocate(moved)
        arrived = [
            Arrived(delivery, reading.message, reading.features.entities)
            for reading, delivery in zip(readings, deliveries, strict=True)
            if delivery.location.in_mailbox
        ]
        return ask(unit, [*arrived, *back(unit, missing, moved, now)], now)


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
