"""Exclusions: messages that are no members of a cluster though they carry its key, and SecOps mailboxes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Index, Table, delete, exists, func, select

from clawback.store.columns import metadata, text_column
from clawback.store.repository import Repository, chunks
from clawback.store.schema import cluster_members, clusters, deliveries, mailboxes
from clawback.store.text import armour, disarm

left_out = Table(
    "left_out",
    metadata,
    text_column("cluster_id", primary_key=True),
    text_column("message_id", primary_key=True),
    text_column("investigation_id"),
    text_column("reason"),
    Index("left_out_by_investigation", "investigation_id"),
    sqlite_with_rowid=False,
)

# A mirror of the policy's, so that queries can leave their copies out.
secops_mailboxes = Table(
    "secops_mailboxes", metadata, text_column("mailbox", primary_key=True), sqlite_with_rowid=False
)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A message, or with `mailbox` one copy of it, that is no part of a cluster, and why."""

    cluster_id: str
    message_id: str
    reason: str
    mailbox: str = ""


class Exclusions(Repository):
    """What the policy leaves out."""

    def set_secops(self, names: Iterable[str]) -> None:
        """Replace the list of SecOps mailboxes (lower case)."""
        self._connection.execute(delete(secops_mailboxes))
        self._insert(secops_mailboxes, ("mailbox",), [(armour(name),) for name in sorted(set(names))])

    def replace(self, investigation_id: str, cluster_id: str, reasons: Mapping[str, str]) -> bool:
        """Keep which messages a cluster leaves out now, with the reason; answers whether that is new."""
        table = left_out.c
        query = select(table.message_id, table.reason).where(table.cluster_id == armour(cluster_id))
        known = {disarm(row.message_id): disarm(row.reason) for row in self._connection.execute(query)}
        if known == dict(reasons):
            return False
        self._connection.execute(delete(left_out).where(table.cluster_id == armour(cluster_id)))
        rows = [
            (armour(cluster_id), armour(message_id), armour(investigation_id), armour(reason))
            for message_id, reason in sorted(reasons.items())
        ]
        for chunk in chunks(rows):
            self._insert(left_out, ("cluster_id", "message_id", "investigation_id", "reason"), chunk)
        return bool(rows)

    def of_cluster(self, cluster_id: str, limit: int) -> tuple[LeftOut, ...]:
        """What a cluster leaves out: whole messages, then copies of its members in SecOps mailboxes."""
        table = left_out.c
        query = select(left_out).where(table.cluster_id == armour(cluster_id)).order_by(table.message_id)
        whole = [_left_out(row.cluster_id, row.message_id, row.reason) for row in self._execute(query, limit)]
        rows = self._in_secops(cluster_id, limit)
        return (
            *whole,
            *(LeftOut(cluster_id, row.message_id, "SecOps mailbox", disarm(row.mailbox)) for row in rows),
        )[:limit]

    def _in_secops(self, cluster_id: str, limit: int) -> Sequence[Any]:
        """Copies of members in SecOps mailboxes, found from those few mailboxes on."""
        theirs = self._connection.execute(select(mailboxes.c.no).where(in_secops())).scalars().all()
        if not theirs:
            return ()
        no = select(clusters.c.no).where(clusters.c.id == armour(cluster_id)).scalar_subquery()
        member = exists().where(
            cluster_members.c.cluster_no == no, cluster_members.c.message_id == deliveries.c.message_id
        )
        joined = deliveries.join(mailboxes, mailboxes.c.no == deliveries.c.mailbox_no)
        copies = select(deliveries.c.message_id, mailboxes.c.mailbox).select_from(joined)
        mine = copies.where(self._within(deliveries.c.mailbox_no, theirs), member)
        return self._connection.execute(mine.order_by(deliveries.c.no).limit(limit)).all()

    def of_investigation(self, investigation_id: str, limit: int) -> tuple[LeftOut, ...]:
        """The messages that an investigation's clusters leave out, also where a cluster has no member."""
        mine = left_out.c.investigation_id == armour(investigation_id)
        query = select(left_out).where(mine).order_by(left_out.c.cluster_id, left_out.c.message_id)
        rows = self._execute(query, limit)
        return tuple(_left_out(row.cluster_id, row.message_id, row.reason) for row in rows)

    def _execute(self, query: Any, limit: int) -> Any:
        return self._connection.execute(query.limit(limit))


def in_secops() -> ColumnElement[bool]:
    """That a copy lies in a mailbox of the security team; the query must be over `mailboxes` too."""
    return func.lower(mailboxes.c.mailbox).in_(select(secops_mailboxes.c.mailbox))


def outside_secops() -> ColumnElement[bool]:
    """That a copy lies in no mailbox of the security team; the query must be over `deliveries`."""
    theirs = select(mailboxes.c.no).where(in_secops())
    return deliveries.c.mailbox_no.not_in(theirs)


def _left_out(cluster_id: str, message_id: str, reason: str) -> LeftOut:
    return LeftOut(disarm(cluster_id), disarm(message_id), disarm(reason))
