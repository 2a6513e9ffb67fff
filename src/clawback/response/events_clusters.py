"""Domain events of clusters beside their cutting; `events` has the whole list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from clawback.analysis.indicators import Threat, VerdictKind


@dataclass(frozen=True, slots=True)
class ClusterRecut:
    """A person moved a cluster's line: from where on a score makes a member. `below` counts the others."""

    TYPE: ClassVar[str] = "cluster_recut"
    investigation_id: str
    cluster_id: str
    line: float
    messages: int
    below: int


@dataclass(frozen=True, slots=True)
class OriginalJudged:
    """A cluster gave its verdict back to the message it was cut around, which has nothing bad of its own."""

    TYPE: ClassVar[str] = "original_judged"
    investigation_id: str
    message_id: str
    cluster_id: str
    verdict: VerdictKind
    threat: Threat
