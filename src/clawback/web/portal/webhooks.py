"""Webhooks: whom events are told, how each stands, what became of its last events, and its dead letters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template

from clawback.engine import webhooks as orders
from clawback.errors import BadParameter
from clawback.response.sinks import Outcome, Sent, SinkState
from clawback.web.answers import check_tag, tag_of
from clawback.web.given import GivenParts
from clawback.web.portal.forms import Cursor, Word, one_of
from clawback.web.portal.frame import GivenPage, Page, form_at, page_at
from clawback.web.portal.listing import ROWS, ListPage
from clawback.web.portal.lists import OnlyCsrf

HERE = "/webhooks"
_OVERLAPS = {"0": timedelta(), "1": timedelta(hours=1), "24": timedelta(hours=24), "168": timedelta(days=7)}
"""By the hours that the form offers."""


@dataclass(frozen=True, slots=True)
class NewForm:
    """A new webhook; events are apart by blanks or lines."""

    csrf: str
    url: str
    name: str = ""
    events: str = ""


@dataclass(frozen=True, slots=True)
class ChangeForm:
    """A webhook as it shall be; `tag` is of what was looked at."""

    csrf: str
    tag: str
    url: str
    name: str
    events: str = ""


@dataclass(frozen=True, slots=True)
class TurnForm:
    """Whether it shall be on."""

    csrf: str
    on: str = ""


@dataclass(frozen=True, slots=True)
class RotateForm:
    """For how long the old secret stays valid, in hours."""

    csrf: str
    hours: str = "24"


@dataclass(frozen=True, slots=True)
class ReplayForm:
    """A dead letter to send once more, all when none is named."""

    csrf: str
    event: str = ""


@page_at(HERE)
def webhooks(page: GivenPage, parts: GivenParts, cursor: Cursor = "") -> Template:
    """All webhooks and how each stands."""
    return _all(page, parts, cursor)


def _all(page: Page, parts: Any, cursor: str = "", made: str = "", secret: str = "") -> Template:
    rows, after = orders.listed(parts, ROWS, cursor)
    listing = ListPage(HERE, {}, len(rows), cursor, after, formats=(("JSON", "/api/webhooks"),))
    return page.show("webhooks.html", "Webhooks", HERE, rows=rows, listing=listing, secret=secret, made=made)


@form_at(HERE, status_code=200)
def add(page: GivenPage, parts: GivenParts, data: URLEncodedBody[NewForm]) -> Template:
    """Tell a URL of events; the secret is on this page and never again."""
    actor = page.ordered(data.csrf)
    made, secret = orders.add_webhook(parts, data.url, data.events.split(), actor, name=data.name)
    return _all(page, parts, made=made.id, secret=secret)


@page_at(HERE + "/{webhook_id:str}")
def webhook(
    webhook_id: FromPath[str], page: GivenPage, parts: GivenParts, outcome: Word = "", cursor: Cursor = ""
) -> Template:
    """One webhook: its settings, its last deliveries, its dead letters."""
    return _one(page, parts, webhook_id, outcome, cursor)


def _one(
    page: Page,
    parts: Any,
    webhook_id: str,
    outcome: str = "",
    cursor: str = "",
    *,
    secret: str = "",
    tested: Sent | None = None,
) -> Template:
    one = orders.webhook(parts, webhook_id)
    rows, after = orders.deliveries(parts, webhook_id, one_of(Outcome, outcome), ROWS, cursor)
    path = f"{HERE}/{one.id}"
    formats = (("JSON", f"/api/webhooks/{one.id}/deliveries"),)
    return page.show(
        "webhook.html",
        one.name,
        HERE,
        one=one,
        tag=tag_of(orders.version_of(one)),
        rows=rows,
        listing=ListPage(path, {"outcome": outcome}, len(rows), cursor, after, formats=formats),
        outcome=outcome,
        outcomes=tuple(Outcome),
        secret=secret,
        tested=tested,
        now=parts.now(),
        state=SinkState,
    )


@form_at(HERE + "/{webhook_id:str}")
def change(
    webhook_id: FromPath[str], page: GivenPage, parts: GivenParts, data: URLEncodedBody[ChangeForm]
) -> Redirect:
    """Change its name, URL and events; refused when somebody else changed it in between."""
    actor = page.ordered(data.csrf)
    before = orders.webhook(parts, webhook_id)
    check_tag(data.tag, orders.version_of(before))
    events: Sequence[str] = data.events.split()
    orders.change_webhook(parts, webhook_id, actor, name=data.name, url=data.url, events=events, was=before)
    return page.done(f"{HERE}/{webhook_id}", "saved")


@form_at(HERE + "/{webhook_id:str}/turn")
def turn(
    webhook_id: FromPath[str], page: GivenPage, parts: GivenParts, data: URLEncodedBody[TurnForm]
) -> Redirect:
    """Pause it, or let it go on from where it stood."""
    actor = page.ordered(data.csrf)
    orders.change_webhook(parts, webhook_id, actor, on=bool(data.on))
    return page.done(f"{HERE}/{webhook_id}", "webhook_on" if data.on else "webhook_paused")


@form_at(HERE + "/{webhook_id:str}/remove")
def remove(
    webhook_id: FromPath[str], page: GivenPage, parts: GivenParts, data: URLEncodedBody[OnlyCsrf]
) -> Redirect:
    """Tell it nothing any more."""
    actor = page.ordered(data.csrf)
    orders.remove_webhook(parts, webhook_id, actor)
    return page.done(HERE, "webhook_removed")


@form_at(HERE + "/{webhook_id:str}/test", status_code=200)
def test(
    webhook_id: FromPath[str], page: GivenPage, parts: GivenParts, data: URLEncodedBody[OnlyCsrf]
) -> Template:
    """Send a test event now; the page says what came of it."""
    actor = page.ordered(data.csrf)
    return _one(page, parts, webhook_id, tested=orders.send_test(parts, webhook_id, actor))


@form_at(HERE + "/{webhook_id:str}/rotate", status_code=200)
def rotate(
    webhook_id: FromPath[str], page: GivenPage, parts: GivenParts, data: URLEncodedBody[RotateForm]
) -> Template:
    """Make another secret; it is on this page and never again."""
    actor = page.ordered(data.csrf)
    if data.hours not in _OVERLAPS:
        raise BadParameter(f"{data.hours!r:.40} is not among the choices")
    _, secret = orders.rotate_secret(parts, webhook_id, actor, overlap=_OVERLAPS[data.hours])
    return _one(page, parts, webhook_id, secret=secret)


@form_at(HERE + "/{webhook_id:str}/replay")
def replay(
    webhook_id: FromPath[str], page: GivenPage, parts: GivenParts, data: URLEncodedBody[ReplayForm]
) -> Redirect:
    """Send a dead letter, or all, once more."""
    actor = page.ordered(data.csrf)
    orders.replay(parts, webhook_id, actor, [data.event] if data.event else None)
    return page.done(f"{HERE}/{webhook_id}", "webhook_replayed")


HANDLERS: tuple[Any, ...] = (webhooks, add, webhook, change, turn, remove, test, rotate, replay)
