"""Spread: how each copy of a cluster got to where it was found, who sent it on, and to whom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from clawback.analysis.entities import Entity, EntityKind, Reason
from clawback.analysis.folding import is_forward, subject_key
from clawback.analysis.shingles import jaccard
from clawback.message.delivery import Delivery, DeliveryLocation
from clawback.message.message import Message
from clawback.message.trace import DELIVERED

QUOTED = 0.25
"""How alike two bodies must be at least (Jaccard) for one to quote the other; strangers are below 0.05."""
_BY_WHOM = frozenset({"x-sieve-redirected-from", "x-forwarded-for", "resent-from"})
_FOR_WHOM = DELIVERED | {"received"}


class Way(StrEnum):
    """How a copy got into a mailbox."""

    ORIGINAL = "original"
    SENT_COPY = "sent copy"
    FORWARD_INLINE = "forward inline"
    FORWARD_ATTACHED = "forward as attachment"
    REPLY = "reply"
    REDIRECTED = "redirected"
    BY_LIST = "by list"
    BY_ALIAS = "by alias"


@dataclass(frozen=True, slots=True)
class Own:
    """Which mailboxes are ours (addresses in lower case); their domains are ours too."""

    mailboxes: frozenset[str]
    domains: frozenset[str]

    @classmethod
    def of(cls, mailboxes: Iterable[str]) -> Own:
        """The organisation with these mailboxes."""
        names = frozenset(mailbox.lower() for mailbox in mailboxes)
        return cls(names, frozenset(name.rpartition("@")[2] for name in names if "@" in name))

    def has(self, address: str) -> bool:
        """Whether an address is a mailbox of ours, with or without a ``+detail``."""
        return plain(address) in self.mailboxes or address.lower() in self.mailboxes

    def inside(self, address: str) -> bool:
        """Whether an address is in one of our domains."""
        return address.lower().rpartition("@")[2] in self.domains or self.has(address)


@dataclass(frozen=True, slots=True)
class Passage:
    """How one copy got there, by what that is known, and whom else it went to from there.

    `outside` are those of `sent_on_to` who are not ours: what they got cannot be called back. `of` is the
    message that it is a forward of, or an answer to.
    """

    delivery_id: str
    message_id: str
    mailbox: str
    location: DeliveryLocation
    way: Way
    evidence: tuple[str, ...]
    sent_on_by: str = ""
    sent_on_to: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    of: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """A message that moved on from a member and does not carry the cluster's key; `reason` says which."""

    message_id: str
    reason: Reason
    copies: tuple[Passage, ...]

    @property
    def left(self) -> int:
        """Copies of it that are in mailboxes."""
        return sum(1 for copy in self.copies if copy.location.in_mailbox)


@dataclass(frozen=True, slots=True)
class Spread:
    """Every copy of a cluster's members, and what the key misses."""

    passages: tuple[Passage, ...]
    offers: tuple[Offer, ...]


@dataclass(frozen=True, slots=True)
class Relation:
    """What one message is to another: a forward of it, an answer to it; of nothing, an original."""

    way: Way = Way.ORIGINAL
    of: str = ""
    where: str = ""
    evidence: tuple[str, ...] = ()


class Origins:
    """Messages that others may come from, found by what forwards and answers keep of them."""

    def __init__(self, messages: Iterable[Message]) -> None:
        self.by_id: dict[str, Message] = {}
        self._by_internet_id: dict[str, Message] = {}
        self._by_subject: dict[str, Message] = {}
        for message in messages:
            self.add(message)

    def add(self, message: Message) -> None:
        """Know one more; of two with the same header the first is told."""
        self.by_id[message.id] = message
        if message.internet_message_id:
            self._by_internet_id.setdefault(message.internet_message_id, message)
        if key := subject_key(message.subject):
            self._by_subject.setdefault(key, message)

    def held(self, message: Message) -> Relation:
        """The message as a forward of one that is attached to it."""
        for nested in message.nested:
            origin = self.by_id.get(nested.id) or self._by_internet_id.get(nested.internet_message_id)
            # Anybody can write a Message-ID: where the content differs, the sender must be the same.
            same = origin and (origin.id == nested.id or _same(nested.sender, origin.sender.address))
            if origin and same and origin.id != message.id:
                text = f"holds {origin.id} ({nested.internet_message_id or 'without id'}) at {nested.path}"
                return Relation(Way.FORWARD_ATTACHED, origin.id, f"attachment {nested.path}", (text,))
        return Relation()

    def threaded(self, message: Message) -> Relation:
        """The message as an answer to, or a forward of, one that its header refers to."""
        named = (("In-Reply-To", (message.in_reply_to,)), ("References", tuple(reversed(message.references))))
        for header, internet_ids in named:
            for internet_id in internet_ids:
                origin = self._by_internet_id.get(internet_id)
                if origin and origin.id != message.id:
                    way = Way.REPLY if _answers(message, origin) else Way.FORWARD_INLINE
                    text = f"{header}: {internet_id} of {origin.id}"
                    return Relation(way, origin.id, f"header {header}", (text,))
        return Relation()

    def titled(self, message: Message, own: Own) -> Relation:
        """The message as a forward of one from outside whose subject it repeats behind a mark."""
        origin = self._by_subject.get(subject_key(message.subject)) if is_forward(message.subject) else None
        if origin is None or origin.id == message.id or own.inside(origin.sender.address):
            return Relation()
        text = f"subject {message.subject[:100]!r} of {origin.id}"
        return Relation(Way.FORWARD_INLINE, origin.id, "subject", (text,))


