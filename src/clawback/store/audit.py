"""The audit log: append-only, each row sealed to the one before. The database itself refuses changes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select

from clawback.ids import digest
from clawback.store import pages
from clawback.store.listings import Listing
from clawback.store.repository import Repository
from clawback.store.schema import audit
from clawback.store.text import armour, canonical_json, disarm, micros, moment

_LOCK = 0x61756474
_BATCH = 1_000
_COLUMNS = ("seq", "at", "actor", "type", "body", "hash")
START = "0" * 64
SEARCHED = {name: audit.c[name] for name in ("seq", "at", "actor", "type")}
"""The columns that a search may ask about and sort by."""


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One event: its place, when (UTC), by whom, what; `hash` seals it to all that came before."""

    seq: int
    at: datetime
    actor: str
    type: str
    body: dict[str, Any]
    hash: str


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """The result of going through the log: `broken_at` is the first row that does not hold.

    `head` is the last seal that held. Kept elsewhere, it also proves that no row was cut off the end.
    """

    rows: int
    ok: bool
    broken_at: int | None
    head: str


class Audit(Repository):
    """The log."""

    def append(self, type: str, actor: str, at: datetime, body: dict[str, Any]) -> int:
        """Add an event and answer its place in the log. Use in a durable write."""
        self.alone()
        last = self._connection.execute(
            select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)
        )
        seq, before = last.first() or (0, START)
        row = (seq + 1, micros(at), armour(actor), armour(type), canonical_json(body))
        self._insert(audit, _COLUMNS, [(*row, _seal(before, row))])
        return seq + 1

    def verify(self) -> AuditCheck:
        """Go through the whole log and check every seal."""
        head, count = START, 0
        for row in self._all():
            place = count + 1
            if row.seq != place or row.hash != _seal(head, tuple(row)[:-1]):
                return AuditCheck(count, False, place, head)
            head, count = row.hash, place
        return AuditCheck(count, True, None, head)

    def list(
        self, *, after_seq: int = 0, types: Sequence[str] | None = None, limit: int = 100
    ) -> tuple[AuditRow, ...]:
        """Events after a place in the log, oldest first."""
        pages.bounded(limit)
        query = select(*(audit.c[name] for name in _COLUMNS)).where(audit.c.seq > after_seq)
        if types is not None:
            query = query.where(audit.c.type.in_([armour(name) for name in types]))
        rows = self._connection.execute(query.order_by(audit.c.seq).limit(limit))
        return tuple(_audit_row(row) for row in rows)

    def search(self, listing: Listing) -> tuple[tuple[AuditRow, ...], str]:
        """A page of the events that meet the listing's conditions, in its order, and the next cursor.

        Columns: `SEARCHED`. Raises BadQuery.
        """
        query = select(*(audit.c[name] for name in _COLUMNS), audit.c.seq.label("no"))
        rows, after = self._listing(query, SEARCHED, audit.c.seq, listing)
        return tuple(_audit_row(row) for row in rows), after

    def export(self) -> Iterator[AuditRow]:
        """The whole log, oldest first, read in batches."""
        return (_audit_row(row) for row in self._all())

    def head(self) -> str:
        """The last seal, 64 zeros for an empty log."""
        query = select(audit.c.hash).order_by(audit.c.seq.desc()).limit(1)
        return self._connection.execute(query).scalar() or START

    def count(self, listing: Listing | None = None) -> int:
        """How many events there are that meet the listing's conditions, on whatever page."""
        return self._count_listing(select(audit.c.seq), SEARCHED, listing or Listing())

    def count_after(self, seq: int, types: Sequence[str] | None, most: int) -> int:
        """How many events of these types come after a place in the log; it counts up to `most`."""
        query = select(audit.c.seq).where(audit.c.seq > seq)
        if types is not None:
            query = query.where(audit.c.type.in_([armour(name) for name in types]))
        some = query.limit(most).subquery()
        return self._connection.execute(select(func.count()).select_from(some)).scalar_one()

    def last(self) -> int:
        """The place of the newest event, 0 in an empty log."""
        return self._connection.execute(select(func.max(audit.c.seq))).scalar() or 0

    def _all(self) -> Iterator[Row[Any]]:
        after = -(2**63)
        while rows := self._after(after):
            yield from rows
            after = rows[-1].seq

    def _after(self, seq: int) -> Sequence[Row[Any]]:
        query = (
            select(*(audit.c[name] for name in _COLUMNS))
            .where(audit.c.seq > seq)
            .order_by(audit.c.seq)
            .limit(_BATCH)
        )
        return self._connection.execute(query).all()

    def alone(self) -> None:
        """Be the only one who appends, until the end of the unit: a write on SQLite is alone anyway."""
        if not self._sqlite:
            self._connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def _seal(before: str, row: Sequence[Any]) -> str:
    """The hash of a row's columns, hash aside, and of the seal before it."""
    return digest(before, *(str(value) for value in row))


def _audit_row(row: Row[Any]) -> AuditRow:
    body = json.loads(row.body)
    return AuditRow(row.seq, moment(row.at), disarm(row.actor), disarm(row.type), body, row.hash)
