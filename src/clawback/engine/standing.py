"""Standing orders given and struck off: late copies of a cluster that was removed go for its remediation.

Whoever records an arrival writes down which copies are late for which remediation, in the same
transaction, and queues the work (`arrivals`). The work looks at those copies alone and plans for them
alone (`late_copies`); the plan follows the remediation and runs like any other.
"""

from __future__ import annotations

from datetime import datetime

from clawback.analysis.indicators import Indicator
from clawback.analysis.matching import keys_of
from clawback.engine.arrivals import LATE, hand_back, wait
from clawback.engine.brake import RELEASE
from clawback.engine.grounds import is_listed
from clawback.engine.parts import Parts
from clawback.engine.policies import policy_of
from clawback.engine.record import AUTOMATION, record
from clawback.engine.released import released
from clawback.response.events import ClusterArmed, ClusterDisarmed, RemediationCancelled
from clawback.response.plan import Remediation, RemediationStatus
from clawback.response.standing import StandingOrder, extended, is_late, same_key, standing_order
from clawback.store import Unit

AT_ONCE = 100
"""Orders disarmed in one transaction."""


def arm(unit: Unit, done: Remediation, now: datetime) -> None:
    """Leave a standing order behind, when a remediation has ended and the policy says so.

    For whoever holds the fence of the indicators: one that is being taken back arms nothing.
    """
    cluster = unit.clusters.head(done.cluster_id)
    made = standing_order(done, cluster, policy_of(unit), now)
    if made is None or not is_listed(unit, made.indicator.id):
        return
    old = unit.standing.of_cluster(cluster.id)
    order = extended(old, made) if old else made
    unit.standing.put(order)
    event = ClusterArmed(order.investigation_id, order.cluster_id, order.remediation_id, order.until)
    record(unit, event, actor=AUTOMATION, at=now)
    _take_over(unit, order, now)


def _take_over(unit: Unit, order: StandingOrder, now: datetime) -> None:
    """Let copies that came while the removal ran, and wait for a decision of their own, go with it."""
    for other in unit.remediations.of_cluster(order.cluster_id):
        if other.status is not RemediationStatus.PENDING or other.follows or other.kind is not order.kind:
            continue
        waiting = [deed.delivery_id for deed in unit.remediations.plan(other.id).deeds]
        if all(is_late(order, d) for d in unit.deliveries.get_many(waiting).values()):
            cancel(unit, other, f"its copies came late for {order.remediation_id}", now)
            wait(unit, order.remediation_id, waiting, now)


def cancel(unit: Unit, other: Remediation, reason: str, now: datetime, actor: str = AUTOMATION) -> None:
    """Take back a plan that has not begun. Raises PlanStale when it has."""
    expected = frozenset({other.status})
    ended = unit.remediations.set_status(
        other.id, RemediationStatus.CANCELLED, expected=expected, at=now, by=actor, note=reason
    )
    event = RemediationCancelled(other.investigation_id, other.id, reason)
    record(unit, event, actor=actor, at=now)
    released(unit, ended, now)


def disarm(unit: Unit, order: StandingOrder, reason: str, actor: str, now: datetime) -> None:
    """Strike a standing order off. What has come late and is not planned yet goes the usual way."""
    unit.standing.remove(order.remediation_id)
    event = ClusterDisarmed(order.investigation_id, order.cluster_id, order.remediation_id, reason)
    record(unit, event, actor=actor, at=now)
    if unit.standing.late(order.remediation_id):
        unit.jobs.put(LATE, order.remediation_id, {"remediation": order.remediation_id}, now)


def disarm_key(unit: Unit, removed: Indicator, actor: str, now: datetime) -> None:
    """Strike off the orders of every cluster that was cut by this indicator: a person took it back."""
    for order in unit.standing.matching(keys_of(removed), None):
        if same_key(order, removed):
            disarm(unit, order, f"{removed.value} is not listed any more", actor, now)


def stand_down(unit: Unit, root: Remediation, actor: str, now: datetime) -> str:
    """Strike off the order of a cluster whose removal is being undone, and what has not begun for it.

    Answers the remediation that is taking late copies out right now, "" for none: an undo that knows only
    half of them would not be exact. For whoever holds the fence of the indicators.
    """
    order = unit.standing.of_cluster(root.cluster_id)
    if order is not None:
        disarm(unit, order, f"{root.id} is undone", actor, now)
    running = ""
    for late in unit.remediations.following(root.id):
        if late.status is RemediationStatus.RUNNING:
            running = late.id
        if late.status in (RemediationStatus.APPROVED, RemediationStatus.PENDING):
            cancel(unit, late, f"{root.id} is undone", now)
            if late.rest:
                unit.jobs.put(RELEASE, late.id, {"remediation": late.id}, now)
                continue
            hand_back(unit, [deed.delivery_id for deed in unit.remediations.plan(late.id).deeds], now)
    return running


def disarm_due(parts: Parts) -> int:
    """Strike off standing orders whose time is over; answers how many."""
    now, struck = parts.now(), 0
    with parts.store.read() as unit:
        due = unit.standing.due(now, AT_ONCE)
    while due:
        with parts.store.write(durable=True) as unit:
            for known in due:
                order = unit.standing.of_remediation(known.remediation_id, hold=True)
                if order and order.until <= now:
                    disarm(unit, order, "its time is over", AUTOMATION, now)
                    struck += 1
            due = unit.standing.due(now, AT_ONCE)
    return struck
