"""Evidence: an entity within one investigation, with its verdict and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from clawback.analysis.entities import Entity
from clawback.analysis.indicators import Threat, VerdictKind


class EvidenceStatus(StrEnum):
    """Remediation status of evidence."""

    NONE = "none"
    ACTIVE = "active"
    PENDING_APPROVAL = "pending_approval"
    DECLINED = "declined"
    RUNNING = "running"
    REMEDIATED = "remediated"
    PARTIALLY_REMEDIATED = "partially_remediated"
    NOT_FOUND = "not_found"
    PREVENTED = "prevented"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One piece of evidence.

    `role` is ``cause`` (it started the inquiry), ``cluster``, or ``original``: a message that has its verdict
    from the cluster that `detail` names.
    """

    entity: Entity
    role: str
    verdict: VerdictKind
    threat: Threat | None
    status: EvidenceStatus
    first_seen: datetime
    detail: str = ""
