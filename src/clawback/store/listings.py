"""Listings in any order of several columns: conditions, a bounded page, a cursor that goes on behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Row, Select, and_, false, or_

from clawback.errors import BadQuery
from clawback.store import pages
from clawback.store.conditions import Columns, Condition, column_of, expression

T = TypeVar("T")
MOST_SKIPPED = 100_000
MOST_ORDERS = 4
AT_ONCE = 500
"""Entries that are in memory at once when a whole listing is read."""


@dataclass(frozen=True, slots=True)
class Order:
    """One column to sort by."""

    column: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """What to list, in which order, and which page of it. Without an order the newest come first."""

    where: Condition | None = None
    order: tuple[Order, ...] = ()
    skip: int = 0
    limit: int = 100
    cursor: str = ""


def filtered(query: Select[Any], columns: Columns, listing: Listing) -> Select[Any]:
    """The query with the listing's conditions."""
    return query if listing.where is None else query.where(expression(listing.where, columns))


def paged(query: Select[Any], columns: Columns, number: ColumnElement[int], listing: Listing) -> Select[Any]:
    """The query for one page and one row more; it must select all of `columns`, and `number` as ``no``."""
    pages.bounded(listing.limit)
    if not 0 <= listing.skip <= MOST_SKIPPED:
        raise BadQuery(f"at most {MOST_SKIPPED:,} entries can be skipped; go on by the cursor instead")
    if len(listing.order) > MOST_ORDERS:
        raise BadQuery(f"a listing can be sorted by at most {MOST_ORDERS} columns")
    keys = [(column_of(order.column, columns), order.descending) for order in listing.order]
    keys.append((number, True))
    found = filtered(query, columns, listing)
    if listing.cursor:
        position = pages.decoded(listing.cursor, [key.type.python_type for key, _ in keys])
        found = found.where(_behind(keys, position))
    ordered = found.order_by(*(key.desc() if descending else key.asc() for key, descending in keys))
    return ordered.offset(listing.skip or None).limit(listing.limit + 1)


def after(rows: Sequence[Row[Any]], listing: Listing) -> str:
    """The cursor behind a page, "" when there is no more."""
    if len(rows) <= listing.limit:
        return ""
    last = rows[listing.limit - 1]._mapping
    position = [last[order.column] for order in listing.order] + [last["no"]]
    return pages.cursor_of(*position)


def each(search: Callable[[Listing], tuple[tuple[T, ...], str]], listing: Listing) -> Iterator[T]:
    """All that a search has on its pages, in its order; only a page of it is in memory at once."""
    cursor = listing.cursor
    while True:
        found, cursor = search(replace(listing, limit=AT_ONCE, cursor=cursor))
        yield from found
        if not cursor:
            return


def _behind(
    keys: Sequence[tuple[ColumnElement[Any], bool]], position: Sequence[str | int]
) -> ColumnElement[bool]:
    """Whatever comes behind a position: equal in the first columns, and further on in the next."""
    cases: list[ColumnElement[bool]] = []
    equal: list[ColumnElement[bool]] = []
    for (key, descending), value in zip(keys, position, strict=True):
        cases.append(and_(*equal, key < value if descending else key > value))
        equal.append(key == value)
    (first, descending), value = keys[0], position[0]
    # That the first column is not before the position is said alone, so that its index can begin there.
    begins = first <= value if descending else first >= value
    return and_(begins, or_(false(), *cases))
