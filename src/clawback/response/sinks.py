"""Sinks: whom events are told, how far each has come, and what follows from each try to tell.

A sink goes through the audit log in its order, and its cursor is the last event that is settled there:
delivered, not wanted, or set aside as a dead letter. So nothing waits anywhere but in the log itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from clawback.errors import BadParameter

TELLING = "Telling"
"""The actor's name when a sink is switched off by itself."""
MOST_SINKS = 50
MOST_EVENTS = 50
"""Beginnings of events that a sink may name."""
MOST_DEAD = 1_000
"""Dead letters of a sink; with more it is switched off, for whoever would look at so many."""
TRIES = 14
"""Tries of one event while the receiver is not well: with the pauses between them some seven hours."""
REFUSED_TRIES = 5
"""Tries of one event that the receiver refuses for what it is."""
PATIENCE = timedelta(days=5)
"""A sink that failed for so long, without one success, is switched off."""
LONGEST_PAUSE = timedelta(hours=1)
LONGEST_NAME = 100
JITTER = 0.25
"""The part of a pause that is left to chance: sinks that failed together shall not come back together."""
_PAUSES = (5, 15, 60, 120, 300, 600, 1_800)
"""Seconds after the first tries in vain; `LONGEST_PAUSE` after all that follow."""


class SinkKind(StrEnum):
    """How a sink is told."""

    WEBHOOK = "webhook"


class SinkState(StrEnum):
    """Whether a sink is told: `on`, `paused` by a person, or `off` by itself after long failure."""

    ON = "on"
    PAUSED = "paused"
    OFF = "off"


class Outcome(StrEnum):
    """What became of one event at one sink.

    `failing` is tried again by itself, `dead` only when a person says so, which makes it `replay`.
    """

    DELIVERED = "delivered"
    FAILING = "failing"
    DEAD = "dead"
    REPLAY = "replay"


@dataclass(frozen=True, slots=True)
class Sink:
    """One sink and where it stands.

    `events` are the beginnings of the events that it wants, none for all. `cursor` is the place in the audit
    log of the last settled event. `tries` counts tries in vain of the event behind it, `failing_since` when
    the tries in vain began without a success between them. `old_secret_until` is when the secret before the
    present one stops being used beside it.
    """

    id: str
    kind: SinkKind
    name: str
    target: str = field(repr=False)
    events: tuple[str, ...]
    made_at: datetime
    changed_at: datetime
    state: SinkState = SinkState.ON
    why: str = ""
    cursor: int = 0
    tries: int = 0
    failing_since: datetime | None = None
    next_try_at: datetime | None = None
    error: str = ""
    delivered_at: datetime | None = None
    old_secret_until: datetime | None = None

    def wants(self, event_type: str) -> bool:
        """Whether it is told of such events."""
        return not self.events or event_type.startswith(self.events)


@dataclass(frozen=True, slots=True)
class Notice:
    """One event as it is told. `id` is the same at each try and at each sink: receivers know it again."""

    id: str
    seq: int
    at: datetime
    actor: str
    type: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of one try. `error` is "" when the receiver took it; `status` is its own, 0 for no answer.

    `refused` says that it is this event that the receiver does not want, `gone` that it wants none at all any
    more. `after` is how many seconds it asks us to wait.
    """

    status: int = 0
    error: str = ""
    refused: bool = False
    gone: bool = False
    after: float = 0.0

    @property
    def taken(self) -> bool:
        """Whether the event is delivered."""
        return not self.error


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event at a sink: what became of it, after how many tries, and the last answer."""

    event_id: str
    seq: int
    type: str
    outcome: Outcome
    tries: int
    at: datetime
    status: int = 0
    error: str = ""


