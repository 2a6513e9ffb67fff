"""``/api/events``: the tail of the audit log as server-sent events, without the events' bodies."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import Annotated, Any

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import HeaderParameter
from litestar.response import ServerSentEvent, ServerSentEventMessage

from clawback.engine.parts import Parts
from clawback.errors import TriedTooOften
from clawback.store import AuditRow
from clawback.web.callers import Authentication
from clawback.web.given import GivenCaller, GivenParts

LOOK_SECONDS = 1.0
BEAT_LOOKS = 15
"""After so many looks without news a comment keeps the connection open, and the caller is looked at again."""
MOST_STREAMS = 200
MOST_OF_ACCOUNT = 20
"""Streams of one account, whichever way it came in: one that opens many leaves room for the others."""
BATCH = 500
_ABOUT = ("investigation_id", "cluster_id", "remediation_id", "message_id", "submission_id")


class Streams:
    """Whose streams are open, and whether they shall end."""

    def __init__(self) -> None:
        self.open: Counter[str] = Counter()
        self.ending = asyncio.Event()

    @property
    def count(self) -> int:
        """How many are open."""
        return self.open.total()

    def room(self, account: str) -> bool:
        """Whether an account may open one more."""
        return self.count < MOST_STREAMS and self.open[account] < MOST_OF_ACCOUNT


@get("/api/events", summary="What happens, as it happens", media_type="text/event-stream")
async def events(
    request: Request[Any, Any, Any],
    parts: GivenParts,
    caller: GivenCaller,
    streams: NamedDependency[Streams],
    authentication: NamedDependency[Authentication],
    last_event_id: Annotated[
        str, HeaderParameter(name="Last-Event-ID", max_length=30, description="The last `id` that was seen.")
    ] = "",
) -> ServerSentEvent:
    """Server-sent events: `id` is the number in the audit log, `event` its type, `data` what it is about.

    After a break the stream goes on behind the Last-Event-ID; without one it begins now.
    """
    if not streams.room(caller.name):
        raise TriedTooOften("too many streams are open", LOOK_SECONDS * BEAT_LOOKS)
    given = last_event_id.isascii() and last_event_id.isdigit()
    seq = int(last_event_id[:18]) if given else await asyncio.to_thread(_now, parts)
    return ServerSentEvent(_tail(request, parts, streams, authentication, caller.name, seq))


async def _tail(
    request: Request[Any, Any, Any],
    parts: Parts,
    streams: Streams,
    authentication: Authentication,
    account: str,
    seq: int,
) -> AsyncIterator[ServerSentEventMessage]:
    if not streams.room(account):  # others came in between
        return
    streams.open[account] += 1
    try:
        yield ServerSentEventMessage(data=None, comment="the tail of the audit log", retry=2_000)
        quiet = 0
        while not streams.ending.is_set():
            rows = await asyncio.to_thread(_rows, parts, seq)
            for row in rows:
                seq = row.seq
                yield _message(row)
            quiet = 0 if rows else quiet + 1
            if quiet >= BEAT_LOOKS:
                quiet = 0
                if not await authentication.still_in(request):
                    return
                yield ServerSentEventMessage(data=None, comment="still here")
            await _pause(streams.ending)
    finally:
        streams.open[account] -= 1


async def _pause(ending: asyncio.Event) -> None:
    waiting = asyncio.ensure_future(ending.wait())
    await asyncio.wait({waiting}, timeout=LOOK_SECONDS)
    waiting.cancel()


def _now(parts: Parts) -> int:
    with parts.store.read() as unit:
        return unit.audit.count()


def _rows(parts: Parts, seq: int) -> tuple[AuditRow, ...]:
    with parts.store.read() as unit:
        return unit.audit.list(after_seq=seq, limit=BATCH)


def _message(row: AuditRow) -> ServerSentEventMessage:
    about = {name: row.body[name] for name in _ABOUT if isinstance(row.body.get(name), str)}
    data = {"seq": row.seq, "at": row.at.isoformat(), "actor": row.actor, "type": row.type, **about}
    return ServerSentEventMessage(data=json.dumps(data), event=row.type, id=row.seq)


HANDLERS: tuple[Any, ...] = (events,)
