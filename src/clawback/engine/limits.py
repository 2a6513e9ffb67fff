"""Limits on the work of one investigation: at them it ends, with the reason, and keeps what it found."""

from __future__ import annotations

from datetime import datetime

from clawback.analysis.clusters import Cluster
from clawback.engine.parts import Parts
from clawback.engine.record import AUTOMATION, record
from clawback.response.events_inquiries import InvestigationTerminated
from clawback.response.policy import Policy
from clawback.store import Unit


def has_ended(parts: Parts, investigation_id: str) -> bool:
    """Whether a person or a limit has ended the investigation, so that nothing more is asked for it."""
    with parts.store.read() as unit:
        return bool(unit.investigations.get(investigation_id).terminated)


def ends_before(unit: Unit, investigation_id: str, cluster: Cluster, policy: Policy, now: datetime) -> bool:
    """Whether the investigation takes no more clusters: it has ended, or ends here at its limit."""
    state = unit.investigations.get(investigation_id)
    if state.terminated:
        return True
    others = sum(c.cluster_id != cluster.id for c in state.clusters)
    if others < policy.clusters_limit:
        return False
    _end(unit, investigation_id, f"it has {others} clusters, the limit; what it found is kept", now)
    return True


def ends_after(unit: Unit, investigation_id: str, cluster: Cluster, policy: Policy, now: datetime) -> bool:
    """Whether the investigation ends with this cluster, which has more members than it may have.

    Then nothing is planned for it: who else belongs to it is not known.
    """
    if len(cluster.members) <= policy.members_limit:
        return False
    reason = (
        f"more than {policy.members_limit:,} messages have {cluster.key.value}, the limit; "
        "those found are kept, and nothing is planned for them"
    )
    _end(unit, investigation_id, reason, now)
    return True


def _end(unit: Unit, investigation_id: str, reason: str, now: datetime) -> None:
    record(unit, InvestigationTerminated(investigation_id, reason, True), actor=AUTOMATION, at=now)
