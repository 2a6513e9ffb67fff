"""Moves that were cut short: where a copy stands between the place it was in and where it shall go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from datetime import datetime

from clawback.message.delivery import Handle, Observed

Spot = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Sought:
    """A copy on its way: where it was, where it was last known to be, and the folder it shall go to.

    `date` is its internal date, which a move keeps; `places` are where copies of its bytes are now.
    """

    handle: Handle
    known: Handle
    goal: str
    date: datetime
    places: tuple[Observed, ...]


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a copy is outside its goal, and inside. Both: its move was cut in half. Neither: nowhere."""

    outside: Observed | None = None
    inside: Observed | None = None


def stands(sought: Sequence[Sought], claimed: Set[Handle], owed: Sequence[Sought] = ()) -> tuple[Stand, ...]:
    """Where each copy stands. No place is given to two copies, nor one that another delivery claims.

    A copy is taken for half of a move only when it has the bytes and the date of the one left behind, and
    when no other copy on its way can have come there: neither one of `sought` nor one of `owed`, which are
    moves of others that were cut short too.
    """
    taken = {_spot(handle) for handle in claimed}
    outside = [_named(one, taken, inside=False) for one in sought]
    inside = [_named(one, taken, inside=True) for one in sought]
    taken |= {_spot(place.handle) for place in (*outside, *inside) if place}
    for n, one in enumerate(sought):
        if not outside[n] and not inside[n]:
            inside[n] = _arrived(one, taken)
            outside[n] = None if inside[n] else _first(one.places, taken)
    for other in owed:
        if not _named(other, frozenset(), inside=False):
            _arrived(other, taken)
    for n, (one, left) in enumerate(zip(sought, outside, strict=True)):
        if left and not inside[n]:
            twins = (p for p in one.places if p.internal_date == left.internal_date)
            inside[n] = _first((p for p in twins if p.handle.folder == one.goal), taken)
    return tuple(map(Stand, outside, inside))


def _named(one: Sought, taken: Set[Spot], *, inside: bool) -> Observed | None:
    """The place that is the copy's own by its name, outside its goal or inside."""
    own = (_spot(one.handle), _spot(one.known))
    near = [
        place
        for place in one.places
        if (place.handle.folder == one.goal) is inside and _spot(place.handle) not in taken
    ]
    at_spot = (place for place in near if _spot(place.handle) in own)
    by_name = (place for place in near if place.handle.native_id == one.handle.native_id)
    return next(at_spot, None) or next(by_name, None)


def _arrived(one: Sought, taken: set[Spot]) -> Observed | None:
    """A copy in the goal that nobody else has, before all one of the right date; it is taken."""
    there = [place for place in one.places if place.handle.folder == one.goal]
    dated = [place for place in there if place.internal_date == one.date]
    return _first((*dated, *there), taken)


def _first(places: Iterable[Observed], taken: set[Spot]) -> Observed | None:
    """The first place that is free; it is taken then."""
    found = next((place for place in places if _spot(place.handle) not in taken), None)
    if found:
        taken.add(_spot(found.handle))
    return found


def _spot(handle: Handle) -> Spot:
    return handle.mailbox, handle.folder, handle.native_id
