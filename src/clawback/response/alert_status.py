"""How the alerts of an investigation stand; read off the investigation, never set by hand."""

from __future__ import annotations

from enum import StrEnum

from clawback.response.investigation import Investigation, InvestigationStatus

_NEW = frozenset({InvestigationStatus.STARTING, InvestigationStatus.QUEUED_BY_THROTTLING})
_RESOLVED = frozenset({InvestigationStatus.REMEDIATED, InvestigationStatus.NO_THREATS_FOUND})


class AlertStatus(StrEnum):
    """Whether somebody still has to do something about an alert, in Defender's words."""

    NEW = "New"
    IN_PROGRESS = "In progress"
    RESOLVED = "Resolved"


def alert_status(investigation: Investigation) -> AlertStatus:
    """How all alerts of an investigation stand.

    Resolved when every copy was seen to be out of the mailboxes, or nothing bad was found; when something
    bad comes again the investigation is open again, and they are in progress.
    """
    if investigation.status in _NEW:
        return AlertStatus.NEW
    return AlertStatus.RESOLVED if investigation.status in _RESOLVED else AlertStatus.IN_PROGRESS
