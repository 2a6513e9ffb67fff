"""The past of a copy: how it came, and what its owner did with it since, from what is kept of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from clawback.message.delivery import Delivery, DeliveryLocation, Handle, Observed
from clawback.message.reconcile import lost, relocated
from clawback.response.exposure import FLAGS, Marks


@dataclass(frozen=True, slots=True)
class Change:
    """What an owner did to a copy: set these flags, or moved it there (nowhere: deleted it for good)."""

    delivery_id: str
    at: datetime
    flags: frozenset[str] = frozenset()
    handle: Handle | None = None
    location: DeliveryLocation | None = None


def on_arrival(delivery: Delivery, marks: Marks | None) -> Delivery:
    """The copy as it was when it was first seen; flags of which nobody knows better it had then."""
    later = {FLAGS[name] for name, _ in _times(marks)}
    return replace(
        delivery,
        handle=replace(delivery.handle, folder=delivery.original_folder),
        flags=frozenset(flag for flag in delivery.flags if flag.lower() not in later),
        location=delivery.original_location,
        located_at=delivery.first_seen,
    )


def changes_of(delivery: Delivery, marks: Marks | None, touched: bool) -> tuple[Change, ...]:
    """What its owner did to a copy since, in the order of time.

    Where one that we `touched` was in between nobody knows: of that only the flags are told.
    """
    found = [Change(delivery.id, at, _spelled(delivery, FLAGS[name])) for name, at in _times(marks)]
    moved = (delivery.location, delivery.handle.folder) != (
        delivery.original_location,
        delivery.original_folder,
    )
    if moved and not touched and delivery.location is not DeliveryLocation.UNKNOWN:
        at = max(delivery.located_at, delivery.first_seen)
        found.append(Change(delivery.id, at, handle=delivery.handle, location=delivery.location))
    return tuple(sorted(found, key=lambda change: change.at))


def changed(delivery: Delivery, change: Change, now: datetime) -> Delivery:
    """The copy after what its owner did."""
    if change.location is DeliveryLocation.HARD_DELETED:
        return lost(delivery, now)
    after = Observed(
        change.handle or delivery.handle,
        change.location or delivery.location,
        delivery.size,
        delivery.flags | change.flags,
        delivery.internal_date,
    )
    return relocated(delivery, after, now)


def at_moment(delivery: Delivery, changes: Iterable[Change], moment: datetime) -> Delivery:
    """A copy as its owner had left it by then."""
    for change in changes:
        if change.at < moment:
            delivery = changed(delivery, change, change.at)
    return delivery


def _times(marks: Marks | None) -> Sequence[tuple[str, datetime]]:
    pairs = ((name, getattr(marks, name)) for name in FLAGS) if marks else ()
    return [(name, at) for name, at in pairs if at is not None]


def _spelled(delivery: Delivery, flag: str) -> frozenset[str]:
    """The flag as it is written on the copy now; () when it is gone again."""
    return frozenset(mine for mine in delivery.flags if mine.lower() == flag)
