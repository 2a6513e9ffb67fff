"""The allow and block list, and the pages of what it can name: URLs, files, senders, hosts, addresses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from urllib.parse import unquote, urlencode

from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template

from clawback.analysis.canonical import guess_kind
from clawback.analysis.entities import Entity, EntityKind
from clawback.analysis.indicators import (
    IndicatorKind,
    Match,
    Threat,
    VerdictKind,
    indicator,
)
from clawback.analysis.matching import ENTITY_OF
from clawback.engine import commands
from clawback.engine.retract import preview, retract
from clawback.errors import NotFound
from clawback.response.retraction import Outlook, Turn
from clawback.store import Unit
from clawback.web.given import GivenParts
from clawback.web.lists import INDICATORS
from clawback.web.portal.addresses import address_of
from clawback.web.portal.entity_facts import past_of
from clawback.web.portal.forms import Cursor, Word, one_of
from clawback.web.portal.frame import GivenPage, form_at, page_at
from clawback.web.portal.listing import Place, list_page

HERE = "/indicators"
CARRIERS = 100
"""Messages that a page shows of those that carry something, the newest."""
SENDERS = 10
LOOKED_AT = 1_000
"""Messages, the newest, that are looked at to say who sent what carries it, and where it is."""
COUNTED = 10_000
"""Messages up to which it is counted how many carry it."""


@dataclass(frozen=True, slots=True)
class ListForm:
    """What to list."""

    csrf: str
    value: str
    verdict: str
    kind: str = ""
    prefix: str = ""
    days: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class OnlyCsrf:
    """An order that says all by its address."""

    csrf: str


@dataclass(frozen=True, slots=True)
class RetractForm:
    """A verdict to take back."""

    csrf: str
    value: str
    note: str = ""


@page_at(HERE)
def listed(page: GivenPage, parts: GivenParts, cursor: Cursor = "") -> Template:
    """What is listed, newest first unless sorted otherwise."""
    with parts.store.read() as unit:
        rows, listing = list_page(INDICATORS, page, unit, Place(HERE), cursor)
    return page.show(
        "indicators.html",
        "Allow and block list",
        HERE,
        rows=[(one, address_of(ENTITY_OF[one.kind], one.value)) for one in rows],
        listing=listing,
        kinds=tuple(IndicatorKind),
        now=parts.now(),
    )


@form_at(HERE)
def add(page: GivenPage, parts: GivenParts, data: URLEncodedBody[ListForm]) -> Redirect:
    """List something as bad, or as good."""
    actor = page.ordered(data.csrf)
    good = data.verdict == "good"
    now = parts.now()
    days = int(data.days) if data.days.isascii() and data.days.isdigit() and len(data.days) < 6 else 0
    listed_one = indicator(
        one_of(IndicatorKind, data.kind) or guess_kind(data.value.strip()),
        data.value.strip(),
        match=Match.PREFIX if data.prefix else Match.EXACT,
        verdict=VerdictKind.NO_THREATS_FOUND if good else VerdictKind.MALICIOUS,
        threat=None if good else one_of(Threat, data.verdict),
        added_at=now,
        expires_at=now + timedelta(days=days) if days else None,
        note=data.note,
    )
    commands.add_indicator(parts, listed_one, actor)
    return page.done(HERE, "listed")


@form_at(HERE + "/{indicator_id:str}/remove")
def remove(
    indicator_id: FromPath[str], page: GivenPage, parts: GivenParts, data: URLEncodedBody[OnlyCsrf]
) -> Redirect:
    """Take one off the list; what rested on it stays as it is."""
    actor = page.ordered(data.csrf)
    commands.remove_indicator(parts, indicator_id, actor)
    return page.done(HERE, "removed")


@page_at("/retract")
def about_to_retract(page: GivenPage, parts: GivenParts, value: Word = "") -> Template:
    """What taking a verdict back would do, before it is done."""
    outlook = preview(parts, value, page.caller.name) if value else None
    return page.show("retract.html", "Take a verdict back", HERE, value=value, outlook=_told(outlook))


def _told(outlook: Outlook | None) -> list[tuple[str, str]]:
    """What a retraction would do, in words."""
    if outlook is None:
        return []
    back = outlook.count(Turn.DUE, Turn.COMING)
    told = [
        ("Copies that would be put back", f"{back:,}"),
        ("Back already", f"{outlook.count(Turn.BACK):,}"),
        ("Stay out", f"{outlook.count(Turn.OUT):,}"),
        *((f"because {reason}", f"{count:,}") for reason, count in outlook.why(Turn.OUT)),
        ("Gone from where they were put", f"{outlook.count(Turn.GONE):,}"),
        ("Plans that would be cancelled", ", ".join(outlook.cancelled) or "none"),
        ("Plans that run, and are undone after", ", ".join(outlook.running) or "none"),
    ]
    return told


@form_at("/retract")
def take_back(page: GivenPage, parts: GivenParts, data: URLEncodedBody[RetractForm]) -> Redirect:
    """Take a verdict back, and everything that rested on it alone."""
    actor = page.ordered(data.csrf)
    retract(parts, data.value.strip(), actor, note=data.note)
    return page.done("/actions", "retracted")


@page_at("/entities/{kind:str}/{value:str}")
def entity(kind: FromPath[str], value: FromPath[str], page: GivenPage, parts: GivenParts) -> Template:
    """A URL, file, sender, host, domain or IP address: what is said of it, and what carries it."""
    text = unquote(value)
    try:
        what = Entity(EntityKind(kind), text)
    except ValueError:
        raise NotFound(f"there are no pages of {kind!r:.40}") from None
    if what.kind not in ENTITY_OF.values():
        raise NotFound(f"there are no pages of {kind!r:.40}")
    with parts.store.read() as unit:
        facts = _about(unit, what, parts.now())
    field = _FIELDS.get(what.kind)
    explorer = f"/explorer?{urlencode({field: what.value})}" if field else ""
    return page.show("entity.html", text, "/explorer", what=what, explorer=explorer, **facts)


_FIELDS = {
    EntityKind.URL: "url",
    EntityKind.HOST: "host",
    EntityKind.DOMAIN: "domain",
    EntityKind.SENDER: "sender",
    EntityKind.FILE: "sha256",
    EntityKind.IP: "ip",
}
"""By which field the Explorer finds what carries an entity."""


def _about(unit: Unit, what: Entity, now: datetime) -> dict[str, Any]:
    looked_at = unit.messages.newest_carriers([what], LOOKED_AT)
    shown = list(islice(unit.messages.newest_sharing([what]), CARRIERS))
    total = unit.messages.count_sharing([what], COUNTED)
    ids = [message.id for message in shown]
    return {
        **past_of(unit, what, looked_at, now),
        "listed": unit.indicators.matching({what}),
        "messages": shown,
        "total": total,
        "more": total >= COUNTED,
        "senders": unit.messages.senders(looked_at, SENDERS),
        "places": unit.deliveries.count_by_location(looked_at),
        "newest": len(looked_at) if total > len(looked_at) else 0,
        "verdicts": unit.detections.verdicts(ids),
        "investigations": [
            unit.investigations.get(one) for one in unit.investigations.by_cause(str(what))[:20]
        ],
        "names": sorted({f.name for m in shown for f in m.attachments if f.sha256 == what.value})[:20],
    }


HANDLERS: tuple[Any, ...] = (listed, add, remove, about_to_retract, take_back, entity)
