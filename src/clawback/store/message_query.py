"""Asking for messages: one filter for the page, the API and the command, and what each field means in SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec

from clawback.analysis.indicators import Indicator, IndicatorKind, Match, Threat, VerdictKind, indicator
from clawback.analysis.matching import carries
from clawback.errors import BadIndicator, BadQuery
from clawback.message.attachment import Attachment
from clawback.message.delivery import DeliveryAction, DeliveryLocation
from clawback.message.message import Direction, Message

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class FoundBy(StrEnum):
    """What a plot over time counts: messages by their verdict, or copies by where each is now."""

    VERDICT = "verdict"
    LOCATION = "location"


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """Which messages are meant; every field given must hold.

    `text` is looked for in the subject, without regard to case. `sender` is an address, or a domain when it
    has no ``@``. `mailbox` is the address of one who got a copy; `action` and `location` are of a copy too,
    and all three of the same one. `since` and `until` (not included) bound when we first saw the message.
    `url` may end in ``*``; `domain` is of a link or a sender, `ip` of the sending host or a link.
    `attachment` is part of a file's name, `file_type` of its type. `verdict` is ``no_threats_found``
    where nothing is said against it; `source` is what says something (``ind-...``, ``sub-...``). `spf`,
    `dkim` and `dmarc` are results such as ``fail``; ``none`` is also where nothing was said.
    """

    text: str = ""
    sender: str = ""
    mailbox: str = ""
    since: datetime | None = None
    until: datetime | None = None
    internet_message_id: str = ""
    ip: str = ""
    url: str = ""
    host: str = ""
    domain: str = ""
    sha256: str = ""
    attachment: str = ""
    file_type: str = ""
    action: DeliveryAction | None = None
    location: DeliveryLocation | None = None
    verdict: VerdictKind | None = None
    threat: Threat | None = None
    source: str = ""
    direction: Direction | None = None
    spf: str = ""
    dkim: str = ""
    dmarc: str = ""


@dataclass(frozen=True, slots=True)
class MessageQuery(MessageFilter):
    """A page of messages; `message_ids` bounds the answer to these."""

    message_ids: tuple[str, ...] | None = None
    oldest_first: bool = False
    limit: int = 100
    cursor: str = ""


FIELDS = tuple(field.name for field in fields(MessageFilter))
"""The names of the fields, the same in addresses, in JSON and (with dashes) on the command line."""


def query_of(wanted: MessageFilter, **paging: Any) -> MessageQuery:
    """A filter as the query for one page."""
    return MessageQuery(**{name: getattr(wanted, name) for name in FIELDS}, **paging)


def filter_of(given: Mapping[str, Any]) -> MessageFilter:
    """A filter from fields as they were written down; what is empty is not asked. Raises BadQuery."""
    plain = {name: given[name] for name in FIELDS if given.get(name) not in (None, "")}
    try:
        read = msgspec.convert(plain, MessageFilter, strict=False)
    except msgspec.ValidationError as error:
        raise BadQuery(f"the search cannot be read: {error}") from None
    return read


def said_of(wanted: MessageFilter) -> dict[str, str]:
    """The fields that ask for something, as text that `filter_of` reads."""
    found: dict[str, str] = {}
    for name in FIELDS:
        value = getattr(wanted, name)
        if value not in (None, ""):
            found[name] = value.isoformat() if isinstance(value, datetime) else str(value)
    return found


def told(wanted: MessageFilter) -> str:
    """The filter in one line, for people."""
    return " and ".join(f"{name} is {value}" for name, value in said_of(wanted).items()) or "all messages"


_CARRIED = {
    "url": IndicatorKind.URL,
    "host": IndicatorKind.HOST,
    "domain": IndicatorKind.DOMAIN,
    "ip": IndicatorKind.IP,
    "sha256": IndicatorKind.SHA256,
}
_RESULTS = ("spf", "dkim", "dmarc")


def carried(wanted: MessageFilter) -> tuple[Indicator, ...]:
    """What the messages must carry, by the index. Raises BadQuery for what nothing can be."""
    found = []
    for name, kind in _CARRIED.items():
        if value := getattr(wanted, name):
            prefix = kind is IndicatorKind.URL and value.endswith("*")
            try:
                found.append(_asked(kind, value.removesuffix("*") if prefix else value, prefix))
            except BadIndicator as error:
                raise BadQuery(f"{name}: {error}") from None
    return tuple(found)


def _asked(kind: IndicatorKind, value: str, prefix: bool) -> Indicator:
    return indicator(
        kind,
        value,
        match=Match.PREFIX if prefix else Match.EXACT,
        verdict=VerdictKind.UNKNOWN,
        threat=Threat.SPAM,
        source="search",
        added_at=_LONG_AGO,
    )


def needs_records(wanted: MessageFilter) -> bool:
    """Whether no index knows all that is asked, so that messages must be looked at one by one."""
    names = ("attachment", "file_type", *_RESULTS)
    return any(getattr(wanted, name) for name in names) or wanted.url.endswith("*")


def fits(message: Message, wanted: MessageFilter, things: tuple[Indicator, ...]) -> bool:
    """Whether a message is what is asked for, in all that only its record says."""
    if not all(carries(message, thing) for thing in things):
        return False
    return _has_file(message, wanted) and all(_has_result(message, wanted, name) for name in _RESULTS)


def _has_file(message: Message, wanted: MessageFilter) -> bool:
    if not wanted.attachment and not wanted.file_type:
        return True
    name, kind = wanted.attachment.casefold(), wanted.file_type.casefold()
    return any(name in one.name.casefold() and _is_type(one, kind) for one in message.attachments)


def _is_type(file: Attachment, kind: str) -> bool:
    return kind in file.declared_type.casefold() or kind in file.true_type.casefold()


def _has_result(message: Message, wanted: MessageFilter, name: str) -> bool:
    asked = getattr(wanted, name).casefold()
    return not asked or (getattr(message.authentication, name) or "none") == asked
