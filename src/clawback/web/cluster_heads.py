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


@dataclass(frozen=True, slots=True)
class ClusterHead:
    """A cluster without its members: how many there are, and where their copies were last seen."""

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


def heads(unit: Unit, found: Sequence[Cluster]) -> tuple[ClusterHead, ...]:
    """The heads of clusters, in the same order."""
    sizes = unit.clusters.sizes([one.id for one in found]) if found else {}
    return tuple(
        ClusterHead(
            one.id,
            unit.clusters.investigation_of(one.id),
            one.kind,
            one.key,
            one.query,
            one.asked_at,
            one.verdict,
            one.threat,
            one.line,
            sizes[one.id],
            unit.clusters.places(one.id),
        )
        for one in found
    )
