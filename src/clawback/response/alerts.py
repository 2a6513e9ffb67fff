"""Alerts: something that deserves an investigation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from clawback.analysis.entities import Entity


class AlertKind(StrEnum):
    """What raised it. The titles and severities are those of Defender's default alert policies."""

    URL_VERDICT_CHANGE = "url_verdict_change"
    MALICIOUS_FILE = "malicious_file"
    MALICIOUS_SENDER = "malicious_sender"
    MANUAL = "manual"


class Severity(StrEnum):
    """How much it matters before anybody has looked."""

    INFORMATIONAL = "informational"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert. `cause` is what alerts must share to join one investigation."""

    id: str
    kind: AlertKind
    severity: Severity
    title: str
    cause: Entity
    raised_at: datetime
    source: str
