"""Deliveries: which copies there are, and where each was last seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, case, func, select, text

from clawback.errors import NotFound
from clawback.message.delivery import Delivery, DeliveryAction, DeliveryLocation, Handle
from clawback.store.listings import Listing
from clawback.store.mailboxes import Mailboxes
from clawback.store.repository import chunks
from clawback.store.schema import deliveries, mailboxes
from clawback.store.text import (
    armour,
    disarm,
    micros,
    moment,
    trace_of,
    trace_text,
    words,
    words_of,
)

_COLUMNS = (
    "id", "message_id", "raw_sha256", "size", "mailbox_no", "folder", "native_id", "version", "flags",
    "internal_date", "action", "original_location", "original_folder", "location", "located_at", "first_seen",
    "trace",
)  # fmt: skip

# What was true on arrival stays as it was first written.
_CHANGING = (
    "mailbox_no",
    "folder",
    "native_id",
    "version",
    "flags",
    "internal_date",
    "location",
    "located_at",
)
_UPSERT = "ON CONFLICT (id) DO UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in _CHANGING)

# Written out, for an index on some rows only is used where the query says which they are.
_IS_GONE = text(f"deliveries.location = '{DeliveryLocation.HARD_DELETED.value}'")
_IS_UNSEEN = text(f"deliveries.location = '{DeliveryLocation.UNKNOWN.value}'")
_GONE_FIRST = (
    (deliveries.c.location == DeliveryLocation.HARD_DELETED.value).desc(),
    deliveries.c.no,
)


SEARCHED = {
    "source": mailboxes.c.source,
    "mailbox": mailboxes.c.mailbox,
    "copies": (
        select(func.count(deliveries.c.no))
        .where(deliveries.c.mailbox_no == mailboxes.c.no)
        .scalar_subquery()
        .label("copies")
    ),
}
"""What a search for mailboxes may ask about and sort by."""
_IN_MAILBOX = [place.value for place in DeliveryLocation if place.in_mailbox]


@dataclass(frozen=True, slots=True)
class KnownMailbox:
    """A mailbox that was looked at, and how many copies in it are remembered, those that are gone too."""

    source: str
    mailbox: str
    copies: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """The copies of one message: how many, when the first was delivered and when one was first seen."""

    copies: int
    delivered: datetime
    first_seen: datetime


class Deliveries(Mailboxes):
    """All copies."""

    def known(self, source: str, mailbox: str) -> dict[tuple[str, str], Delivery]:
        """Every delivery of a mailbox by (folder, native id), also those that are gone.

        Where a gone one and a present one share a place, the present one is told.
        """
        query = _query().where(mailboxes.c.no == self._number_query(source, mailbox))
        found = self._read(query.order_by(*_GONE_FIRST))
        return {(d.handle.folder, d.handle.native_id): d for d in found}

    def present(self, source: str, mailbox: str, folders: Iterable[str]) -> dict[tuple[str, str], Delivery]:
        """The deliveries in these folders of a mailbox by (folder, native id), not those that are gone."""
        here = mailboxes.c.no == self._number_query(source, mailbox)
        query = _query().where(here, deliveries.c.location != DeliveryLocation.HARD_DELETED.value)
        found: dict[tuple[str, str], Delivery] = {}
        for chunk in chunks(sorted({armour(folder) for folder in folders})):
            rows = self._read(query.where(self._within(deliveries.c.folder, chunk)).order_by(deliveries.c.no))
            found |= {(d.handle.folder, d.handle.native_id): d for d in rows}
        return found

    def named(self, source: str, mailbox: str, native_ids: Iterable[str]) -> dict[tuple[str, str], Delivery]:
        """The deliveries of a mailbox with these native ids, in whatever folder, by (folder, native id).

        Also those that are gone; where a gone one and a present one share a place, the present one is told.
        """
        query = _query().where(deliveries.c.mailbox_no == self._number_query(source, mailbox))
        found: dict[tuple[str, str], Delivery] = {}
        for chunk in chunks(sorted({armour(native_id) for native_id in native_ids})):
            rows = self._read(query.where(self._within(deliveries.c.native_id, chunk)).order_by(*_GONE_FIRST))
            found |= {(d.handle.folder, d.handle.native_id): d for d in rows}
        return found

    def lost(self, source: str, mailbox: str, sha256s: Iterable[str]) -> tuple[Delivery, ...]:
        """The deliveries of a mailbox that are gone and had one of these raw SHA-256, oldest first."""
        here = deliveries.c.mailbox_no == self._number_query(source, mailbox)
        query = _query().where(here, _IS_GONE)
        return tuple(
            delivery
            for chunk in chunks(sorted({armour(sha256) for sha256 in sha256s}))
            for delivery in self._read(
                query.where(self._within(deliveries.c.raw_sha256, chunk)).order_by(deliveries.c.no)
            )
        )

    def unseen(self, source: str, mailbox: str) -> tuple[Delivery, ...]:
        """The deliveries of a mailbox that could not be looked at the last time, oldest first."""
        here = deliveries.c.mailbox_no == self._number_query(source, mailbox)
        return tuple(self._read(_query().where(here, _IS_UNSEEN).order_by(deliveries.c.no)))

    def save(self, items: Sequence[Delivery]) -> None:
        """Write deliveries by id. For a known one: its handle, flags, times and location; the rest stays.

        Their folders are known to the cursors from then on.
        """
        latest = {delivery.id: delivery for delivery in items}
        if not latest:
            return
        numbers = self._numbers({(d.handle.source, d.handle.mailbox) for d in latest.values()})
        rows = [_row(d, numbers[d.handle.source, d.handle.mailbox]) for d in latest.values()]
        for chunk in chunks(sorted(rows)):
            self._insert(deliveries, _COLUMNS, chunk, _UPSERT)
        folders = {(numbers[d.handle.source, d.handle.mailbox], d.handle.folder) for d in latest.values()}
        self._note_folders(folders)

    def relocate(self, changes: Sequence[Delivery]) -> None:
        """Write where copies are now."""
        self.save(changes)

    def get(self, delivery_id: str) -> Delivery:
        """The delivery; raises NotFound."""
        found = self.get_many((delivery_id,))
        if not found:
            raise NotFound(f"there is no delivery {delivery_id}")
        return found[delivery_id]

    def get_many(self, ids: Sequence[str]) -> dict[str, Delivery]:
        """The deliveries that are known among these ids, by id."""
        return {d.id: d for d in self._among(deliveries.c.id, ids)}

    def unchanged(self, before: Iterable[Delivery]) -> set[str]:
        """The ids of those of these deliveries that are still kept as given; held so until the unit ends.

        Whoever writes down what it saw writes it for these alone: of the others somebody saw more since.
        """
        expected = {delivery.id: delivery for delivery in before}
        found: set[str] = set()
        for chunk in chunks(sorted(expected)):
            # In the order in which they are written, or two who hold some would wait for each other.
            query = _query().where(self._within(deliveries.c.id, chunk)).order_by(deliveries.c.id)
            held = self._read(query.with_for_update(of=deliveries))
            found.update(delivery.id for delivery in held if delivery == expected[delivery.id])
        return found

    def of_messages(self, message_ids: Iterable[str]) -> tuple[Delivery, ...]:
        """Every copy of these messages, message by message in the order given, then as first seen."""
        order = {message_id: place for place, message_id in enumerate(dict.fromkeys(message_ids))}
        found = self._among(deliveries.c.message_id, tuple(order))
        return tuple(sorted(found, key=lambda d: order[d.message_id]))

    def first_of(self, message_id: str, limit: int) -> tuple[Delivery, ...]:
        """The copies of a message that were seen first, at most so many."""
        mine = _query().where(deliveries.c.message_id == armour(message_id))
        return tuple(self._read(mine.order_by(deliveries.c.no).limit(limit)))

    def arrival(self, message_id: str) -> Arrival | None:
        """How many copies of a message there are and when the first came; None without copies."""
        table = deliveries.c
        query = select(func.count(), func.min(table.internal_date), func.min(table.first_seen))
        copies, delivered, seen = self._connection.execute(
            query.where(table.message_id == armour(message_id))
        ).one()
        return Arrival(copies, moment(delivered), moment(seen)) if copies else None

    def count_by_location(self, message_ids: Sequence[str] | None = None) -> dict[DeliveryLocation, int]:
        """How many copies are in each place: of these messages, or of all."""
        query = select(deliveries.c.location, func.count()).group_by(deliveries.c.location)
        if message_ids is None:
            conditions: list[ColumnElement[bool]] = []
            return self._counted([query.where(*conditions)])
        ids = sorted({armour(message_id) for message_id in message_ids})
        return self._counted(query.where(self._within(deliveries.c.message_id, c)) for c in chunks(ids))

    def counts(self, message_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
        """For each of these messages how many copies it has, and how many of them are in mailboxes."""
        within = deliveries.c.location.in_(_IN_MAILBOX)
        there = func.sum(case((within, 1), else_=0)).label("there")
        query = select(deliveries.c.message_id, func.count().label("known"), there)
        found: dict[str, tuple[int, int]] = {}
        for chunk in chunks(sorted({armour(message_id) for message_id in message_ids})):
            mine = query.where(self._within(deliveries.c.message_id, chunk))
            for row in self._connection.execute(mine.group_by(deliveries.c.message_id)):
                found[disarm(row.message_id)] = row.known, int(row.there)
        return found

    def mailboxes(self) -> list[tuple[str, str, int]]:
        """(source, mailbox, number of known copies), sorted."""
        joined = mailboxes.outerjoin(deliveries, deliveries.c.mailbox_no == mailboxes.c.no)
        query = select(mailboxes.c.source, mailboxes.c.mailbox, func.count(deliveries.c.no))
        rows = self._connection.execute(query.select_from(joined).group_by(mailboxes.c.no))
        return sorted((disarm(source), disarm(mailbox), count) for source, mailbox, count in rows)

    def search_mailboxes(self, listing: Listing) -> tuple[tuple[KnownMailbox, ...], str]:
        """A page of the mailboxes that meet the listing's conditions, in its order, and the next cursor.

        Columns: `SEARCHED`. Raises BadQuery.
        """
        query = select(mailboxes.c.no, *SEARCHED.values())
        rows, after = self._listing(query, SEARCHED, mailboxes.c.no, listing)
        found = (KnownMailbox(disarm(row.source), disarm(row.mailbox), row.copies) for row in rows)
        return tuple(found), after

    def count_mailboxes(self, listing: Listing) -> int:
        """How many `search_mailboxes` finds, on whatever page."""
        return self._count_listing(select(mailboxes.c.no), SEARCHED, listing)

    def owners(self) -> frozenset[str]:
        """The addresses of all mailboxes that were ever looked at."""
        query = select(mailboxes.c.mailbox).distinct()
        return frozenset(disarm(mailbox) for mailbox in self._connection.execute(query).scalars())

    def count(self) -> int:
        """How many copies are known."""
        return self._connection.execute(select(func.count()).select_from(deliveries)).scalar_one()

    def _counted(self, queries: Iterable[Select[Any]]) -> dict[DeliveryLocation, int]:
        counts: dict[DeliveryLocation, int] = {}
        for query in queries:
            for location, count in self._connection.execute(query):
                place = DeliveryLocation(location)
                counts[place] = counts.get(place, 0) + count
        return counts

    def _among(self, column: ColumnElement[str], values: Sequence[str]) -> Iterator[Delivery]:
        for chunk in chunks([armour(value) for value in values]):
            yield from self._read(_query().where(self._within(column, chunk)).order_by(deliveries.c.no))

    def _read(self, query: Select[Any]) -> Iterator[Delivery]:
        for row in self._connection.execute(query):
            yield _delivery(row)


def _query() -> Select[Any]:
    joined = deliveries.join(mailboxes, deliveries.c.mailbox_no == mailboxes.c.no)
    named = [deliveries.c[name] for name in _COLUMNS]
    return select(*named, mailboxes.c.source, mailboxes.c.mailbox).select_from(joined)


def _row(delivery: Delivery, mailbox_no: int) -> tuple[Any, ...]:
    handle = delivery.handle
    return (
        delivery.id,
        delivery.message_id,
        delivery.raw_sha256,
        delivery.size,
        mailbox_no,
        armour(handle.folder),
        armour(handle.native_id),
        armour(handle.version),
        words(delivery.flags),
        micros(delivery.internal_date),
        delivery.action.value,
        delivery.original_location.value,
        armour(delivery.original_folder),
        delivery.location.value,
        micros(delivery.located_at),
        micros(delivery.first_seen),
        trace_text(delivery.trace),
    )


def _delivery(row: Row[Any]) -> Delivery:
    (
        delivery_id, message_id, raw_sha256, size, _, folder, native_id, version, flags, internal_date,
        action, original_location, original_folder, location, located_at, first_seen, trace, source, mailbox,
    ) = tuple(row)  # fmt: skip
    return Delivery(
        id=delivery_id,
        message_id=message_id,
        raw_sha256=raw_sha256,
        size=size,
        handle=Handle(disarm(source), disarm(mailbox), disarm(folder), disarm(native_id), disarm(version)),
        flags=words_of(flags),
        internal_date=moment(internal_date),
        action=DeliveryAction(action),
        original_location=DeliveryLocation(original_location),
        original_folder=disarm(original_folder),
        location=DeliveryLocation(location),
        located_at=moment(located_at),
        first_seen=moment(first_seen),
        trace=trace_of(trace),
    )
