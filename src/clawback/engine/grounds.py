"""Grounds: what a cluster's verdict and a copy's absence rest on, read anew from what is listed and said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from clawback.analysis.allowing import is_allow
from clawback.analysis.clusters import Cluster, ClusterKind
from clawback.analysis.entities import EntityKind
from clawback.analysis.indicators import Indicator, VerdictKind
from clawback.analysis.matching import keys_of
from clawback.analysis.rollup import ThreatCounts, roll_up
from clawback.analysis.verdict import Said
from clawback.engine.policies import policy_of
from clawback.errors import NotFound
from clawback.response.retraction import same_entity
from clawback.store import Unit


def listings(unit: Unit, key: Indicator) -> tuple[Indicator, ...]:
    """Every listing of what this indicator names that says something bad of it, whoever listed it."""
    near = unit.indicators.matching(keys_of(key))
    return tuple(one for one in near if same_entity(one, key) and not is_allow(one))


def is_listed(unit: Unit, indicator_id: str) -> bool:
    """Whether an indicator of that id is listed as bad: as good it may have the same id."""
    try:
        return not is_allow(unit.indicators.get(indicator_id))
    except NotFound:
        return False


def verdict_of(unit: Unit, cluster: Cluster) -> VerdictKind:
    """The verdict that a cluster has now: of what it was cut by, while that is listed; else its members'."""
    if cluster.indicator is not None:
        verdicts = {one.verdict for one in listings(unit, cluster.indicator)}
        return min(verdicts, key=_GRAVEST_FIRST.index, default=VerdictKind.NO_THREATS_FOUND)
    if cluster.kind in _BY_KEY:
        return cluster.verdict
    if cluster.kind is ClusterKind.SENT_MAIL:
        return _still(unit, cluster)
    if cluster.key.kind is EntityKind.MESSAGE:
        return confirmed_verdict(unit, cluster.key.value)
    return roll_up(unit.detections.counts(cluster.id), policy_of(unit).handful).verdict


def _still(unit: Unit, cluster: Cluster) -> VerdictKind:
    """What the part of an account's sent mail is, as long as any of its members is that: never more."""
    if cluster.verdict not in (VerdictKind.MALICIOUS, VerdictKind.SUSPICIOUS):
        return cluster.verdict
    verdicts = {judged.verdict for judged in unit.detections.counts(cluster.id)}
    return cluster.verdict if cluster.verdict in verdicts else VerdictKind.NO_THREATS_FOUND


def why_groundless(unit: Unit, cluster: Cluster) -> str:
    """Why nothing may be removed because of a cluster any more, "" while it is malicious.

    What a person chose rests on that person alone.
    """
    if cluster.kind is ClusterKind.SELECTION:
        return ""
    if verdict_of(unit, cluster) is VerdictKind.MALICIOUS:
        return ""
    return f"{cluster.key.value} is not malicious any more"


def confirmed_verdict(unit: Unit, message_id: str) -> VerdictKind:
    """What people have said about a message that was reported, as long as nobody takes it back."""
    said = unit.detections.speaking([message_id]).get(message_id, ())
    verdicts = {one.verdict for one in said if one.source.startswith("sub-")}
    return min(verdicts, key=_GRAVEST_FIRST.index, default=VerdictKind.NO_THREATS_FOUND)


_BY_KEY = (ClusterKind.MALICIOUS_FILE, ClusterKind.MALICIOUS_URL, ClusterKind.SELECTION)
_GRAVEST_FIRST = (VerdictKind.MALICIOUS, VerdictKind.SUSPICIOUS, VerdictKind.UNKNOWN)


def judged_now(unit: Unit, cluster: Cluster) -> Cluster:
    """The cluster, kept with the verdict and counts that it has now: its ground may have been taken back.

    What nobody has listed, and only asks who carries it, stays unknown. For whoever holds the fence of the
    indicators.
    """
    if cluster.verdict is VerdictKind.UNKNOWN:
        return cluster
    threats = ThreatCounts.of(unit.detections.counts(cluster.id))
    judged = replace(cluster, verdict=verdict_of(unit, cluster), threats=threats)
    if judged != cluster:
        unit.clusters.restate(judged)
    return judged


def stays_out(unit: Unit, message_ids: Sequence[str], without: Iterable[str]) -> dict[str, str]:
    """The messages among these that something still makes malicious, each with what it is.

    `without` are sources whose word does not count any more. A message counts too that is a member of
    a similar cluster with a malicious verdict.
    """
    struck, names = frozenset(without), dict[str, str]()
    found: dict[str, str] = {}
    for message_id, said in unit.detections.speaking(message_ids).items():
        bad = [s for s in said if s.verdict is VerdictKind.MALICIOUS and s.source not in struck]
        if bad:
            names.setdefault(bad[0].source, _named(unit, bad[0]))
            found[message_id] = names[bad[0].source]
    return found | _alike(unit, [id for id in message_ids if id not in found])


def _alike(unit: Unit, message_ids: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for cluster_id in unit.clusters.with_messages(message_ids):
        cluster = unit.clusters.head(cluster_id)
        if cluster.kind is ClusterKind.SENT_MAIL:
            continue  # each of its members is malicious by itself, or no more
        if cluster.indicator is None and verdict_of(unit, cluster) is VerdictKind.MALICIOUS:
            mine = unit.clusters.members_among(cluster_id, message_ids)
            found |= dict.fromkeys(mine, f"it belongs to {cluster_id}, which is malicious without it")
    return found


def _named(unit: Unit, said: Said) -> str:
    try:
        listed = unit.indicators.get(said.source)
    except NotFound:
        return f"{said.source} speaks against it"
    return f"the {listed.kind.value} {listed.value} in it is listed by {listed.source}"
