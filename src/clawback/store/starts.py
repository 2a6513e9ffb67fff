"""Starts: which investigations began by themselves lately, so that too many at once can wait."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Index, Table, delete, exists, func, select

from clawback.response.investigation import InvestigationStatus
from clawback.store.columns import integer, metadata, text_column
from clawback.store.repository import Repository
from clawback.store.schema import investigations
from clawback.store.text import armour, micros, moment

HOUR = timedelta(hours=1)
_KEPT = timedelta(days=1)

investigation_starts = Table(
    "investigation_starts",
    metadata,
    text_column("investigation_id", primary_key=True),
    integer("at"),
    Index("investigation_starts_by_time", "at"),
    sqlite_with_rowid=False,
)
_table = investigation_starts.c


class Starts(Repository):
    """The investigations of the last day that nobody had to ask for."""

    def has(self, investigation_id: str) -> bool:
        """Whether this one has begun."""
        found = exists().where(_table.investigation_id == armour(investigation_id))
        return bool(self._connection.execute(select(found)).scalar())

    def note(self, investigation_id: str, now: datetime) -> None:
        """It begins now. What began more than a day ago is forgotten."""
        self._connection.execute(delete(investigation_starts).where(_table.at < micros(now - _KEPT)))
        row = (armour(investigation_id), micros(now))
        tail = "ON CONFLICT (investigation_id) DO NOTHING"
        self._insert(investigation_starts, ("investigation_id", "at"), [row], tail)

    def room_at(self, limit: int, now: datetime, *, waits: bool = False) -> datetime:
        """When another may begin, `now` for at once; `waits` says that it is among those that wait already.

        With `limit` begun in the last hour it is when the oldest of them is an hour old, and an hour later
        for each `limit` that wait beside it.
        """
        query = select(_table.at).where(_table.at > micros(now - HOUR)).order_by(_table.at.desc())
        oldest = self._connection.execute(query.offset(limit - 1).limit(1)).scalar()
        if oldest is None:
            return now
        queued = investigations.c.status == InvestigationStatus.QUEUED_BY_THROTTLING.value
        others = self._connection.execute(select(func.count()).where(queued)).scalar_one() - waits
        return moment(oldest) + HOUR + HOUR * (others // limit)
