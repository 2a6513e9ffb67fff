"""Standing orders: a cluster that was removed stays armed, so that late copies go the same way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from clawback.analysis import allowing
from clawback.analysis.clusters import Cluster, ClusterKind
from clawback.analysis.entities import Reason
from clawback.analysis.indicators import Indicator
from clawback.analysis.matching import carries
from clawback.message.delivery import Delivery
from clawback.message.message import Message
from clawback.response.plan import (
    AUTOMATION,
    STANDING,
    ActionKind,
    Approval,
    Plan,
    Remediation,
    RemediationStatus,
)
from clawback.response.planning import Decision
from clawback.response.policy import Policy
from clawback.response.retraction import same_entity

REMOVALS = frozenset(ActionKind) - {ActionKind.RESTORE, ActionKind.MOVE_TO_INBOX}
"""Actions that leave their cluster armed."""
_EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class StandingOrder:
    """What shall happen to late copies of one cluster: the same as to the others, for the same remediation.

    Late is a new copy of a member, or of any message that carries the `indicator` the cluster was cut by,
    and a copy that is back in its mailbox. `approved_by` and `note` are of the remediation's approval.
    """

    remediation_id: str
    investigation_id: str
    cluster_id: str
    cluster_kind: ClusterKind
    indicator: Indicator
    kind: ActionKind
    approved_by: str
    approved_at: datetime
    note: str
    armed_at: datetime
    until: datetime


def standing_order(
    remediation: Remediation, cluster: Cluster, policy: Policy, now: datetime
) -> StandingOrder | None:
    """The order that a remediation leaves behind; None for an undo, a failure, or a policy without.

    Late copies leave none either: they belong to the order there is.
    """
    approval, indicator = remediation.approval, cluster.indicator
    completed = remediation.status is RemediationStatus.COMPLETED
    if not completed or remediation.kind not in REMOVALS or remediation.follows or not policy.armed:
        return None
    if approval is None or indicator is None:
        return None
    return StandingOrder(
        remediation_id=remediation.id,
        investigation_id=remediation.investigation_id,
        cluster_id=cluster.id,
        cluster_kind=cluster.kind,
        indicator=indicator,
        kind=remediation.kind,
        approved_by=approval.by,
        approved_at=approval.at,
        note=approval.note,
        armed_at=now,
        until=now + policy.armed,
    )


def extended(old: StandingOrder, new: StandingOrder) -> StandingOrder:
    """The one order of a cluster that was removed again: still the first remediation's, for longer.

    A person's approval takes the place of automation's.
    """
    longer = replace(old, indicator=new.indicator, until=max(old.until, new.until))
    if old.approved_by != AUTOMATION:
        return longer
    return replace(longer, approved_by=new.approved_by, approved_at=new.approved_at, note=new.note)


def why_covered(
    order: StandingOrder, message: Message, allowed: Sequence[Indicator], now: datetime
) -> tuple[Reason, ...]:
    """Why an order reaches a message that is no member; () when it does not.

    `allowed` are entries that say that something is good. An indicator that has expired goes on to hold
    here, but is no stronger than one of a feed, so that a person's word beats it.
    """
    return allowing.standing(message, _block(order, now), allowed)


def covers(
    order: StandingOrder, message: Message, member: bool, allowed: Sequence[Indicator], now: datetime
) -> bool:
    """Whether an order reaches a message. A member may carry nothing: a person can have made it one."""
    if why_covered(order, message, allowed, now):
        return True
    return member and not carries(message, _block(order, now))


def _block(order: StandingOrder, now: datetime) -> Indicator:
    indicator = order.indicator
    return indicator if indicator.alive(now) else replace(indicator, source=_EXPIRED)


def same_key(order: StandingOrder, indicator: Indicator) -> bool:
    """Whether an order's cluster was cut by what this indicator names, whoever listed it."""
    return same_entity(order.indicator, indicator)


def is_late(order: StandingOrder, delivery: Delivery) -> bool:
    """Whether a copy came after the removal was approved."""
    return delivery.first_seen >= order.approved_at


def standing_reason(order: StandingOrder) -> str:
    """Why late copies of an order may go without a person, in words."""
    note = f", note: {order.note}" if order.note else ""
    return (
        f"late copies of {order.remediation_id}, approved by {order.approved_by} on "
        f"{order.approved_at:%Y-%m-%d %H:%M} UTC{note}; armed until {order.until:%Y-%m-%d %H:%M} UTC"
    )


def approve_late(a_plan: Plan, decision: Decision, now: datetime) -> Approval:
    """The standing approval, with whose it was as its note."""
    return Approval(a_plan.hash, STANDING, now, decision.reason)
