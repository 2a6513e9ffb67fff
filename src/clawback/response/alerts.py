"""Alerts: something that deserves an investigation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from clawback.analysis.entities import Entity


class AlertKind(StrEnum):
    """What raised it. Titles, severities and what follows stand in `playbooks`."""

    URL_VERDICT_CHANGE = "url_verdict_change"
    MALICIOUS_FILE = "malicious_file"
    MALICIOUS_SENDER = "malicious_sender"
    MALICIOUS_URL_REMOVED = "malicious_url_removed"
    MALICIOUS_FILE_REMOVED = "malicious_file_removed"
    MAIL_REMOVED = "mail_removed"
    USER_REPORT = "user_report"
    URL_CLICK = "url_click"
    SUSPICIOUS_SENDING = "suspicious_sending"
    USER_RESTRICTED = "user_restricted"
    USER_COMPROMISE = "user_compromise"
    MANUAL = "manual"
    ADMIN_ACTION = "admin_action"


class Severity(StrEnum):
    """How much it matters before anybody has looked."""

    INFORMATIONAL = "informational"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert. `cause` is what alerts must share to join one investigation.

    `detail` says in words what was seen, where the title and the cause do not say it all.
    """

    id: str
    kind: AlertKind
    severity: Severity
    title: str
    cause: Entity
    raised_at: datetime
    source: str
    detail: str = ""
