"""Domain events between a plan and its decision; `events` has the whole list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class RemediationProposed:
    """A first person let this plan hash run; a plan of its size waits for a second one."""

    TYPE: ClassVar[str] = "remediation_proposed"
    investigation_id: str
    remediation_id: str
    plan_hash: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class RemediationExpiring:
    """Nobody has decided about a plan, and it expires soon. Told once."""

    TYPE: ClassVar[str] = "remediation_expiring"
    investigation_id: str
    remediation_id: str
    expires_at: datetime
