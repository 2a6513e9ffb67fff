"""Indicators, and the index by which arriving mail finds them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, select, text

from clawback.analysis.entities import Entity
from clawback.analysis.indicators import Indicator, IndicatorKind, Match, Threat, VerdictKind
from clawback.analysis.matching import keys_of
from clawback.errors import NotFound
from clawback.ids import key64
from clawback.store.database import is_sqlite
from clawback.store.listings import Listing
from clawback.store.repository import Repository, chunks
from clawback.store.schema import indicator_keys, indicators
from clawback.store.text import armour, disarm, micros, micros_or_none, moment, moment_or_none

_COLUMNS = (
    "id", "kind", "value", "match", "verdict", "threat", "source", "confidence", "added_at",
    "expires_at", "note",
)  # fmt: skip
_FENCE = 0x436C_6177_4665_6E63
_CHANGING = ("confidence", "expires_at", "note")
_UPSERT = "ON CONFLICT (id) DO UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in _CHANGING)

_NEVER = 2**62
_NAMES = ("id", "kind", "value", "verdict", "threat", "source", "confidence", "added_at", "note")
SEARCHED = {
    **{name: indicators.c[name] for name in _NAMES},
    "expires_at": func.coalesce(indicators.c.expires_at, _NEVER).label("expires_at"),
}
"""The columns that a search may ask about and sort by; what never expires does so last."""


class Indicators(Repository):
    """All indicators."""

    def fence(self, *, changing: bool) -> None:
        """Order changes of the list against intake, until the end of the unit.

        Whoever takes mail in holds the fence while matching; whoever lists an indicator waits for
        them. So mail is either matched against the indicator or visible to its look back.
        """
        if not is_sqlite(self._connection):  # SQLite has one writer at a time anyway
            kind = "" if changing else "_shared"
            self._connection.execute(text(f"SELECT pg_advisory_xact_lock{kind}({_FENCE})"))

    def add(self, batch: Iterable[Indicator]) -> tuple[Indicator, ...]:
        """List indicators; answers those that are really new, in the order in which they are kept.

        One that is listed already takes the new confidence, expiry and note.
        """
        latest = {indicator.id: indicator for indicator in batch}
        known = self._numbers_of(indicators, latest)
        for chunk in chunks(sorted(latest)):
            self._insert(indicators, _COLUMNS, [_row(latest[key]) for key in chunk], _UPSERT)
        new = tuple(latest[key] for key in sorted(latest) if key not in known)
        self._index(new)
        return new

    def get(self, indicator_id: str) -> Indicator:
        """The indicator; raises NotFound."""
        query = select(indicators).where(indicators.c.id == armour(indicator_id))
        found = self._connection.execute(query).first()
        if found is None:
            raise NotFound(f"there is no indicator {indicator_id}")
        return _indicator(found, found.expires_at)

    def has(self, indicator_id: str) -> bool:
        """Whether an indicator of that id is listed."""
        query = select(indicators.c.no).where(indicators.c.id == armour(indicator_id))
        return self._connection.execute(query).first() is not None

    def remove(self, indicator_id: str) -> Indicator:
        """Take an indicator off the list and answer it; raises NotFound."""
        removed = self.get(indicator_id)
        no = self._numbers_of(indicators, (indicator_id,))[indicator_id]
        self._connection.execute(delete(indicator_keys).where(indicator_keys.c.indicator_no == no))
        self._connection.execute(delete(indicators).where(indicators.c.no == no))
        return removed

    def list(
        self,
        *,
        kind: IndicatorKind | None = None,
        source: str | None = None,
        verdict: VerdictKind | None = None,
        limit: int = 100,
        cursor: str = "",
    ) -> tuple[tuple[Indicator, ...], str]:
        """A page, newest first, and the cursor of the next ("" at the end)."""
        query = select(indicators)
        if kind is not None:
            query = query.where(indicators.c.kind == kind.value)
        if source is not None:
            query = query.where(indicators.c.source == armour(source))
        if verdict is not None:
            query = query.where(indicators.c.verdict == verdict.value)
        rows, after = self._page(query, indicators.c.no, limit, cursor)
        return tuple(_indicator(row, row.expires_at) for row in rows), after

    def search(self, listing: Listing) -> tuple[tuple[Indicator, ...], str]:
        """A page of those that meet the listing's conditions, in its order, and the next cursor.

        Columns: `SEARCHED`. Raises BadQuery.
        """
        table = indicators.c
        query = select(table.no, table.match, table.expires_at.label("expires"), *SEARCHED.values())
        rows, after = self._listing(query, SEARCHED, table.no, listing)
        return tuple(_indicator(row, row.expires) for row in rows), after

    def listed_between(self, since: datetime, until: datetime) -> tuple[Indicator, ...]:
        """What was listed between these moments, in the order in which it was, and still is listed."""
        table = indicators.c
        query = select(indicators).where(table.added_at >= micros(since), table.added_at < micros(until))
        rows = self._connection.execute(query.order_by(table.added_at, table.no))
        return tuple(_indicator(row, row.expires_at) for row in rows)

    def matching(self, entities: Iterable[Entity]) -> tuple[Indicator, ...]:
        """Every indicator that may name one of these entities, expired ones too, oldest first.

        More may come than really match (prefixes by host, hash collisions): `matching.carries` decides.
        """
        keys = sorted({key64(entity.kind.value, entity.value) for entity in entities})
        found: dict[int, Indicator] = {}
        joined = indicator_keys.join(indicators, indicators.c.no == indicator_keys.c.indicator_no)
        for chunk in chunks(keys):
            query = select(indicators).select_from(joined).where(self._within(indicator_keys.c.key, chunk))
            found |= {row.no: _indicator(row, row.expires_at) for row in self._connection.execute(query)}
        return tuple(found[no] for no in sorted(found))

    def count(self, listing: Listing | None = None) -> int:
        """How many are listed that meet the listing's conditions, on whatever page."""
        return self._count_listing(select(indicators.c.no), SEARCHED, listing or Listing())

    def _index(self, new: Sequence[Indicator]) -> None:
        numbers = self._numbers_of(indicators, (indicator.id for indicator in new))
        rows = {
            (key64(entity.kind.value, entity.value), numbers[indicator.id])
            for indicator in new
            for entity in keys_of(indicator)
        }
        for chunk in chunks(sorted(rows)):
            self._insert(
                indicator_keys, ("key", "indicator_no"), chunk, "ON CONFLICT (key, indicator_no) DO NOTHING"
            )


def _row(indicator: Indicator) -> tuple[Any, ...]:
    return (
        indicator.id,
        indicator.kind.value,
        armour(indicator.value),
        indicator.match.value,
        indicator.verdict.value,
        indicator.threat.value,
        armour(indicator.source),
        indicator.confidence,
        micros(indicator.added_at),
        micros_or_none(indicator.expires_at),
        armour(indicator.note),
    )


def _indicator(row: Row[Any], expires_at: int | None) -> Indicator:
    return Indicator(
        id=row.id,
        kind=IndicatorKind(row.kind),
        value=disarm(row.value),
        match=Match(row.match),
        verdict=VerdictKind(row.verdict),
        threat=Threat(row.threat),
        source=disarm(row.source),
        confidence=row.confidence,
        added_at=moment(row.added_at),
        expires_at=moment_or_none(expires_at),
        note=disarm(row.note),
    )
