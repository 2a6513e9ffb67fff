"""Decisions about plans: approved whole or in part, by one person or two, rejected, or let go in the end."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from clawback.engine.brake import keep_weighed
from clawback.engine.grounds import why_groundless
from clawback.engine.investigate import PENDING, let_run, propose
from clawback.engine.parts import Parts
from clawback.engine.policies import policy_of
from clawback.engine.record import AUTOMATION, record
from clawback.engine.released import released
from clawback.engine.spread import join_offered
from clawback.engine.standing import cancel, disarm_due
from clawback.errors import PlanStale
from clawback.response.deciding import check_note, check_second, second_person
from clawback.response.events import RemediationExpired, RemediationRejected
from clawback.response.events_decisions import RemediationExpiring, RemediationProposed
from clawback.response.parting import EVERYTHING, Chosen, part
from clawback.response.plan import Approval, Plan, Remediation, RemediationStatus
from clawback.response.planning import check_decidable
from clawback.store import Unit


def approve(
    parts: Parts,
    remediation_id: str,
    actor: str,
    *,
    plan_hash: str | None = None,
    note: str = "",
    only: Chosen = EVERYTHING,
) -> Remediation:
    """Let a pending remediation run, or wait for a second person where the policy wants two.

    `plan_hash`, when given, must be that of the plan looked at. With `only` some copies, the plan is parted:
    answers the remediation of those, and the rest waits as another. Raises PlanStale when it is decided,
    expired, changed, or no longer about anything malicious, Forbidden for the same person twice,
    BadParameter without a note where the policy wants one.
    """
    now = parts.now()
    with parts.store.write(durable=True) as unit:
        policy = policy_of(unit)
        check_note(policy, note)
        waiting = unit.remediations.get(remediation_id)
        check_decidable(waiting, plan_hash, now)
        if why := why_groundless(unit, unit.clusters.head(waiting.cluster_id)):
            raise PlanStale(f"{why}, so {waiting.id} was not approved")
        if not only.all:
            waiting = _parted(parts, unit, waiting, only, actor, now)
        approval = Approval(waiting.plan_hash, actor, now, note)
        whole = unit.remediations.plan(waiting.part_of or waiting.id)
        if second_person(whole, policy):
            check_second(waiting, actor)
            if waiting.first is None:
                return _proposed(unit, waiting, approval)
        let_run(unit, waiting.investigation_id, waiting.id, approval)
        join_offered(unit, waiting, actor, now)
        return unit.remediations.get(waiting.id)


def _proposed(unit: Unit, waiting: Remediation, approval: Approval) -> Remediation:
    """Keep the approval of the first of two persons."""
    unit.remediations.set_first(waiting.id, approval)
    event = RemediationProposed(waiting.investigation_id, waiting.id, approval.plan_hash, approval.note)
    record(unit, event, actor=approval.by, at=approval.at)
    return unit.remediations.get(waiting.id)


def _parted(
    parts: Parts, unit: Unit, whole: Remediation, only: Chosen, actor: str, now: datetime
) -> Remediation:
    """Cancel a plan in favour of two others; answers the remediation of the chosen copies."""
    chosen, rest = part(unit.remediations.plan(whole.id), only)
    if rest is None:
        return whole
    origin = whole.part_of or whole.id
    cancel(unit, whole, f"parted: {chosen.id} is chosen, {rest.id} waits", now, actor)
    for made, why in ((chosen, f"chosen by {actor} from {whole.id}"), (rest, f"the rest of {whole.id}")):
        _propose_part(unit, made, origin, actor, why, now)
        keep_weighed(parts, unit, made, unit.clusters.head(whole.cluster_id), why)
    return unit.remediations.get(chosen.id)


def _propose_part(unit: Unit, made: Plan, origin: str, actor: str, why: str, now: datetime) -> None:
    propose(unit, made, actor, waits_because=why, part_of=origin, at=now)


def reject(parts: Parts, remediation_id: str, actor: str, *, note: str = "") -> Remediation:
    """Say no to a pending remediation; nothing is touched. Raises as `approve`.

    Its copies are not planned for because of the same thing again unless a person asks.
    """
    now = parts.now()
    with parts.store.write(durable=True) as unit:
        check_note(policy_of(unit), note)
        waiting = unit.remediations.get(remediation_id)
        check_decidable(waiting, None, now)
        done = unit.remediations.set_status(
            remediation_id, RemediationStatus.REJECTED, expected=PENDING, at=now, by=actor, note=note
        )
        event = RemediationRejected(waiting.investigation_id, waiting.id, note)
        record(unit, event, actor=actor, at=now)
        released(unit, done, now)
    return done


def expire_due(parts: Parts) -> int:
    """Let pending remediations go whose time to decide is over; answers how many.

    Those whose time is nearly over are told of, once. Standing orders whose time is over go too.
    """
    now = parts.now()
    disarm_due(parts)
    with parts.store.read() as unit:
        due = unit.remediations.due(now)
        soon = unit.remediations.to_warn(now + policy_of(unit).warning)
    for remediation_id in soon:
        if remediation_id not in due:
            _warn(parts, remediation_id, now)
    expired = 0
    for remediation_id in due:
        # What a person decided about meanwhile is left to that decision.
        with suppress(PlanStale), parts.store.write(durable=True) as unit:
            late = unit.remediations.set_status(
                remediation_id, RemediationStatus.EXPIRED, expected=PENDING, at=now, by=AUTOMATION
            )
            record(unit, RemediationExpired(late.investigation_id, late.id), actor=AUTOMATION, at=now)
            released(unit, late, now)
            expired += 1
    return expired


def _warn(parts: Parts, remediation_id: str, now: datetime) -> None:
    with parts.store.write(durable=True) as unit:
        if unit.remediations.mark_warned(remediation_id, now):
            waiting = unit.remediations.get(remediation_id)
            event = RemediationExpiring(waiting.investigation_id, waiting.id, waiting.expires_at)
            record(unit, event, actor=AUTOMATION, at=now)
