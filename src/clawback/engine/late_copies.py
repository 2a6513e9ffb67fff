"""Late copies: planned for as they come, approved by the approval that there was, never the whole cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from clawback.analysis.allowing import is_allow
from clawback.analysis.clusters import Cluster, Member
from clawback.analysis.entities import Entity
from clawback.analysis.features import entities_of
from clawback.analysis.indicators import Indicator
from clawback.engine.arrivals import hand_back
from clawback.engine.brake import lately, tell, weigh
from clawback.engine.deeds import Guard
from clawback.engine.investigate import folders_of, let_run, propose
from clawback.engine.locate import by_source, look
from clawback.engine.parts import Parts
from clawback.engine.policies import policy_of
from clawback.engine.record import AUTOMATION, STANDING
from clawback.engine.recount import count
from clawback.errors import MailboxError, Throttled, Unavailable
from clawback.message.delivery import Delivery, DeliveryLocation, Observed
from clawback.message.message import Message
from clawback.message.reconcile import relocated
from clawback.response.brake import Lately, decide_late
from clawback.response.planning import Ground, plan
from clawback.response.standing import StandingOrder, approve_late, covers, why_covered
from clawback.store import Unit
from clawback.store.brake import Weighed

REMEDIATE = "remediate_late"
"""The kind of job that carries out a plan for late copies."""


async def take_out(parts: Parts, remediation_id: str, *, last_try: bool, guard: Guard) -> None:
    """Plan for the copies that have come late for a remediation. Raises Unavailable when some must wait.

    With `last_try`, copies that cannot be looked at count as out of sight: they are late again when they
    are seen again. Raises PlanStale from the guard.
    """
    with parts.store.read() as unit:
        order = unit.standing.of_remediation(remediation_id)
        late = list(unit.deliveries.get_many(unit.standing.late(remediation_id)).values())
    trouble: Unavailable | Throttled | None = None
    for copies in by_source(late).values():
        try:
            seen = await look(parts, copies) if order else tuple(copies)
        except (Unavailable, Throttled) as error:
            if not last_try:
                trouble = error
                continue
            seen = _out_of_sight(parts, copies)
        except MailboxError:
            seen = _out_of_sight(parts, copies)
        folders = await folders_of(parts, seen, order.kind) if order else {}
        _plan(parts, remediation_id, seen, folders, guard)
    if trouble:
        raise trouble


def _out_of_sight(parts: Parts, copies: Sequence[Delivery]) -> tuple[Delivery, ...]:
    now, unknown = parts.now(), DeliveryLocation.UNKNOWN
    hidden = tuple(
        relocated(d, Observed(d.handle, unknown, d.size, d.flags, d.internal_date), now) for d in copies
    )
    with parts.store.write() as unit:
        unit.deliveries.relocate(hidden)
    return hidden


def _plan(
    parts: Parts, remediation_id: str, seen: Sequence[Delivery], folders: Mapping[str, str], guard: Guard
) -> None:
    """Write down, at once: who is a member now, the plan, and its approval; the copies wait no longer."""
    now = parts.now()
    with parts.store.write(durable=True) as unit:
        guard(unit)
        unit.indicators.fence(changing=False)
        order = unit.standing.of_remediation(remediation_id, hold=True)
        unit.standing.strike_late(remediation_id, [d.id for d in seen])
        if order is None:
            hand_back(unit, [d.id for d in seen], now)
            return
        reached = _reached(unit, order, seen, now)
        reached_ids = {d.id for d in reached}
        hand_back(unit, [d.id for d in seen if d.id not in reached_ids], now)
        cluster = unit.clusters.head(order.cluster_id)
        count(unit, order.investigation_id, cluster, {d.message_id for d in reached}, STANDING, now)
        unit.remediations.fence()
        ground = Ground(
            tuple(reached),
            folders,
            held=frozenset(unit.remediations.open_for(sorted(reached_ids))),
            reports=frozenset(unit.submissions.kept_copies(sorted(reached_ids))),
            spared=frozenset(unit.remediations.put_back_last(sorted(reached_ids))),
            declined=frozenset(unit.remediations.declined(sorted(reached_ids), cluster.key)),
        )
        _decide(parts, unit, order, cluster, ground, now)


def _decide(
    parts: Parts, unit: Unit, order: StandingOrder, cluster: Cluster, ground: Ground, now: datetime
) -> None:
    policy, root = policy_of(unit), order.remediation_id
    made = plan(
        order.investigation_id, cluster, ground, action=order.kind, policy=policy, now=now, follows=root
    )
    if not made.deeds:
        return
    estimate = weigh(parts, unit, made, cluster, late=True)
    decision = decide_late(made, order, policy, estimate, _lately(unit, order, now))
    propose(unit, made, STANDING, waits_because="" if decision.automatic else decision.reason)
    why = "" if decision.automatic else decision.reason
    unit.brake.keep(made.id, Weighed(estimate, why, shadow=decision.shadow))
    tell(unit, made, estimate, now)
    if decision.automatic:
        approval = approve_late(made, decision, now)
        let_run(unit, made.investigation_id, made.id, approval, job=REMEDIATE)


def _lately(unit: Unit, order: StandingOrder, now: datetime) -> Lately:
    """What automation did lately, where only its word lets late copies go."""
    if order.approved_by != AUTOMATION:
        return Lately()
    for rest_id in unit.brake.rest_of(order.remediation_id):
        weighed = unit.brake.get(rest_id)
        if weighed and weighed.held:
            waits = f"the rest of {order.remediation_id} waits for a person ({weighed.reason})"
            return replace(lately(unit, now), rest_waits=waits)
    return lately(unit, now)


def _reached(
    unit: Unit, order: StandingOrder, seen: Sequence[Delivery], now: datetime
) -> tuple[Delivery, ...]:
    """The copies that the order still reaches; their messages are members of its cluster from now on."""
    messages = unit.messages.get_many(sorted({d.message_id for d in seen}))
    members = unit.clusters.members_among(order.cluster_id, sorted(messages))
    allowed = _allowed(unit, messages.values(), now)
    covered = {m.id for m in messages.values() if covers(order, m, m.id in members, allowed, now)}
    new = [
        Member(m, why_covered(order, messages[m], allowed, now)) for m in sorted(covered) if m not in members
    ]
    if new:
        unit.clusters.join(order.cluster_id, new)
    return tuple(d for d in seen if d.message_id in covered)


def _allowed(unit: Unit, messages: Iterable[Message], now: datetime) -> list[Indicator]:
    entities: set[Entity] = {entity for m in messages for entity in entities_of(m)}
    return [entry for entry in unit.indicators.matching(entities) if is_allow(entry) and entry.alive(now)]
