"""Correspondents: who of ours wrote to whom, who writes to us on which days, and what answers what.

Written with the copies at intake, and read when it is to be estimated how much of a plan is legitimate.
Times are those of the mail system (a sender cannot choose them), never of a message's own Date header.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Table, func, select

from clawback.analysis.authenticity import Authenticity, authenticity_of
from clawback.ids import key64
from clawback.message.delivery import Delivery, DeliveryLocation
from clawback.message.message import Direction, Message
from clawback.response.habits import Habit
from clawback.store.columns import integer, metadata, text_column
from clawback.store.repository import Repository, chunks
from clawback.store.schema import messages
from clawback.store.text import armour, folded, micros, moment

DAY = 86_400_000_000
"""Microseconds."""
MOST_ADDRESSES = 200
"""Recipients of one message that are remembered; whoever writes to more knows none of them."""
_LAST_REFERENCES = 5
_OURS = (Direction.OUTBOUND, Direction.INTRA_ORG)
_ID = "internet_message_id"

correspondents = Table(
    "correspondents", metadata,
    text_column("owner", primary_key=True), text_column("address", primary_key=True),
    integer("first_at"), integer("last_at"), integer("messages"),
    sqlite_with_rowid=False,
)  # fmt: skip

# `sender` is an address, or ``@domain``; `day` counts from 1970, UTC.
sender_days = Table(
    "sender_days", metadata,
    text_column("sender", primary_key=True), integer("day", primary_key=True),
    integer("messages"), integer("authenticated"),
    sqlite_with_rowid=False,
)  # fmt: skip

# A row says that the message is counted.
message_history = Table(
    "message_history", metadata,
    integer("message_no", primary_key=True),
    integer("day"), integer("authenticity"),
    sqlite_with_rowid=False,
)  # fmt: skip

message_refs = Table(
    "message_refs", metadata, integer("message_no", primary_key=True), integer("key", primary_key=True),
    sqlite_with_rowid=False,
)  # fmt: skip

sent_ids = Table("sent_ids", metadata, integer("key", primary_key=True), sqlite_with_rowid=False)

_ADD_DAY = (
    "ON CONFLICT (sender, day) DO UPDATE SET messages = sender_days.messages + excluded.messages, "
    "authenticated = sender_days.authenticated + excluded.authenticated"
)
_ADD_CORRESPONDENT = (
    "ON CONFLICT (owner, address) DO UPDATE SET "
    "first_at = CASE WHEN excluded.first_at < correspondents.first_at "
    "THEN excluded.first_at ELSE correspondents.first_at END, "
    "last_at = CASE WHEN excluded.last_at > correspondents.last_at "
    "THEN excluded.last_at ELSE correspondents.last_at END, "
    "messages = correspondents.messages + excluded.messages"
)
_NOTHING = "ON CONFLICT DO NOTHING"


@dataclass(slots=True)
class _Written:
    """How often and when one of ours wrote to an address."""

    first: int
    last: int
    messages: int


class Correspondents(Repository):
    """What the mail that was read says about who knows whom."""

    def note(self, copies: Iterable[tuple[Delivery, Message]]) -> None:
        """Remember what these copies say; each message is counted once, with the first of its copies.

        The messages are in the store already. Best as the last writing of a unit: rows of busy senders are
        held until it ends. Rows are written in their order, so that two writers cannot wait for each other.
        """
        batch = sorted(copies, key=lambda pair: pair[0].internal_date)
        numbers = self._numbers({message.id for _, message in batch})
        counted: set[str] = {message_id for message_id, (_, known) in numbers.items() if known}
        days: dict[tuple[str, int], list[int]] = {}
        written: dict[tuple[str, str], _Written] = {}
        history: list[tuple[int, int, int]] = []
        sent: set[int] = set()
        refs: set[tuple[int, int]] = set()
        for delivery, message in batch:
            if message.id not in numbers:
                continue
            no, _ = numbers[message.id]
            fresh, at = message.id not in counted, _arrived(delivery)
            owners = _owners(delivery, message)
            _write(written, owners, message, at, 1 if fresh or _by_alias(delivery, message) else 0)
            if owners and message.internet_message_id:
                sent.add(internet_key(message.internet_message_id))
            if not fresh:
                continue
            counted.add(message.id)
            authenticity = authenticity_of(message)
            history.append((no, at // DAY, authenticity))
            refs.update((no, key) for key in _references(message))
            for sender in senders(message.sender.address):
                day = days.setdefault((sender, at // DAY), [0, 0])
                day[0] += 1
                day[1] += authenticity is Authenticity.PASSED
        self._put(days, written, history, sent, refs)

    def habits(self, senders: Iterable[str], before: datetime) -> dict[str, Habit]:
        """How regularly each of these senders (addresses, ``@domain``) wrote on days before that moment's."""
        table, found = sender_days.c, dict[str, Habit]()
        query = select(
            table.sender,
            func.count().label("days"),
            func.min(table.day).label("first"),
            func.max(table.day).label("last"),
            func.sum(table.messages).label("messages"),
            func.sum(table.authenticated).label("authenticated"),
        ).where(table.day < micros(before) // DAY)
        for chunk in chunks(sorted({armour(sender) for sender in senders})):
            rows = self._connection.execute(
                query.where(self._within(table.sender, chunk)).group_by(table.sender)
            )
            found |= {
                row.sender: Habit(row.days, row.first, row.last, int(row.messages), int(row.authenticated))
                for row in rows
            }
        return found

    def wrote(self, owner: str, address: str) -> tuple[int, datetime, datetime] | None:
        """How often one of ours wrote to an address, first and last; None for never."""
        table = correspondents.c
        query = select(table.messages, table.first_at, table.last_at).where(
            table.owner == owner_key(owner), table.address == folded(address)
        )
        row = self._connection.execute(query).first()
        return None if row is None else (row.messages, moment(row.first_at), moment(row.last_at))

    def older(self, after: int, upto: int, most: int) -> tuple[tuple[str, ...], int]:
        """The ids of the next messages by running number, and the number of the last of them."""
        query = select(messages.c.id, messages.c.no).where(messages.c.no > after, messages.c.no <= upto)
        rows = self._connection.execute(query.order_by(messages.c.no).limit(most)).all()
        return tuple(row.id for row in rows), rows[-1].no if rows else upto

    def _numbers(self, message_ids: set[str]) -> dict[str, tuple[int, bool]]:
        """The running number of each of these messages, and whether it is counted already."""
        joined = messages.outerjoin(message_history, message_history.c.message_no == messages.c.no)
        query = select(messages.c.id, messages.c.no, message_history.c.message_no).select_from(joined)
        found: dict[str, tuple[int, bool]] = {}
        for chunk in chunks(sorted(armour(message_id) for message_id in message_ids)):
            rows = self._connection.execute(query.where(self._within(messages.c.id, chunk)))
            found |= {row.id: (row.no, row.message_no is not None) for row in rows}
        return found

    def _put(
        self,
        days: Mapping[tuple[str, int], Sequence[int]],
        written: Mapping[tuple[str, str], _Written],
        history: Sequence[tuple[int, int, int]],
        sent: set[int],
        refs: set[tuple[int, int]],
    ) -> None:
        self._insert(message_history, ("message_no", "day", "authenticity"), sorted(history), _NOTHING)
        self._insert(message_refs, ("message_no", "key"), sorted(refs), _NOTHING)
        self._insert(sent_ids, ("key",), [(key,) for key in sorted(sent)], _NOTHING)
        rows = [(*pair, one.first, one.last, one.messages) for pair, one in sorted(written.items())]
        names = ("owner", "address", "first_at", "last_at", "messages")
        self._insert(correspondents, names, rows, _ADD_CORRESPONDENT)
        counts = [(*key, *counted) for key, counted in sorted(days.items())]
        self._insert(sender_days, ("sender", "day", "messages", "authenticated"), counts, _ADD_DAY)


def senders(address: str) -> tuple[str, ...]:
    """Under what a sender's days are kept: the address, and its domain behind an ``@``."""
    plain = folded(address)
    domain = plain.rpartition("@")[2] if "@" in plain else ""
    return (plain, f"@{domain}") if domain else ()


def internet_key(internet_id: str) -> int:
    """The key under which the index of messages has an internet message id."""
    return key64(_ID, internet_id)


def day_of(at: datetime) -> int:
    """The day of a moment, as habits count days."""
    return micros(at) // DAY


def owner_key(mailbox: str) -> str:
    """How a mailbox's owner is named here."""
    return armour(mailbox).lower()


def _arrived(delivery: Delivery) -> int:
    return min(micros(delivery.internal_date), micros(delivery.first_seen))


def _is_sent(delivery: Delivery) -> bool:
    return DeliveryLocation.SENT in (delivery.location, delivery.original_location)


def _owners(delivery: Delivery, message: Message) -> set[str]:
    """Who of ours wrote this message, as far as this copy says."""
    found = {owner_key(delivery.handle.mailbox)} if _is_sent(delivery) else set()
    if message.direction in _OURS and message.sender.address:
        found.add(owner_key(message.sender.address))
    return found


def _by_alias(delivery: Delivery, message: Message) -> bool:
    """Whether only the copy in a Sent folder says that its owner wrote it."""
    if not _is_sent(delivery):
        return False
    known = message.direction in _OURS and owner_key(message.sender.address)
    return known != owner_key(delivery.handle.mailbox)


def _write(
    written: dict[tuple[str, str], _Written], owners: set[str], message: Message, at: int, count: int
) -> None:
    if not owners:
        return
    everyone = (a.address for a in (*message.to, *message.cc))
    addresses = {folded(address) for address in (*everyone, *message.recipients) if "@" in address}
    if len(addresses) > MOST_ADDRESSES:
        return
    for owner in owners:
        for address in addresses - {owner}:
            one = written.setdefault((owner, address), _Written(at, at, 0))
            one.first, one.last = min(one.first, at), max(one.last, at)
            one.messages += count


def _references(message: Message) -> Iterator[int]:
    """The keys of what a message answers or holds: the thread's first, its newest, and what is attached."""
    newest = message.references[-_LAST_REFERENCES:]
    threaded = (message.in_reply_to, *message.references[:1], *newest)
    held = (nested.internet_message_id for nested in message.nested[:_LAST_REFERENCES])
    yield from (internet_key(internet_id) for internet_id in (*threaded, *held) if internet_id)
