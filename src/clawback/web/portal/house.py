"""The house itself: sources, mailboxes, exposure, the audit log, accounts and tokens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Template

from clawback.engine import accounts as orders
from clawback.engine.exposure import exposure_since
from clawback.errors import BadParameter
from clawback.response.people import Permission
from clawback.store import MessageQuery
from clawback.store.listings import Listing
from clawback.web.given import GivenParts
from clawback.web.portal.forms import Cursor, Word
from clawback.web.portal.frame import GivenPage, Page, form_at, page_at
from clawback.web.portal.listing import ROWS, ListPage

MAILBOXES = 500
"""Mailboxes that a page shows."""


@dataclass(frozen=True, slots=True)
class TokenForm:
    """A new token."""

    csrf: str
    label: str
    days: int = 90
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RevokeForm:
    """A token that is to open nothing any more."""

    csrf: str
    token_id: str


@page_at("/sources")
def sources(page: GivenPage, parts: GivenParts) -> Template:
    """Every source: how clawback acts there, and its mailboxes."""
    rows = []
    with parts.store.read() as unit:
        known = unit.deliveries.mailboxes()
    for name, connector in sorted(parts.connectors.items()):
        mine = [(mailbox, copies) for source, mailbox, copies in known if source == name]
        rows.append(
            {
                "name": name,
                "kind": type(connector).__name__,
                "mailboxes": mine[:MAILBOXES],
                "total": len(mine),
            }
        )
    return page.show("sources.html", "Sources", "/sources", rows=rows)


@page_at("/mailboxes/{mailbox:str}")
def mailbox(mailbox: FromPath[str], page: GivenPage, parts: GivenParts) -> Template:
    """One mailbox: the mail it got."""
    name = unquote(mailbox)
    with parts.store.read() as unit:
        rows, _ = unit.messages.search(MessageQuery(mailbox=name, limit=ROWS))
        ids = [message.id for message in rows]
        verdicts = unit.detections.verdicts(ids)
        copies = [copy for copy in unit.deliveries.of_messages(ids) if copy.handle.mailbox == name]
    return page.show(
        "mailbox.html",
        name,
        "/explorer",
        name=name,
        rows=rows,
        verdicts=verdicts,
        copies={copy.message_id: copy for copy in copies},
    )


@page_at("/exposure")
def exposure(page: GivenPage, parts: GivenParts, days: FromQuery[int] = 30) -> Template:
    """For how long people could open what was taken out."""
    if not 1 <= days <= 3_650:
        raise BadParameter("days are 1 to 3650")
    now = parts.now()
    with parts.store.read() as unit:
        found = exposure_since(unit, now - timedelta(days=days), now)
    return page.show("exposure.html", "Exposure", "/", exposure=found, days=days)


@page_at("/audit")
def audit(page: GivenPage, parts: GivenParts, verify: Word = "", cursor: Cursor = "") -> Template:
    """The audit log, newest first; with `verify` every seal is checked."""
    with parts.store.read() as unit:
        rows, after = unit.audit.search(Listing(limit=ROWS, cursor=cursor))
        total = unit.audit.count()
        check = unit.audit.verify() if verify else None
    shown = ListPage("/audit", {}, len(rows), cursor, after, total=total, formats=(("JSON", "/api/audit"),))
    return page.show("audit.html", "Audit", "/audit", rows=rows, listing=shown, check=check)


@page_at("/settings")
def settings(page: GivenPage, parts: GivenParts) -> Template:
    """Your tokens; accounts, for whoever administers."""
    return _settings(page, parts, "")


def _settings(page: Page, parts: Any, secret: str) -> Template:
    with parts.store.read() as unit:
        tokens, _ = unit.tokens.list(account=page.caller.name, limit=100)
        people, _ = unit.accounts.list(limit=200) if page.may("administer") else ((), "")
        described = parts.store.describe()
    return page.show(
        "settings.html",
        "Settings",
        "/settings",
        tokens=tokens,
        people=people,
        secret=secret,
        scopes=sorted(page.caller.permissions),
        store=described,
        now=parts.now(),
        permissions=tuple(Permission),
    )


@form_at("/settings/tokens", status_code=200)
def new_token(page: GivenPage, parts: GivenParts, data: URLEncodedBody[TokenForm]) -> Template:
    """A new token for oneself; its secret is on this page and never again."""
    page.ordered(data.csrf)
    scopes = data.scopes or tuple(sorted(p.value for p in page.caller.permissions))
    _, secret = orders.new_token(parts, page.caller.name, data.label, scopes, data.days, page.caller.name)
    return _settings(page, parts, secret)


@form_at("/settings/tokens/revoke", status_code=200)
def revoke(page: GivenPage, parts: GivenParts, data: URLEncodedBody[RevokeForm]) -> Template:
    """Let one of one's tokens open nothing any more."""
    actor = page.ordered(data.csrf)
    orders.revoke_token(parts, data.token_id, actor, of=page.caller.name)
    return _settings(page, parts, "")


HANDLERS: tuple[Any, ...] = (sources, mailbox, exposure, audit, settings, new_token, revoke)
