"""``/api/messages``: mail that was seen, without bodies; a body for whoever may see it and says why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Meta

from clawback.analysis.entities import Entity, EntityKind
from clawback.engine.content import content_of
from clawback.message.delivery import Delivery
from clawback.message.message import Message
from clawback.store import MessageQuery
from clawback.web.answers import Answer, Cursor, Limit, Page
from clawback.web.given import GivenCaller, GivenParts

Word = Annotated[str, QueryParameter(max_length=1_000)]


@dataclass(frozen=True, slots=True)
class View:
    """Why the body is looked at; it goes into the audit log."""

    reason: Annotated[str, Meta(min_length=3, max_length=1_000)]


@get("/api/messages", sync_to_thread=True, summary="Search messages, last seen first")
def messages(
    parts: GivenParts,
    text: Word = "",
    sender: Word = "",
    mailbox: Word = "",
    since: FromQuery[datetime | None] = None,
    until: FromQuery[datetime | None] = None,
    limit: Limit = 100,
    cursor: Cursor = "",
) -> Answer[Page[Message]]:
    """`text` is looked for in the subject; `sender` is an address or a domain; `mailbox` got a copy."""
    query = MessageQuery(text, sender, mailbox, since, until, limit=limit, cursor=cursor)
    with parts.store.read() as unit:
        found, after = unit.messages.search(query)
    return Answer(Page(found, after))


@get("/api/messages/carrying", sync_to_thread=True, summary="Messages that carry something")
def carrying(
    kind: FromQuery[EntityKind], value: Word, parts: GivenParts, limit: Limit = 100
) -> Answer[Page[Message]]:
    """Those with this URL, file (SHA-256), host, domain, sender or IP address, oldest first."""
    with parts.store.read() as unit:
        found: list[Message] = []
        for message in unit.messages.sharing([Entity(kind, value)]):
            if len(found) < limit:
                found.append(message)
    return Answer(Page(tuple(found), ""))


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


HANDLERS: tuple[Any, ...] = (messages, carrying, message, copies, clusters_of, content)
