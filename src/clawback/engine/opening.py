"""Opening: which investigation a request belongs to, and whether it may begin now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from clawback import ids
from clawback.engine.parts import Parts
from clawback.engine.policies import policy_of
from clawback.engine.record import AUTOMATION, record
from clawback.engine.requests import Request
from clawback.response.events import AlertJoined, InvestigationStarted
from clawback.response.events_inquiries import InvestigationBegan, InvestigationQueued
from clawback.response.investigation import OPEN_STATUSES, Investigation, InvestigationStatus
from clawback.store import Unit


@dataclass(frozen=True, slots=True)
class Opened:
    """The investigation of a request, and whether there is anything to do for it now."""

    investigation_id: str
    begins: bool


def begin(parts: Parts, request: Request) -> Opened:
    """Open the request's investigation, or join one; a new one that nobody asked for may have to wait.

    Then its work is queued again for when there is room.
    """
    now = parts.now()
    with parts.store.write(durable=True) as unit:
        investigation_id = opened(unit, request, now)
        state = unit.investigations.get(investigation_id)
        room_at = None if state.terminated else _room_at(unit, state, request, now)
    if room_at is not None and room_at > now:
        # By itself, for whoever puts work locks it before the audit log. A death in between is made good:
        # the work at hand is still leased, and is done again.
        with parts.store.write() as unit:
            unit.jobs.put("investigate", request.key, request.encode(), now, not_before=room_at)
    return Opened(investigation_id, room_at is not None and room_at <= now)


def opened(unit: Unit, request: Request, now: datetime) -> str:
    """The id of the investigation that this request belongs to: a new one, or one that it joins.

    It joins one of the same cause, else an open one whose clusters have a message that it is about. One that
    was ended early is joined too, but nothing more is done there; a person who asks again gets another.
    """
    unit.audit.alone()
    alert = request.alert(now)
    known = unit.alerts.investigation_of(alert.id)
    for state in _candidates(unit, request, known):
        if state.status is InvestigationStatus.FAILED:
            continue
        if state.terminated and request.asked and state.id != known:
            continue
        if all(a.id != alert.id for a in state.alerts):
            record(unit, AlertJoined(state.id, alert), actor=request.source, at=now)
        return state.id
    investigation_id = ids.make("inv", str(request.cause), now.isoformat())
    record(unit, InvestigationStarted(investigation_id, alert), actor=request.source, at=now)
    return investigation_id


def _candidates(unit: Unit, request: Request, known: str) -> Iterator[Investigation]:
    """The investigations that it may join, the nearest first: each is joined by whoever comes first."""
    same = unit.investigations.by_cause(str(request.cause))
    for investigation_id in dict.fromkeys((*((known,) if known else ()), *same)):
        yield unit.investigations.get(investigation_id)
    near = [unit.clusters.investigation_of(c) for c in unit.clusters.with_messages(request.messages)]
    for investigation_id in dict.fromkeys(near):
        state = unit.investigations.get(investigation_id)
        if state.status in OPEN_STATUSES:
            yield state


def _room_at(unit: Unit, state: Investigation, request: Request, now: datetime) -> datetime:
    """When it may begin: `now` when it does, and then it is noted."""
    waits = state.status in (InvestigationStatus.STARTING, InvestigationStatus.QUEUED_BY_THROTTLING)
    if not waits or unit.starts.has(state.id):
        return now
    limit = policy_of(unit).investigations_per_hour
    room_at = now if request.asked else unit.starts.room_at(limit, now, waits=state.queued)
    if room_at > now:
        if not state.queued:
            record(unit, InvestigationQueued(state.id, limit), actor=AUTOMATION, at=now)
        return room_at
    if not request.asked:
        unit.starts.note(state.id, now)
    if state.queued:
        record(unit, InvestigationBegan(state.id), actor=AUTOMATION, at=now)
    return now
