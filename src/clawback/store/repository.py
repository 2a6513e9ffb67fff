"""What every repository is made of: one connection inside one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import Column, ColumnElement, Connection, Row, Select, Table, func, select

from clawback.store import database, pages
from clawback.store.conditions import Columns
from clawback.store.listings import Listing, after, filtered, paged
from clawback.store.text import armour

Item = TypeVar("Item")

CHUNK = 5_000


class Repository:
    """A part of a unit. Its nouns come in and go out; its rows stay here."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sqlite = database.is_sqlite(connection)

    def _within(self, column: ColumnElement[Any], values: Sequence[Any]) -> ColumnElement[bool]:
        return database.within(self._connection, column, values)

    def _insert(
        self, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]], tail: str = ""
    ) -> None:
        database.insert_many(self._connection, table, columns, rows, tail)

    def _numbers_of(self, table: Table, ids: Iterable[str]) -> dict[str, int]:
        """The running number of each of these ids that the table has."""
        found: dict[str, int] = {}
        query = select(table.c.id, table.c.no)
        for chunk in chunks(sorted({armour(one) for one in ids})):
            rows = self._connection.execute(query.where(self._within(table.c.id, chunk)))
            found |= {row.id: row.no for row in rows}
        return found

    def _page(
        self, query: Select[Any], no: Column[Any], limit: int, cursor: str
    ) -> tuple[Sequence[Row[Any]], str]:
        """One page of a query, newest first by the running number, which it must select as `no`."""
        pages.bounded(limit)
        position = pages.position_of(cursor, 1)
        if position is not None:
            query = query.where(no < position[0])
        rows = self._connection.execute(query.order_by(no.desc()).limit(limit + 1)).all()
        return rows[:limit], pages.next_cursor([row.no for row in rows], limit)

    def _listing(
        self, query: Select[Any], columns: Columns, number: ColumnElement[Any], listing: Listing
    ) -> tuple[Sequence[Row[Any]], str]:
        """A page of a query that selects all of `columns`, and `number` as ``no``; and the next cursor."""
        rows = self._connection.execute(paged(query, columns, number, listing)).all()
        return rows[: listing.limit], after(rows, listing)

    def _count_listing(self, query: Select[Any], columns: Columns, listing: Listing) -> int:
        """How many rows of a query meet the listing's conditions, on whatever page."""
        found = filtered(query, columns, listing).with_only_columns(func.count(), maintain_column_froms=True)
        counted: int = self._connection.execute(found).scalar_one()
        return counted


def chunks(items: Sequence[Item], size: int = CHUNK) -> Iterator[Sequence[Item]]:
    """The items in runs of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
