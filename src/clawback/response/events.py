"""The list of domain events: everything that can happen, in one file.

An event says what happened, never who or when: the actor and the time stand beside it in the audit
log. `EVENTS` is the whole list; each event's `TYPE` is its stable name in the log and in exports.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from clawback.analysis.clusters import ClusterKind
from clawback.analysis.entities import Entity
from clawback.analysis.indicators import Indicator, Threat, VerdictKind
from clawback.response.alerts import Alert
from clawback.response.counts import Places
from clawback.response.events_access import ACCESS_EVENTS, AccessEvent
from clawback.response.events_backtests import BACKTEST_EVENTS, BacktestEvent
from clawback.response.events_brake import BRAKE_EVENTS, BrakeEvent, CollateralEstimated, RestHeld
from clawback.response.events_clusters import ClusterRecut, OriginalJudged
from clawback.response.events_decisions import RemediationExpiring, RemediationProposed
from clawback.response.events_inquiries import INQUIRY_EVENTS, ClicksRecorded, InquiryEvent
from clawback.response.events_reports import SUBMISSION_EVENTS, SubmissionEvent
from clawback.response.events_retraction import VerdictRetracted
from clawback.response.events_sinks import SINK_EVENTS, SinkEvent
from clawback.response.plan import ActionKind, Tally
from clawback.response.policy import Policy


@dataclass(frozen=True, slots=True)
class IndicatorAdded:
    """Somebody or a feed listed an entity as bad or good."""

    TYPE: ClassVar[str] = "indicator_added"
    indicator: Indicator


@dataclass(frozen=True, slots=True)
class IndicatorsImported:
    """A list of indicators was read; counts only, the indicators carry their source."""

    TYPE: ClassVar[str] = "indicators_imported"
    source: str
    read: int
    added: int
    defects: int


@dataclass(frozen=True, slots=True)
class IndicatorRemoved:
    """An indicator was taken off the list."""

    TYPE: ClassVar[str] = "indicator_removed"
    indicator: Indicator


@dataclass(frozen=True, slots=True)
class AutomationChanged:
    """The policy of automation was replaced by another."""

    TYPE: ClassVar[str] = "automation_changed"
    before: Policy
    after: Policy


@dataclass(frozen=True, slots=True)
class InvestigationStarted:
    """An alert opened an investigation."""

    TYPE: ClassVar[str] = "investigation_started"
    investigation_id: str
    alert: Alert


@dataclass(frozen=True, slots=True)
class AlertJoined:
    """An alert with the same cause joined an investigation that exists."""

    TYPE: ClassVar[str] = "alert_joined"
    investigation_id: str
    alert: Alert


@dataclass(frozen=True, slots=True)
class ClusterLinked:
    """A cluster was cut or grew; `places` counts its copies as last observed."""

    TYPE: ClassVar[str] = "cluster_linked"
    investigation_id: str
    cluster_id: str
    kind: ClusterKind
    key: Entity
    verdict: VerdictKind
    threat: Threat
    messages: int
    places: Places


@dataclass(frozen=True, slots=True)
class NothingCarried:
    """No message carries what was asked for."""

    TYPE: ClassVar[str] = "nothing_carried"
    investigation_id: str
    key: Entity


@dataclass(frozen=True, slots=True)
class RemediationPlanned:
    """A plan was made and waits for its approval.

    `undoes` names the remediation it would undo, `follows` the one whose late copies it would take out; as
    the `rest` it goes on after that one.
    """

    TYPE: ClassVar[str] = "remediation_planned"
    investigation_id: str
    cluster_id: str
    remediation_id: str
    kind: ActionKind
    plan_hash: str
    deeds: int
    skipped: int
    undoes: str = ""
    waits_because: str = ""
    follows: str = ""
    rest: bool = False


@dataclass(frozen=True, slots=True)
class RemediationApproved:
    """A person, or the policy (``Automation``), let this plan hash run."""

    TYPE: ClassVar[str] = "remediation_approved"
    investigation_id: str
    remediation_id: str
    plan_hash: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class RemediationRejected:
    """A person said no."""

    TYPE: ClassVar[str] = "remediation_rejected"
    investigation_id: str
    remediation_id: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class RemediationExpired:
    """Nobody decided in time."""

    TYPE: ClassVar[str] = "remediation_expired"
    investigation_id: str
    remediation_id: str


@dataclass(frozen=True, slots=True)
class RemediationCancelled:
    """The plan lost its ground: a newer plan replaces it, or nothing is left in a mailbox."""

    TYPE: ClassVar[str] = "remediation_cancelled"
    investigation_id: str
    remediation_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class RemediationStarted:
    """The executor took the plan up."""

    TYPE: ClassVar[str] = "remediation_started"
    investigation_id: str
    remediation_id: str


@dataclass(frozen=True, slots=True)
class RemediationCompleted:
    """Every copy has its receipt. `places` counts the cluster's copies as observed afterwards."""

    TYPE: ClassVar[str] = "remediation_completed"
    investigation_id: str
    remediation_id: str
    tally: Tally
    places: Places
    undoes: str = ""


