"""Messages as we remember them, and the index of what they carry."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select

from clawback.analysis.entities import Entity
from clawback.analysis.features import Features
from clawback.analysis.fingerprints import Fingerprint
from clawback.errors import NotFound
from clawback.ids import key64
from clawback.message.message import Message
from clawback.store.index import Index
from clawback.store.message_search import INTERNET_ID, MessageSearch, codec
from clawback.store.records import pack, unpack
from clawback.store.repository import chunks
from clawback.store.schema import message_records, messages
from clawback.store.text import armour, disarm, folded, micros, micros_or_none

_BATCH = 500
_STEP = 200
"""Messages that are read at once on the way back from the newest."""
_HOLDS = "holds"
_REFERS = "refers_to"
_LAST_REFERENCES = 3
"""Of a long thread the newest are indexed, and the oldest: a forward of a forward refers to that too."""
_COLUMNS = (
    "no", "id", "subject", "sender", "sender_domain", "direction", "sending_ip", "date", "first_seen",
    "epoch",
)  # fmt: skip


class Messages(MessageSearch):
    """All messages, without their bodies."""

    def add(self, batch: Sequence[tuple[Message, Features]], *, now: datetime | None = None) -> int:
        """Remember and index messages; those already known are passed over. Answers how many were new."""
        fresh = {message.id: (message, features) for message, features in batch}
        for message_id in self.known(tuple(fresh)):
            del fresh[message_id]
        if not fresh:
            return 0
        moment = now or datetime.now(UTC)
        first, seen = self._numbers(len(fresh)), micros(moment)
        epoch = Index(self._connection).epoch_for(moment, first)
        rows = [_row(no, message, seen, epoch) for no, (message, _) in enumerate(fresh.values(), first)]
        mine = self._claimed(rows)
        records: list[tuple[int, bytes, bytes]] = []
        keys: list[tuple[int, int, int]] = []
        for no, (message, features) in enumerate(fresh.values(), first):
            if no in mine:
                records.append((no, pack(codec.encode(message.slim())), features.signature))
                keys.extend((epoch, key, no) for key in _keys(message, features))
        self._insert(message_records, ("no", "record", "signature"), records)
        Index(self._connection).add(keys)
        return len(records)

    def get(self, message_id: str) -> Message:
        """The message, slim; raises NotFound."""
        found = self.get_many((message_id,))
        if not found:
            raise NotFound(f"there is no message {message_id}")
        return found[message_id]

    def get_many(self, ids: Sequence[str]) -> dict[str, Message]:
        """The messages that are known among these ids, by id."""
        found: dict[str, Message] = {}
        query = select(messages.c.id, message_records.c.record).join_from(
            messages, message_records, messages.c.no == message_records.c.no
        )
        for chunk in chunks([armour(message_id) for message_id in ids]):
            rows = self._connection.execute(query.where(self._within(messages.c.id, chunk)))
            found |= {row.id: codec.decode(unpack(row.record)) for row in rows}
        return found

    def signature(self, message_id: str) -> bytes:
        """The signature of the body, b"" when there is none; raises NotFound."""
        joined = message_records.join(messages, messages.c.no == message_records.c.no)
        query = select(message_records.c.signature).select_from(joined)
        found = self._connection.execute(query.where(messages.c.id == armour(message_id))).scalar()
        if found is None:
            raise NotFound(f"there is no message {message_id}")
        return bytes(found)

    def known(self, ids: Sequence[str]) -> set[str]:
        """Which of these ids are known."""
        found: set[str] = set()
        for chunk in chunks([armour(message_id) for message_id in ids]):
            query = select(messages.c.id).where(self._within(messages.c.id, chunk))
            found.update(self._connection.execute(query).scalars())
        return found

    def by_internet_id(self, value: str) -> tuple[str, ...]:
        """The ids of the messages with that Message-ID header; a sender may write any, so often many."""
        found = self._records(Index(self._connection).numbers([key64(INTERNET_ID, value)]))
        return tuple(message.id for message in found if message.internet_message_id == value)

    def sharing(self, entities: Sequence[Entity]) -> Iterator[Message]:
        """Each message that carries any of these entities, once, oldest first, read in batches.

        To be read to its end inside the unit. Keys are 64-bit hashes: a message that carries none
        of them may, very rarely, come too.
        """
        return self._records(Index(self._connection).numbers(_keys_of(entities)))

    def newest_sharing(self, entities: Sequence[Entity]) -> Iterator[Message]:
        """As `sharing`, newest first: whoever reads only the first ones does not pay for the rest."""
        keys, below = _keys_of(entities), None
        while numbers := Index(self._connection).back(keys, _STEP, below):
            found = dict(self._numbered_records(numbers))
            yield from (found[no] for no in numbers if no in found)
            below = numbers[-1]

    def newest_carriers(self, entities: Sequence[Entity], most: int) -> tuple[str, ...]:
        """The ids of the newest messages that carry any of these entities, newest first, at most so many."""
        numbers = Index(self._connection).back(_keys_of(entities), most)
        query = select(messages.c.id).where(self._within(messages.c.no, numbers))
        return tuple(self._connection.execute(query.order_by(messages.c.no.desc())).scalars())

    def count_sharing(self, entities: Sequence[Entity], most: int) -> int:
        """How many messages carry any of these entities; counting ends with `most`."""
        return Index(self._connection).count(_keys_of(entities), most)

    def senders(self, message_ids: Sequence[str], most: int) -> list[tuple[str, int]]:
        """Who sent these messages, and how many of them each, those with the most first; at most so many."""
        ids = [armour(message_id) for message_id in message_ids]
        count = func.count().label("sent")
        query = select(messages.c.sender, count).where(self._within(messages.c.id, ids))
        ordered = query.group_by(messages.c.sender).order_by(count.desc(), messages.c.sender).limit(most)
        return [(disarm(row.sender), row.sent) for row in self._connection.execute(ordered)]

    def sharing_fingerprint(self, fingerprint: Fingerprint) -> tuple[str, ...]:
        """The ids of the messages with that fingerprint, oldest first (collisions possible)."""
        numbers = Index(self._connection).numbers([key64(fingerprint.kind, fingerprint.value)])
        found: list[str] = []
        for chunk in chunks(numbers):
            query = select(messages.c.id).where(self._within(messages.c.no, chunk)).order_by(messages.c.no)
            found.extend(self._connection.execute(query).scalars())
        return tuple(found)

    def referring(self, message_ids: Sequence[str], internet_ids: Sequence[str]) -> Iterator[Message]:
        """Each message that holds any of these as an attachment, or refers to one in a header, oldest first.

        To be read to its end inside the unit. Anybody can write a header, and keys are 64-bit hashes: look
        at what comes.
        """
        keys = [key64(_HOLDS, message_id) for message_id in message_ids]
        keys += [key64(_REFERS, internet_id) for internet_id in internet_ids]
        return self._records(Index(self._connection).numbers(keys))

    def signatures(self, ids: Sequence[str]) -> dict[str, bytes]:
        """The signature of the body of each of these messages that are known."""
        found: dict[str, bytes] = {}
        query = select(messages.c.id, message_records.c.signature).join_from(
            messages, message_records, messages.c.no == message_records.c.no
        )
        for chunk in chunks([armour(message_id) for message_id in ids]):
            rows = self._connection.execute(query.where(self._within(messages.c.id, chunk)))
            found |= {row.id: bytes(row.signature) for row in rows}
        return found

    def count(self) -> int:
        """How many messages are known."""
        return self._connection.execute(select(func.count()).select_from(messages)).scalar_one()

    def _numbers(self, count: int) -> int:
        """The first of so many running numbers that are ours alone."""
        if self._sqlite:
            return (self._connection.execute(select(func.max(messages.c.no))).scalar() or 0) + 1
        taken = func.generate_series(1, count).table_valued("n")
        numbers = select(func.nextval("message_numbers").label("no")).select_from(taken).subquery()
        first: int = self._connection.execute(select(func.min(numbers.c.no))).scalar_one()
        return first

    def _claimed(self, rows: Sequence[tuple[Any, ...]]) -> Collection[int]:
        """Write the rows and answer the numbers of those that nobody else wrote in the meantime."""
        numbers = range(rows[0][0], rows[0][0] + len(rows))
        if self._sqlite:
            self._insert(messages, _COLUMNS, rows)
            return numbers
        # In the order of the ids, so that two writers of the same messages cannot wait for each other.
        ordered = sorted(rows, key=lambda row: row[1])
        self._insert(messages, _COLUMNS, ordered, "ON CONFLICT (id) DO NOTHING")
        written = select(messages.c.no).where(messages.c.no.between(numbers[0], numbers[-1]))
        return set(self._connection.execute(written).scalars())

    def _records(self, numbers: array[int]) -> Iterator[Message]:
        for chunk in chunks(numbers, _BATCH):
            yield from (message for _, message in self._numbered_records(chunk))


def _keys_of(entities: Sequence[Entity]) -> list[int]:
    return [key64(entity.kind.value, entity.value) for entity in entities]


def _row(no: int, message: Message, first_seen: int, epoch: int) -> tuple[Any, ...]:
    return (
        no,
        message.id,
        folded(message.subject),
        folded(message.sender.address),
        folded(message.sender.domain),
        message.direction.value,
        armour(message.sending_ip),
        micros_or_none(message.date),
        first_seen,
        epoch,
    )


def _keys(message: Message, features: Features) -> set[int]:
    keys = {key64(entity.kind.value, entity.value) for entity in features.entities}
    keys.update(key64(fingerprint.kind, fingerprint.value) for fingerprint in features.fingerprints)
    if message.internet_message_id:
        keys.add(key64(INTERNET_ID, message.internet_message_id))
    for nested in message.nested:
        keys.add(key64(_HOLDS, nested.id))
    attached = (nested.internet_message_id for nested in message.nested)
    newest = message.references[-_LAST_REFERENCES:]
    threaded = (*attached, message.in_reply_to, *message.references[:1], *newest)
    keys.update(key64(_REFERS, internet_id) for internet_id in threaded if internet_id)
    return keys
