"""Telling: each sink goes through the audit log at its own pace, beside the work and never in its way.

An event is sent first and the cursor moved after, so a death in between sends it again, with the same id.
Many workers may share a store: a sink is told by one at a time, under a lease.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from clawback import ids
from clawback.engine.parts import Parts
from clawback.engine.record import record
from clawback.errors import PlanStale
from clawback.response.events import EVENTS
from clawback.response.events_sinks import SinkSwitchedOff
from clawback.response.sinks import (
    TELLING,
    Delivery,
    Notice,
    Outcome,
    Sink,
    SinkState,
    replayed,
    settled,
    switched_off,
)
from clawback.sinks.base import Line, Teller
from clawback.store import AuditRow, Unit

BATCH = 100
"""Events that a sink is told in one turn, at most; all that is held in memory for it."""
REPLAYS = 20
"""Dead letters among them that are sent once more."""
LEASE = timedelta(seconds=60)
SAVES = timedelta(seconds=5)
"""How long what was told may be unwritten: so much is told twice after a death."""
LOOK_SECONDS = 1.0
IDLE = 10_000
"""Events that nobody wants may pass before the cursor is moved over them."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn of a sink has to tell. `seen` is the last place in the log that was looked at."""

    notices: tuple[Notice, ...]
    again: tuple[tuple[Delivery, Notice], ...]
    secrets: tuple[str, ...]
    seen: int


class Telling:
    """Tells every sink that is due, each in a task of its own: one that hangs keeps no other waiting."""

    def __init__(self, parts: Parts, worker: str) -> None:
        self._parts = parts
        self._worker = worker
        self._turns: dict[str, asyncio.Task[None]] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Tell until `stop` is set. A lost store ends it."""
        ending = asyncio.create_task(stop.wait())
        try:
            while not ending.done():
                await self._begin_turns()
                await asyncio.wait({ending, *self._turns.values()}, timeout=LOOK_SECONDS)
                for sink_id in [name for name, task in self._turns.items() if task.done()]:
                    self._turns.pop(sink_id).result()
                if self._turns:
                    await asyncio.wait({ending}, timeout=LOOK_SECONDS)
        finally:
            for task in (ending, *self._turns.values()):
                task.cancel()
            await asyncio.gather(ending, *self._turns.values(), return_exceptions=True)

    async def step(self) -> None:
        """One turn of every sink that is due, to its end."""
        await self._begin_turns()
        turns = list(self._turns.values())
        self._turns.clear()
        await asyncio.gather(*turns)

    async def _begin_turns(self) -> None:
        for sink in await asyncio.to_thread(self._due):
            if sink.id not in self._turns:
                self._turns[sink.id] = asyncio.create_task(self._turn(sink.id, self._parts.sinks[sink.kind]))

    def _due(self) -> list[Sink]:
        now = self._parts.now()
        with self._parts.store.read() as unit:
            last = unit.audit.last()
            return [sink for sink in unit.sinks.due(now, last) if self._has_work(unit, sink, last)]

    def _has_work(self, unit: Unit, sink: Sink, last: int) -> bool:
        if sink.kind not in self._parts.sinks:
            return False
        if last - sink.cursor > IDLE or unit.sinks.to_replay(sink.id, 1):
            return True
        return bool(unit.audit.list(after_seq=sink.cursor, types=types_of(sink), limit=1))

    async def _turn(self, sink_id: str, teller: Teller) -> None:
        claimed = await asyncio.to_thread(self._claim, sink_id)
        if claimed is None:
            return
        sink, turn = claimed
        told = _Told(self._parts, self._worker, sink)
        try:
            async with teller.line(sink, turn.secrets) as line:
                await _go_through(told, line, turn)
        except PlanStale:
            return  # somebody changed it: what it wants now is looked up anew
        except asyncio.CancelledError:
            told.give_back()
            raise
        await asyncio.to_thread(told.give_back)

    def _claim(self, sink_id: str) -> tuple[Sink, Turn] | None:
        now = self._parts.now()
        with self._parts.store.write() as unit:
            sink = unit.sinks.claim(sink_id, self._worker, now, now + LEASE)
            return None if sink is None else (sink, _turn_of(unit, sink, now))


class _Told:
    """How far a turn has come, and what of it is not written yet."""

    def __init__(self, parts: Parts, worker: str, sink: Sink) -> None:
        self.parts = parts
        self.sink = sink
        self._worker = worker
        self._made: list[Delivery] = []
        self._saved = parts.now()

    async def note(self, sink: Sink, made: Delivery) -> None:
        """Take in one try, and write what there is now and then. Raises PlanStale when the lease is lost."""
        self.sink = sink
        self._made.append(made)
        now = self.parts.now()
        if now - self._saved >= SAVES:
            await asyncio.to_thread(self._write, now + LEASE)
            self._saved = now

    def give_back(self) -> None:
        """Write all, and let another take the sink; nothing when it was lost anyway."""
        try:
            self._write(None)
        except PlanStale:
            return

    def _write(self, until: datetime | None) -> None:
        made, self._made = self._made, []
        was_on = self.sink.state is SinkState.ON
        ends = not was_on or any(one.outcome is Outcome.DEAD for one in made)
        with self.parts.store.write(durable=ends) as unit:
            unit.sinks.told(self.sink, self._worker, made, until)
            if ends:
                self._judge(unit)

    def _judge(self, unit: Unit) -> None:
        """Say so when the sink was switched off; it may be by having too many dead letters."""
        after = self.sink = switched_off(self.sink, unit.sinks.dead(self.sink.id))
        if after.state is SinkState.OFF:
            unit.sinks.save(after)
            event = SinkSwitchedOff(after.id, after.name, after.why)
            record(unit, event, actor=TELLING, at=self.parts.now())


async def _go_through(told: _Told, line: Line, turn: Turn) -> None:
    """Tell one event after the other, until one fails or a person changes the sink."""
    now = told.parts.now
    for notice in turn.notices:
        sent = await line.send(notice)
        sink, made = settled(told.sink, notice, sent, now(), random.random())  # noqa: S311 - no secret
        await told.note(sink, made)
        if sink.state is not SinkState.ON or (sink.next_try_at and sink.next_try_at > now()):
            return
    if len(turn.notices) < BATCH:
        told.sink = _past(told.sink, turn.seen)
    for before, notice in turn.again:
        sent = await line.send(notice)
        await told.note(told.sink, replayed(before, sent, now()))


def _past(sink: Sink, seen: int) -> Sink:
    return replace(sink, cursor=max(sink.cursor, seen))


def _turn_of(unit: Unit, sink: Sink, now: datetime) -> Turn:
    seen = unit.audit.last()
    rows = unit.audit.list(after_seq=sink.cursor, types=types_of(sink), limit=BATCH)
    again = unit.sinks.to_replay(sink.id, REPLAYS)
    whole = [(one, unit.audit.list(after_seq=one.seq - 1, limit=1)) for one in again]
    letters = tuple((one, notice_of(found[0])) for one, found in whole if found)
    return Turn(tuple(map(notice_of, rows)), letters, unit.sinks.secrets(sink, now), seen)


def types_of(sink: Sink) -> Sequence[str] | None:
    """The types of the events that a sink wants, None for all."""
    return [event.TYPE for event in EVENTS if sink.wants(event.TYPE)] if sink.events else None


def notice_of(row: AuditRow) -> Notice:
    """An event of the audit log as it is told; its id is made from its seal."""
    return Notice(ids.make("evt", row.hash), row.seq, row.at, row.actor, row.type, row.body)
