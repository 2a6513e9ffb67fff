"""Queries: an indicator in the words of the hunting language (KQL over Defender's tables)."""

from __future__ import annotations

from clawback.analysis.indicators import Indicator, IndicatorKind, Match


def query_of(indicator: Indicator) -> str:
    """The query that finds the messages that carry the indicator."""
    value = _operand(indicator)
    return _TEMPLATES[_shape(indicator)].format(value=literal(value), below=literal(f".{value}"))


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
