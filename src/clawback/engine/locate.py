"""Where copies are now: asked of the mailboxes, written into the store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from typing import Protocol, TypeVar

from clawback.engine.marks import note
from clawback.engine.pace import each
from clawback.engine.parts import Parts
from clawback.errors import ClawbackError, Gone, NotFound
from clawback.mailboxes.base import Failure, Wanted
from clawback.message.delivery import Delivery, DeliveryLocation, Handle, Observed
from clawback.message.reconcile import assign, lost, relocated

BATCH = 1_000
"""Copies that are looked for in one go, at most."""
LEAST = 50
"""Copies that are not worth to be parted further."""


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


def claims(parts: Parts, places: Iterable[Observed]) -> tuple[Delivery, ...]:
    """The deliveries that are known to be in one of these places."""
    wanted: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    for place in places:
        handle = place.handle
        wanted[handle.source, handle.mailbox].add((handle.folder, handle.native_id))
    with parts.store.read() as unit:
        return tuple(
            delivery
            for mailbox, mine in wanted.items()
            for place, delivery in unit.deliveries.named(*mailbox, {name for _, name in mine}).items()
            if place in mine and delivery.location is not DeliveryLocation.HARD_DELETED
        )


async def look(parts: Parts, deliveries: Sequence[Delivery]) -> tuple[Delivery, ...]:
    """Every delivery as it is right now; what changed is written down.

    A copy that cannot be looked at becomes `unknown`. Raises Unavailable when a whole source is down.
    """
    seen: dict[str, Delivery] = {}

    async def one(batch: Sequence[Delivery]) -> None:
        after = await seen_now(parts, batch[0].handle.source, batch)
        seen.update((delivery.id, delivery) for delivery in _write(parts, batch, after))
        parts.progress("looking where each copy is", len(seen), len(deliveries))

    batches = [
        batch for mine in by_source(deliveries).values() for batch in _batches(mine, parts.pace.at_once)
    ]
    await each(batches, one, parts.pace.at_once)
    return tuple(seen[delivery.id] for delivery in deliveries)


def _batches(deliveries: Sequence[Delivery], at_once: int) -> list[list[Delivery]]:
    """The deliveries in runs to be looked at side by side, all of one mailbox in the same."""
    most = min(BATCH, max(LEAST, len(deliveries) // at_once))
    by_mailbox: dict[str, list[Delivery]] = defaultdict(list)
    for delivery in deliveries:
        by_mailbox[delivery.handle.mailbox].append(delivery)
    batches: list[list[Delivery]] = [[]]
    for mine in by_mailbox.values():
        if batches[-1] and len(batches[-1]) + len(mine) > most:
            batches.append([])
        batches[-1].extend(mine)
    return batches


async def seen_now(parts: Parts, source: str, deliveries: Sequence[Delivery]) -> list[Delivery]:
    """Every delivery of a source as it is right now, in the same order; nothing is written down.

    A copy that cannot be looked at becomes `unknown`. Raises Unavailable when the source is down.
    """
    try:
        connector = parts.connector(source)
    except NotFound:
        return [_unknown(parts, d) for d in deliveries]
    answers = await connector.find(wanted(deliveries))
    strays = [
        place
        for d, answer in zip(deliveries, answers, strict=True)
        if not isinstance(answer, ClawbackError) and _strayed(answer, d.handle)
        for place in answer
    ]
    places = placed(deliveries, answers, {d.handle for d in claims(parts, strays)})
    now = parts.now()
    after: list[Delivery] = []
    for delivery, answer, place in zip(deliveries, answers, places, strict=True):
        if isinstance(answer, ClawbackError) and not isinstance(answer, Gone):
            after.append(_unknown(parts, delivery))
        else:
            after.append(relocated(delivery, place, now) if place else lost(delivery, now))
    return after


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


def _write(parts: Parts, before: Sequence[Delivery], after: Sequence[Delivery]) -> list[Delivery]:
    """Write down what changed; of what another worker has written meanwhile, that is answered."""
    changed = {old.id: new for old, new in zip(before, after, strict=True) if new != old}
    if not changed:
        return list(after)
    with parts.store.write() as unit:
        still = unit.deliveries.unchanged([old for old in before if old.id in changed])
        there = [new for id, new in changed.items() if id in still]
        unit.deliveries.relocate(there)
        note(unit, before, there, parts.now())
        newer = unit.deliveries.get_many([id for id in changed if id not in still])
    return [newer.get(delivery.id, delivery) for delivery in after]
