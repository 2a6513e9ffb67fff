"""Applying events: the investigation as a pure state machine.

`apply(investigation, event, actor, at)` is the only way it changes. The status is never set by hand:
`status_of` reads it off the clusters and remediations.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from clawback.analysis.entities import Entity, EntityKind
from clawback.analysis.indicators import VerdictKind
from clawback.analysis.verdict import VERDICTS
from clawback.response.describe import describe
from clawback.response.events import InvestigationEvent, InvestigationStarted
from clawback.response.evidence import Evidence, EvidenceStatus
from clawback.response.investigation import (
    OPEN_STATUSES,
    ClusterStanding,
    Investigation,
    InvestigationStatus,
    LogEntry,
    Terminated,
)
from clawback.response.plan import RemediationStatus
from clawback.response.playbooks import name_of
from clawback.response.steps import step

LOG_LIMIT = 2_000


def start(event: InvestigationStarted, actor: str, at: datetime) -> Investigation:
    """The first value of an investigation."""
    alert = event.alert
    cause = Evidence(alert.cause, "cause", VerdictKind.UNKNOWN, None, EvidenceStatus.ACTIVE, at)
    blank = Investigation(
        id=event.investigation_id,
        kind=alert.kind,
        title=name_of(alert.kind, alert.cause),
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
    changed = _logged(step(event, state, at), event, actor, at)
    status = status_of(changed)
    ended = None if status in OPEN_STATUSES else (state.ended_at or at)
    judged = replace(changed, status=status, ended_at=ended)
    return replace(judged, evidence=tuple(_restated(item, judged) for item in judged.evidence))


def status_of(state: Investigation) -> InvestigationStatus:
    """Read the status off what is known.

    Failure first; then what runs, an early end, what waits; then the outcome. *Remediated* only when every
    copy of every malicious cluster was observed outside the mailboxes.
    """
    if state.failure:
        return InvestigationStatus.FAILED
    if any(r.at_work for r in state.remediations):
        return InvestigationStatus.RUNNING
    if state.terminated:
        return _TERMINATED[state.terminated]
    if state.queued:
        return InvestigationStatus.QUEUED_BY_THROTTLING
    if not state.asked:
        return InvestigationStatus.STARTING
    if any(r.status is RemediationStatus.PENDING for r in state.remediations):
        return InvestigationStatus.PENDING_ACTION
    return _outcome(state)


_TERMINATED = {
    Terminated.BY_SYSTEM: InvestigationStatus.TERMINATED_BY_SYSTEM,
    Terminated.BY_USER: InvestigationStatus.TERMINATED_BY_USER,
}


def _outcome(state: Investigation) -> InvestigationStatus:
    bad = [c for c in state.clusters if c.verdict is VerdictKind.MALICIOUS]
    if not bad:
        verdicts = {c.verdict for c in state.clusters}
        verdicts |= {item.verdict for item in state.evidence if item.role in _AS_FOUND}
        suspicious = VerdictKind.SUSPICIOUS in verdicts
        return InvestigationStatus.THREATS_FOUND if suspicious else InvestigationStatus.NO_THREATS_FOUND
    if all(c.now.left == 0 for c in bad):
        return InvestigationStatus.REMEDIATED
    if any(r.tally.removed and not r.undoes and not r.undone for r in state.remediations):
        return InvestigationStatus.PARTIALLY_REMEDIATED
    if any(r.status is RemediationStatus.EXPIRED for r in state.remediations):
        return InvestigationStatus.TERMINATED_BY_SYSTEM
    return InvestigationStatus.THREATS_FOUND


_AS_FOUND = frozenset({"click", "mail_rule"})
"""Roles of evidence that no removal of mail changes."""
_BY_ITSELF = frozenset({EntityKind.MESSAGE, EntityKind.MAILBOX})
"""What is there whether a message carries it or not."""


def _restated(item: Evidence, state: Investigation) -> Evidence:
    """Evidence with the verdict and remediation status that the clusters now give it."""
    if item.role in _AS_FOUND:
        return item
    mine = [c for c in state.clusters if item.entity in (c.key, Entity(EntityKind.CLUSTER, c.cluster_id))]
    itself = item.entity.kind in _BY_ITSELF
    if not mine and (item.role == "cause" or (itself and item.role == "joined")):
        mine = list(state.clusters)
    if item.role == "original":
        mine = [c for c in state.clusters if c.cluster_id == item.detail]
    if not mine:
        nothing = EvidenceStatus.NONE if itself else EvidenceStatus.NOT_FOUND
        return replace(item, status=nothing if state.asked else item.status)
    worst = min(mine, key=lambda c: VERDICTS.index(c.verdict))
    if worst.verdict is VerdictKind.NO_THREATS_FOUND:
        return replace(item, verdict=worst.verdict, threat=None, status=EvidenceStatus.NONE)
    return replace(item, verdict=worst.verdict, threat=worst.threat, status=_evidence_status(mine, state))


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


def _logged(state: Investigation, event: InvestigationEvent, actor: str, at: datetime) -> Investigation:
    entry = LogEntry(at, actor, event.TYPE, describe(event))
    return replace(state, log=(*state.log, entry)[-LOG_LIMIT:], changed_at=at, version=state.version + 1)
