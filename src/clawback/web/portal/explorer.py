"""The explorer: mail that was seen, by any field, over time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from litestar.response import Template

from clawback.analysis.canonical import guess_kind
from clawback.analysis.indicators import Indicator, Threat, VerdictKind, indicator
from clawback.analysis.matching import carries, keys_of
from clawback.engine.parts import Parts
from clawback.errors import BadIndicator
from clawback.message.message import Message
from clawback.store import MessageQuery, Unit
from clawback.web.given import GivenParts
from clawback.web.portal.forms import Cursor, Word, moment_of
from clawback.web.portal.frame import GivenPage, page_at
from clawback.web.portal.listing import ROWS, ListPage

HERE = "/explorer"
CARRIERS = 500
"""Messages with one URL, file or host that are listed."""
_SHA256 = 64
_FIELDS = ("q", "sender", "mailbox", "since", "until")


@page_at(HERE)
def explorer(
    page: GivenPage,
    parts: GivenParts,
    q: Word = "",
    sender: Word = "",
    mailbox: Word = "",
    since: Word = "",
    until: Word = "",
    cursor: Cursor = "",
) -> Template:
    """`q` is a URL, SHA-256, host, IP or address that messages carry, else a text in their subject."""
    asked = dict(zip(_FIELDS, (q.strip(), sender.strip(), mailbox.strip(), since, until), strict=True))
    named = _named(parts, asked["q"])
    with parts.store.read() as unit:
        if named is not None:
            rows, after = _carrying(unit, named), ""
        else:
            rows, after = unit.messages.search(_query(asked, cursor))
        ids = [message.id for message in rows]
        verdicts, copies = unit.detections.verdicts(ids), unit.deliveries.counts(ids)
    shown = ListPage(HERE, asked, len(rows), cursor, after, formats=(("JSON", "/api/messages"),))
    return page.show(
        "explorer.html",
        "Explorer",
        HERE,
        rows=rows,
        verdicts=verdicts,
        copies=copies,
        listing=shown,
        asked=asked["q"],
        filters=asked,
        named=named,
        filtered=any(asked.values()),
        days=_days(rows, parts.now()),
        most=CARRIERS,
    )


def _query(asked: dict[str, str], cursor: str) -> MessageQuery:
    return MessageQuery(
        text=asked["q"],
        sender=asked["sender"],
        mailbox=asked["mailbox"],
        since=moment_of(asked["since"]),
        until=moment_of(asked["until"]),
        limit=ROWS,
        cursor=cursor,
    )


def _named(parts: Parts, text: str) -> Indicator | None:
    """What the text names that messages can carry, None for words of a subject."""
    if (
        not text
        or " " in text
        or (not any(mark in text for mark in (".", ":", "/", "@")) and len(text) != 64)
    ):
        return None
    try:
        kind = guess_kind(text)
        return indicator(
            kind,
            text,
            verdict=VerdictKind.UNKNOWN,
            threat=Threat.SPAM,
            source="explorer",
            added_at=parts.now(),
        )
    except BadIndicator:
        return None


def _carrying(unit: Unit, named: Indicator) -> tuple[Message, ...]:
    found = (message for message in unit.messages.sharing(keys_of(named)) if carries(message, named))
    return tuple(islice(found, CARRIERS))


def _days(rows: tuple[Message, ...], now: datetime) -> dict[str, Any] | None:
    """The messages on the page by the day they were written."""
    days: dict[datetime, int] = {}
    for message in rows:
        if message.date and abs(message.date - now) < timedelta(days=3_650):
            day = message.date.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
            days[day] = days.get(day, 0) + 1
    if len(days) < 2:
        return None
    ordered = sorted(days)
    series = {"label": "written", "values": [days[day] for day in ordered], "filled": True}
    return {"x": [int(day.timestamp()) for day in ordered], "series": [series]}


HANDLERS: tuple[Any, ...] = (explorer,)
