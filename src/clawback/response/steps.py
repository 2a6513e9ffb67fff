"""What each event makes of an investigation."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import singledispatch

from clawback.analysis.entities import Entity, EntityKind
from clawback.analysis.indicators import VerdictKind
from clawback.response import accounts
from clawback.response.accounts import RemediationStanding
from clawback.response.events import (
    AlertJoined,
    ClusterArmed,
    ClusterDisarmed,
    ClusterLinked,
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
from clawback.response.events_brake import CollateralEstimated, RestHeld
from clawback.response.events_clusters import ClusterRecut, OriginalJudged
from clawback.response.events_decisions import RemediationExpiring, RemediationProposed
from clawback.response.events_inquiries import InquiryEvent
from clawback.response.evidence import Evidence, EvidenceStatus
from clawback.response.investigation import ClusterStanding, Investigation
from clawback.response.plan import RemediationStatus, Tally
from clawback.response.steps_inquiries import inquiry_step

EVIDENCE = 2_000
"""Pieces of evidence beside clusters that an investigation keeps, at most."""


@singledispatch
def step(event: object, state: Investigation, at: datetime) -> Investigation:
    """What one event makes of an investigation, without status, evidence and log: see `applying`."""
    raise TypeError(f"no step for {type(event).__name__}")


@step.register
def _(event: InvestigationStarted, state: Investigation, at: datetime) -> Investigation:
    raise TypeError("an investigation starts only once: use start()")


@step.register
def _(event: AlertJoined, state: Investigation, at: datetime) -> Investigation:
    if any(alert.id == event.alert.id for alert in state.alerts):
        return state
    grown = replace(state, alerts=(*state.alerts, event.alert))
    if any(item.entity == event.alert.cause for item in state.evidence):
        return grown
    joined = Evidence(event.alert.cause, "joined", VerdictKind.UNKNOWN, None, EvidenceStatus.ACTIVE, at)
    return replace(grown, evidence=(*grown.evidence, joined)) if len(grown.evidence) < EVIDENCE else grown


@step.register
def _(event: InquiryEvent, state: Investigation, at: datetime) -> Investigation:
    return inquiry_step(event, state, at)


@step.register
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


@step.register
def _(event: ClusterRecut, state: Investigation, at: datetime) -> Investigation:
    return state


@step.register
def _(event: OriginalJudged, state: Investigation, at: datetime) -> Investigation:
    item = Evidence(
        Entity(EntityKind.MESSAGE, event.message_id),
        "original",
        event.verdict,
        event.threat,
        EvidenceStatus.ACTIVE,
        at,
        detail=event.cluster_id,
    )
    return replace(state, evidence=(*state.evidence, item))


@step.register
def _(event: NothingCarried, state: Investigation, at: datetime) -> Investigation:
    return replace(state, asked=True)


@step.register
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
        rest=event.rest,
    )
    return replace(state, remediations=(*state.remediations, standing))


@step.register
def _(event: RemediationApproved, state: Investigation, at: datetime) -> Investigation:
    decided = _restanding(state, event.remediation_id, RemediationStatus.APPROVED, decided_at=at)
    return replace(decided, remediations=accounts.join(decided.remediations, event.remediation_id))


@step.register(RemediationProposed)
@step.register(RemediationExpiring)
@step.register(CollateralEstimated)
@step.register(RestHeld)
def _(event: object, state: Investigation, at: datetime) -> Investigation:
    return state


@step.register
def _(event: RemediationRejected, state: Investigation, at: datetime) -> Investigation:
    return _restanding(state, event.remediation_id, RemediationStatus.REJECTED, decided_at=at)


@step.register
def _(event: RemediationExpired, state: Investigation, at: datetime) -> Investigation:
    return _restanding(state, event.remediation_id, RemediationStatus.EXPIRED, decided_at=at)


@step.register
def _(event: RemediationCancelled, state: Investigation, at: datetime) -> Investigation:
    alone = replace(state, remediations=accounts.leave(state.remediations, event.remediation_id))
    return _restanding(alone, event.remediation_id, RemediationStatus.CANCELLED, decided_at=at)


@step.register
def _(event: RemediationStarted, state: Investigation, at: datetime) -> Investigation:
    return _restanding(state, event.remediation_id, RemediationStatus.RUNNING)


@step.register
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


@step.register
def _(event: ClusterArmed, state: Investigation, at: datetime) -> Investigation:
    return _armed(state, event.cluster_id, event.until)


@step.register
def _(event: ClusterDisarmed, state: Investigation, at: datetime) -> Investigation:
    return _armed(state, event.cluster_id, None)


def _armed(state: Investigation, cluster_id: str, until: datetime | None) -> Investigation:
    clusters = (replace(c, armed_until=until) if c.cluster_id == cluster_id else c for c in state.clusters)
    return replace(state, clusters=tuple(clusters))


@step.register
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
