"""The house itself: sources, mailboxes, exposure, the audit log, accounts and tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Template

from clawback.engine import accounts as orders
from clawback.engine.day_figures import DAYS, days_of
from clawback.errors import BadParameter
from clawback.response.exposure import over_days
from clawback.response.people import Permission
from clawback.store import AuditRow, MessageQuery, Unit
from clawback.web.given import GivenParts
from clawback.web.listed import Asked
from clawback.web.lists import AUDIT, MAILBOXES, TOKENS
from clawback.web.portal.addresses import address_by_id
from clawback.web.portal.forms import Cursor, Word
from clawback.web.portal.frame import GivenPage, Page, form_at, page_at
from clawback.web.portal.listing import ROWS, Place, list_page


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
def sources(page: GivenPage, parts: GivenParts, cursor: Cursor = "") -> Template:
    """Every source, how clawback acts there; and all mailboxes."""
    with parts.store.read() as unit:
        rows, listing = list_page(MAILBOXES, page, unit, Place("/sources"), cursor)
        named = [
            (name, type(connector).__name__, _mailboxes(unit, name))
            for name, connector in sorted(parts.connectors.items())
        ]
    return page.show("sources.html", "Sources", "/sources", rows=rows, listing=listing, sources=named)


def _mailboxes(unit: Unit, source: str) -> int:
    return MAILBOXES.count(unit, "", MAILBOXES.listing(Asked({"source": (source,)}), 1))


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
    """For how long people could open what was taken out, by days as they were counted last."""
    if not 1 <= days <= DAYS:
        raise BadParameter(f"days are 1 to {DAYS}")
    counted = [day for day in days_of(parts, days) if day.exposure]
    found = over_days([day.exposure for day in counted if day.exposure])
    with parts.store.read() as unit:
        made = unit.overview.made(counted[-1].day) if counted else {}
    counted_at = made[counted[-1].day] if counted else None
    return page.show("exposure.html", "Exposure", "/", exposure=found, days=days, counted_at=counted_at)


@page_at("/audit")
def audit(page: GivenPage, parts: GivenParts, verify: Word = "", cursor: Cursor = "") -> Template:
    """The audit log, newest first unless sorted otherwise; with `verify` every seal is checked."""
    with parts.store.read() as unit:
        rows, listing = list_page(AUDIT, page, unit, Place("/audit", sort="-seq"), cursor)
        check = unit.audit.verify() if verify else None
    named = [(row, *_about(row)) for row in rows]
    return page.show("audit.html", "Audit", "/audit", rows=named, listing=listing, check=check)


def _about(row: AuditRow) -> tuple[str, str]:
    """What an event is about, and its page, "" for what has none."""
    for name in ("remediation_id", "cluster_id", "investigation_id", "message_id", "submission_id", "name"):
        if text := row.body.get(name):
            return str(text), address_by_id(str(text))
    return row.hash[:16], ""


@page_at("/settings")
def settings(page: GivenPage, parts: GivenParts, cursor: Cursor = "") -> Template:
    """Your tokens; accounts, for whoever administers."""
    return _settings(page, parts, "", cursor)


def _settings(page: Page, parts: Any, secret: str, cursor: str = "") -> Template:
    with parts.store.read() as unit:
        place = Place("/settings", page.caller.name)
        tokens, listing = list_page(TOKENS, page, unit, place, cursor)
        people, _ = unit.accounts.list(limit=200) if page.may("administer") else ((), "")
        described = parts.store.describe()
    return page.show(
        "settings.html",
        "Settings",
        "/settings",
        tokens=tokens,
        listing=listing,
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