def passages(
    messages: Sequence[Message], deliveries: Sequence[Delivery], own: Own, origins: Origins | None = None
) -> tuple[Passage, ...]:
    """How each of these copies got there. `origins` are what the messages may come from, else each other."""
    known = origins or Origins(messages)
    related = {m.id: (m, relation(m, known, own)) for m in messages}
    return tuple(_passage(d, *related[d.message_id], own) for d in deliveries if d.message_id in related)


def relation(message: Message, origins: Origins, own: Own) -> Relation:
    """What a message that carries the key is to the others: our people send on, others write anew."""
    held = origins.held(message)
    if held.of or not own.inside(message.sender.address):
        return held
    threaded = origins.threaded(message)
    return threaded if threaded.of else origins.titled(message, own)


def offer(message: Message, origins: Origins, signatures: Mapping[str, bytes]) -> Reason | None:
    """Why a message that does not carry the key may belong to the cluster all the same; None: it does not.

    It holds a member, or refers to one and quotes its body; where a body is too short to tell, its
    subject is a member's.
    """
    found = origins.held(message)
    if not found.of:
        found = origins.threaded(message)
        if not found.of or not _quotes(message, origins.by_id[found.of], signatures):
            return None
    code = "holds_member" if found.way is Way.FORWARD_ATTACHED else "quotes_member"
    text = f"This is a {found.way.value} of {found.of}: {'; '.join(found.evidence)}."
    return Reason(code, Entity(EntityKind.MESSAGE, found.of), found.where, text)


def plain(address: str) -> str:
    """An address in lower case without a ``+detail``."""
    local, at, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0]}{at}{domain}"


def _quotes(message: Message, origin: Message, signatures: Mapping[str, bytes]) -> bool:
    mine, other = signatures.get(message.id, b""), signatures.get(origin.id, b"")
    alike = jaccard(mine, other)
    if alike is not None:
        return alike >= QUOTED
    return subject_key(message.subject) == subject_key(origin.subject)


def _answers(message: Message, origin: Message) -> bool:
    """Whether it goes back to whom the other came from."""
    asked = (origin.sender, *origin.reply_to)
    return any(_same(to.address, one.address) for to in (*message.to, *message.cc) for one in asked)


def _same(a: str, b: str) -> bool:
    return bool(a) and a.lower() == b.lower()


def _passage(delivery: Delivery, message: Message, related: Relation, own: Own) -> Passage:
    way, evidence, by = related.way, related.evidence, message.sender.address.lower()
    to = tuple(_recipients(message))
    if DeliveryLocation.SENT in (delivery.original_location, delivery.location):
        way, evidence = Way.SENT_COPY, (f"in the folder {delivery.original_folder}", *evidence)
    elif way is Way.ORIGINAL:
        way, by, evidence = _traced(delivery, message, own)
        to = (delivery.handle.mailbox,) if by else ()
    sent_on = way not in (Way.ORIGINAL, Way.BY_ALIAS, Way.BY_LIST)
    return Passage(
        delivery.id,
        message.id,
        delivery.handle.mailbox,
        delivery.location,
        way,
        evidence,
        by if sent_on else "",
        to if sent_on else (),
        tuple(address for address in to if not own.inside(address)) if sent_on else (),
        related.of,
    )


def _recipients(message: Message) -> Iterator[str]:
    yield from dict.fromkeys(a.address.lower() for a in (*message.to, *message.cc) if "@" in a.address)


def _traced(delivery: Delivery, message: Message, own: Own) -> tuple[Way, str, tuple[str, ...]]:
    """(way, by whom it was sent on, evidence) of a copy of an original, by what hosts wrote into it."""
    mailbox = delivery.handle.mailbox.lower()
    others = [step for step in delivery.trace if plain(step.value) != mailbox]
    for step in others:
        if step.header in _BY_WHOM or (step.header in _FOR_WHOM and own.has(step.value)):
            return Way.REDIRECTED, step.value, (f"{step.header}: {step.value}",)
    named = list(_recipients(message))
    addressed = any(plain(address) == mailbox for address in named)
    for step in others:
        if step.header == "list-id" and not addressed:
            return Way.BY_LIST, "", (f"{step.header}: {step.value}",)
    for step in others:
        if step.header in _FOR_WHOM and own.inside(step.value):
            return Way.BY_ALIAS, "", (f"{step.header}: {step.value}",)
    alias = next((a for a in named if own.inside(a) and not own.has(a)), "")
    if alias and not addressed:
        return Way.BY_ALIAS, "", (f"to {alias}, which is no mailbox",)
    return Way.ORIGINAL, "", ()
