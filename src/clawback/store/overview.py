"""What overviews read: figures of days that were counted beforehand, and the health of each source."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Table, delete, select

from clawback.response.overview import DayFigures, SourceHealth
from clawback.store.columns import blob, integer, metadata, text_column
from clawback.store.records import Codec
from clawback.store.repository import Repository
from clawback.store.text import armour, micros, moment

day_figures = Table(
    "day_figures", metadata, integer("day", primary_key=True), integer("made_at"), blob("record")
)
source_health = Table("source_health", metadata, text_column("source", primary_key=True), blob("record"))

_days, _health = Codec(DayFigures), Codec(SourceHealth)
_AGAIN = "ON CONFLICT (day) DO UPDATE SET made_at = excluded.made_at, record = excluded.record"
_TOLD = "ON CONFLICT (source) DO UPDATE SET record = excluded.record"


class Overview(Repository):
    """Figures of days, by day, and sources, by name."""

    def days(self, since: datetime) -> dict[datetime, DayFigures]:
        """The days from `since` on that were counted, by their beginning."""
        query = select(day_figures.c.record).where(day_figures.c.day >= micros(since))
        found = [_days.decode(record) for record in self._connection.execute(query).scalars()]
        return {one.day: one for one in found}

    def made(self, since: datetime) -> dict[datetime, datetime]:
        """When each day from `since` on was counted last."""
        query = select(day_figures.c.day, day_figures.c.made_at).where(day_figures.c.day >= micros(since))
        return {moment(row.day): moment(row.made_at) for row in self._connection.execute(query)}

    def put_days(self, figures: Iterable[DayFigures], made_at: datetime) -> None:
        """Keep days that were counted, in the place of what was kept of them."""
        rows = [(micros(one.day), micros(made_at), _days.encode(one)) for one in figures]
        self._insert(day_figures, ("day", "made_at", "record"), rows, _AGAIN)

    def health(self) -> tuple[SourceHealth, ...]:
        """Every source that a watch has told of, by name."""
        query = select(source_health.c.record).order_by(source_health.c.source)
        return tuple(_health.decode(record) for record in self._connection.execute(query).scalars())

    def tell_health(self, sources: Iterable[SourceHealth]) -> None:
        """Keep how these sources are doing; others are forgotten."""
        rows = [(armour(one.source), _health.encode(one)) for one in sources]
        self._connection.execute(
            delete(source_health).where(source_health.c.source.not_in([r[0] for r in rows]))
        )
        self._insert(source_health, ("source", "record"), rows, _TOLD)
