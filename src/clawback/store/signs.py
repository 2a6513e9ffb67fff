"""Signs: what history says of each copy in a plan, read for thousands of copies at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Row, Select, func, select

from clawback.analysis.authenticity import Authenticity
from clawback.message.delivery import DeliveryLocation
from clawback.response.collateral import Signs as Noun
from clawback.response.popularity import Carried
from clawback.store.correspondents import correspondents, message_history, message_refs, sent_ids
from clawback.store.detections import SUSPICIOUS_FROM, detections
from clawback.store.index import Index
from clawback.store.repository import Repository, chunks
from clawback.store.schema import (
    cluster_members,
    clusters,
    deliveries,
    mailboxes,
    message_keys,
    messages,
)
from clawback.store.text import armour, disarm, moment, moment_or_none, words_of

AT_ONCE = 5_000
"""Copies whose signs are read together."""
MOST_CARRIERS = 20_000
"""Members of a cluster whose senders are looked at; they are in the order of their hashes, so any will do."""


_NEVER = 1 << 62
# Rows are many, and differ little: looked up rather than made anew for each.
_LOCATIONS = {location.value: location for location in DeliveryLocation}
_AUTHENTICITY = {value.value: value for value in Authenticity}
_flags = lru_cache(maxsize=4_096)(words_of)


class Signs(Repository):
    """What is known of copies and their senders."""

    def of(
        self, delivery_ids: Sequence[str], cluster_id: str, same_key: Collection[str]
    ) -> Iterator[tuple[Noun, ...]]:
        """The signs of these copies, some thousands at a time.

        What the sources in `same_key` say is the cluster's own key, and accuses nobody of more.
        """
        got: dict[str, int] | None = None
        for chunk in chunks([armour(delivery_id) for delivery_id in delivery_ids], AT_ONCE):
            rows = self._connection.execute(_copies().where(self._within(deliveries.c.id, chunk))).all()
            numbers = sorted({row.no for row in rows})
            threaded, derived = self._threaded(numbers), self._derived(numbers, cluster_id)
            accused = self._accused(numbers, same_key)
            if got is None and any(_among_us(row) for row in rows):
                got = self._got_first(cluster_id)
            derived |= {row.no for row in rows if got and got.get(row.sender, _NEVER) < row.internal_date}
            yield tuple(_signs(row, row.no in threaded, row.no in derived, row.no in accused) for row in rows)

    def carried(self, cluster_id: str) -> tuple[Carried, ...]:
        """Who carried a cluster's key on which day, by its members (20,000 of them at most)."""
        some = (
            select(cluster_members.c.message_id)
            .join(clusters, clusters.c.no == cluster_members.c.cluster_no)
            .where(clusters.c.id == armour(cluster_id))
            .order_by(cluster_members.c.seq)
            .limit(MOST_CARRIERS)
            .subquery()
        )
        joined = some.join(messages, messages.c.id == some.c.message_id).join(
            message_history, message_history.c.message_no == messages.c.no
        )
        query = select(messages.c.sender, message_history.c.day).select_from(joined).distinct()
        return tuple(Carried(row.sender, row.day) for row in self._connection.execute(query))

    def _threaded(self, numbers: Sequence[int]) -> set[int]:
        joined = message_refs.join(sent_ids, sent_ids.c.key == message_refs.c.key)
        mine = self._within(message_refs.c.message_no, numbers)
        return set(
            self._connection.execute(
                select(message_refs.c.message_no).select_from(joined).where(mine)
            ).scalars()
        )

    def _derived(self, numbers: Sequence[int], cluster_id: str) -> set[int]:
        """Which of these messages answer or hold another member of the cluster."""
        mine = self._within(message_refs.c.message_no, numbers)
        refs = self._connection.execute(
            select(message_refs.c.message_no, message_refs.c.key).where(mine)
        ).all()
        parts = Index(self._connection).parts()
        members: dict[int, set[int]] = {}
        for keys in chunks(sorted({row.key for row in refs})):
            joined = (
                message_keys.join(messages, messages.c.no == message_keys.c.message_no)
                .join(cluster_members, cluster_members.c.message_id == messages.c.id)
                .join(clusters, clusters.c.no == cluster_members.c.cluster_no)
            )
            query = select(message_keys.c.key, message_keys.c.message_no).select_from(joined)
            named = query.where(
                self._within(message_keys.c.epoch, parts),
                self._within(message_keys.c.key, keys),
                clusters.c.id == armour(cluster_id),
            )
            for row in self._connection.execute(named):
                members.setdefault(row.key, set()).add(row.message_no)
        return {row.message_no for row in refs if members.get(row.key, set()) - {row.message_no}}

    def _got_first(self, cluster_id: str) -> dict[str, int]:
        """When each mailbox first got a member that its owner did not send; those may have passed it on."""
        joined = (
            clusters.join(cluster_members, cluster_members.c.cluster_no == clusters.c.no)
            .join(deliveries, deliveries.c.message_id == cluster_members.c.message_id)
            .join(mailboxes, mailboxes.c.no == deliveries.c.mailbox_no)
        )
        received = deliveries.c.original_location != DeliveryLocation.SENT.value
        query = select(mailboxes.c.mailbox, func.min(deliveries.c.internal_date).label("first"))
        mine = query.select_from(joined).where(clusters.c.id == armour(cluster_id), received)
        rows = self._connection.execute(mine.group_by(mailboxes.c.mailbox))
        return {row.mailbox.lower(): row.first for row in rows}

    def _accused(self, numbers: Sequence[int], same_key: Collection[str]) -> set[int]:
        table = detections.c
        query = select(table.message_no).where(
            self._within(table.message_no, numbers), table.gravity < SUSPICIOUS_FROM
        )
        others = query.where(table.source.not_in([armour(source) for source in sorted(same_key)]))
        return set(self._connection.execute(others).scalars())


def _among_us(row: Row[Any]) -> bool:
    """Whether the sender looks like somebody of the owner's own organisation."""
    return bool(row.sender.rpartition("@")[2] == row.mailbox.lower().rpartition("@")[2])


def _copies() -> Select[Any]:
    d, m = deliveries.c, messages.c
    joined = (
        deliveries.join(mailboxes, mailboxes.c.no == d.mailbox_no)
        .join(messages, m.id == d.message_id)
        .outerjoin(message_history, message_history.c.message_no == m.no)
        .outerjoin(
            correspondents,
            (correspondents.c.owner == func.lower(mailboxes.c.mailbox))
            & (correspondents.c.address == m.sender),
        )
    )
    return select(
        d.id, d.message_id, d.location, d.folder, d.original_folder, d.flags, d.internal_date,
        mailboxes.c.mailbox, m.no, m.sender, message_history.c.authenticity, correspondents.c.first_at,
    ).select_from(joined)  # fmt: skip


def _signs(row: Row[Any], threaded: bool, derived: bool, accused: bool) -> Noun:
    location = _LOCATIONS[row.location]
    return Noun(
        delivery_id=row.id,
        message_id=row.message_id,
        mailbox=disarm(row.mailbox),
        sender=row.sender,
        location=location,
        flags=_flags(row.flags),
        filed=location is DeliveryLocation.OTHER_FOLDER and row.folder != row.original_folder,
        arrived=moment(row.internal_date),
        authenticity=_AUTHENTICITY.get(row.authenticity, Authenticity.UNSAID),
        written_since=moment_or_none(row.first_at),
        threaded=threaded,
        derived=derived,
        accused=accused,
    )
