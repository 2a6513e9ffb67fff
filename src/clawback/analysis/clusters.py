"""Clusters: messages judged to belong together, each with the reason why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice

from clawback import ids
from clawback.analysis.allowing import beats, standing
from clawback.analysis.entities import Entity, Reason
from clawback.analysis.indicators import Indicator, IndicatorKind, Threat, VerdictKind
from clawback.analysis.matching import entity_of
from clawback.analysis.queries import query_of
from clawback.analysis.rollup import ThreatCounts
from clawback.analysis.volume import Volume
from clawback.message.message import Message


class ClusterKind(StrEnum):
    """What holds a cluster together."""

    MALICIOUS_FILE = "malicious_file"
    MALICIOUS_URL = "malicious_url"
    SIMILAR_ATTRIBUTES = "similar_attributes"
    NEAR_DUPLICATE = "near_duplicate"
    SENDER_CAMPAIGN = "sender_campaign"
    SENT_MAIL = "sent_mail"
    SELECTION = "selection"


BY_ITSELF = frozenset(ClusterKind) - {ClusterKind.SELECTION}
"""Kinds that may be remediated without a person; a selection is a person's own."""


@dataclass(frozen=True, slots=True)
class Member:
    """One message of a cluster, why it is one (never empty), and how sure that is.

    The score is 1 for what is the same, the Jaccard value for bodies, a fixed value for shapes; it has
    four digits behind the point.
    """

    message_id: str
    reasons: tuple[Reason, ...]
    score: float = 1.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """Messages that carry the same malicious thing, or are similar to messages that do.

    `id` (``clu-...``) is made of the investigation and the key; `query` says in words of the hunting
    language what was asked, `asked_at` when, and `indicator` is the listing that the key is of (None for
    what is only similar, and in what was kept before it was noted). Members have a score of `line` or
    more; `candidates` are those below it (given when it is cut, not kept in it). `threats` counts the
    members by what is said against them, `volume` says whether they are unusually many, and `folded`
    names the keys of clusters that would have had the same members.
    """

    id: str
    kind: ClusterKind
    key: Entity
    query: str
    asked_at: datetime
    verdict: VerdictKind
    threat: Threat
    members: tuple[Member, ...]
    indicator: Indicator | None = None
    line: float = 1.0
    candidates: tuple[Member, ...] = ()
    threats: ThreatCounts = ThreatCounts()
    volume: Volume | None = None
    folded: tuple[Entity, ...] = ()


_KINDS = {
    IndicatorKind.SHA256: ClusterKind.MALICIOUS_FILE,
    IndicatorKind.URL: ClusterKind.MALICIOUS_URL,
    IndicatorKind.HOST: ClusterKind.MALICIOUS_URL,
    IndicatorKind.DOMAIN: ClusterKind.MALICIOUS_URL,
    IndicatorKind.SENDER: ClusterKind.SIMILAR_ATTRIBUTES,
    IndicatorKind.IP: ClusterKind.SIMILAR_ATTRIBUTES,
}


def link(
    investigation_id: str,
    indicator: Indicator,
    candidates: Iterable[Message],
    asked_at: datetime,
    allowed: Sequence[Indicator] = (),
    most: int | None = None,
) -> Cluster:
    """The cluster of the candidates that really carry the indicator, each with its reasons.

    Candidates may be slim, in any order, and may repeat; members are sorted by message id and unique.
    The id is made of the investigation, the kind, the key and the way of matching, so asking again
    makes the same cluster, with the members of now. With allow entries in `allowed` a message is no
    member when they cover every place that would make it one (see `allowing`). After `most` members no more
    candidates are looked at.
    """
    stronger = [entry for entry in allowed if beats(entry, indicator)]
    members = dict(islice(_members(indicator, candidates, stronger), most))
    kind, key = _KINDS[indicator.kind], entity_of(indicator)
    return Cluster(
        id=ids.make("clu", investigation_id, kind, str(key), indicator.match),
        kind=kind,
        key=key,
        query=query_of(indicator),
        asked_at=asked_at,
        verdict=indicator.verdict,
        threat=indicator.threat,
        members=tuple(members[message_id] for message_id in sorted(members)),
        indicator=indicator,
    )


def _members(
    indicator: Indicator, candidates: Iterable[Message], allowed: Sequence[Indicator]
) -> Iterator[tuple[str, Member]]:
    for message in candidates:
        if reasons := standing(message, indicator, allowed):
            yield message.id, Member(message.id, reasons)
