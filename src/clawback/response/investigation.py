"""The investigation: our inquiry from alerts to an outcome.

A value that changes only by events (see `applying`). Evidence grows, never shrinks.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from clawback.analysis.clusters import ClusterKind
from clawback.analysis.entities import Entity
from clawback.analysis.indicators import Threat, VerdictKind
from clawback.response.accounts import RemediationStanding
from clawback.response.alerts import Alert, AlertKind
from clawback.response.counts import Places
from clawback.response.evidence import Evidence


class InvestigationStatus(StrEnum):
    """Where the inquiry stands. The strings people see are Defender's, made at the border."""

    STARTING = "starting"
    QUEUED_BY_THROTTLING = "queued_by_throttling"
    RUNNING = "running"
    PENDING_ACTION = "pending_action"
    NO_THREATS_FOUND = "no_threats_found"
    THREATS_FOUND = "threats_found"
    PARTIALLY_REMEDIATED = "partially_remediated"
    REMEDIATED = "remediated"
    FAILED = "failed"
    TERMINATED_BY_SYSTEM = "terminated_by_system"
    TERMINATED_BY_USER = "terminated_by_user"


class Terminated(StrEnum):
    """Who ended an inquiry before its outcome."""

    NOT = ""
    BY_SYSTEM = "system"
    BY_USER = "user"


OPEN_STATUSES = frozenset(
    {
        InvestigationStatus.STARTING,
        InvestigationStatus.QUEUED_BY_THROTTLING,
        InvestigationStatus.RUNNING,
        InvestigationStatus.PENDING_ACTION,
    }
)


@dataclass(frozen=True, slots=True)
class ClusterStanding:
    """A cluster inside its investigation: counts when it was first cut, and counts now.

    `armed_until` is set while late copies are taken out on sight.
    """

    cluster_id: str
    kind: ClusterKind
    key: Entity
    verdict: VerdictKind
    threat: Threat
    messages: int
    messages_then: int
    then: Places
    now: Places
    armed_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of the investigation's log."""

    at: datetime
    actor: str
    event: str
    text: str


@dataclass(frozen=True, slots=True)
class Investigation:
    """An inquiry. `version` counts its events and guards against two writers.

    `queued` while too many others started within an hour; `reason` says why it was `terminated`.
    """

    id: str
    kind: AlertKind
    title: str
    cause: Entity
    status: InvestigationStatus
    created_at: datetime
    changed_at: datetime
    ended_at: datetime | None = None
    alerts: tuple[Alert, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    clusters: tuple[ClusterStanding, ...] = ()
    remediations: tuple[RemediationStanding, ...] = ()
    log: tuple[LogEntry, ...] = ()
    asked: bool = False
    failure: str = ""
    version: int = 0
    queued: bool = False
    terminated: Terminated = Terminated.NOT
    reason: str = ""
