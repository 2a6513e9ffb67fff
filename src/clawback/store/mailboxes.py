"""Mailboxes by number, so that a million deliveries need not repeat their names."""

from __future__ import annotations

from sqlalchemy import ScalarSelect, select

from clawback.store.repository import Repository
from clawback.store.schema import mailboxes
from clawback.store.text import armour


class Mailboxes(Repository):
    """What the repositories of deliveries and cursors share."""

    def _number_query(self, source: str, mailbox: str) -> ScalarSelect[int]:
        return (
            select(mailboxes.c.no)
            .where(mailboxes.c.source == armour(source), mailboxes.c.mailbox == armour(mailbox))
            .scalar_subquery()
        )

    def _number(self, source: str, mailbox: str) -> int:
        """The mailbox's number, given out now if it has none."""
        query = select(self._number_query(source, mailbox))
        found: int | None = self._connection.execute(query).scalar()
        if found is not None:
            return found
        row = (armour(source), armour(mailbox))
        self._insert(mailboxes, ("source", "mailbox"), [row], "ON CONFLICT (source, mailbox) DO NOTHING")
        number: int = self._connection.execute(query).scalar_one()
        return number
