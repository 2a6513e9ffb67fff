"""Makes messages and indicators for the tests of analysis, without any mail."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from clawback.analysis.indicators import Indicator, IndicatorKind, indicator
from clawback.message.address import Address
from clawback.message.attachment import Attachment
from clawback.message.link import Link, LinkLocation
from clawback.message.message import Message
from clawback.message.url import make_link

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def link_to(
    url: str,
    location: LinkLocation = LinkLocation.BODY,
    source: str = "a.href",
    part: str = "1.2",
    container: str = "",
) -> Link:
    """A link as the parser makes it; the URL must be one."""
    made = make_link(url, location=location, source=source, part=part, container=container)
    assert made is not None, url
    return made


def safe_link(inner: str) -> str:
    """A URL as Safe Links rewrites it; `inner` is percent-encoded already."""
    return f"https://nam02.safelinks.protection.outlook.com/?url={inner}&data=05%7C01&reserved=0"


def file_of(sha256: str, path: str = "2", name: str = "a.bin", size: int = 10) -> Attachment:
    """An attachment with a given hash."""
    return Attachment(name, path, "application/octet-stream", "", size, sha256)


def message_of(*urls: str | Link, **fields: Any) -> Message:
    """A message with links to the URLs; other fields as given, `sender` may be a bare address."""
    links = tuple(link_to(url) if isinstance(url, str) else url for url in urls)
    sender = fields.pop("sender", "someone@sender.test")
    base: dict[str, Any] = {"id": "msg-1", "raw_sha256": "00" * 32, "size": 100, "subject": "A subject"}
    return Message(**(base | fields), sender=Address("", sender), links=links)


def listed(kind: str, value: str, **fields: Any) -> Indicator:
    """An indicator added now."""
    return indicator(IndicatorKind(kind), value, added_at=fields.pop("added_at", NOW), **fields)
