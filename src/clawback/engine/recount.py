"""Recounting: copies may belong to clusters of several investigations, and each must show what is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from clawback.analysis.clusters import Cluster
from clawback.engine.record import AUTOMATION, record
from clawback.response.counts import Places
from clawback.response.events import ClusterLinked
from clawback.response.investigation import ClusterStanding
from clawback.store import Unit


def count(
    unit: Unit, investigation_id: str, cluster: Cluster, message_ids: Iterable[str], actor: str, now: datetime
) -> None:
    """Bring the counts of a cluster up to date, and those of all others with these messages."""
    record(unit, linked(unit, investigation_id, cluster), actor=actor, at=now)
    recount(unit, cluster.id, message_ids, now)


def linked(unit: Unit, investigation_id: str, cluster: Cluster) -> ClusterLinked:
    """How a cluster stands now, as its investigation is told of it."""
    return ClusterLinked(
        investigation_id,
        cluster.id,
        cluster.kind,
        cluster.key,
        cluster.verdict,
        cluster.threat,
        unit.clusters.sizes([cluster.id])[cluster.id],
        unit.clusters.places(cluster.id),
    )


def recount(unit: Unit, cluster_id: str, message_ids: Iterable[str], now: datetime) -> None:
    """Bring the counts of all other clusters with these messages up to date, where they differ."""
    for other in unit.clusters.with_messages(message_ids):
        if other == cluster_id:
            continue
        state = unit.investigations.get(unit.clusters.investigation_of(other))
        places = unit.clusters.places(other)
        for standing in state.clusters:
            if standing.cluster_id == other and standing.now != places:
                record(unit, _again(state.id, standing, places), actor=AUTOMATION, at=now)


def _again(investigation_id: str, standing: ClusterStanding, places: Places) -> ClusterLinked:
    return ClusterLinked(
        investigation_id,
        standing.cluster_id,
        standing.kind,
        standing.key,
        standing.verdict,
        standing.threat,
        standing.messages,
        places,
    )
