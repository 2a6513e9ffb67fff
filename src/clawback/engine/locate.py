"""Where copies are now: asked of the mailboxes, written into the store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from typing import Protocol, TypeVar

from clawback.engine.parts import Parts
from clawback.errors import ClawbackError, Gone, NotFound
from clawback.mailboxes.base import Failure, Wanted
from clawback.message.delivery import Delivery, DeliveryLocation, Handle, Observed
from clawback.message.reconcile import assign, lost, relocated

BATCH = 1_000


class Copy(Protocol):
    """What knows one copy: a delivery, or a deed on it."""

    @property
    def handle(self) -> Handle: ...

    @property
    def raw_sha256(self) -> str: ...

    @property
    def size(self) -> int: ...


C = TypeVar("C", bound=Copy)
Answers = Sequence[tuple[Observed, ...] | Failure]


def wanted(copies: Sequence[Copy]) -> list[Wanted]:
    """What proves for each copy that what is found is the same."""
    return [Wanted(copy.handle, copy.raw_sha256, copy.size) for copy in copies]


def by_source(copies: Sequence[C]) -> dict[str, list[C]]:
    """The copies of each mail system, in their order."""
    groups: dict[str, list[C]] = defaultdict(list)
    for copy in copies:
        groups[copy.handle.source].append(copy)
    return groups


def placed(copies: Sequence[Copy], answers: Answers, claimed: Set[Handle]) -> tuple[Observed | None, ...]:
    """The one place of each copy among those where it was found; None for nowhere or no answer."""
    pairs = [
        (copy.handle, () if isinstance(answer, ClawbackError) else answer)
        for copy, answer in zip(copies, answers, strict=True)
    ]
    return assign(pairs, claimed)


def claims(parts: Parts, mailboxes: Iterable[tuple[str, str]]) -> frozenset[Handle]:
    """The handles that known deliveries of these (source, mailbox) have."""
    with parts.store.read() as unit:
        return frozenset(
            d.handle
            for source, mailbox in mailboxes
            for d in unit.deliveries.known(source, mailbox).values()
            if d.location is not DeliveryLocation.HARD_DELETED
        )


async def look(parts: Parts, deliveries: Sequence[Delivery]) -> tuple[Delivery, ...]:
    """Every delivery as it is right now; what changed is written down.

    A copy that cannot be looked at becomes `unknown`. Raises Unavailable when a whole source is down.
    """
    seen: list[Delivery] = []
    for source, mine in by_source(deliveries).items():
        for i in range(0, len(mine), BATCH):
            seen.extend(await _look_at(parts, source, mine[i : i + BATCH]))
            parts.progress("looking where each copy is", len(seen), len(deliveries))
    return tuple(seen)


async def _look_at(parts: Parts, source: str, deliveries: Sequence[Delivery]) -> list[Delivery]:
    try:
        connector = parts.connector(source)
    except NotFound:
        return _write(parts, deliveries, [_unknown(parts, d) for d in deliveries])
    answers = await connector.find(wanted(deliveries))
    strays = {
        (source, d.handle.mailbox)
        for d, answer in zip(deliveries, answers, strict=True)
        if not isinstance(answer, ClawbackError) and _strayed(answer, d.handle)
    }
    places = placed(deliveries, answers, claims(parts, strays))
    now = parts.now()
    after: list[Delivery] = []
    for delivery, answer, place in zip(deliveries, answers, places, strict=True):
        if isinstance(answer, ClawbackError) and not isinstance(answer, Gone):
            after.append(_unknown(parts, delivery))
        else:
            after.append(relocated(delivery, place, now) if place else lost(delivery, now))
    return _write(parts, deliveries, after)


def _strayed(places: Sequence[Observed], handle: Handle) -> bool:
    return bool(places) and all(place.handle.native_id != handle.native_id for place in places)


def _unknown(parts: Parts, delivery: Delivery) -> Delivery:
    observed = Observed(
        delivery.handle,
        DeliveryLocation.UNKNOWN,
        delivery.size,
        delivery.flags,
        delivery.internal_date,
    )
    return relocated(delivery, observed, parts.now())


def _write(parts: Parts, before: Sequence[Delivery], after: list[Delivery]) -> list[Delivery]:
    changed = [new for old, new in zip(before, after, strict=True) if new != old]
    if changed:
        with parts.store.write() as unit:
            unit.deliveries.relocate(changed)
    return after
