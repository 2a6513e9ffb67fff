"""The brake: whether a plan may run by itself, and if not, why it waits.

One function decides for every plan, another for late copies, which go by an approval that there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from clawback.analysis.clusters import ClusterKind
from clawback.response.collateral import Collateral, described
from clawback.response.deciding import second_person
from clawback.response.plan import AUTOMATION, Plan
from clawback.response.planning import Decision
from clawback.response.policy import Policy
from clawback.response.standing import StandingOrder, standing_reason

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
LEAST_BACK = 10
"""Copies that must have been put back in a day before any share of them opens the breaker."""
CLOSE_WITH = "close it with clawback brake close"


@dataclass(frozen=True, slots=True)
class Breaker:
    """Whether all automation stands still. `changed_at` is when it was opened or closed last, `by` whom."""

    open: bool = False
    by: str = ""
    reason: str = ""
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Copies that automation took out since a moment, and how many of them are back.

    `undone` were put back by an undo, or are about to be; `returned` lie in a mailbox again, because their
    owners brought them back.
    """

    taken: int = 0
    undone: int = 0
    returned: int = 0

    @property
    def share(self) -> float:
        """The share that is back."""
        return (self.undone + self.returned) / self.taken if self.taken else 0.0


@dataclass(frozen=True, slots=True)
class Lately:
    """What the brake must be told about automation: copies approved by it in the last hour, the breaker.

    Not `complete` while the history of mail is still being filled in. `rest_waits` is why the rest of the
    copies before late ones waits for a person, "" when it does not.
    """

    hour: int = 0
    breaker: Breaker = Breaker()
    complete: bool = True
    rest_waits: str = ""


def decide(
    a_plan: Plan, cluster_kind: ClusterKind, policy: Policy, estimate: Collateral, lately: Lately
) -> Decision:
    """May this plan run without a person?"""
    if cluster_kind not in policy.automatic:
        return Decision(False, f"auto-remediation is off for {cluster_kind.value}")
    why = (
        _stopped(lately)
        or _collateral(policy, estimate)
        or _too_large(a_plan, policy)
        or _too_fast(a_plan, policy, lately)
        or ("" if lately.complete else "the history of mail is still being filled in")
    )
    if why:
        return Decision(False, why)
    reason = f"auto-remediation is on for {cluster_kind.value}; {described(estimate)}"
    if policy.shadow:
        return Decision(False, f"shadow mode: would have run ({reason})", shadow=True)
    return Decision(True, reason)


def decide_late(
    a_plan: Plan, order: StandingOrder, policy: Policy, estimate: Collateral, lately: Lately
) -> Decision:
    """May late copies go without a person? The approval of the removal holds for them too.

    Not over the policy's limit. What automation alone approved goes only while automation is on, and past
    the brake: breaker, rate, and how much of these very copies is legitimate.
    """
    if order.approved_by == AUTOMATION and order.cluster_kind not in policy.automatic:
        return Decision(False, f"auto-remediation is off for {order.cluster_kind.value}")
    why = _too_large(a_plan, policy)
    if order.approved_by == AUTOMATION:
        why = (
            why
            or _stopped(lately)
            or _collateral(policy, estimate)
            or _too_fast(a_plan, policy, lately)
            or lately.rest_waits
        )
    if why:
        return Decision(False, why)
    if order.approved_by == AUTOMATION and policy.shadow:
        return Decision(False, "shadow mode: would have run", shadow=True)
    return Decision(True, standing_reason(order))


def _too_large(a_plan: Plan, policy: Policy) -> str:
    if len(a_plan.deeds) > policy.limit:
        return f"{len(a_plan.deeds)} copies are over the limit of {policy.limit}"
    return second_person(a_plan, policy)


def _stopped(lately: Lately) -> str:
    breaker = lately.breaker
    if not breaker.open:
        return ""
    since = f" since {breaker.changed_at:%Y-%m-%d %H:%M} UTC" if breaker.changed_at else ""
    return f"the breaker is open{since} ({breaker.by}: {breaker.reason}); {CLOSE_WITH}"


def _collateral(policy: Policy, estimate: Collateral) -> str:
    if estimate.popular:
        return estimate.popular
    if estimate.copies > policy.collateral:
        return f"{described(estimate)}; at most {policy.collateral} may be"
    return ""


def _too_fast(a_plan: Plan, policy: Policy, lately: Lately) -> str:
    copies = len(a_plan.deeds)
    if lately.hour + copies <= policy.copies_per_hour:
        return ""
    return (
        f"{lately.hour:,} copies were taken out by automation in the last hour; with these {copies:,} it "
        f"would be more than {policy.copies_per_hour:,}"
    )


def trips(policy: Policy, outcomes: Outcomes) -> str:
    """Why the breaker opens by itself, "" when it does not."""
    back = outcomes.undone + outcomes.returned
    if back < LEAST_BACK or outcomes.share <= policy.breaker:
        return ""
    return (
        f"of {outcomes.taken:,} copies taken out by automation in the last day {outcomes.undone:,} were "
        f"undone and {outcomes.returned:,} brought back by their owners: {outcomes.share:.0%}, more than "
        f"{policy.breaker:.0%}"
    )


def window(breaker: Breaker, now: datetime) -> datetime:
    """Since when outcomes count: a day, but not what lay before the breaker was closed by a person."""
    day = now - DAY
    closed = breaker.changed_at if not breaker.open else None
    return max(day, closed) if closed else day
