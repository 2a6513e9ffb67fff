"""Recording: an event goes to the audit log and to its investigation in one transaction."""

from __future__ import annotations

from datetime import datetime

import msgspec

from clawback.engine.ended import follow_up
from clawback.response.applying import apply, start
from clawback.response.events import AlertJoined, Event, InvestigationEvent, InvestigationStarted
from clawback.response.plan import AUTOMATION, STANDING
from clawback.store import Unit

__all__ = ["AUTOMATION", "STANDING", "record"]


def record(unit: Unit, event: Event, *, actor: str, at: datetime) -> None:
    """Append an event to the audit log, and apply it to its investigation if it has one."""
    unit.audit.append(event.TYPE, actor, at, msgspec.to_builtins(event))
    if isinstance(event, InvestigationStarted):
        unit.investigations.save(start(event, actor, at))
    elif isinstance(event, InvestigationEvent):
        state = unit.investigations.get(event.investigation_id)
        after = apply(state, event, actor, at)
        unit.investigations.save(after)
        follow_up(unit, event, after, at)
    if isinstance(event, InvestigationStarted | AlertJoined):
        unit.alerts.add(event.alert, event.investigation_id)
