"""Retractions, the messages they are about, and what a removal rests on."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Table, func, literal, select

from clawback.analysis.entities import Entity
from clawback.errors import NotFound
from clawback.response.retraction import Retraction
from clawback.store.columns import blob, integer, metadata, running_number, text_column
from clawback.store.detections import detections
from clawback.store.records import Codec
from clawback.store.repository import Repository, chunks
from clawback.store.schema import cluster_members, clusters, messages, remediations
from clawback.store.text import armour, disarm, micros

_codec = Codec(Retraction)

retractions = Table(
    "retractions",
    metadata,
    running_number(),
    text_column("id", unique=True),
    integer("at"),
    blob("record"),
)

retracted_messages = Table(
    "retracted_messages",
    metadata,
    integer("retraction_no", primary_key=True),
    integer("message_no", primary_key=True),
    sqlite_with_rowid=False,
)


class Retractions(Repository):
    """All retractions."""

    def add(self, retraction: Retraction) -> int:
        """Keep a retraction with the messages that its sources speak against now; answers how many."""
        row = (retraction.id, micros(retraction.at), _codec.encode(retraction))
        self._insert(retractions, ("id", "at", "record"), [row])
        no = self._no(retraction.id)
        sources = [armour(source) for source in retraction.sources]
        spoken = select(literal(no), detections.c.message_no).distinct()
        spoken = spoken.where(self._within(detections.c.source, sources))
        insert = retracted_messages.insert().from_select(["retraction_no", "message_no"], spoken)
        self._connection.execute(insert)
        mine = retracted_messages.c.retraction_no == no
        query = select(func.count()).select_from(retracted_messages).where(mine)
        return self._connection.execute(query).scalar_one()

    def get(self, retraction_id: str) -> Retraction:
        """The retraction; raises NotFound."""
        query = select(retractions.c.record).where(retractions.c.id == armour(retraction_id))
        found = self._connection.execute(query).scalar()
        if found is None:
            raise NotFound(f"there is no retraction {retraction_id}")
        return _codec.decode(found)

    def count(self) -> int:
        """How many there are."""
        return self._connection.execute(select(func.count()).select_from(retractions)).scalar_one()

    def clusters(self, retraction_id: str) -> tuple[str, ...]:
        """The clusters with a message that a retraction is about, oldest first."""
        joined = (
            retracted_messages.join(messages, messages.c.no == retracted_messages.c.message_no)
            .join(cluster_members, cluster_members.c.message_id == messages.c.id)
            .join(clusters, clusters.c.no == cluster_members.c.cluster_no)
        )
        query = select(clusters.c.id, clusters.c.no).distinct().select_from(joined)
        mine = query.where(retracted_messages.c.retraction_no == self._no(retraction_id))
        return tuple(row.id for row in self._connection.execute(mine.order_by(clusters.c.no)))

    def among(self, retraction_id: str, message_ids: Sequence[str]) -> set[str]:
        """Which of these messages a retraction is about."""
        joined = retracted_messages.join(messages, messages.c.no == retracted_messages.c.message_no)
        query = select(messages.c.id).select_from(joined)
        mine = query.where(retracted_messages.c.retraction_no == self._no(retraction_id))
        found: set[str] = set()
        for chunk in chunks(sorted({armour(message_id) for message_id in message_ids})):
            found.update(self._connection.execute(mine.where(self._within(messages.c.id, chunk))).scalars())
        return found

    def removed_for(self, keys: Sequence[Entity]) -> tuple[str, ...]:
        """The clusters for whose removal something was planned under one of these keys, oldest first."""
        found: dict[str, int] = {}
        for key in keys:
            table = remediations.c
            same = (table.key_kind == key.kind.value) & (table.key_value == armour(key.value))
            query = select(table.cluster_id, func.min(table.no).label("no")).where(same)
            for row in self._connection.execute(query.group_by(table.cluster_id)):
                found[disarm(row.cluster_id)] = row.no
        return tuple(sorted(found, key=lambda cluster_id: found[cluster_id]))

    def _no(self, retraction_id: str) -> int:
        query = select(retractions.c.no).where(retractions.c.id == armour(retraction_id))
        found: int = self._connection.execute(query).scalar_one()
        return found
