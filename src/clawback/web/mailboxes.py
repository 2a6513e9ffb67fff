"""``/api/mailboxes``: the mailboxes that were ever looked at."""

from __future__ import annotations

from typing import Any

from litestar import Request, get

from clawback.store.deliveries import KnownMailbox
from clawback.web.answers import Answer, Cursor, Limit, Page
from clawback.web.given import GivenParts
from clawback.web.listed import exported, page_of
from clawback.web.lists import MAILBOXES


@get("/api/mailboxes", sync_to_thread=True, summary="List mailboxes")
def mailboxes(
    request: Request[Any, Any, Any], parts: GivenParts, limit: Limit = 100, cursor: Cursor = ""
) -> Answer[Page[KnownMailbox]]:
    """Each with how many copies are remembered; by name, unless `sort` says otherwise."""
    return page_of(MAILBOXES, request, parts, limit, cursor)


HANDLERS: tuple[Any, ...] = (mailboxes, exported(MAILBOXES))
