"""The investigation: our inquiry from alerts to an outcome, as a pure state machine.

`apply(investigation, event, actor, at)` is the only way it changes. Evidence grows, never shrinks.
The status is never set by hand: `status_of` reads it off the clusters and remediations.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import singledispatch

from clawback.analysis.clusters import ClusterKind
from clawback.analysis.entities import Entity, EntityKind
from clawback.analysis.indicators import Threat, VerdictKind
from clawback.response import accounts
from clawback.response.accounts import RemediationStanding
from clawback.response.alerts import Alert, AlertKind
from clawback.response.counts import Places
from clawback.response.describe import describe
from clawback.response.events import (
    AlertJoined,
    ClusterArmed,
    ClusterDisarmed,
    ClusterLinked,
    InvestigationEvent,
    InvestigationFailed,
    InvestigationStarted,
    NothingCarried,
    RemediationApproved,
    RemediationCancelled,
    RemediationCompleted,
    RemediationExpired,
    RemediationPlanned,
    RemediationRejected,
    RemediationStarted,
)
from clawback.response.evidence import Evidence, EvidenceStatus
from clawback.response.plan import RemediationStatus, Tally

LOG_LIMIT = 2_000


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
    """An inquiry. `version` counts its events and guards against two writers."""

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


def start(event: InvestigationStarted, actor: str, at: datetime) -> Investigation:
    """The first value of an investigation."""
    alert = event.alert
    cause = Evidence(alert.cause, "cause", VerdictKind.UNKNOWN, None, EvidenceStatus.ACTIVE, at)
    blank = Investigation(
        id=event.investigation_id,
        kind=alert.kind,
        title=alert.title,
        cause=alert.cause,
        status=InvestigationStatus.STARTING,
        created_at=at,
        changed_at=at,
        alerts=(alert,),
        evidence=(cause,),
    )
    return _logged(blank, event, actor, at)


def apply(state: Investigation, event: InvestigationEvent, actor: str, at: datetime) -> Investigation:
    """The value after this event: a new one, with status, evidence, log and times brought up to date."""
    changed = _logged(_step(event, state, at), event, actor, at)
    status = status_of(changed)
    ended = None if status in OPEN_STATUSES else (state.ended_at or at)
    judged = replace(changed, status=status, ended_at=ended)
    return replace(judged, evidence=tuple(_restated(item, judged) for item in judged.evidence))


def status_of(state: Investigation) -> InvestigationStatus:
    """Read the status off what is known.

    Failure first; then what still runs or waits; then the outcome. *Remediated* only when every copy
    of every malicious cluster was observed outside the mailboxes.
    """
    if state.failure:
        return InvestigationStatus.FAILED
    if not state.asked:
        return InvestigationStatus.STARTING
    if any(r.at_work for r in state.remediations):
        return InvestigationStatus.RUNNING
    if any(r.status is RemediationStatus.PENDING for r in state.remediations):
        return InvestigationStatus.PENDING_ACTION
    return _outcome(state)


def _outcome(state: Investigation) -> InvestigationStatus:
    bad = [c for c in state.clusters if c.verdict is VerdictKind.MALICIOUS]
    if not bad:
        suspicious = any(c.verdict is VerdictKind.SUSPICIOUS for c in state.clusters)
        return InvestigationStatus.THREATS_FOUND if suspicious else InvestigationStatus.NO_THREATS_FOUND
    if all(c.now.left == 0 for c in bad):
        return InvestigationStatus.REMEDIATED
    if any(r.tally.removed and not r.undoes and not r.undone for r in state.remediations):
        return InvestigationStatus.PARTIALLY_REMEDIATED
    if any(r.status is RemediationStatus.EXPIRED for r in state.remediations):
        return InvestigationStatus.TERMINATED_BY_SYSTEM
    return InvestigationStatus.THREATS_FOUND


def _restated(item: Evidence, state: Investigation) -> Evidence:
    """Evidence with the verdict and remediation status that the clusters now give it."""
    mine = [c for c in state.clusters if item.entity in (c.key, Entity(EntityKind.CLUSTER, c.cluster_id))]
    if item.role == "cause" and not mine:
        mine = list(state.clusters)
    if not mine:
        status = EvidenceStatus.NOT_FOUND if state.asked else item.status
        return replace(item, status=status)
    worst = min(mine, key=lambda c: _GRAVITY[c.verdict])
    return replace(item, verdict=worst.verdict, threat=worst.threat, status=_evidence_status(mine, state))


_GRAVITY = {
    VerdictKind.MALICIOUS: 0,
    VerdictKind.SUSPICIOUS: 1,
    VerdictKind.UNKNOWN: 2,
    VerdictKind.NO_THREATS_FOUND: 3,
}


def _evidence_status(mine: list[ClusterStanding], state: Investigation) -> EvidenceStatus:
    ids = {c.cluster_id for c in mine}
    deeds = [r for r in state.remediations if r.cluster_id in ids and not r.undoes]
    statuses = {r.status for r in deeds}
    if any(r.at_work for r in deeds):
        return EvidenceStatus.RUNNING
    if RemediationStatus.PENDING in statuses:
        return EvidenceStatus.PENDING_APPROVAL
    left = sum(c.now.left for c in mine)
    if left == 0:
        return EvidenceStatus.REMEDIATED if deeds else EvidenceStatus.PREVENTED
    if any(r.tally.removed and not r.undone for r in deeds):
        return EvidenceStatus.PARTIALLY_REMEDIATED
    if any(r.undone for r in deeds):
        return EvidenceStatus.UNDONE
    if RemediationStatus.REJECTED in statuses:
        return EvidenceStatus.DECLINED
    return EvidenceStatus.ACTIVE


@singledispatch
def _step(event: object, state: Investigation, at: datetime) -> Investigation:
    raise TypeError(f"no step for {type(event).__name__}")


@_step.register
def _(event: InvestigationStarted, state: Investigation, at: datetime) -> Investigation:
    raise TypeError("an investigation starts only once: use start()")


@_step.register
def _(event: AlertJoined, state: Investigation, at: datetime) -> Investigation:
    if any(alert.id == event.alert.id for alert in state.alerts):
        return state
    return replace(state, alerts=(*state.alerts, event.alert))


@_step.register
def _(event: ClusterLinked, state: Investigation, at: datetime) -> Investigation:
    old = next((c for c in state.clusters if c.cluster_id == event.cluster_id), None)
    standing = ClusterStanding(
        cluster_id=event.cluster_id,
        kind=event.kind,
        key=event.key,
        verdict=event.verdict,
        threat=event.threat,
        messages=event.messages,
        messages_then=old.messages_then if old else event.messages,
        then=old.then if old else event.places,
        now=event.places,
        armed_until=old.armed_until if old else None,
    )
    others = tuple(c for c in state.clusters if c.cluster_id != event.cluster_id)
    grown = replace(state, clusters=(*others, standing), asked=True)
    if old:
        return grown
    entity = Entity(EntityKind.CLUSTER, event.cluster_id)
    item = Evidence(
        entity, "cluster", event.verdict, event.threat, EvidenceStatus.ACTIVE, at, detail=str(event.key)
    )
    return replace(grown, evidence=(*grown.evidence, item))


@_step.register
def _(event: NothingCarried, state: Investigation, at: datetime) -> Investigation:
    return replace(state, asked=True)


@_step.register
def _(event: RemediationPlanned, state: Investigation, at: datetime) -> Investigation:
    standing = RemediationStanding(
        event.remediation_id,
        event.cluster_id,
        event.kind,
        RemediationStatus.PENDING,
        at,
        tally=Tally(found=event.deeds + event.skipped, skipped=event.skipped, open=event.deeds),
        undoes=event.undoes,
        follows=event.follows,
    )
    return replace(state, remediations=(*state.remediations, standing))


@_step.register
def _(event: RemediationApproved, state: Investigation, at: datetime) -> Investigation:
    decided = _restanding(state, event.remediation_id, RemediationStatus.APPROVED, decided_at=at)
    return replace(decided, remediations=accounts.join(decided.remediations, event.remediation_id))


@_step.register
def _(event: RemediationRejected, state: Investigation, at: datetime) -> Investigation:
    return _restanding(state, event.remediation_id, RemediationStatus.REJECTED, decided_at=at)


@_step.register
def _(event: RemediationExpired, state: Investigation, at: datetime) -> Investigation:
    return _restanding(state, event.remediation_id, RemediationStatus.EXPIRED, decided_at=at)


@_step.register
def _(event: RemediationCancelled, state: Investigation, at: datetime) -> Investigation:
    alone = replace(state, remediations=accounts.leave(state.remediations, event.remediation_id))
    return _restanding(alone, event.remediation_id, RemediationStatus.CANCELLED, decided_at=at)


@_step.register
def _(event: RemediationStarted, state: Investigation, at: datetime) -> Investigation:
    return _restanding(state, event.remediation_id, RemediationStatus.RUNNING)


@_step.register
def _(event: RemediationCompleted, state: Investigation, at: datetime) -> Investigation:
    done = _restanding(state, event.remediation_id, ended_as(event.tally), tally=event.tally)
    mine = accounts.holder(done.remediations, event.remediation_id)
    done = replace(done, remediations=accounts.settle(done.remediations, event.remediation_id, event.tally))
    touched = mine.cluster_id if mine else ""
    clusters = tuple(replace(c, now=event.places) if c.cluster_id == touched else c for c in done.clusters)
    undone = tuple(
        replace(r, undone=True) if r.remediation_id == event.undoes else r for r in done.remediations
    )
    return replace(done, clusters=clusters, remediations=undone)


@_step.register
def _(event: ClusterArmed, state: Investigation, at: datetime) -> Investigation:
    return _armed(state, event.cluster_id, event.until)


@_step.register
def _(event: ClusterDisarmed, state: Investigation, at: datetime) -> Investigation:
    return _armed(state, event.cluster_id, None)


def _armed(state: Investigation, cluster_id: str, until: datetime | None) -> Investigation:
    clusters = (replace(c, armed_until=until) if c.cluster_id == cluster_id else c for c in state.clusters)
    return replace(state, clusters=tuple(clusters))


@_step.register
def _(event: InvestigationFailed, state: Investigation, at: datetime) -> Investigation:
    return replace(state, failure=event.reason)


def ended_as(tally: Tally) -> RemediationStatus:
    """How a remediation ended: failed when nothing but failures came of it."""
    nothing = not tally.removed and not tally.already_gone
    return RemediationStatus.FAILED if tally.failed and nothing else RemediationStatus.COMPLETED


def _restanding(
    state: Investigation,
    remediation_id: str,
    status: RemediationStatus,
    *,
    decided_at: datetime | None = None,
    tally: Tally | None = None,
) -> Investigation:
    def one(r: RemediationStanding) -> RemediationStanding:
        if r.remediation_id != remediation_id:
            return r
        return replace(r, status=status, decided_at=decided_at or r.decided_at, tally=tally or r.tally)

    return replace(state, remediations=tuple(one(r) for r in state.remediations))


def _logged(state: Investigation, event: InvestigationEvent, actor: str, at: datetime) -> Investigation:
    entry = LogEntry(at, actor, event.TYPE, describe(event))
    return replace(state, log=(*state.log, entry)[-LOG_LIMIT:], changed_at=at, version=state.version + 1)
