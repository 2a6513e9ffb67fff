"""Clusters: messages judged to belong together, each with the reason why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from clawback.analysis.entities import Entity, Reason
from clawback.analysis.indicators import Threat, VerdictKind


class ClusterKind(StrEnum):
    """What holds a cluster together."""

    MALICIOUS_FILE = "malicious_file"
    MALICIOUS_URL = "malicious_url"
    SIMILAR_ATTRIBUTES = "similar_attributes"


@dataclass(frozen=True, slots=True)
class Member:
    """One message of a cluster, and why it is one (never empty)."""

    message_id: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Cluster:
    """Messages that carry the same malicious thing.

    `id` (``clu-...``) is made of the investigation and the key; `query` says in words of the hunting
    language what was asked, `asked_at` when.
    """

    id: str
    kind: ClusterKind
    key: Entity
    query: str
    asked_at: datetime
    verdict: VerdictKind
    threat: Threat
    members: tuple[Member, ...]
