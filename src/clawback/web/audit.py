"""``/api/audit``: what happened, when, by whom, provably."""

from __future__ import annotations

from typing import Any

from litestar import Request, get

from clawback.store import AuditCheck, AuditRow
from clawback.web.answers import Answer, Cursor, Limit, Page
from clawback.web.given import GivenParts
from clawback.web.listed import exported, page_of
from clawback.web.lists import AUDIT


@get("/api/audit", sync_to_thread=True, summary="List events")
def audit(
    request: Request[Any, Any, Any], parts: GivenParts, limit: Limit = 100, cursor: Cursor = ""
) -> Answer[Page[AuditRow]]:
    """The audit log, oldest first unless `sort` says otherwise; each event is sealed to the one before.

    Who follows it asks for what is `after` the number of the last event that came.
    """
    return page_of(AUDIT, request, parts, limit, cursor)


@get("/api/audit/verify", sync_to_thread=True, summary="Check the seals")
def verify(parts: GivenParts) -> Answer[AuditCheck]:
    """Whether any row was changed, taken out or put in between."""
    with parts.store.read() as unit:
        return Answer(unit.audit.verify())


HANDLERS: tuple[Any, ...] = (audit, verify, exported(AUDIT))
