"""Searching messages: by any field, a page at a time, counted over time, and never for long."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, or_, select, text
from sqlalchemy.exc import DBAPIError

from clawback.analysis.indicators import Indicator, VerdictKind
from clawback.analysis.matching import keys_of
from clawback.errors import ClawbackError, TooWide
from clawback.ids import key64
from clawback.message.delivery import DeliveryLocation
from clawback.message.message import Message
from clawback.store import pages
from clawback.store.border import was_interrupted
from clawback.store.detections import detections, gravities, verdict_of
from clawback.store.index import Index
from clawback.store.message_query import FoundBy, MessageFilter, MessageQuery, carried, fits, needs_records
from clawback.store.records import Codec, unpack
from clawback.store.repository import Repository
from clawback.store.schema import deliveries, mailboxes, message_keys, message_records, messages
from clawback.store.text import armour, folded, micros, moment

codec = Codec(Message)
INTERNET_ID = "internet_message_id"
COMMON = 10_000
"""From so many messages on that carry something it is quicker to look at the newest one by one."""
LOOKED_AT = 20_000
"""Messages that one search looks at one by one, where no index knows what is asked."""
_BATCH = 500
_STEPS = 1_000
"""Steps of SQLite between two looks at the clock."""
_WIDE = "the search is too wide; give a shorter time or one more field"


class MessageSearch(Repository):
    """The questions that people have about messages."""

    seconds = 5.0
    """How long one search may take: whoever asks more than an index knows narrows it down."""

    def search(self, query: MessageQuery) -> tuple[tuple[Message, ...], str]:
        """A page of slim messages, last seen first, and the next cursor ("" at the end).

        Where messages must be looked at one by one, a page may hold few though there is another. Raises
        BadQuery for a limit, cursor or value that cannot be, TooWide when it takes too long.
        """
        pages.bounded(query.limit)
        position = pages.position_of(query.cursor, 2)
        with self._in_time():
            if needs_records(query):
                return self._looked_through(query, position)
            rows = self._rows(query, position, query.limit + 1)
            numbers = [row.no for row in rows[: query.limit]]
            by_number = dict(self._numbered_records(numbers))
        last = rows[query.limit - 1] if len(rows) > query.limit else None
        after = pages.cursor_of(last.first_seen, last.no) if last else ""
        return tuple(by_number[no] for no in numbers), after

    def matching(self, wanted: MessageFilter, most: int) -> tuple[str, ...]:
        """The ids of the messages meant, last seen first. Raises TooWide when there are more than `most`."""
        with self._in_time():
            query = select(messages.c.id).where(*self._exactly(wanted))
            ordered = query.order_by(messages.c.first_seen.desc(), messages.c.no.desc()).limit(most + 1)
            found = tuple(self._connection.execute(ordered).scalars())
        if len(found) > most:
            raise TooWide(f"more than {most:,} messages match; {_WIDE}")
        return found

    def count_matching(self, wanted: MessageFilter) -> int:
        """How many messages are meant. Raises TooWide when it takes too long to tell."""
        with self._in_time():
            query = select(func.count()).select_from(messages).where(*self._exactly(wanted))
            return self._connection.execute(query).scalar_one()

    def over_time(
        self, wanted: MessageFilter, by: FoundBy, step: timedelta
    ) -> Mapping[tuple[datetime, VerdictKind | DeliveryLocation], int]:
        """How many messages (by location: copies) were first seen in each step of time. Raises TooWide."""
        size = step // timedelta(microseconds=1)
        start = (messages.c.first_seen - messages.c.first_seen % size).label("start")
        with self._in_time():
            joined, kind = self._by_verdict() if by is FoundBy.VERDICT else _by_location()
            query = select(start, kind.label("kind"), func.count().label("found")).select_from(joined)
            counted = query.where(*self._exactly(wanted)).group_by(start, kind)
            rows = self._connection.execute(counted).all()
        found: dict[tuple[datetime, VerdictKind | DeliveryLocation], int] = {}
        for row in rows:
            what = verdict_of(row.kind) if by is FoundBy.VERDICT else DeliveryLocation(row.kind)
            key = moment(row.start), what
            found[key] = found.get(key, 0) + row.found
        return found

    def _by_verdict(self) -> tuple[Any, ColumnElement[Any]]:
        said = detections.c
        gravest = select(func.min(said.gravity)).where(said.message_no == messages.c.no)
        return messages, gravest.scalar_subquery()

    def _rows(self, wanted: MessageFilter, position: Sequence[int] | None, limit: int) -> Sequence[Any]:
        table = messages.c
        found = select(table.no, table.first_seen).where(*self._conditions(wanted, page=True))
        oldest = isinstance(wanted, MessageQuery) and wanted.oldest_first
        if position is not None:
            seen, no = position
            beyond = (table.first_seen == seen) & (table.no > no if oldest else table.no < no)
            found = found.where(or_(table.first_seen > seen if oldest else table.first_seen < seen, beyond))
        order = (table.first_seen, table.no) if oldest else (table.first_seen.desc(), table.no.desc())
        return self._connection.execute(found.order_by(*order).limit(limit)).all()

    def _looked_through(
        self, query: MessageQuery, position: Sequence[int] | None
    ) -> tuple[tuple[Message, ...], str]:
        """A page of what is found among the next messages, looked at one by one."""
        found: list[Message] = []
        for row, message in self._candidates(query, position):
            if message is not None:
                found.append(message)
            if len(found) == query.limit:
                return tuple(found), pages.cursor_of(row.first_seen, row.no)
            position = row.first_seen, row.no
        more = position is not None and bool(self._rows(query, position, 1))
        return tuple(found), pages.cursor_of(*position) if more and position else ""

    def _candidates(
        self, wanted: MessageFilter, position: Sequence[int] | None
    ) -> Iterator[tuple[Any, Message | None]]:
        """The messages that the indexes leave, with None for those that are not meant; LOOKED_AT at most."""
        things, looked = carried(wanted), 0
        while looked < LOOKED_AT:
            rows = self._rows(wanted, position, _BATCH)
            by_number = dict(self._numbered_records([row.no for row in rows]))
            for row in rows:
                message = by_number[row.no]
                yield row, message if fits(message, wanted, things) else None
            if len(rows) < _BATCH:
                return
            position, looked = (rows[-1].first_seen, rows[-1].no), looked + len(rows)

    def _exactly(self, wanted: MessageFilter) -> list[ColumnElement[bool]]:
        """The condition for all that is asked; raises TooWide when too many would have to be looked at."""
        if not needs_records(wanted):
            return list(self._conditions(wanted))
        looked_at = list(self._candidates(wanted, None))
        if len(looked_at) >= LOOKED_AT:
            raise TooWide(f"more than {LOOKED_AT:,} messages would have to be looked at; {_WIDE}")
        return [self._within(messages.c.no, [row.no for row, message in looked_at if message is not None])]

    def _conditions(self, wanted: MessageFilter, *, page: bool = False) -> Iterator[ColumnElement[bool]]:
        """What is asked; for a `page` of the first few, what very many carry is looked for one by one."""
        table = messages.c
        if wanted.text:
            yield table.subject.contains(folded(wanted.text), autoescape=True)
        if wanted.sender:
            column = table.sender if "@" in wanted.sender else table.sender_domain
            yield column == folded(wanted.sender)
        if wanted.since is not None:
            yield table.first_seen >= micros(wanted.since)
        if wanted.until is not None:
            yield table.first_seen < micros(wanted.until)
        if wanted.direction is not None:
            yield table.direction == wanted.direction.value
        if isinstance(wanted, MessageQuery) and wanted.message_ids is not None:
            yield self._within(table.id, [armour(message_id) for message_id in wanted.message_ids])
        if wanted.internet_message_id:
            bare = wanted.internet_message_id.strip("<>")
            yield table.no.in_(self._with_keys([key64(INTERNET_ID, one) for one in (bare, f"<{bare}>")]))
        for thing in carried(wanted):
            keys = _keys_of(thing)
            if page and Index(self._connection).count(keys, COMMON) == COMMON:
                yield self._carries(keys)
            else:
                yield table.no.in_(self._with_keys(keys))
        if wanted.mailbox or wanted.action or wanted.location:
            yield table.id.in_(_with_copy(wanted))
        yield from self._judged(wanted)

    def _carries(self, keys: Sequence[int]) -> ColumnElement[bool]:
        index = message_keys.c
        here = (index.epoch == messages.c.epoch) & (index.message_no == messages.c.no)
        return exists().where(here, self._within(index.key, keys))

    def _with_keys(self, keys: Sequence[int]) -> Select[tuple[int]]:
        index = message_keys.c
        parts = Index(self._connection).parts()
        return select(index.message_no).where(self._within(index.epoch, parts), self._within(index.key, keys))

    def _judged(self, wanted: MessageFilter) -> Iterator[ColumnElement[bool]]:
        table, no = detections.c, messages.c.no
        if wanted.source:
            yield no.in_(select(table.message_no).where(table.source == armour(wanted.source)))
        if wanted.verdict is VerdictKind.NO_THREATS_FOUND:
            yield no.not_in(select(table.message_no))
        elif wanted.verdict is not None or wanted.threat is not None:
            meant = gravities(wanted.verdict, wanted.threat)
            gravest = select(table.message_no).group_by(table.message_no)
            yield no.in_(gravest.having(func.min(table.gravity).in_(meant)))

    @contextmanager
    def _in_time(self) -> Iterator[None]:
        """Let the database work for some `seconds` at most; raises TooWide when that was not enough."""
        try:
            if self._sqlite:
                with self._watched():
                    yield
            else:
                self._connection.execute(text(f"SET LOCAL statement_timeout = {int(self.seconds * 1_000)}"))
                yield
                self._connection.execute(text("SET LOCAL statement_timeout = 0"))
        except (DBAPIError, ClawbackError) as error:
            if was_interrupted(error):
                raise TooWide(f"it was not found within {self.seconds:g} seconds: {_WIDE}") from None
            raise

    @contextmanager
    def _watched(self) -> Iterator[None]:
        end = time.monotonic() + self.seconds
        driver: Any = self._connection.connection.driver_connection
        driver.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
        try:
            yield
        finally:
            driver.set_progress_handler(None, 0)

    def _numbered_records(self, numbers: Sequence[int]) -> Iterator[tuple[int, Message]]:
        table = message_records.c
        query = select(table.no, table.record).where(self._within(table.no, numbers)).order_by(table.no)
        for row in self._connection.execute(query).all():
            yield row.no, codec.decode(unpack(row.record))


def _by_location() -> tuple[Any, ColumnElement[Any]]:
    return messages.join(deliveries, deliveries.c.message_id == messages.c.id), deliveries.c.location


def _keys_of(thing: Indicator) -> list[int]:
    return [key64(entity.kind.value, entity.value) for entity in keys_of(thing)]


def _with_copy(wanted: MessageFilter) -> Select[tuple[str]]:
    """The messages of which one copy is as asked."""
    query = select(deliveries.c.message_id)
    if wanted.mailbox:
        joined = deliveries.join(mailboxes, deliveries.c.mailbox_no == mailboxes.c.no)
        query = query.select_from(joined).where(mailboxes.c.mailbox == armour(wanted.mailbox))
    if wanted.action:
        query = query.where(deliveries.c.action == wanted.action.value)
    if wanted.location:
        query = query.where(deliveries.c.location == wanted.location.value)
    return query
