"""Arrivals: what follows from copies that an owner can open now and could not before.

Late copies of an armed cluster go to its standing order, and are not investigated for its key again;
everything else that carries a listed indicator is investigated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from clawback.analysis.allowing import is_allow
from clawback.analysis.detections import detect
from clawback.analysis.entities import Entity
from clawback.analysis.features import entities_of
from clawback.analysis.indicators import Indicator, VerdictKind
from clawback.analysis.matching import keys_of
from clawback.analysis.verdict import Said, judge, said
from clawback.engine.compromise import judge_later
from clawback.engine.policies import policy_of
from clawback.engine.requests import Request, arrival
from clawback.message.delivery import Delivery
from clawback.message.message import Message
from clawback.response.exclusions import is_secops, why_left_out
from clawback.response.planning import DESTINATION
from clawback.response.policy import Policy
from clawback.response.standing import StandingOrder, covers, same_key
from clawback.store import Unit

LATE = "late_copies"
"""The kind of job that plans for late copies; its key is the remediation they belong to."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A copy that is in a mailbox now. `moved` when its owner had it before, in another place of it."""

    delivery: Delivery
    message: Message
    entities: frozenset[Entity]
    moved: bool = False


def ask(unit: Unit, arrived: Sequence[Arrived], now: datetime) -> int:
    """Queue what follows from these arrivals, in the transaction that records them; answers how much.

    Users' reports, which carry what they are about, go a way of their own (see `submissions`).
    """
    kept = unit.submissions.kept_copies([one.delivery.id for one in arrived])
    policy = policy_of(unit)
    arrived = [
        one
        for one in arrived
        if one.delivery.id not in kept and not is_secops(one.delivery.handle.mailbox, policy)
    ]
    if not arrived:
        return 0
    unit.indicators.fence(changing=False)
    listed = unit.indicators.matching({entity for one in arrived for entity in one.entities})
    taken = _taken(unit, arrived, listed, policy, now)
    late: dict[str, list[str]] = {}
    for delivery_id, orders in taken.items():
        for order in orders:
            late.setdefault(order.remediation_id, []).append(delivery_id)
    for remediation_id in sorted(late):
        wait(unit, remediation_id, late[remediation_id], now)
    new = [one for one in arrived if not one.moved]
    requests = _requests(unit, new, listed, taken, policy, now) if listed else {}
    for key in sorted(requests):
        unit.jobs.put("investigate", key, requests[key].encode(), now)
    return len(requests) + len(late)


def wait(unit: Unit, remediation_id: str, delivery_ids: Iterable[str], now: datetime) -> None:
    """Let these copies wait for a worker that takes them out for their standing order."""
    unit.standing.add_late(remediation_id, delivery_ids)
    unit.jobs.put(LATE, remediation_id, {"remediation": remediation_id}, now)


def hand_back(unit: Unit, delivery_ids: Sequence[str], now: datetime) -> None:
    """Let copies that no standing order takes any more go the usual way of arrivals."""
    copies = [d for d in unit.deliveries.get_many(delivery_ids).values() if d.location.in_mailbox]
    messages = unit.messages.get_many(sorted({d.message_id for d in copies}))
    arrived = [Arrived(d, messages[d.message_id], entities_of(messages[d.message_id])) for d in copies]
    ask(unit, arrived, now)


def back(
    unit: Unit, before: Iterable[Delivery], after: Sequence[Delivery], now: datetime
) -> tuple[Arrived, ...]:
    """The copies that are in a mailbox again: back from a backup, out of sight for a while, or restored.

    Restored is also what its owner took out of the junk or deleted items that a remediation moved it to.
    """
    was = {d.id: d.location for d in before}
    away = [d for d in after if d.location.in_mailbox and d.id in was and not was[d.id].in_mailbox]
    moved = [
        d
        for d in after
        if d.location.in_mailbox and d.id in was and was[d.id].in_mailbox and was[d.id] is not d.location
    ]
    restored = _restored(unit, moved, now)
    messages = unit.messages.get_many(sorted({d.message_id for d in (*away, *restored)}))
    return tuple(
        Arrived(d, messages[d.message_id], entities_of(messages[d.message_id]), again)
        for copies, again in ((away, False), (restored, True))
        for d in copies
        if d.message_id in messages
    )


