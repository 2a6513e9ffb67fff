"""The rest of a plan: it goes on once the copies that went first are proved gone, or waits for a person.

Each step is one transaction, and the work may be begun again at any point: what is no longer pending was
decided about.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from clawback.engine.brake import RELEASE, lately, tell
from clawback.engine.grounds import is_listed
from clawback.engine.investigate import let_run, propose
from clawback.engine.parts import Parts
from clawback.engine.policies import policy_of
from clawback.engine.record import AUTOMATION, record
from clawback.engine.undoing import under_way
from clawback.response.brake import decide
from clawback.response.canary import Next, Proof, after
from clawback.response.events_brake import RestHeld
from clawback.response.parting import sealed
from clawback.response.plan import Approval, Remediation, RemediationStatus
from clawback.response.policy import Policy
from clawback.store import Unit
from clawback.store.brake import Weighed


def release(parts: Parts, remediation_id: str) -> None:
    """Decide about the rest of a plan, from what became of the copies that went first; repeatable."""
    now = parts.now()
    with parts.store.write(durable=True) as unit:
        unit.indicators.fence(changing=False)
        unit.remediations.fence()
        rest = unit.remediations.get(remediation_id)
        weighed = unit.brake.get(rest.id)
        if weighed is None:  # a part of it, that a person did not choose
            return
        if rest.status is RemediationStatus.CANCELLED:
            _alone(unit, rest, weighed, now)
        elif rest.status is RemediationStatus.PENDING and not weighed.held:
            _decide(unit, rest, weighed, policy_of(unit), now)


def _decide(unit: Unit, rest: Remediation, weighed: Weighed, policy: Policy, now: datetime) -> None:
    step = after(_proof(unit, rest, weighed), policy, now)
    if step.next is Next.WAIT:
        unit.brake.keep(rest.id, replace(weighed, reason=step.reason))
        if step.at:
            unit.jobs.put(RELEASE, rest.id, {"remediation": rest.id}, now, not_before=step.at)
        return
    kind = unit.clusters.head(rest.cluster_id).kind
    # The whole was let go within the rate; the part that went first is in it.
    decision = decide(unit.remediations.plan(rest.id), kind, policy, weighed.estimate, lately(unit, now))
    if step.next is Next.HOLD or not decision.automatic:
        hold(unit, rest, weighed, step.reason if step.next is Next.HOLD else decision.reason, now)
        return
    unit.brake.keep(rest.id, replace(weighed, reason=""))
    approval = Approval(rest.plan_hash, AUTOMATION, now, f"{step.reason}; {decision.reason}")
    let_run(unit, rest.investigation_id, rest.id, approval)


def _proof(unit: Unit, rest: Remediation, weighed: Weighed) -> Proof:
    head = unit.remediations.get(rest.follows)
    own = replace(head, tally=unit.remediations.own_tally(head.id))
    indicator = unit.clusters.head(rest.cluster_id).indicator
    return Proof(
        own,
        unit.brake.back_in_mailbox(head.id),
        _is_undone(unit, head),
        indicator is None or is_listed(unit, indicator.id),
        weighed.estimate.copies,
    )


def _is_undone(unit: Unit, head: Remediation) -> bool:
    """Whether it was undone, or is about to be."""
    return bool(head.undone_by or under_way(unit, head))


def hold(unit: Unit, rest: Remediation, weighed: Weighed, reason: str, now: datetime) -> None:
    """Let the rest wait for a person from now on."""
    unit.brake.keep(rest.id, replace(weighed, reason=reason, held=True))
    record(unit, RestHeld(rest.investigation_id, rest.id, reason), actor=AUTOMATION, at=now)


def _alone(unit: Unit, rest: Remediation, weighed: Weighed, now: datetime) -> None:
    """Propose the rest anew, by itself: what went first was undone, and so its account is closed.

    Not when what it is about is not listed any more; only copies in a mailbox that no other plan has.
    """
    indicator = unit.clusters.head(rest.cluster_id).indicator
    if not _is_undone(unit, unit.remediations.get(rest.follows)):
        return
    if weighed.held or (indicator is not None and not is_listed(unit, indicator.id)):
        return
    unit.brake.keep(rest.id, replace(weighed, held=True))
    old = unit.remediations.plan(rest.id)
    ids = [deed.delivery_id for deed in old.deeds]
    held, copies = unit.remediations.open_for(ids), unit.deliveries.get_many(ids)
    left = {one for one, copy in copies.items() if copy.location.in_mailbox} - held
    deeds = [deed for deed in old.deeds if deed.delivery_id in left]
    if not deeds:
        return
    expires = now + policy_of(unit).expiry
    again = replace(old, follows="", rest=False, made_at=now, expires_at=expires)
    made = sealed(again, deeds, old.skips)
    why = f"the copies that went first were undone ({rest.follows})"
    propose(unit, made, AUTOMATION, waits_because=why)
    unit.brake.keep(made.id, Weighed(weighed.estimate, why, held=True))
    tell(unit, made, weighed.estimate, now)
