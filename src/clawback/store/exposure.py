"""Exposure: when copies were first seen read, answered, forwarded and clicked.

There is a row only of what changed after a copy was first seen: a copy that was read before that has its
flag to say so, and costs nothing when a mailbox is read for the first time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Table, select

from clawback.response.exposure import Marks
from clawback.store.columns import integer, metadata
from clawback.store.repository import Repository, chunks
from clawback.store.schema import deliveries
from clawback.store.text import armour, micros_or_none, moment_or_none

_NAMES = ("read_at", "answered_at", "forwarded_at", "clicked_at")

exposures = Table(
    "exposures",
    metadata,
    integer("delivery_no", primary_key=True),
    *(integer(name, nullable=True) for name in _NAMES),
    sqlite_with_rowid=False,
)

# Evidence may come in any order: of two times the earlier one stays.
_EARLIER = "ON CONFLICT (delivery_no) DO UPDATE SET " + ", ".join(
    f"{name} = CASE WHEN exposures.{name} IS NULL OR excluded.{name} < exposures.{name} "
    f"THEN excluded.{name} ELSE exposures.{name} END"
    for name in _NAMES
)


class Exposures(Repository):
    """What happened to copies, by delivery."""

    def note(self, seen: Iterable[tuple[str, Marks]]) -> None:
        """Keep what was seen of deliveries, by id; of what is known already the earlier time stays."""
        marks: dict[str, Marks] = {}
        for delivery_id, mark in seen:
            marks[delivery_id] = marks.get(delivery_id, Marks()) | mark
        if not marks:
            return
        numbers = self._numbers_of(deliveries, marks)
        rows = sorted((no, *_row(marks[delivery_id])) for delivery_id, no in numbers.items())
        self._insert(exposures, ("delivery_no", *_NAMES), rows, _EARLIER)

    def clicked(self, clicks: Iterable[tuple[str, datetime]]) -> None:
        """Keep that a link of these copies was opened, by delivery id; unknown deliveries are passed over."""
        self.note((delivery_id, Marks(clicked=at)) for delivery_id, at in clicks)

    def of(self, delivery_ids: Sequence[str]) -> dict[str, Marks]:
        """What was seen of these deliveries, of those of which anything was."""
        joined = deliveries.join(exposures, exposures.c.delivery_no == deliveries.c.no)
        columns = [exposures.c[name] for name in _NAMES]
        query = select(deliveries.c.id, *columns).select_from(joined)
        found: dict[str, Marks] = {}
        for chunk in chunks([armour(delivery_id) for delivery_id in delivery_ids]):
            rows = self._connection.execute(query.where(self._within(deliveries.c.id, chunk)))
            found |= {row.id: Marks(*map(moment_or_none, row[1:])) for row in rows}
        return found


def _row(marks: Marks) -> tuple[int | None, ...]:
    return tuple(
        micros_or_none(moment) for moment in (marks.read, marks.answered, marks.forwarded, marks.clicked)
    )