def _restored(unit: Unit, moved: Sequence[Delivery], now: datetime) -> list[Delivery]:
    """Members of clusters that are armed to a place from which an owner can take a copy back."""
    if not moved or not unit.standing.any(now):
        return []
    orders = unit.standing.of_messages([d.message_id for d in moved], now)
    goals = {m: {DESTINATION.get(o.kind) for o in mine} for m, mine in orders.items()}
    return [d for d in moved if any(goal and goal.in_mailbox for goal in goals.get(d.message_id, ()))]


def _taken(
    unit: Unit, arrived: Sequence[Arrived], listed: Sequence[Indicator], policy: Policy, now: datetime
) -> dict[str, list[StandingOrder]]:
    """The standing orders that reach each of these copies, by delivery id."""
    if not unit.standing.any(now):
        return {}
    members = unit.standing.of_messages([one.message.id for one in arrived], now)
    kept = unit.messages.get_many(sorted(members))
    by_entity: dict[Entity, list[StandingOrder]] = {}
    for order in unit.standing.matching({entity for one in arrived for entity in one.entities}, now):
        for entity in keys_of(order.indicator):
            by_entity.setdefault(entity, []).append(order)
    allowed = [entry for entry in listed if is_allow(entry) and entry.alive(now)]
    taken: dict[str, list[StandingOrder]] = {}
    for one in arrived:
        mine = {order.remediation_id: order for order in members.get(one.message.id, ())}
        near = {order.remediation_id: order for e in one.entities for order in by_entity.get(e, ())}
        # Of a member the message as we know it counts: what another copy's hosts wrote may differ.
        message = kept.get(one.message.id, one.message)
        reached = [order for order in mine.values() if covers(order, message, True, allowed, now)]
        others = [order for remediation_id, order in near.items() if remediation_id not in mine]
        reached += [order for order in others if covers(order, one.message, False, allowed, now)]
        reached = [order for order in reached if not why_left_out(one.message, policy, order.indicator)]
        if reached:
            taken[one.delivery.id] = reached
    return taken


def _requests(
    unit: Unit,
    arrived: Sequence[Arrived],
    listed: Sequence[Indicator],
    taken: Mapping[str, Sequence[StandingOrder]],
    policy: Policy,
    now: datetime,
) -> dict[str, Request]:
    """What to investigate because of these arrivals: one request for each indicator they carry.

    Not for what a standing order has already taken. What is detected is remembered.
    """
    by_entity: dict[Entity, list[Indicator]] = {}
    wanted: dict[str, Request] = {}
    malicious: set[str] = set()
    remembered: list[tuple[str, Said]] = []
    for indicator in listed:
        for entity in keys_of(indicator):
            by_entity.setdefault(entity, []).append(indicator)
    for one in arrived:
        near = {
            i.id: i
            for e in one.entities
            for i in by_entity.get(e, ())
            if not why_left_out(one.message, policy, i)
        }
        if not near:
            continue
        detections = detect(one.message, tuple(near.values()), now)
        remembered += [(one.message.id, word) for word in said(detections)]
        if judge(detections).verdict is not VerdictKind.MALICIOUS:
            continue
        malicious.add(one.message.id)
        for detection in detections:
            indicator = near[detection.indicator_id]
            standing = any(same_key(order, indicator) for order in taken.get(one.delivery.id, ()))
            if detection.verdict is VerdictKind.MALICIOUS and not standing:
                request = arrival(indicator, one.message.id)
                wanted[request.key] = request
    unit.detections.put(remembered, now)
    judge_later(unit, unit.sent_mail.accounts_of(malicious), now)
    return wanted
