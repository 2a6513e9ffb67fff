"""The past: what a store knew at some time, copied into another store where it is gone through again.

The other store is scratch, on SQLite, and holds more than any other: the index keys of messages that have
yet to come wait in a table of their own until their message does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, func, select, true

from clawback.message.delivery import Delivery
from clawback.response.exposure import Marks
from clawback.response.plan import ActionKind, Outcome
from clawback.store.deliveries import Deliveries
from clawback.store.detections import detections
from clawback.store.exposure import exposures
from clawback.store.repository import Repository, chunks
from clawback.store.schema import (
    deeds,
    deliveries,
    epochs,
    indicator_keys,
    indicators,
    message_keys,
    message_records,
    messages,
    receipts,
    remediations,
)
from clawback.store.sent_mail import sent_mail
from clawback.store.text import armour, micros, moment, moment_or_none

_ROWS = 10_000
_LATER = (
    "CREATE TABLE IF NOT EXISTS later_keys (message_no BIGINT NOT NULL, epoch BIGINT NOT NULL, "
    '"key" BIGINT NOT NULL, PRIMARY KEY (message_no, epoch, "key")) WITHOUT ROWID'
)
_COME = (
    'INSERT INTO message_keys (epoch, "key", message_no) SELECT epoch, "key", message_no FROM later_keys '
    "WHERE message_no IN (SELECT value FROM json_each(?)) ORDER BY 1, 2, 3"
)


@dataclass(frozen=True, slots=True)
class Touch:
    """Something that we did with a copy: when, of what kind, and whether it was to put it back."""

    at: datetime
    kind: ActionKind


@dataclass(frozen=True, slots=True)
class Kept:
    """A copy as it is kept now, with its running number and what was seen of it since it came."""

    no: int
    delivery: Delivery
    marks: Marks | None


class Past(Repository):
    """What was, read from a store."""

    def first_message(self, since: datetime) -> int:
        """The running number of the first message that was new at `since` or later."""
        table = messages.c
        first = select(func.min(table.no)).where(table.first_seen >= micros(since))
        found: int | None = self._connection.execute(first).scalar()
        if found is not None:
            return found
        last: int | None = self._connection.execute(select(func.max(table.no))).scalar()
        return (last or 0) + 1

    def copies(self, after: int, limit: int) -> tuple[Kept, ...]:
        """The copies after that running number, in the order in which they came."""
        times = [column for column in exposures.c if column.name != "delivery_no"]
        numbers = select(deliveries.c.no, deliveries.c.id, *times)
        joined = deliveries.outerjoin(exposures, exposures.c.delivery_no == deliveries.c.no)
        query = numbers.select_from(joined).where(deliveries.c.no > after).order_by(deliveries.c.no)
        rows = self._connection.execute(query.limit(limit)).all()
        known = Deliveries(self._connection).get_many([row.id for row in rows])
        return tuple(Kept(row.no, known[row.id], _marks(row[2:])) for row in rows if row.id in known)

    def copies_between(self, since: datetime, until: datetime) -> int:
        """How many copies came between these moments."""
        table = deliveries.c
        query = select(func.count()).select_from(deliveries)
        within = (table.first_seen >= micros(since)) & (table.first_seen < micros(until))
        return self._connection.execute(query.where(within)).scalar_one()

    def messages_between(self, since: datetime, until: datetime) -> int:
        """How many messages were new between these moments."""
        table = messages.c
        query = select(func.count()).select_from(messages)
        within = (table.first_seen >= micros(since)) & (table.first_seen < micros(until))
        return self._connection.execute(query.where(within)).scalar_one()

    def touched(self, delivery_ids: Sequence[str]) -> dict[str, tuple[Touch, ...]]:
        """What we did with these copies, in the order of time; not what came to nothing."""
        joined = deeds.join(
            receipts, (receipts.c.remediation_no == deeds.c.remediation_no) & (receipts.c.seq == deeds.c.seq)
        ).join(remediations, remediations.c.no == deeds.c.remediation_no)
        query = select(deeds.c.delivery_id, receipts.c.at, remediations.c.kind).select_from(joined)
        query = query.where(receipts.c.outcome == Outcome.REMOVED.value).order_by(receipts.c.at)
        found: dict[str, tuple[Touch, ...]] = {}
        for chunk in chunks([armour(delivery_id) for delivery_id in delivery_ids]):
            for row in self._connection.execute(query.where(self._within(deeds.c.delivery_id, chunk))):
                touch = Touch(moment(row.at), ActionKind(row.kind))
                found[row.delivery_id] = (*found.get(row.delivery_id, ()), touch)
        return found

    def rows(self, table: Table, which: ColumnElement[bool]) -> Iterator[Sequence[tuple[Any, ...]]]:
        """The rows of a table, some thousands at a time."""
        query = select(table).where(which).order_by(*table.primary_key.columns)
        found = self._connection.execution_options(yield_per=_ROWS).execute(query)
        yield from ([tuple(row) for row in part] for part in found.partitions(_ROWS))


class Scratch(Repository):
    """The writing side: a store in which the past is gone through again."""

    def begin(self, past: Past, first: int, since: datetime, told: Callable[[int], None]) -> None:
        """Take over all messages before that number, what was said of them by then, and what was listed."""
        self._connection.exec_driver_sql(_LATER)
        for table, which in (
            (epochs, true()),
            (messages, messages.c.no < first),
            (message_records, message_records.c.no < first),
            (detections, (detections.c.message_no < first) & (detections.c.at < micros(since))),
            (sent_mail, sent_mail.c.at < micros(since)),
            (indicators, indicators.c.added_at < micros(since)),
            (indicator_keys, indicator_keys.c.indicator_no.in_(_listed_before(since))),
        ):
            self._take(table, past.rows(table, which), told)
        for rows in past.rows(message_keys, true()):
            now = [row for row in rows if row[2] < first]
            later = [(no, epoch, key) for epoch, key, no in rows if no >= first]
            self._insert(message_keys, ("epoch", "key", "message_no"), now)
            if later:
                self._connection.exec_driver_sql("INSERT INTO later_keys VALUES (?, ?, ?)", later)
            told(len(rows))

    def admit(self, past: Past, message_ids: Iterable[str]) -> None:
        """Let messages come that are not known yet, with their index keys."""
        ids = [armour(message_id) for message_id in sorted(set(message_ids))]
        query = select(messages.c.id).where(self._within(messages.c.id, ids))
        known = set(self._connection.execute(query).scalars())
        new = [message_id for message_id in ids if message_id not in known]
        if not new:
            return
        rows = [row for part in past.rows(messages, past._within(messages.c.id, new)) for row in part]
        self._take(messages, [rows])
        numbers = [row[0] for row in rows]
        self._take(message_records, past.rows(message_records, past._within(message_records.c.no, numbers)))
        self._connection.exec_driver_sql(_COME, (str(numbers),))

    def _take(
        self,
        table: Table,
        batches: Iterable[Sequence[tuple[Any, ...]]],
        told: Callable[[int], None] = lambda rows: None,
    ) -> None:
        names = [column.name for column in table.columns]
        for rows in batches:
            self._insert(table, names, rows)
            told(len(rows))


def _listed_before(since: datetime) -> Select[tuple[int]]:
    return select(indicators.c.no).where(indicators.c.added_at < micros(since))


def _marks(columns: Sequence[int | None]) -> Marks | None:
    times = [moment_or_none(at) for at in columns]
    return Marks(*times) if any(times) else None
