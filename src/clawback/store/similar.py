"""Similar messages: who shares a key with an original, narrowed by sender, time and cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, exists, func, select

from clawback.analysis.entities import Entity
from clawback.analysis.fingerprints import Fingerprint
from clawback.ids import key64
from clawback.store.index import Index
from clawback.store.repository import Repository, chunks
from clawback.store.schema import cluster_members, clusters, deliveries, message_keys, messages
from clawback.store.text import armour, disarm, folded, micros, moment


@dataclass(frozen=True, slots=True)
class Narrow:
    """What else must hold of a message.

    Who sent it (an address, or ``@domain``), when a copy of it arrived, and that it is no member of these
    clusters.
    """

    sender: str = ""
    since: datetime | None = None
    until: datetime | None = None
    outside: tuple[str, ...] = ()


class Similar(Repository):
    """Look-ups for similar clusters.

    Keys are 64-bit hashes: a message that has none of them may, very rarely, come too.
    """

    def carried(self, message_id: str, fingerprints: Sequence[Fingerprint]) -> tuple[Fingerprint, ...]:
        """Those of the fingerprints that a message is indexed under."""
        by_key = {key64(f.kind, f.value): f for f in fingerprints}
        joined = message_keys.join(messages, messages.c.no == message_keys.c.message_no)
        query = (
            select(message_keys.c.key)
            .select_from(joined)
            .where(
                messages.c.id == armour(message_id),
                message_keys.c.epoch == messages.c.epoch,
                self._within(message_keys.c.key, sorted(by_key)),
            )
        )
        return tuple(by_key[key] for key in sorted(set(self._connection.execute(query).scalars())))

    def with_fingerprints(
        self, fingerprints: Sequence[Fingerprint], narrow: Narrow, limit: int
    ) -> tuple[str, ...]:
        """The ids of messages with any of these fingerprints, newest first, at most `limit`."""
        return self._sharing([key64(f.kind, f.value) for f in fingerprints], narrow, limit)

    def with_entity(self, entity: Entity, narrow: Narrow, limit: int) -> tuple[str, ...]:
        """The ids of messages that carry an entity, newest first, at most `limit`."""
        return self._sharing([key64(entity.kind.value, entity.value)], narrow, limit)

    def arrived(self, message_ids: Sequence[str]) -> dict[str, datetime]:
        """When the first copy of each of these messages arrived, of those that have one."""
        first = func.min(deliveries.c.internal_date).label("first")
        query = select(deliveries.c.message_id, first).group_by(deliveries.c.message_id)
        found: dict[str, datetime] = {}
        for chunk in chunks([armour(message_id) for message_id in message_ids]):
            rows = self._connection.execute(query.where(self._within(deliveries.c.message_id, chunk)))
            found |= {disarm(row.message_id): moment(row.first) for row in rows}
        return found

    def _sharing(self, keys: Sequence[int], narrow: Narrow, limit: int) -> tuple[str, ...]:
        if not keys:
            return ()
        parts = Index(self._connection).parts()
        numbers = (
            select(message_keys.c.message_no)
            .distinct()
            .where(self._within(message_keys.c.epoch, parts), self._within(message_keys.c.key, keys))
            .subquery()
        )
        query = select(messages.c.id).join(numbers, numbers.c.message_no == messages.c.no)
        query = query.where(*self._conditions(narrow)).order_by(messages.c.no.desc()).limit(limit)
        return tuple(disarm(found) for found in self._connection.execute(query).scalars())

    def _conditions(self, narrow: Narrow) -> list[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = []
        if narrow.sender:
            column = messages.c.sender_domain if narrow.sender.startswith("@") else messages.c.sender
            found.append(column == folded(narrow.sender.removeprefix("@")))
        if narrow.since is not None and narrow.until is not None:
            arrival = deliveries.c.internal_date.between(micros(narrow.since), micros(narrow.until))
            found.append(exists().where(deliveries.c.message_id == messages.c.id, arrival))
        if narrow.outside:
            inside = exists().where(
                cluster_members.c.message_id == messages.c.id,
                cluster_members.c.cluster_no.in_(
                    select(clusters.c.no).where(clusters.c.id.in_([armour(c) for c in narrow.outside]))
                ),
            )
            found.append(~inside)
        return found
