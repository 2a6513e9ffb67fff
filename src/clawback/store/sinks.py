"""Sinks: whom events are told, how far each has come, what became of each event, and its dead letters.

What is to be told waits in the audit log alone; a dead letter is the place of its event there.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Index, Row, Select, Table, delete, exists, func, or_, select, update

from clawback.errors import NotFound, PlanStale
from clawback.response.sinks import Delivery, Outcome, Sink, SinkKind, SinkState
from clawback.store.audit import Audit
from clawback.store.columns import blob, integer, metadata, running_number, text_column
from clawback.store.records import Codec
from clawback.store.repository import Repository, chunks
from clawback.store.text import armour, disarm, micros, moment

KEPT = 200
"""Deliveries that are remembered of each sink beside its dead letters."""
_codec = Codec(Sink)

# The secrets stand beside the record, not in it: they leave this room by `secrets` alone.
sinks = Table(
    "sinks",
    metadata,
    running_number(),
    text_column("id", unique=True),
    text_column("kind"),
    text_column("state"),
    text_column("secret"),
    text_column("old_secret"),
    integer("cursor"),
    integer("next_try_at"),
    text_column("worker"),
    integer("lease_until"),
    blob("record"),
)

sink_deliveries = Table(
    "sink_deliveries",
    metadata,
    integer("sink_no", primary_key=True),
    integer("seq", primary_key=True),
    text_column("event_id"),
    text_column("type"),
    text_column("outcome"),
    integer("tries"),
    integer("at"),
    integer("status"),
    text_column("error"),
    Index("sink_deliveries_by_outcome", "sink_no", "outcome", "seq"),
    sqlite_with_rowid=False,
)
_COLUMNS = ("sink_no", "seq", "event_id", "type", "outcome", "tries", "at", "status", "error")
_UPSERT = (
    "ON CONFLICT (sink_no, seq) DO UPDATE SET outcome = excluded.outcome, tries = excluded.tries, "
    "at = excluded.at, status = excluded.status, error = excluded.error"
)


class Sinks(Repository):
    """All sinks. Whoever tells one has it under a lease; a person's change ends the lease."""

    def add(self, sink: Sink, secret: str) -> None:
        """Keep a new sink and its secret."""
        values = {
            "id": sink.id,
            "kind": sink.kind.value,
            "secret": secret,
            "old_secret": "",
            "worker": "",
            "lease_until": 0,
        }
        self._connection.execute(sinks.insert().values({**values, **_standing(sink)}))

    def get(self, sink_id: str, kind: SinkKind | None = None) -> Sink:
        """The sink, of that kind if one is given; raises NotFound."""
        return self._found(select(sinks.c.record), sink_id, kind)

    def hold(self, sink_id: str, kind: SinkKind | None = None) -> Sink:
        """As `get`, and nobody else changes it, or appends to the audit log, until the end of the unit."""
        Audit(self._connection).alone()
        return self._found(select(sinks.c.record).with_for_update(), sink_id, kind)

    def list(
        self, *, kind: SinkKind | None = None, limit: int = 100, cursor: str = ""
    ) -> tuple[tuple[Sink, ...], str]:
        """A page, of one kind or of all, newest first, and the next cursor."""
        query = select(sinks.c.no, sinks.c.record)
        if kind is not None:
            query = query.where(sinks.c.kind == kind.value)
        rows, after = self._page(query, sinks.c.no, limit, cursor)
        return tuple(_codec.decode(row.record) for row in rows), after

    def count(self, state: SinkState | None = None) -> int:
        """How many there are, or how many stand so."""
        query = select(func.count()).select_from(sinks)
        if state is not None:
            query = query.where(sinks.c.state == state.value)
        return self._connection.execute(query).scalar_one()

    def save(self, sink: Sink) -> None:
        """Write a sink that a person changed; whoever is telling it stops, and its lease ends."""
        values = {**_standing(sink), "worker": "", "lease_until": 0}
        self._connection.execute(update(sinks).where(sinks.c.id == armour(sink.id)).values(values))

    def secrets(self, sink: Sink, now: datetime) -> tuple[str, ...]:
        """The secrets that are valid, the newest first."""
        mine = select(sinks.c.secret, sinks.c.old_secret).where(sinks.c.id == armour(sink.id))
        row = self._connection.execute(mine).one()
        old = sink.old_secret_until is not None and now < sink.old_secret_until
        return (row.secret, row.old_secret) if old and row.old_secret else (row.secret,)

    def replace_secret(self, sink: Sink, secret: str) -> None:
        """Write a sink with another secret; the present one becomes the old one, and its own is forgotten."""
        values = {"secret": secret, "old_secret": sinks.c.secret}
        self._connection.execute(update(sinks).where(sinks.c.id == armour(sink.id)).values(values))
        self.save(sink)

    def remove(self, sink_id: str) -> None:
        """Forget a sink and all that became of its events."""
        no = self._number(sink_id)
        self._connection.execute(delete(sink_deliveries).where(sink_deliveries.c.sink_no == no))
        self._connection.execute(delete(sinks).where(sinks.c.no == no))

    def due(self, now: datetime, last: int) -> tuple[Sink, ...]:
        """The sinks that may be told now, and have something up to `last` to go through, or to replay."""
        table, at = sinks.c, micros(now)
        again = exists().where(
            sink_deliveries.c.sink_no == table.no, sink_deliveries.c.outcome == Outcome.REPLAY.value
        )
        query = select(table.record).where(
            table.state == SinkState.ON.value,
            table.next_try_at <= at,
            table.lease_until <= at,
            or_(table.cursor < last, again),
        )
        return tuple(_codec.decode(record) for record in self._connection.execute(query).scalars())

    def claim(self, sink_id: str, worker: str, now: datetime, until: datetime) -> Sink | None:
        """Lease a sink to a worker, None when another has it or it may not be told now."""
        table = sinks.c
        free = (table.id == armour(sink_id)) & (table.lease_until <= micros(now))
        free &= (table.state == SinkState.ON.value) & (table.next_try_at <= micros(now))
        values = {"worker": armour(worker), "lease_until": micros(until)}
        found = self._connection.execute(update(sinks).where(free).values(values).returning(table.record))
        record = found.scalar()
        return None if record is None else _codec.decode(record)

    def told(self, sink: Sink, worker: str, made: Sequence[Delivery], until: datetime | None) -> None:
        """Write how far a worker has come; keeps its lease `until` then, or gives it back when that is None.

        Raises PlanStale when the lease was lost: a person changed the sink, or another worker took it.
        """
        lease = {"worker": "", "lease_until": 0} if until is None else {"lease_until": micros(until)}
        mine = (sinks.c.id == armour(sink.id)) & (sinks.c.worker == armour(worker))
        query = update(sinks).where(mine).values({**_standing(sink), **lease}).returning(sinks.c.no)
        no = self._connection.execute(query).scalar()
        if no is None:
            raise PlanStale(f"the sink {sink.id} was taken over or changed meanwhile")
        if made:
            last = {one.seq: one for one in made}
            self._insert(sink_deliveries, _COLUMNS, [_row(no, last[seq]) for seq in sorted(last)], _UPSERT)
            self._trim(no)

    def deliveries(
        self, sink_id: str, *, outcome: Outcome | None = None, limit: int = 100, cursor: str = ""
    ) -> tuple[tuple[Delivery, ...], str]:
        """A page of what became of a sink's events, newest event first, and the next cursor."""
        table = sink_deliveries.c
        query = select(sink_deliveries, table.seq.label("no")).where(table.sink_no == self._number(sink_id))
        if outcome is not None:
            query = query.where(table.outcome == outcome.value)
        rows, after = self._page(query, table.seq, limit, cursor)
        return tuple(_delivery(row) for row in rows), after

    def to_replay(self, sink_id: str, limit: int) -> tuple[Delivery, ...]:
        """The dead letters that a person let be sent once more, oldest event first."""
        table = sink_deliveries.c
        mine = (table.sink_no == self._number(sink_id)) & (table.outcome == Outcome.REPLAY.value)
        rows = self._connection.execute(select(sink_deliveries).where(mine).order_by(table.seq).limit(limit))
        return tuple(_delivery(row) for row in rows)

    def dead(self, sink_id: str) -> int:
        """How many dead letters a sink has."""
        table = sink_deliveries.c
        mine = (table.sink_no == self._number(sink_id)) & (table.outcome == Outcome.DEAD.value)
        return self._connection.execute(
            select(func.count()).select_from(sink_deliveries).where(mine)
        ).scalar_one()

    def replay(self, sink_id: str, event_ids: Sequence[str] | None) -> int:
        """Let dead letters be sent once more, those of these events or all; answers how many there were."""
        table = sink_deliveries.c
        mine = (table.sink_no == self._number(sink_id)) & (table.outcome == Outcome.DEAD.value)
        again = update(sink_deliveries).values(outcome=Outcome.REPLAY.value)
        if event_ids is None:
            return self._connection.execute(again.where(mine)).rowcount
        found = 0
        for chunk in chunks([armour(one) for one in event_ids]):
            within = self._within(table.event_id, chunk)
            found += self._connection.execute(again.where(mine, within)).rowcount
        return found

    def _found(self, query: Select[Any], sink_id: str, kind: SinkKind | None) -> Sink:
        record = self._connection.execute(query.where(sinks.c.id == armour(sink_id))).scalar()
        sink: Sink | None = None if record is None else _codec.decode(record)
        if sink is None or (kind is not None and sink.kind is not kind):
            raise NotFound(f"there is no {kind.value if kind else 'sink'} {sink_id:.80}")
        return sink

    def _number(self, sink_id: str) -> int:
        query = select(sinks.c.no).where(sinks.c.id == armour(sink_id))
        no: int | None = self._connection.execute(query).scalar()
        if no is None:
            raise NotFound(f"there is no sink {sink_id:.80}")
        return no

    def _trim(self, no: int) -> None:
        """Forget what was delivered long ago."""
        table = sink_deliveries.c
        done = (table.sink_no == no) & (table.outcome == Outcome.DELIVERED.value)
        oldest = select(table.seq).where(done).order_by(table.seq.desc()).offset(KEPT).limit(1)
        seq = self._connection.execute(oldest).scalar()
        if seq is not None:
            self._connection.execute(delete(sink_deliveries).where(done, table.seq <= seq))


def _standing(sink: Sink) -> dict[str, object]:
    return {
        "state": sink.state.value,
        "cursor": sink.cursor,
        "next_try_at": micros(sink.next_try_at) if sink.next_try_at else 0,
        "record": _codec.encode(sink),
    }


def _row(no: int, one: Delivery) -> tuple[int | str, ...]:
    return (
        no,
        one.seq,
        armour(one.event_id),
        armour(one.type),
        one.outcome.value,
        one.tries,
        micros(one.at),
        one.status,
        armour(one.error),
    )


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        event_id=disarm(row.event_id),
        seq=row.seq,
        type=disarm(row.type),
        outcome=Outcome(row.outcome),
        tries=row.tries,
        at=moment(row.at),
        status=row.status,
        error=disarm(row.error),
    )
