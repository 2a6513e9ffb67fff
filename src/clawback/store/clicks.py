"""Clicks: who followed which link, found by the URL, its host, and every domain above."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Table, select

from clawback.analysis.entities import Entity
from clawback.ids import key64
from clawback.response.clicks import Click, keys_of_click
from clawback.store.columns import blob, integer, metadata, running_number, text_column
from clawback.store.records import Codec
from clawback.store.repository import Repository
from clawback.store.text import armour, micros

_codec = Codec(Click)

clicks = Table(
    "clicks",
    metadata,
    running_number(),
    text_column("id", unique=True),
    text_column("account"),
    integer("at"),
    blob("record"),
)

click_keys = Table(
    "click_keys",
    metadata,
    integer("key", primary_key=True),
    integer("click_no", primary_key=True),
    sqlite_with_rowid=False,
)


class Clicks(Repository):
    """All clicks that a log told of."""

    def add(self, items: Sequence[Click]) -> tuple[Click, ...]:
        """Keep clicks; answers those that were not known."""
        unique = {one.id: one for one in items}
        known = self._numbers_of(clicks, unique)
        fresh = {id: one for id, one in unique.items() if id not in known}
        rows = [(id, armour(one.user), micros(one.at), _codec.encode(one)) for id, one in fresh.items()]
        self._insert(clicks, ("id", "account", "at", "record"), rows, "ON CONFLICT (id) DO NOTHING")
        numbers = self._numbers_of(clicks, fresh)
        keys = {(_key(entity), no) for id, no in numbers.items() for entity in keys_of_click(fresh[id])}
        self._insert(click_keys, ("key", "click_no"), sorted(keys), "ON CONFLICT DO NOTHING")
        return tuple(fresh.values())

    def matching(self, entities: Iterable[Entity], limit: int) -> Iterator[Click]:
        """The clicks under these entities, first to last, at most so many.

        Keys are 64-bit hashes, and a host has many URLs: look at what comes.
        """
        keys = sorted({_key(entity) for entity in entities})
        joined = clicks.join(click_keys, click_keys.c.click_no == clicks.c.no)
        query = select(clicks.c.no, clicks.c.at, clicks.c.record).distinct().select_from(joined)
        mine = query.where(self._within(click_keys.c.key, keys)).order_by(clicks.c.at, clicks.c.no)
        for row in self._connection.execute(mine.limit(limit)):
            yield _codec.decode(row.record)

    def list(self, *, limit: int = 100, cursor: str = "") -> tuple[tuple[Click, ...], str]:
        """A page, last told first, and the cursor of the next ("" at the end)."""
        query: Any = select(clicks.c.no, clicks.c.record)
        rows, after = self._page(query, clicks.c.no, limit, cursor)
        return tuple(_codec.decode(row.record) for row in rows), after


def _key(entity: Entity) -> int:
    return key64(entity.kind.value, entity.value)
