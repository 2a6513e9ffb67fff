"""How far each folder of each mailbox was read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import delete, select

from clawback.store.mailboxes import Mailboxes, fits
from clawback.store.repository import chunks
from clawback.store.schema import cursors
from clawback.store.text import armour, disarm

_UPSERT = "ON CONFLICT (mailbox_no, folder) DO UPDATE SET cursor = excluded.cursor"


class Cursors(Mailboxes):
    """The connectors' cursors, by folder. Every folder that holds a known copy is among them."""

    def get(self, source: str, mailbox: str) -> dict[str, str]:
        """Folder to cursor, as last put, "" for one never listed; empty for a mailbox never read."""
        query = select(cursors.c.folder, cursors.c.cursor).where(
            cursors.c.mailbox_no == self._number_query(source, mailbox)
        )
        rows = self._connection.execute(query)
        return {disarm(folder): disarm(cursor) for folder, cursor in rows}

    def put(self, source: str, mailbox: str, folders: Mapping[str, str], gone: Iterable[str] = ()) -> None:
        """Write cursors of a mailbox and forget those of folders that are gone.

        Of two who put at the same time, the later one counts.
        """
        no = self._number(source, mailbox)
        for chunk in chunks(sorted(armour(folder) for folder in gone)):
            mine = delete(cursors).where(cursors.c.mailbox_no == no)
            self._connection.execute(mine.where(self._within(cursors.c.folder, chunk)))
        named = ((armour(folder), armour(cursor)) for folder, cursor in folders.items())
        rows = sorted((no, name, cursor) for name, cursor in named if fits(name))
        self._insert(cursors, ("mailbox_no", "folder", "cursor"), rows, _UPSERT)
