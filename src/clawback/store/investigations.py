"""Investigations, each one record that is replaced as its version grows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError

from clawback.errors import NotFound, PlanStale
from clawback.ids import key64
from clawback.response.investigation import Investigation, InvestigationStatus
from clawback.response.records import threats
from clawback.store.listings import Listing
from clawback.store.records import Codec, pack, unpack
from clawback.store.repository import Repository
from clawback.store.schema import investigations
from clawback.store.text import armour, micros, micros_or_none

_codec = Codec(Investigation)
_NAMES = (
    "id", "status", "kind", "title", "created_at", "changed_at", "ended_at", "threats", "actions",
)  # fmt: skip
SEARCHED = {name: investigations.c[name] for name in _NAMES}
"""The columns that a search may ask about and sort by."""


class Investigations(Repository):
    """All investigations."""

    def save(self, investigation: Investigation, *, was: int | None = None) -> None:
        """Write the next version. `was` is the version it was made from (default: one less; 0 is none).

        Raises PlanStale when another writer was there in between.
        """
        expected = investigation.version - 1 if was is None else was
        row = _row(investigation)
        if expected == 0:
            written = self._written_first(row)
        else:
            query = update(investigations).values(row)
            mine = query.where(investigations.c.id == investigation.id, investigations.c.version == expected)
            written = self._connection.execute(mine).rowcount == 1
        if not written:
            raise PlanStale(f"investigation {investigation.id} was changed by somebody else in between")

    def _written_first(self, row: dict[str, Any]) -> bool:
        try:
            self._connection.execute(insert(investigations).values(row))
        except IntegrityError:
            return False
        return True

    def get(self, investigation_id: str) -> Investigation:
        """The investigation; raises NotFound."""
        query = select(investigations.c.record).where(investigations.c.id == armour(investigation_id))
        found = self._connection.execute(query).scalar()
        if found is None:
            raise NotFound(f"there is no investigation {investigation_id}")
        return _codec.decode(unpack(found))

    def by_cause(self, cause: str) -> tuple[str, ...]:
        """The ids of the investigations of a cause (``str(entity)``), newest first."""
        table = investigations.c
        query = select(table.id).where(table.cause_key == key64("cause", cause), table.cause == armour(cause))
        return tuple(self._connection.execute(query.order_by(table.no.desc())).scalars())

    def list(
        self,
        *,
        status: InvestigationStatus | str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
        cursor: str = "",
    ) -> tuple[tuple[Investigation, ...], str]:
        """A page, newest first, of those created from `since` to before `until`, and the next cursor."""
        table = investigations.c
        query = select(table.no, table.record)
        if status is not None:
            query = query.where(table.status == armour(str(status)))
        if since is not None:
            query = query.where(table.created_at >= micros(since))
        if until is not None:
            query = query.where(table.created_at < micros(until))
        rows, after = self._page(query, table.no, limit, cursor)
        return tuple(_codec.decode(unpack(row.record)) for row in rows), after

    def search(self, listing: Listing) -> tuple[tuple[Investigation, ...], str]:
        """A page of those that meet the listing's conditions, in its order, and the next cursor.

        Columns: `SEARCHED`. Raises BadQuery.
        """
        table = investigations.c
        query = select(table.no, table.record, *SEARCHED.values())
        rows, after = self._listing(query, SEARCHED, table.no, listing)
        return tuple(_codec.decode(unpack(row.record)) for row in rows), after

    def count(self, listing: Listing | None = None) -> int:
        """How many there are that meet the listing's conditions, on whatever page."""
        return self._count_listing(select(investigations.c.no), SEARCHED, listing or Listing())

    def by_status(self) -> dict[InvestigationStatus, int]:
        """How many stand how."""
        table = investigations.c
        rows = self._connection.execute(select(table.status, func.count()).group_by(table.status))
        return {InvestigationStatus(status): count for status, count in rows}


def _row(investigation: Investigation) -> dict[str, Any]:
    cause = str(investigation.cause)
    return {
        "id": investigation.id,
        "version": investigation.version,
        "status": investigation.status.value,
        "kind": investigation.kind.value,
        "title": armour(investigation.title),
        "cause": armour(cause),
        "cause_key": key64("cause", cause),
        "created_at": micros(investigation.created_at),
        "changed_at": micros(investigation.changed_at),
        "ended_at": micros_or_none(investigation.ended_at),
        "threats": threats(investigation),
        "actions": len(investigation.remediations),
        "record": pack(_codec.encode(investigation)),
    }
