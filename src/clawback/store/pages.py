"""Pages of a listing: bounds on their size, and cursors that only the store can read."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence

from clawback.errors import BadQuery

MOST = 10_000


def bounded(limit: int) -> int:
    """The limit itself, or BadQuery when a page may not be so large or so small."""
    if not 1 <= limit <= MOST:
        raise BadQuery(f"a page holds 1 to {MOST} entries, not {limit}")
    return limit


def cursor_of(*position: int) -> str:
    """An opaque cursor for a position in an order of integers."""
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def position_of(cursor: str, size: int) -> tuple[int, ...] | None:
    """The position in a cursor, None for the empty cursor; raises BadQuery for any other text."""
    if not cursor:
        return None
    try:
        decoded = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        position = json.loads(decoded)
    except (ValueError, binascii.Error, RecursionError):
        position = None
    if not _is_position(position, size):
        raise BadQuery("the cursor is not one that this listing gave out")
    return tuple(position)


def _is_position(position: object, size: int) -> bool:
    return (
        isinstance(position, list)
        and len(position) == size
        and all(type(number) is int and -(2**63) <= number < 2**63 for number in position)
    )


def next_cursor(numbers: Sequence[int], limit: int) -> str:
    """The cursor behind a page whose rows have these running numbers; "" when there is no more.

    Listings ask for one row more than the page holds.
    """
    return cursor_of(numbers[limit - 1]) if len(numbers) > limit else ""
