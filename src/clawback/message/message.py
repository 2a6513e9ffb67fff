"""The message: what a sender sent, parsed from bytes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from clawback.message.address import Address
from clawback.message.attachment import Attachment
from clawback.message.authentication import Authentication
from clawback.message.defect import Defect
from clawback.message.link import Link
from clawback.message.nested import Nested
from clawback.message.received import Hop
from clawback.message.trace import Step


class Direction(StrEnum):
    """Which way a message went, seen from the organisation."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    INTRA_ORG = "intra_org"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Organisation:
    """What the parser must be told about the people it works for.

    `domains` are the organisation's own (lower case); `trusted_hops` the authserv-ids and host names
    of its own border. With no trusted hops the topmost Authentication-Results header is believed.
    """

    domains: frozenset[str] = frozenset()
    trusted_hops: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Header:
    """One header field: name as written, decoded value (bounded), byte offset of the field."""

    name: str
    value: str
    offset: int


@dataclass(frozen=True, slots=True)
class Part:
    """One MIME part: its path (``1``, ``1.2``), type, decoded size, and byte offsets in the raw message.

    The header block is ``raw[header_start:body_start]``, the undecoded body ``raw[body_start:body_end]``.
    """

    path: str
    content_type: str
    charset: str
    disposition: str
    name: str
    encoding: str
    size: int
    header_start: int
    body_start: int
    body_end: int


@dataclass(frozen=True, slots=True)
class Message:
    """A parsed message.

    `id` (``msg-...``) is made from the content without the trace headers that differ between
    recipients' copies; `internet_message_id` is the header, attacker-written and never a key;
    `envelope_sender` is P1 (Return-Path), `sender` P2 (From). `text` and `html` are the joined
    visible bodies, decoded; both are "" in what is stored unless bodies are kept. `wrappers` names
    protections seen: ``smime_signed``, ``smime_encrypted``, ``pgp_signed``, ``pgp_encrypted``, ``tnef``.
    `nested` are the messages attached to it, at whatever depth; `trace` is of this copy alone.
    """

    id: str
    raw_sha256: str
    size: int
    internet_message_id: str = ""
    subject: str = ""
    sender: Address = Address("", "")
    envelope_sender: str = ""
    reply_to: tuple[Address, ...] = ()
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    recipients: tuple[str, ...] = ()
    date: datetime | None = None
    direction: Direction = Direction.UNKNOWN
    sending_ip: str = ""
    authentication: Authentication = Authentication()
    hops: tuple[Hop, ...] = ()
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    text: str = ""
    html: str = ""
    headers: tuple[Header, ...] = ()
    parts: tuple[Part, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    nested: tuple[Nested, ...] = ()
    links: tuple[Link, ...] = ()
    wrappers: tuple[str, ...] = ()
    defects: tuple[Defect, ...] = ()
    trace: tuple[Step, ...] = ()

    def slim(self) -> Message:
        """The same without bodies, headers, parts, files' contents and trace: what the store remembers."""
        files = tuple(replace(a, content=b"") for a in self.attachments)
        return replace(self, text="", html="", headers=(), parts=(), attachments=files, trace=())