def settled(sink: Sink, notice: Notice, sent: Sent, now: datetime, chance: float) -> tuple[Sink, Delivery]:
    """What follows from a try of the event behind the cursor; `chance` is from 0 to 1."""
    tries = sink.tries + 1
    if sent.taken:
        done = _delivery(notice, Outcome.DELIVERED, tries, sent, now)
        return _through(replace(sink, delivered_at=now, failing_since=None, error=""), notice), done
    since = sink.failing_since or now
    failed = replace(sink, tries=tries, failing_since=since, error=sent.error)
    if sent.gone:
        failed = _off(failed, "the receiver says that it is gone for good")
    elif now - since >= PATIENCE:
        failed = _off(failed, f"nothing could be delivered for {PATIENCE.days} days: {sent.error}")
    if failed.state is SinkState.ON and tries >= (REFUSED_TRIES if sent.refused else TRIES):
        # Whoever refused this one may well take the next; whoever is not well needs the pause all the same.
        pause = timedelta() if sent.refused else _pause(tries, sent.after, chance)
        dead = replace(_through(failed, notice), next_try_at=now + pause)
        return dead, _delivery(notice, Outcome.DEAD, tries, sent, now)
    later = replace(failed, next_try_at=now + _pause(tries, sent.after, chance))
    return later, _delivery(notice, Outcome.FAILING, tries, sent, now)


def replayed(delivery: Delivery, sent: Sent, now: datetime) -> Delivery:
    """What became of a dead letter that was sent once more."""
    outcome = Outcome.DELIVERED if sent.taken else Outcome.DEAD
    tries, seq = delivery.tries + 1, delivery.seq
    return Delivery(delivery.event_id, seq, delivery.type, outcome, tries, now, sent.status, error=sent.error)


def switched_off(sink: Sink, dead: int) -> Sink:
    """The sink, off when it has too many dead letters."""
    if sink.state is SinkState.ON and dead > MOST_DEAD:
        return _off(sink, f"it has more than {MOST_DEAD:,} dead letters: {sink.error}")
    return sink


def switched_on(sink: Sink, now: datetime) -> Sink:
    """The sink as a person lets it go on: from its cursor, at once, and with all its patience anew."""
    return replace(sink, state=SinkState.ON, why="", tries=0, failing_since=None, next_try_at=now)


def _through(sink: Sink, notice: Notice) -> Sink:
    return replace(sink, cursor=notice.seq, tries=0, next_try_at=None)


def _off(sink: Sink, why: str) -> Sink:
    return replace(sink, state=SinkState.OFF, why=why)


def _pause(tries: int, after: float, chance: float) -> timedelta:
    grown = timedelta(seconds=_PAUSES[tries - 1]) if tries <= len(_PAUSES) else LONGEST_PAUSE
    asked = min(timedelta(seconds=max(after, 0.0)), LONGEST_PAUSE)
    return max(grown * (1.0 - JITTER * chance), asked * (1.0 + JITTER * chance))


def _delivery(notice: Notice, outcome: Outcome, tries: int, sent: Sent, now: datetime) -> Delivery:
    return Delivery(notice.id, notice.seq, notice.type, outcome, tries, now, sent.status, sent.error)


def wanted_events(beginnings: Iterable[str], known: Sequence[str]) -> tuple[str, ...]:
    """The beginnings of events, sorted, each once. BadParameter for one that no event begins with."""
    wanted = sorted({text.strip().removesuffix("*") for text in beginnings if text.strip()})
    for text in wanted:
        if text and not any(name.startswith(text) for name in known):
            raise BadParameter(f"no event begins with {text!r:.80}; docs/reference/events.md has them all")
    if len(wanted) > MOST_EVENTS:
        raise BadParameter(f"a sink names at most {MOST_EVENTS} beginnings of events")
    return () if "" in wanted else tuple(wanted)


def sink_name(text: str) -> str:
    """The name of a sink (BadParameter when it is empty, too long or not printable)."""
    name = text.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise BadParameter(f"the name has 1 to {LONGEST_NAME} printable characters")
    return name
