"""Queries: what was asked, in the words of the hunting language (KQL over Defender's tables)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from clawback.analysis.indicators import Indicator, IndicatorKind, Match


def query_of(indicator: Indicator) -> str:
    """The query that finds the messages that carry the indicator."""
    value = _operand(indicator)
    return _TEMPLATES[_shape(indicator)].format(value=literal(value), below=literal(f".{value}"))


def query_of_pair(kind: str, content: str, sender: str) -> str:
    """The query of a pair of attributes: the subject's key or the body's bin, and who sent it."""
    content_column, sender_column, _ = kind.split(";")
    left = "subject_key(Subject)" if content_column == "Subject" else content_column
    right = "SenderFromDomain" if sender_column == "P2SenderDomain" else _ip_column(sender)
    if "@" in sender:
        right = "SenderFromAddress"
    return f"EmailEvents | where {left} == {literal(content)} and {right} =~ {literal(sender)}"


def query_of_bodies(message_ids: Sequence[str], likeness: float) -> str:
    """The query of bodies that are like those of any of these messages."""
    ids = ", ".join(literal(message_id) for message_id in message_ids)
    return f"EmailEvents | where body_likeness(NetworkMessageId, dynamic([{ids}])) >= {likeness:g}"


def query_of_sender(sender: str, since: datetime, until: datetime) -> str:
    """The query of what a sender (an address, or ``@domain``) sent within a window."""
    column = "SenderFromDomain" if sender.startswith("@") else "SenderFromAddress"
    window = f"datetime({since:%Y-%m-%dT%H:%M:%SZ}) .. datetime({until:%Y-%m-%dT%H:%M:%SZ})"
    who = literal(sender.removeprefix("@"))
    return f"EmailEvents | where {column} =~ {who} and Timestamp between ({window})"


def _ip_column(address: str) -> str:
    return "SenderIPv6" if ":" in address else "SenderIPv4"


def literal(text: str) -> str:
    """The text as a KQL string literal, quotes, backslashes and control characters escaped."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{"".join(c if c.isprintable() else _escape(c) for c in escaped)}"'


def _escape(c: str) -> str:
    return f"\\u{ord(c):04x}" if ord(c) <= 0xFFFF else c


def _shape(indicator: Indicator) -> str:
    if indicator.kind is IndicatorKind.URL and indicator.match is Match.PREFIX:
        return "prefix"
    if indicator.kind is IndicatorKind.SENDER and indicator.value.startswith("@"):
        return "sender_domain"
    if indicator.kind is IndicatorKind.IP:
        return "ipv6" if ":" in indicator.value else "ipv4"
    return indicator.kind.value


def _operand(indicator: Indicator) -> str:
    return indicator.value.removeprefix("@") if indicator.kind is IndicatorKind.SENDER else indicator.value


_TEMPLATES = {
    "url": "EmailUrlInfo | where Url == {value}",
    "prefix": "EmailUrlInfo | where Url startswith_cs {value}",
    "host": "EmailUrlInfo | where UrlDomain == {value}",
    "domain": (
        "union (EmailUrlInfo | where UrlDomain == {value} or UrlDomain endswith {below}"
        " | project NetworkMessageId), (EmailEvents | where SenderFromDomain =~ {value}"
        " or SenderFromDomain endswith {below} or SenderMailFromDomain =~ {value}"
        " or SenderMailFromDomain endswith {below} | project NetworkMessageId)"
    ),
    "sender": "EmailEvents | where SenderFromAddress =~ {value} or SenderMailFromAddress =~ {value}",
    "sender_domain": "EmailEvents | where SenderFromDomain =~ {value} or SenderMailFromDomain =~ {value}",
    "ipv4": (
        "union (EmailEvents | where SenderIPv4 == {value} | project NetworkMessageId),"
        " (EmailUrlInfo | where UrlDomain == {value} | project NetworkMessageId)"
    ),
    "ipv6": (
        "union (EmailEvents | where SenderIPv6 == {value} | project NetworkMessageId),"
        " (EmailUrlInfo | where UrlDomain == {value} | project NetworkMessageId)"
    ),
    "sha256": "EmailAttachmentInfo | where SHA256 == {value}",
}
