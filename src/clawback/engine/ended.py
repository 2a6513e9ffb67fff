"""What follows when an investigation has ended: those who reported its messages are told."""

from __future__ import annotations

from datetime import datetime

from clawback.response.events import AlertJoined, InvestigationEvent
from clawback.response.investigation import OPEN_STATUSES, Investigation
from clawback.store import Unit

SETTLE = "settle_reports"
"""The kind of job that closes the submissions of an investigation; its key is the investigation."""


def follow_up(unit: Unit, event: InvestigationEvent, after: Investigation, now: datetime) -> None:
    """Queue the closing of submissions if an event has ended their inquiry, in the transaction at hand.

    An alert that only joins says nothing yet: what it asks for is looked into first.
    """
    if after.status in OPEN_STATUSES or isinstance(event, AlertJoined):
        return
    if unit.submissions.waiting(after.id):
        unit.jobs.put(SETTLE, after.id, {"investigation": after.id}, now)
