"""Webhooks: the orders of people about them. What they are told is told by `telling`."""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from clawback import ids
from clawback.engine.parts import Parts
from clawback.engine.record import record
from clawback.engine.telling import types_of
from clawback.errors import BadParameter, ChangedMeanwhile, Refused
from clawback.response.events import EVENTS, Event
from clawback.response.events_sinks import SinkAdded, SinkChanged, SinkRemoved, SinkReplayed
from clawback.response.sinks import (
    MOST_SINKS,
    Delivery,
    Notice,
    Outcome,
    Sent,
    Sink,
    SinkKind,
    SinkState,
    sink_name,
    switched_on,
    wanted_events,
)
from clawback.sinks.base import Teller
from clawback.store import Unit

MARK = "whsec_"
LONGEST_OVERLAP = timedelta(days=7)
OVERLAP = timedelta(hours=24)
"""How long the secret before a new one stays valid."""
TEST = "test"
"""The type of the event that a test tells."""
KIND = SinkKind.WEBHOOK
MOST_BEHIND = 10_000
"""Events that wait are counted up to this."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook as it is shown: never its secret. `dead` counts its dead letters.

    `behind` is how many events that it wants wait to be sent, counted up to 10,000. `why` says what switched
    it off. `failing_since` and `error` tell of tries in vain since the last success.
    """

    id: str
    name: str
    url: str
    events: tuple[str, ...]
    state: SinkState
    why: str
    made_at: datetime
    changed_at: datetime
    delivered_at: datetime | None
    failing_since: datetime | None
    next_try_at: datetime | None
    tries: int
    error: str
    behind: int
    dead: int
    old_secret_until: datetime | None


def shown(unit: Unit, sink: Sink) -> Webhook:
    """A webhook as people see it."""
    s = sink
    behind = unit.audit.count_after(s.cursor, types_of(s), MOST_BEHIND)
    return Webhook(
        s.id,
        s.name,
        s.target,
        s.events,
        s.state,
        s.why,
        s.made_at,
        s.changed_at,
        s.delivered_at,
        s.failing_since,
        s.next_try_at if s.failing_since else None,
        s.tries,
        s.error,
        behind,
        unit.sinks.dead(s.id),
        s.old_secret_until,
    )


def webhook(parts: Parts, webhook_id: str) -> Webhook:
    """One webhook; raises NotFound."""
    with parts.store.read() as unit:
        return shown(unit, unit.sinks.get(webhook_id, KIND))


def listed(parts: Parts, limit: int, cursor: str) -> tuple[tuple[Webhook, ...], str]:
    """A page of webhooks, newest first, and the next cursor."""
    with parts.store.read() as unit:
        rows, after = unit.sinks.list(kind=KIND, limit=limit, cursor=cursor)
        return tuple(shown(unit, row) for row in rows), after


def deliveries(
    parts: Parts, webhook_id: str, outcome: Outcome | None, limit: int, cursor: str
) -> tuple[tuple[Delivery, ...], str]:
    """A page of what became of a webhook's events, and the next cursor; raises NotFound."""
    with parts.store.read() as unit:
        sink = unit.sinks.get(webhook_id, KIND)
        return unit.sinks.deliveries(sink.id, outcome=outcome, limit=limit, cursor=cursor)


def version_of(one: Webhook) -> tuple[object, ...]:
    """What of a webhook two people may change at the same time; deliveries change nothing of it."""
    return one.id, one.name, one.url, one.events, one.state, one.changed_at


def add_webhook(
    parts: Parts, url: str, events: Sequence[str], actor: str, *, name: str = ""
) -> tuple[Webhook, str]:
    """Tell a URL of events from now on; answers the webhook and its secret, which is shown nowhere else.

    Raises BadParameter, and Refused when there are too many.
    """
    target, secret, now = _teller(parts).checked(url), new_secret(), parts.now()
    host = urlsplit(target).hostname or ""
    sink = Sink(
        id=ids.make("whk", secret),
        kind=KIND,
        name=sink_name(name or host),
        target=target,
        events=wanted_events(events, _known()),
        made_at=now,
        changed_at=now,
    )
    with parts.store.write(durable=True) as unit:
        unit.audit.alone()
        if unit.sinks.count() >= MOST_SINKS:
            raise Refused(f"there are {MOST_SINKS} sinks already: remove one first")
        sink = replace(sink, cursor=unit.audit.last())
        unit.sinks.add(sink, secret)
        _record(unit, parts, SinkAdded(sink.id, sink.kind.value, sink.name, host, sink.events), actor)
        return shown(unit, sink), secret


