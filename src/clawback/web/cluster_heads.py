"""A cluster as the API lists it: without its members, with how many there are and where their copies are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from clawback.analysis.clusters import Cluster, ClusterKind
from clawback.analysis.entities import Entity
from clawback.analysis.indicators import Threat, VerdictKind
from clawback.response.counts import Places
from clawback.store import Unit

COUNTED = 1_000
"""Members up to which it is counted anew where their copies are; of more it is told what was counted last."""


@dataclass(frozen=True, slots=True)
class ClusterHead:
    """A cluster without its members: how many there are, and where their copies were last seen.

    Of a very large one the places are what its investigation counted last, at `counted_at`.
    """

    id: str
    investigation_id: str
    kind: ClusterKind
    key: Entity
    query: str
    asked_at: datetime
    verdict: VerdictKind
    threat: Threat
    line: float
    messages: int
    places: Places
    counted_at: datetime | None = None


def heads(unit: Unit, found: Sequence[Cluster]) -> tuple[ClusterHead, ...]:
    """The heads of clusters, in the same order."""
    sizes = unit.clusters.sizes([one.id for one in found]) if found else {}
    return tuple(_head(unit, one, sizes[one.id]) for one in found)


def _head(unit: Unit, one: Cluster, size: int) -> ClusterHead:
    investigation_id = unit.clusters.investigation_of(one.id)
    return ClusterHead(
        one.id,
        investigation_id,
        one.kind,
        one.key,
        one.query,
        one.asked_at,
        one.verdict,
        one.threat,
        one.line,
        size,
        *places_of(unit, one.id, size, investigation_id),
    )


def places_of(
    unit: Unit, cluster_id: str, size: int, investigation_id: str
) -> tuple[Places, datetime | None]:
    """Where the copies are, counted now; of a very large cluster what its investigation counted, and when."""
    if size > COUNTED:
        state = unit.investigations.get(investigation_id)
        for standing in state.clusters:
            if standing.cluster_id == cluster_id:
                return standing.now, state.changed_at
    return unit.clusters.places(cluster_id), None
