"""``/api/messages``: mail that was seen, without bodies; a body for whoever may see it and says why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Meta

from clawback.engine.content import content_of
from clawback.engine.message_export import export_messages
from clawback.message.delivery import Delivery
from clawback.message.message import Message
from clawback.store import FoundBy
from clawback.store.message_query import query_of
from clawback.web.answers import Answer, Cursor, Limit, Page
from clawback.web.files import sent
from clawback.web.given import GivenCaller, GivenParts
from clawback.web.message_filter import FILTERED, GivenFilter


@dataclass(frozen=True, slots=True)
class View:
    """Why the body is looked at; it goes into the audit log."""

    reason: Annotated[str, Meta(min_length=3, max_length=1_000)]


@dataclass(frozen=True, slots=True)
class Counted:
    """How many messages a search means."""

    messages: int


@dataclass(frozen=True, slots=True)
class Found:
    """How many were first seen from `start` on: messages of a verdict, or copies in a place."""

    start: datetime
    kind: str
    count: int


class Step(StrEnum):
    """The width of a plot's steps."""

    HOUR = "hour"
    DAY = "day"


class Form(StrEnum):
    """How an export is written."""

    CSV = "csv"
    JSON = "json"


STEPS = {Step.HOUR: timedelta(hours=1), Step.DAY: timedelta(days=1)}
_TYPES = {Form.CSV: "text/csv; charset=utf-8", Form.JSON: "application/json"}


@get("/api/messages", sync_to_thread=True, summary="Search messages, last seen first", dependencies=FILTERED)
def messages(
    parts: GivenParts,
    wanted: GivenFilter,
    oldest_first: FromQuery[bool] = False,
    limit: Limit = 100,
    cursor: Cursor = "",
) -> Answer[Page[Message]]:
    """Every field that is given must hold.

    `text` is looked for in the subject; `sender` is an address or a domain; `mailbox` got a copy, `action`
    and `location` are of that copy; `url` may end in ``*``; `verdict` is ``no_threats_found`` where nothing
    is said against it; `source` is what says something. A page may hold few though there is another, where
    no index knows what is asked (files' names and types, results of authentication). What takes too long is
    refused: give a shorter time or one more field.
    """
    query = query_of(wanted, oldest_first=oldest_first, limit=limit, cursor=cursor)
    with parts.store.read() as unit:
        found, after = unit.messages.search(query)
    return Answer(Page(found, after))


@get("/api/messages/count", sync_to_thread=True, summary="Count messages", dependencies=FILTERED)
def count(parts: GivenParts, wanted: GivenFilter) -> Answer[Counted]:
    """How many a search means."""
    with parts.store.read() as unit:
        return Answer(Counted(unit.messages.count_matching(wanted)))


@get("/api/messages/over-time", sync_to_thread=True, summary="Count over time", dependencies=FILTERED)
def over_time(
    parts: GivenParts,
    wanted: GivenFilter,
    by: FromQuery[FoundBy] = FoundBy.VERDICT,
    step: FromQuery[Step] = Step.DAY,
) -> Answer[Page[Found]]:
    """By when they were first seen: messages by verdict, or copies by where each is now. Steps are in UTC."""
    with parts.store.read() as unit:
        found = unit.messages.over_time(wanted, by, STEPS[step])
    rows = sorted((start, kind.value, count) for (start, kind), count in found.items())
    return Answer(Page(tuple(Found(*row) for row in rows), ""))


@get(
    "/api/messages/export",
    sync_to_thread=True,
    summary="Export messages",
    media_type="application/octet-stream",
    dependencies=FILTERED,
)
def export(
    parts: GivenParts,
    wanted: GivenFilter,
    form: FromQuery[Form] = Form.CSV,
    oldest_first: FromQuery[bool] = False,
) -> Response[Any]:
    """What a search finds as a file, the first 10,000."""

    def write(path: Path) -> None:
        export_messages(parts, path, wanted, oldest_first=oldest_first)

    return sent(write, f"messages.{form.value}", _TYPES[form])


@get("/api/messages/{message_id:str}", sync_to_thread=True, summary="Show one message")
def message(message_id: FromPath[str], parts: GivenParts) -> Answer[Message]:
    """Its headers, authentication, links and files, without its bodies."""
    with parts.store.read() as unit:
        return Answer(unit.messages.get(message_id))


@get("/api/messages/{message_id:str}/copies", sync_to_thread=True, summary="Where its copies are")
def copies(message_id: FromPath[str], parts: GivenParts) -> Answer[Page[Delivery]]:
    """Each with its first and its last known place."""
    with parts.store.read() as unit:
        return Answer(Page(unit.deliveries.of_messages([unit.messages.get(message_id).id]), ""))


@get("/api/messages/{message_id:str}/clusters", sync_to_thread=True, summary="The clusters it is in")
def clusters_of(message_id: FromPath[str], parts: GivenParts) -> Answer[Page[str]]:
    """Their ids, oldest first."""
    with parts.store.read() as unit:
        return Answer(Page(unit.clusters.with_message(unit.messages.get(message_id).id), ""))


@post(
    "/api/messages/{message_id:str}/content",
    status_code=200,
    media_type="message/rfc822",
    summary="Look into a message",
)
async def content(
    message_id: FromPath[str], data: JSONBody[View], parts: GivenParts, caller: GivenCaller
) -> Response[bytes]:
    """The raw message, for download. Needs the permission `content`; written into the audit log."""
    raw = await content_of(parts, message_id, caller.name, data.reason)
    headers = {"Content-Disposition": 'attachment; filename="message.eml"'}
    return Response(raw, media_type="message/rfc822", headers=headers)


HANDLERS: tuple[Any, ...] = (messages, count, over_time, export, message, copies, clusters_of, content)
