"""Planning elsewhere: what a plan let go of when it ended without acting goes to clusters that waited for it.

A copy is in one open plan at a time, so a second cluster with the same message leaves it alone. When the
first plan is declined, expires or is cancelled, the copy is planned for in the second one, by these rules:

- the other cluster is malicious, and its investigation has neither failed nor been terminated;
- no plan of that cluster ever had the copy, so that two clusters do not hand it to each other for ever;
- what a person declined because of a key is not planned because of the same key again, in whatever
  investigation, nor in a cluster that is only similar; because of another key it is, for that is another
  reason, but it waits for a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clawback.analysis.clusters import Cluster, ClusterKind
from clawback.engine.grounds import why_groundless
from clawback.engine.investigate import ACTION, folders_of, plan_for
from clawback.engine.locate import look
from clawback.engine.parts import Parts
from clawback.engine.rolling import is_similar
from clawback.message.delivery import Delivery
from clawback.response.investigation import InvestigationStatus
from clawback.response.plan import Remediation, RemediationStatus
from clawback.store import Unit

_OVER = frozenset(
    {
        InvestigationStatus.FAILED,
        InvestigationStatus.TERMINATED_BY_SYSTEM,
        InvestigationStatus.TERMINATED_BY_USER,
    }
)


@dataclass(frozen=True, slots=True)
class Heir:
    """A cluster that may plan for copies now, and those copies."""

    investigation_id: str
    cluster: Cluster
    copies: tuple[Delivery, ...]


async def plan_elsewhere(parts: Parts, remediation_id: str) -> None:
    """Plan for the copies of an ended plan in the other clusters that left them to it.

    Raises Unavailable or Throttled when they cannot be looked at now.
    """
    with parts.store.read() as unit:
        heirs = _heirs(unit, unit.remediations.get(remediation_id))
    for heir in heirs:
        seen = await look(parts, heir.copies)
        folders = await folders_of(parts, seen, ACTION)
        with parts.store.write(durable=True) as unit:
            plan_for(parts, unit, heir.investigation_id, heir.cluster, seen, folders, False)


def _heirs(unit: Unit, ended: Remediation) -> list[Heir]:
    deeds = unit.remediations.plan(ended.id).deeds
    copies = unit.deliveries.get_many([deed.delivery_id for deed in deeds])
    there = [copy for copy in copies.values() if copy.location.in_mailbox]
    clusters = unit.clusters.with_messages({copy.message_id for copy in there})
    heirs = [_heir(unit, ended, cluster_id, there) for cluster_id in clusters]
    return [heir for heir in heirs if heir]


def _heir(unit: Unit, ended: Remediation, cluster_id: str, there: Sequence[Delivery]) -> Heir | None:
    cluster = unit.clusters.head(cluster_id)
    if cluster.kind is ClusterKind.SELECTION:
        return None
    investigation_id = unit.clusters.investigation_of(cluster_id)
    state = unit.investigations.get(investigation_id)
    rejected = ended.status is RemediationStatus.REJECTED
    declined = rejected and (cluster.key == ended.key or is_similar(cluster))
    if cluster_id == ended.cluster_id or declined or state.status in _OVER or why_groundless(unit, cluster):
        return None
    members = unit.clusters.members_among(cluster_id, sorted({copy.message_id for copy in there}))
    mine = [copy for copy in there if copy.message_id in members]
    known = unit.remediations.planned_in([copy.id for copy in mine], cluster_id)
    new = tuple(copy for copy in mine if copy.id not in known)
    return Heir(investigation_id, cluster, new) if new else None
