"""Orders that were given with a key, and what was answered, so that none is given twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Index, Table, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from clawback.store.columns import blob, integer, metadata, text_column
from clawback.store.repository import Repository
from clawback.store.text import armour, micros

MOST = 10_000
"""Keys of one caller that are remembered; the oldest go first."""

given_orders = Table(
    "given_orders",
    metadata,
    text_column("caller", primary_key=True),
    text_column("key", primary_key=True),
    integer("at"),
    text_column("request"),
    integer("status", nullable=True),
    blob("answer"),
    Index("given_orders_by_at", "at"),
    sqlite_with_rowid=False,
)
_COLUMNS = ("caller", "key", "at", "request", "answer")


@dataclass(frozen=True, slots=True)
class Given:
    """An order given before: the digest of what was asked, and the answer (`status` None: none yet)."""

    request: str
    status: int | None
    answer: bytes


class GivenOrders(Repository):
    """The orders of the last while, by caller and key."""

    def claim(self, caller: str, key: str, request: str, now: datetime, since: datetime) -> Given | None:
        """Take a key for an order; answers the order that has it already, None when it is free and now ours.

        What was given before `since` is forgotten.
        """
        table = given_orders.c
        self._connection.execute(delete(given_orders).where(table.at < micros(since)))
        mine = (table.caller == armour(caller)) & (table.key == armour(key))
        row = self._connection.execute(select(given_orders).where(mine).with_for_update()).first()
        if row is not None:
            return Given(row.request, row.status, bytes(row.answer))
        self._make_room(caller)
        fresh = dict(zip(_COLUMNS, (armour(caller), armour(key), micros(now), request, b""), strict=True))
        try:
            with self._connection.begin_nested():
                self._connection.execute(insert(given_orders).values(fresh))
        except IntegrityError:
            return Given(request, None, b"")  # taken in this very moment
        return None

    def answered(self, caller: str, key: str, status: int, answer: bytes) -> None:
        """Keep the answer of an order."""
        table = given_orders.c
        mine = (table.caller == armour(caller)) & (table.key == armour(key))
        self._connection.execute(update(given_orders).where(mine).values(status=status, answer=answer))

    def release(self, caller: str, key: str) -> None:
        """Free the key of an order that was refused: nothing was done."""
        table = given_orders.c
        mine = (table.caller == armour(caller)) & (table.key == armour(key))
        self._connection.execute(delete(given_orders).where(mine))

    def _make_room(self, caller: str) -> None:
        table = given_orders.c
        mine = table.caller == armour(caller)
        held = self._connection.execute(select(func.count()).where(mine)).scalar_one()
        if held >= MOST:
            last = select(table.at).where(mine).order_by(table.at).offset(held - MOST).limit(1)
            oldest = self._connection.execute(last).scalar_one()
            self._connection.execute(delete(given_orders).where(mine, table.at <= oldest))
