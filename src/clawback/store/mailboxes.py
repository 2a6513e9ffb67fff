"""Mailboxes by number, so that a million deliveries need not repeat their names."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import ScalarSelect, select

from clawback.store.repository import Repository, chunks
from clawback.store.schema import cursors, mailboxes
from clawback.store.text import armour, disarm

LONGEST_FOLDER = 1_000
"""Bytes of a folder's name that a database's index takes for sure; one with a longer name has no cursor."""


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
        return self._numbers({(source, mailbox)})[source, mailbox]

    def _numbers(self, places: Collection[tuple[str, str]]) -> dict[tuple[str, str], int]:
        """The numbers of (source, mailbox) pairs, given out now to those that have none."""
        found = self._known_numbers(places)
        missing = sorted((armour(s), armour(m)) for s, m in places if (s, m) not in found)
        if missing:
            tail = "ON CONFLICT (source, mailbox) DO NOTHING"
            self._insert(mailboxes, ("source", "mailbox"), missing, tail)
            found = self._known_numbers(places)
        return found

    def _known_numbers(self, places: Collection[tuple[str, str]]) -> dict[tuple[str, str], int]:
        found: dict[tuple[str, str], int] = {}
        for chunk in chunks(sorted({armour(mailbox) for _, mailbox in places})):
            query = select(mailboxes).where(self._within(mailboxes.c.mailbox, chunk))
            for row in self._connection.execute(query):
                found[disarm(row.source), disarm(row.mailbox)] = row.no
        return found

    def _note_folders(self, folders: Iterable[tuple[int, str]]) -> None:
        """Let the cursors know these folders (mailbox number, name), by "" where they have no cursor yet."""
        rows = sorted((no, name, "") for no, folder in folders if fits(name := armour(folder)))
        tail = "ON CONFLICT (mailbox_no, folder) DO NOTHING"
        self._insert(cursors, ("mailbox_no", "folder", "cursor"), rows, tail)


def fits(name: str) -> bool:
    """Whether a folder with this name, armoured, can have a cursor."""
    return len(name.encode()) <= LONGEST_FOLDER
