"""Clusters and their members; members only ever come, each with the reasons it first had."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Row, func, select

from clawback.analysis.clusters import Cluster, Member
from clawback.analysis.entities import Reason
from clawback.errors import NotFound
from clawback.message.delivery import DeliveryLocation
from clawback.response.counts import Places
from clawback.store.records import Codec
from clawback.store.repository import Repository, chunks
from clawback.store.schema import cluster_members, clusters, deliveries
from clawback.store.text import armour

_codec = Codec(Cluster)
_reasons: Codec[tuple[Reason, ...]] = Codec(tuple[Reason, ...])
_UPSERT = "ON CONFLICT (id) DO UPDATE SET record = excluded.record"


class Clusters(Repository):
    """All clusters."""

    def save(self, cluster: Cluster, investigation_id: str) -> None:
        """Write a cluster. Members it has already stay, with their reasons; new ones join them."""
        row = (cluster.id, investigation_id, _codec.encode(replace(cluster, members=())))
        self._insert(clusters, ("id", "investigation_id", "record"), [row], _UPSERT)
        no = self._connection.execute(select(clusters.c.no).where(clusters.c.id == cluster.id)).scalar_one()
        self._join(no, cluster.members)

    def get(self, cluster_id: str) -> Cluster:
        """The cluster with all its members, in the order in which they came; raises NotFound."""
        return self._whole(self._row(cluster_id))

    def head(self, cluster_id: str) -> Cluster:
        """The cluster without its members, who may be very many; raises NotFound."""
        return _codec.decode(self._row(cluster_id).record)

    def places(self, cluster_id: str) -> Places:
        """Where every copy of its members was last seen, counted; raises NotFound."""
        joined = cluster_members.join(deliveries, deliveries.c.message_id == cluster_members.c.message_id)
        counts = select(deliveries.c.location, func.count()).select_from(joined)
        mine = counts.where(cluster_members.c.cluster_no == self._row(cluster_id).no)
        rows = self._connection.execute(mine.group_by(deliveries.c.location))
        return Places.counted({DeliveryLocation(location): count for location, count in rows})

    def of_investigation(self, investigation_id: str) -> tuple[Cluster, ...]:
        """The clusters of an investigation, oldest first, with all their members."""
        query = select(clusters).where(clusters.c.investigation_id == armour(investigation_id))
        rows = self._connection.execute(query.order_by(clusters.c.no)).all()
        return tuple(self._whole(row) for row in rows)

    def list(self, *, limit: int = 100, cursor: str = "") -> tuple[tuple[Cluster, ...], str]:
        """A page, newest first, and the next cursor. Without members: see `sizes`."""
        rows, after = self._page(select(clusters), clusters.c.no, limit, cursor)
        return tuple(_codec.decode(row.record) for row in rows), after

    def sizes(self, cluster_ids: Sequence[str]) -> dict[str, int]:
        """How many members each of these clusters has."""
        joined = clusters.outerjoin(cluster_members, clusters.c.no == cluster_members.c.cluster_no)
        query = select(clusters.c.id, func.count(cluster_members.c.seq).label("members")).select_from(joined)
        ids = [armour(cluster_id) for cluster_id in cluster_ids]
        mine = query.where(self._within(clusters.c.id, ids)).group_by(clusters.c.id)
        return {row.id: row.members for row in self._connection.execute(mine)}

    def investigation_of(self, cluster_id: str) -> str:
        """The id of the investigation a cluster belongs to; raises NotFound."""
        query = select(clusters.c.investigation_id).where(clusters.c.id == armour(cluster_id))
        found: str | None = self._connection.execute(query).scalar()
        if found is None:
            raise NotFound(f"there is no cluster {cluster_id}")
        return found

    def with_message(self, message_id: str) -> tuple[str, ...]:
        """The ids of the clusters a message is a member of, oldest first."""
        joined = clusters.join(cluster_members, clusters.c.no == cluster_members.c.cluster_no)
        query = select(clusters.c.id).select_from(joined)
        mine = query.where(cluster_members.c.message_id == armour(message_id)).order_by(clusters.c.no)
        return tuple(self._connection.execute(mine).scalars())

    def with_messages(self, message_ids: Iterable[str]) -> tuple[str, ...]:
        """The ids of the clusters that any of these messages is a member of, oldest first."""
        found: dict[str, int] = {}
        joined = clusters.join(cluster_members, clusters.c.no == cluster_members.c.cluster_no)
        query = select(clusters.c.id, clusters.c.no).distinct().select_from(joined)
        for chunk in chunks(sorted({armour(message_id) for message_id in message_ids})):
            mine = query.where(self._within(cluster_members.c.message_id, chunk))
            found |= {row.id: row.no for row in self._connection.execute(mine)}
        return tuple(sorted(found, key=lambda cluster_id: found[cluster_id]))

    def join(self, cluster_id: str, members: Sequence[Member]) -> None:
        """Let messages join a cluster; those that are members already stay. Raises NotFound."""
        self._join(self._row(cluster_id).no, members)

    def members_among(self, cluster_id: str, message_ids: Sequence[str]) -> set[str]:
        """Which of these messages are members of a cluster; raises NotFound."""
        table, found = cluster_members.c, set[str]()
        query = select(table.message_id).where(table.cluster_no == self._row(cluster_id).no)
        for chunk in chunks([armour(message_id) for message_id in message_ids]):
            found.update(
                self._connection.execute(query.where(self._within(table.message_id, chunk))).scalars()
            )
        return found

    def _row(self, cluster_id: str) -> Row[Any]:
        found = self._connection.execute(select(clusters).where(clusters.c.id == armour(cluster_id))).first()
        if found is None:
            raise NotFound(f"there is no cluster {cluster_id}")
        return found

    def _join(self, no: int, members: Sequence[Member]) -> None:
        columns = ("cluster_no", "message_id", "seq", "reasons")
        table = cluster_members.c
        last = select(func.coalesce(func.max(table.seq), 0)).where(table.cluster_no == no)
        first = self._connection.execute(last).scalar_one() + 1
        unique = {member.message_id: member for member in reversed(members)}
        ordered = [member for member in members if unique[member.message_id] is member]
        rows = [(no, m.message_id, seq, _reasons.encode(m.reasons)) for seq, m in enumerate(ordered, first)]
        for chunk in chunks(rows):
            self._insert(cluster_members, columns, chunk, "ON CONFLICT (cluster_no, message_id) DO NOTHING")

    def _whole(self, row: Row[Any]) -> Cluster:
        table = cluster_members.c
        query = select(table.message_id, table.reasons).where(table.cluster_no == row.no)
        found = self._connection.execute(query.order_by(table.seq))
        members = tuple(Member(message_id, _reasons.decode(reasons)) for message_id, reasons in found)
        return replace(_codec.decode(row.record), members=members)
