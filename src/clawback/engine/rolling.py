"""Rolling up: what is said against a cluster's members, counted, and the verdict that follows for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from clawback.analysis.clusters import Cluster, ClusterKind
from clawback.analysis.entities import EntityKind
from clawback.analysis.indicators import Threat
from clawback.analysis.rollup import ThreatCounts, roll_up
from clawback.analysis.volume import DAYS, volume
from clawback.engine.grounds import judged_now
from clawback.engine.policies import policy_of
from clawback.store import Unit


def is_similar(cluster: Cluster) -> bool:
    """Whether a cluster's verdict is rolled up from its members: nothing listed or confirmed made it."""
    if cluster.indicator is not None:
        return False
    return cluster.key.kind is EntityKind.FINGERPRINT or cluster.kind is ClusterKind.SENDER_CAMPAIGN


def rolled_up(unit: Unit, cluster: Cluster) -> Cluster:
    """The cluster (its members need not be given) with the counts and verdict that they make now.

    For whoever holds the fence of the indicators.
    """
    if not is_similar(cluster):
        return judged_now(unit, cluster)
    counts = unit.detections.counts(cluster.id)
    judged = roll_up(counts, policy_of(unit).handful)
    threat = judged.threat or Threat.SPAM
    return replace(cluster, verdict=judged.verdict, threat=threat, threats=ThreatCounts.of(counts))


def counted(unit: Unit, cluster: Cluster, now: datetime) -> Cluster:
    """As `rolled_up`, with its volume too, and kept so."""
    whole = replace(rolled_up(unit, cluster), volume=volume(unit.clusters.ages(cluster.id, now, DAYS)))
    if whole != cluster:
        unit.clusters.restate(whole)
    return whole