@dataclass(frozen=True, slots=True)
class ClusterArmed:
    """A removal ended: until then, late copies of its cluster are taken out on sight, for it."""

    TYPE: ClassVar[str] = "cluster_armed"
    investigation_id: str
    cluster_id: str
    remediation_id: str
    until: datetime


@dataclass(frozen=True, slots=True)
class ClusterDisarmed:
    """Late copies of a cluster are left alone again; the reason is for people."""

    TYPE: ClassVar[str] = "cluster_disarmed"
    investigation_id: str
    cluster_id: str
    remediation_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class InvestigationFailed:
    """The inquiry could not go on; the reason is for people."""

    TYPE: ClassVar[str] = "investigation_failed"
    investigation_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class ClusterExported:
    """A cluster's members left the system as a file."""

    TYPE: ClassVar[str] = "cluster_exported"
    cluster_id: str
    format: str
    rows: int


InvestigationEvent = (
    InvestigationStarted
    | AlertJoined
    | ClusterLinked
    | ClusterRecut
    | OriginalJudged
    | NothingCarried
    | RemediationPlanned
    | CollateralEstimated
    | RestHeld
    | RemediationProposed
    | RemediationApproved
    | RemediationRejected
    | RemediationExpiring
    | RemediationExpired
    | RemediationCancelled
    | RemediationStarted
    | RemediationCompleted
    | ClusterArmed
    | ClusterDisarmed
    | InvestigationFailed
    | InquiryEvent
)
Event = (
    InvestigationEvent
    | IndicatorAdded
    | IndicatorsImported
    | IndicatorRemoved
    | VerdictRetracted
    | AutomationChanged
    | BacktestEvent
    | BrakeEvent
    | AccessEvent
    | SinkEvent
    | ClusterExported
    | ClicksRecorded
    | SubmissionEvent
)
EVENTS: tuple[type[Event], ...] = (
    IndicatorAdded,
    IndicatorsImported,
    IndicatorRemoved,
    VerdictRetracted,
    AutomationChanged,
    *BACKTEST_EVENTS,
    *BRAKE_EVENTS,
    *ACCESS_EVENTS,
    *SINK_EVENTS,
    InvestigationStarted,
    AlertJoined,
    ClusterLinked,
    ClusterRecut,
    OriginalJudged,
    NothingCarried,
    RemediationPlanned,
    CollateralEstimated,
    RestHeld,
    RemediationProposed,
    RemediationApproved,
    RemediationRejected,
    RemediationExpiring,
    RemediationExpired,
    RemediationCancelled,
    RemediationStarted,
    RemediationCompleted,
    ClusterArmed,
    ClusterDisarmed,
    InvestigationFailed,
    ClusterExported,
    *INQUIRY_EVENTS,
    *SUBMISSION_EVENTS,
)
