"""Pages of what is known as a whole: the cursor is a place in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TypeVar

from clawback.store import pages
from clawback.web.answers import Page

T = TypeVar("T")


def cut(items: Sequence[T], limit: int, cursor: str) -> Page[T]:
    """One page of a sequence; raises BadQuery for a cursor that is none."""
    start = start_of(cursor)
    end = start + limit
    return Page(tuple(items[start:end]), pages.cursor_of(end) if end < len(items) else "")


def cut_stream(items: Iterable[T], limit: int, cursor: str) -> Page[T]:
    """One page of what is read item by item."""
    start = start_of(cursor)
    found = tuple(islice(items, start, start + limit + 1))
    return Page(found[:limit], pages.cursor_of(start + limit) if len(found) > limit else "")


def start_of(cursor: str) -> int:
    """The place that a cursor stands for, 0 for the empty one."""
    position = pages.position_of(cursor, 1)
    return max(0, position[0]) if position else 0
