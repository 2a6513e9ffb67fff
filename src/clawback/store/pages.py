"""Pages of a listing: bounds on their size, and cursors that only the store can read."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence

from clawback.errors import BadQuery

MOST = 10_000
_LONGEST_CURSOR = 4_000


def bounded(limit: int) -> int:
    """The limit itself, or BadQuery when a page may not be so large or so small."""
    if not 1 <= limit <= MOST:
        raise BadQuery(f"a page holds 1 to {MOST} entries, not {limit}")
    return limit


def cursor_of(*position: int | str) -> str:
    """An opaque cursor for a position in an order."""
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def position_of(cursor: str, size: int) -> tuple[int, ...] | None:
    """The position in a cursor, None for the empty cursor; raises BadQuery for any other text."""
    return tuple(int(number) for number in decoded(cursor, [int] * size)) if cursor else None


def decoded(cursor: str, types: Sequence[type]) -> list[int | str]:
    """The position in a cursor, whose parts are of these types; raises BadQuery for any other text."""
    try:
        if len(cursor) > _LONGEST_CURSOR:
            raise ValueError
        plain = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        position = json.loads(plain)
    except (ValueError, binascii.Error, RecursionError):
        position = None
    fits = isinstance(position, list) and len(position) == len(types)
    if not fits or not all(_is_of(part, kind) for part, kind in zip(position, types, strict=True)):
        raise BadQuery("the cursor is not one that this listing gave out")
    return list(position)


def _is_of(part: object, kind: type) -> bool:
    if kind is str:
        return isinstance(part, str)
    return type(part) is int and -(2**63) <= part < 2**63


def next_cursor(numbers: Sequence[int], limit: int) -> str:
    """The cursor behind a page whose rows have these running numbers; "" when there is no more.

    Listings ask for one row more than the page holds.
    """
    return cursor_of(numbers[limit - 1]) if len(numbers) > limit else ""
