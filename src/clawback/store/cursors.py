"""How far each folder of each mailbox was read."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import delete, select

from clawback.store.mailboxes import Mailboxes
from clawback.store.schema import cursors
from clawback.store.text import armour, disarm

_UPSERT = "ON CONFLICT (mailbox_no, folder) DO UPDATE SET cursor = excluded.cursor"


class Cursors(Mailboxes):
    """The connectors' cursors, by folder."""

    def get(self, source: str, mailbox: str) -> dict[str, str]:
        """Folder to cursor, as last put; empty for a mailbox never read."""
        query = select(cursors.c.folder, cursors.c.cursor).where(
            cursors.c.mailbox_no == self._number_query(source, mailbox)
        )
        rows = self._connection.execute(query)
        return {disarm(folder): disarm(cursor) for folder, cursor in rows}

    def put(self, source: str, mailbox: str, folders: Mapping[str, str]) -> None:
        """Replace all cursors of a mailbox. Of two who put at the same time, the later one counts."""
        no = self._number(source, mailbox)
        self._connection.execute(delete(cursors).where(cursors.c.mailbox_no == no))
        rows = sorted((no, armour(folder), armour(cursor)) for folder, cursor in folders.items())
        self._insert(cursors, ("mailbox_no", "folder", "cursor"), rows, _UPSERT)
