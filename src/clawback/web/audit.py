"""``/api/audit``: what happened, when, by whom, provably."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from litestar import get
from litestar.params import FromQuery, QueryParameter

from clawback.store import AuditCheck, AuditRow
from clawback.web.answers import Answer, Limit
from clawback.web.given import GivenParts


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Events in their order; `next` is what `after` must be for those behind them, None at the end."""

    items: tuple[AuditRow, ...]
    next: int | None


@get("/api/audit", sync_to_thread=True, summary="List events, oldest first")
def audit(
    parts: GivenParts,
    after: Annotated[int, QueryParameter(ge=0, le=2**62, description="Only events after this number.")] = 0,
    type: FromQuery[list[str] | None] = None,
    limit: Limit = 100,
) -> Answer[AuditPage]:
    """The audit log; each event is sealed to the one before."""
    with parts.store.read() as unit:
        rows = unit.audit.list(after_seq=after, types=type, limit=limit)
    return Answer(AuditPage(rows, rows[-1].seq if len(rows) == limit else None))


@get("/api/audit/verify", sync_to_thread=True, summary="Check the seals")
def verify(parts: GivenParts) -> Answer[AuditCheck]:
    """Whether any row was changed, taken out or put in between."""
    with parts.store.read() as unit:
        return Answer(unit.audit.verify())


HANDLERS: tuple[Any, ...] = (audit, verify)