def change_webhook(
    parts: Parts,
    webhook_id: str,
    actor: str,
    *,
    name: str | None = None,
    url: str | None = None,
    events: Sequence[str] | None = None,
    on: bool | None = None,
    was: Webhook | None = None,
) -> Webhook:
    """Change what is given; one that is switched `on` goes on from where it stood, at once.

    Raises NotFound, BadParameter, and with `was` ChangedMeanwhile when it is not so any more.
    """
    target = None if url is None else _teller(parts).checked(url)
    wanted = None if events is None else wanted_events(events, _known())
    with parts.store.write(durable=True) as unit:
        before = unit.sinks.hold(webhook_id, KIND)
        if was is not None and version_of(shown(unit, before)) != version_of(was):
            raise ChangedMeanwhile("somebody else changed it since you looked at it")
        after = replace(
            before,
            name=before.name if name is None else sink_name(name),
            target=before.target if target is None else target,
            events=before.events if wanted is None else wanted,
        )
        now = parts.now()
        if on is not None:
            after = switched_on(after, now) if on else replace(after, state=SinkState.PAUSED, why="")
        if what := "; ".join(_differences(before, after)):
            after = replace(after, changed_at=now, next_try_at=now, tries=0)
            unit.sinks.save(after)
            _record(unit, parts, SinkChanged(after.id, after.name, what), actor)
        return shown(unit, after)


def _differences(before: Sink, after: Sink) -> list[str]:
    said = []
    if before.name != after.name:
        said.append(f"name {before.name} -> {after.name}")
    if before.target != after.target:
        said.append(f"another URL, at {urlsplit(after.target).hostname}")
    if before.events != after.events:
        said.append(f"events {' '.join(after.events) or 'all'}")
    if before.state is not after.state:
        said.append("goes on" if after.state is SinkState.ON else "paused")
    return said


def remove_webhook(parts: Parts, webhook_id: str, actor: str) -> Webhook:
    """Tell a URL nothing any more; answers the webhook as it was. Raises NotFound."""
    with parts.store.write(durable=True) as unit:
        sink = unit.sinks.hold(webhook_id, KIND)
        last = shown(unit, sink)
        unit.sinks.remove(sink.id)
        _record(unit, parts, SinkRemoved(sink.id, sink.name, last.dead), actor)
    return last


def rotate_secret(
    parts: Parts, webhook_id: str, actor: str, *, overlap: timedelta = OVERLAP
) -> tuple[Webhook, str]:
    """Make another secret and answer it; both sign until `overlap` is over, then only the new one.

    Raises NotFound, BadParameter.
    """
    if not timedelta() <= overlap <= LONGEST_OVERLAP:
        raise BadParameter(f"the old secret may stay valid for 0 to {LONGEST_OVERLAP.days} days")
    secret, now = new_secret(), parts.now()
    with parts.store.write(durable=True) as unit:
        sink = unit.sinks.hold(webhook_id, KIND)
        sink = replace(sink, old_secret_until=now + overlap if overlap else None, changed_at=now)
        unit.sinks.replace_secret(sink, secret)
        what = f"another secret; the old one is valid for {overlap.total_seconds() / 3_600:g} h"
        _record(unit, parts, SinkChanged(sink.id, sink.name, what), actor)
        return shown(unit, sink), secret


def replay(parts: Parts, webhook_id: str, actor: str, event_ids: Sequence[str] | None = None) -> int:
    """Let dead letters be sent once more, those of these events or all; answers how many. Raises NotFound."""
    with parts.store.write(durable=True) as unit:
        sink = unit.sinks.hold(webhook_id, KIND)
        letters = unit.sinks.replay(sink.id, event_ids)
        if letters:
            _record(unit, parts, SinkReplayed(sink.id, sink.name, letters), actor)
    return letters


def send_test(parts: Parts, webhook_id: str, actor: str) -> Sent:
    """Tell a webhook of nothing, now, and answer what came of it; it may be paused. Raises NotFound.

    Blocks for as long as one try may take, so never call it where a loop runs.
    """
    now = parts.now()
    with parts.store.read() as unit:
        sink = unit.sinks.get(webhook_id, KIND)
        valid = unit.sinks.secrets(sink, now)
    mark = ids.make("evt", "test", sink.id, secrets.token_bytes(16))
    notice = Notice(mark, 0, now, actor, TEST, {"webhook": sink.id, "name": sink.name})

    async def tell() -> Sent:
        async with _teller(parts).line(sink, valid) as line:
            return await line.send(notice)

    return asyncio.run(tell())


def new_secret() -> str:
    """A secret as Standard Webhooks writes them: 256 random bits."""
    return MARK + base64.b64encode(secrets.token_bytes(32)).decode()


def _known() -> tuple[str, ...]:
    return tuple(event.TYPE for event in EVENTS)


def _teller(parts: Parts) -> Teller:
    return parts.sinks[KIND]


def _record(unit: Unit, parts: Parts, event: Event, actor: str) -> None:
    record(unit, event, actor=actor, at=parts.now())
