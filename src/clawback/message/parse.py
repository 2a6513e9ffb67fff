"""Bytes to Message, whatever the bytes: the one door into this room for raw mail."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

from clawback.message.address import Address, normal_address, read_addresses
from clawback.message.authentication import read_authentication
from clawback.message.bounds import MAX_ADDRESSES, MAX_MESSAGE, MAX_SUBJECT
from clawback.message.dates import read_date
from clawback.message.defect import Defect
from clawback.message.direction import direction_of
from clawback.message.headers import Head, decode_headers
from clawback.message.identity import MESSAGE_ID, internet_message_id, message_id
from clawback.message.link import LinkLocation
from clawback.message.message import Header, Message, Organisation
from clawback.message.mime import Entity, walk
from clawback.message.reading import Reading
from clawback.message.received import Hop, read_hops, sending_ip
from clawback.message.tracing import read_trace

_ANYBODY = Organisation()
_MAX_REFERENCES = 100
# Written by the last hops for one copy; the first that names somebody is the nearest to the mailbox.
_RECIPIENT_HEADERS = (
    "delivered-to",
    "x-original-to",
    "envelope-to",
    "x-envelope-to",
    "x-delivered-to",
    "x-rcpt-to",
    "x-receiver",
    "x-ms-exchange-organization-originalenveloperecipients",
    "apparently-to",
    "x-apparently-to",
)
_ONCE = ("from", "subject", "to", "date", "message-id", "content-type", "content-transfer-encoding")


def parse(raw: bytes, organisation: Organisation = _ANYBODY) -> Message:
    """Read one message. Nothing raises: what is wrong, and what a bound cut, is in `defects`."""
    reading = Reading()
    data, defects = _made_readable(raw)
    root, found = walk(data)
    reading.note((*defects, *found, *_repeated(root.head)))
    headers = decode_headers(root.head.fields)
    _read_header_links(headers, reading)
    reading.read(data, root)
    return _assembled(raw, data, root, headers, reading, organisation)


def _made_readable(raw: bytes) -> tuple[bytes, list[Defect]]:
    """The bytes to walk over, with the offsets of `raw`, and what was odd about them."""
    defects: list[Defect] = []
    data = raw
    if len(raw) > MAX_MESSAGE:
        data = raw[:MAX_MESSAGE]
        defects.append(Defect("message_cut", f"larger than {MAX_MESSAGE} bytes", MAX_MESSAGE))
    if b"\r" in data and b"\n" not in data:
        data = data.replace(b"\r", b"\n")
        defects.append(Defect("bare_cr", "lines end with CR alone"))
    return data, defects


def _repeated(head: Head) -> Iterable[Defect]:
    """Fields that RFC 5322 section 3.6 allows once; the first of them counts here."""
    seen: set[str] = set()
    for field in head.fields:
        if field.key in _ONCE and field.key in seen:
            yield Defect("repeated_header", field.name, field.offset)
        seen.add(field.key)


def _read_header_links(headers: Sequence[Header], reading: Reading) -> None:
    for header in headers:
        key = header.name.lower()
        if key == "subject":
            reading.add_text_links(header.value[:MAX_SUBJECT], LinkLocation.SUBJECT)
        elif "://" in header.value:
            reading.add_text_links(header.value, LinkLocation.HEADER, key)


def _assembled(
    raw: bytes,
    data: bytes,
    root: Entity,
    headers: tuple[Header, ...],
    reading: Reading,
    organisation: Organisation,
) -> Message:
    head = root.head
    hops = read_hops(headers)
    senders = read_addresses(head.text("from"))
    sender = next((one for one in senders if one.address), senders[0] if senders else Address("", ""))
    recipients = _recipients(head, hops)
    envelope_sender = _envelope_sender(head)
    return Message(
        id=message_id(head, data[root.body_start :]),
        raw_sha256=sha256(raw).hexdigest(),
        size=len(raw),
        internet_message_id=internet_message_id(head),
        subject=_value(head, "subject")[:MAX_SUBJECT],
        sender=sender,
        envelope_sender=envelope_sender,
        reply_to=_addresses(head, "reply-to"),
        to=_addresses(head, "to"),
        cc=_addresses(head, "cc"),
        recipients=recipients,
        date=read_date(head.text("date")),
        direction=direction_of(sender, envelope_sender, recipients, hops, organisation),
        sending_ip=sending_ip(hops, headers, organisation),
        authentication=read_authentication(headers, organisation),
        hops=hops,
        trace=read_trace(head, hops),
        in_reply_to=next(iter(_ids(head, "in-reply-to")), ""),
        references=_ids(head, "references"),
        text="\n".join(reading.texts),
        html="\n".join(reading.htmls),
        headers=headers,
        parts=tuple(reading.parts),
        attachments=tuple(reading.attachments),
        nested=tuple(reading.nested),
        links=tuple(reading.links.values()),
        wrappers=tuple(reading.wrappers),
        defects=tuple(reading.defects),
    )


def _value(head: Head, key: str) -> str:
    field = head.first(key)
    return field.value if field else ""


def _addresses(head: Head, key: str) -> tuple[Address, ...]:
    """The addresses of every field of that name: attackers and lists repeat them."""
    found = (address for field in head.fields if field.key == key for address in read_addresses(field.text))
    return tuple(address for address, _ in zip(found, range(MAX_ADDRESSES), strict=False))


def _ids(head: Head, key: str) -> tuple[str, ...]:
    return tuple(MESSAGE_ID.findall(head.text(key))[:_MAX_REFERENCES])


def _envelope_sender(head: Head) -> str:
    """The address of Return-Path, "" where it is empty (a bounce) or missing."""
    written = head.text("return-path")
    bracketed = written.partition("<")[2].partition(">")[0] if "<" in written else written
    return normal_address(bracketed)


def _recipients(head: Head, hops: Sequence[Hop]) -> tuple[str, ...]:
    """For whom this copy was, in lower case: from trace headers, else from the newest hop that tells."""
    found = dict.fromkeys(
        address.address.lower()
        for key in _RECIPIENT_HEADERS
        for field in head.fields
        if field.key == key
        for address in read_addresses(field.text)
        if "@" in address.address
    )
    if not found:
        hop = next((hop.recipient for hop in hops if "@" in hop.recipient), "")
        return (hop.lower(),) if hop else ()
    return tuple(found)[:MAX_ADDRESSES]
