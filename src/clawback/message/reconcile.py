"""What became of the copies of one mailbox, from what we knew and what is there now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from clawback.message.delivery import Delivery, DeliveryLocation, Handle, Observed

Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """`appeared` copies are unknown; `changed` deliveries are known ones with their new place or flags;
    `missing` deliveries are nowhere where they were (moved by their owner, or gone)."""

    appeared: tuple[Observed, ...]
    changed: tuple[Delivery, ...]
    missing: tuple[Delivery, ...]


def difference(
    known: Mapping[Place, Delivery],
    listed: Mapping[str, Sequence[Observed] | None],
    now: datetime,
    vanished: Mapping[str, Set[str]] = MappingProxyType({}),
) -> Difference:
    """Compare the known deliveries, keyed by (folder, native id), with a listing by folder.

    A folder listed as None is unchanged; a known folder that is not listed no longer exists. Of a folder
    in `vanished` only what changed is listed, and only the native ids that `vanished` names have left it.
    """
    appeared: list[Observed] = []
    changed: list[Delivery] = []
    seen: set[Place] = set()
    for copies in listed.values():
        for copy in copies or ():
            place = (copy.handle.folder, copy.handle.native_id)
            seen.add(place)
            delivery = known.get(place)
            if delivery is None:
                appeared.append(copy)
            elif _differs(delivery, copy):
                changed.append(relocated(delivery, copy, now))
    missing = tuple(
        delivery
        for place, delivery in known.items()
        if place not in seen
        and delivery.location is not DeliveryLocation.HARD_DELETED
        and listed.get(place[0], ()) is not None
        and (place[0] not in vanished or place[1] in vanished[place[0]])
    )
    return Difference(tuple(appeared), tuple(changed), missing)


def _differs(delivery: Delivery, copy: Observed) -> bool:
    return (delivery.handle, delivery.flags, delivery.location) != (copy.handle, copy.flags, copy.location)


def relocated(delivery: Delivery, copy: Observed, now: datetime) -> Delivery:
    """The delivery as it is after being observed as `copy`."""
    at = now if copy.location is not delivery.location else delivery.located_at
    return replace(
        delivery,
        handle=copy.handle,
        flags=copy.flags,
        internal_date=copy.internal_date,
        location=copy.location,
        located_at=at,
    )


def lost(delivery: Delivery, now: datetime) -> Delivery:
    """The delivery once its copy is nowhere in the mailbox: since now, or since it was lost before."""
    if delivery.location is DeliveryLocation.HARD_DELETED:
        return delivery
    return replace(delivery, location=DeliveryLocation.HARD_DELETED, located_at=now)


def pair(
    missing: Sequence[Delivery], appeared: Sequence[tuple[Observed, str]], now: datetime
) -> tuple[tuple[Delivery, ...], tuple[Observed, ...], tuple[Delivery, ...]]:
    """Tell moves from arrivals: an appeared copy (with its raw SHA-256) of a missing delivery's bytes.

    Answers (moved deliveries, copies that are really new, deliveries that are really gone). Each
    missing delivery takes at most one copy, so equal copies keep their number.
    """
    waiting: dict[str, list[Delivery]] = {}
    for delivery in missing:
        waiting.setdefault(delivery.raw_sha256, []).append(delivery)
    moved: list[Delivery] = []
    new: list[Observed] = []
    for copy, sha256 in appeared:
        candidates = waiting.get(sha256)
        if candidates:
            moved.append(relocated(candidates.pop(0), copy, now))
        else:
            new.append(copy)
    gone = tuple(d for rest in waiting.values() for d in rest)
    return tuple(moved), tuple(new), gone


def assign(
    wanted: Sequence[tuple[Handle, Sequence[Observed]]], claimed: Set[Handle]
) -> tuple[Observed | None, ...]:
    """Which place is which copy, when each wanted copy may be in several places; None for nowhere.

    A place with the copy's native id is its own. What is left goes by the bytes, each place to one
    copy only and never to a copy whose place another delivery claims.
    """
    own = [_own(handle, places) for handle, places in wanted]
    taken = {_spot(handle) for handle in claimed} | {_spot(place.handle) for place in own if place}
    answer: list[Observed | None] = []
    for mine, (_, places) in zip(own, wanted, strict=True):
        place = mine or next((p for p in places if _spot(p.handle) not in taken), None)
        if place:
            taken.add(_spot(place.handle))
        answer.append(place)
    return tuple(answer)


def _own(handle: Handle, places: Sequence[Observed]) -> Observed | None:
    return next((place for place in places if place.handle.native_id == handle.native_id), None)


def _spot(handle: Handle) -> tuple[str, str, str]:
    return handle.mailbox, handle.folder, handle.native_id
