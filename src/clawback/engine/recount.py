"""Recounting: copies may belong to clusters of several investigations, and each must show what is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from clawback.engine.record import AUTOMATION, record
from clawback.response.counts import Places
from clawback.response.events import ClusterLinked
from clawback.response.investigation import ClusterStanding
from clawback.store import Unit


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
