"""Listings of what is read as a whole, as one record has it: the same conditions, orders and cursors."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from clawback.errors import BadQuery
from clawback.store import pages
from clawback.store.conditions import OPERATORS, Among, Both, Compare, Condition, Either, Find, Found, Not
from clawback.store.listings import Listing

T = TypeVar("T")
Readers = Mapping[str, Callable[[T], str | int]]
"""By the name of a column, how it is read from an entry. Texts and whole numbers only."""
_FOUND: Mapping[Found, Callable[[str, str], bool]] = {
    Found.CONTAINS: operator.contains,
    Found.STARTS: str.startswith,
    Found.ENDS: str.endswith,
}


def cut(items: Sequence[T], readers: Readers[T], listing: Listing) -> tuple[tuple[T, ...], str]:
    """A page of the whole, and the next cursor. Equal entries stay in the order in which they are given.

    Without an order the whole is as it is given. Raises BadQuery.
    """
    pages.bounded(listing.limit)
    orders = [(_reader(order.column, readers), order.descending) for order in listing.order]
    found = [(no, item) for no, item in enumerate(items) if _is_wanted(item, readers, listing)]
    for read, descending in reversed(orders):
        found.sort(key=lambda pair, read=read: read(pair[1]), reverse=descending)  # type: ignore[misc]
    if listing.cursor and found:
        types = [type(read(found[0][1])) for read, _ in orders]
        position = pages.decoded(listing.cursor, [*types, int])
        found = [pair for pair in found if _is_behind(pair, orders, position)]
    page = found[: listing.limit]
    if len(found) <= listing.limit:
        return tuple(item for _, item in page), ""
    no, last = page[-1]
    return tuple(item for _, item in page), pages.cursor_of(*(read(last) for read, _ in orders), no)


def _is_behind(
    pair: tuple[int, T],
    orders: Sequence[tuple[Callable[[T], str | int], bool]],
    position: Sequence[Any],
) -> bool:
    no, item = pair
    for (read, descending), value in zip(orders, position, strict=False):
        mine: Any = read(item)
        if mine != value:
            return bool(mine < value if descending else mine > value)
    return bool(no > position[-1])


def count(items: Sequence[T], readers: Readers[T], listing: Listing) -> int:
    """How many meet the listing's conditions."""
    return sum(_is_wanted(item, readers, listing) for item in items)


def _is_wanted(item: T, readers: Readers[T], listing: Listing) -> bool:
    return listing.where is None or _holds(listing.where, item, readers)


def _holds(condition: Condition, item: T, readers: Readers[T]) -> bool:
    match condition:
        case Both(left, right):
            return _holds(left, item, readers) and _holds(right, item, readers)
        case Either(left, right):
            return _holds(left, item, readers) or _holds(right, item, readers)
        case Not(inner):
            return not _holds(inner, item, readers)
        case Compare(column, how, value):
            return bool(OPERATORS[how](_reader(column, readers)(item), value))
        case Among(column, values):
            return _reader(column, readers)(item) in values
        case Find(column, found, text):
            return _FOUND[found](str(_reader(column, readers)(item)).lower(), text.lower())


def _reader(name: str, readers: Readers[T]) -> Callable[[T], str | int]:
    try:
        return readers[name]
    except KeyError:
        raise BadQuery(f"the listing cannot be asked about {name}") from None
