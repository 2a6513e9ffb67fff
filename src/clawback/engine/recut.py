"""Cutting a cluster again: a person moves its line, and what waited for it is planned anew."""

from __future__ import annotations

from clawback.analysis.clusters import Cluster, ClusterKind
from clawback.engine.parts import Parts
from clawback.engine.record import record
from clawback.engine.rolling import counted
from clawback.engine.similar import PLAN, tell
from clawback.engine.standing import cancel
from clawback.errors import BadParameter, PlanStale
from clawback.response.events_clusters import ClusterRecut
from clawback.response.plan import LET_RUN, RemediationStatus


def recut(parts: Parts, cluster_id: str, line: float, actor: str) -> Cluster:
    """Let every candidate with a score of `line` or more be a member, and no other; answers it without them.

    Plans for it that wait are cancelled, and a new one is queued. Raises NotFound, BadParameter for a line
    that is not between 0 and 1, and PlanStale when an action on it was approved: nothing is changed then.
    """
    if not 0.0 <= line <= 1.0:
        raise BadParameter(f"a strictness is between 0 and 1, not {line:g}")
    with parts.store.write(durable=True) as unit:
        now = parts.now()
        unit.indicators.fence(changing=False)
        unit.remediations.fence()
        if unit.clusters.head(cluster_id).kind is ClusterKind.SELECTION:
            raise BadParameter(f"{cluster_id} was chosen by hand; choose again in the explorer")
        planned = unit.remediations.of_cluster(cluster_id)
        if begun := [one for one in planned if one.status in LET_RUN]:
            status = begun[0].status.value
            raise PlanStale(f"{begun[0].id} of {cluster_id} is {status}; the cluster was not cut again")
        cut = counted(unit, unit.clusters.recut(cluster_id, line), now)
        investigation_id = unit.clusters.investigation_of(cluster_id)
        size, below = unit.clusters.sizes([cluster_id])[cluster_id], unit.clusters.count_below(cluster_id)
        event = ClusterRecut(investigation_id, cluster_id, line, size, below)
        record(unit, event, actor=actor, at=now)
        for waiting in planned:
            if waiting.status is RemediationStatus.PENDING:
                cancel(unit, waiting, f"{cluster_id} was cut again at {line:g}", now)
        tell(unit, investigation_id, cut, actor, now)
        unit.jobs.put(PLAN, cluster_id, {"cluster": cluster_id}, now)
    return cut
