"""How values read on a page: Defender's words, tones for what needs eyes, numbers, times."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from clawback.analysis.entities import EntityKind
from clawback.response import defender
from clawback.response.records import account, threats
from clawback.web.portal.addresses import address_of, in_path

_TONES: Mapping[str, str] = {
    "malicious": "bad",
    "suspicious": "doubt",
    "no_threats_found": "good",
    "threats_found": "bad",
    "failed": "bad",
    "active": "bad",
    "pending": "doubt",
    "pending_action": "doubt",
    "pending_approval": "doubt",
    "partially_remediated": "doubt",
    "terminated_by_system": "doubt",
    "starting": "work",
    "queued_by_throttling": "work",
    "queued": "work",
    "approved": "work",
    "running": "work",
    "remediated": "good",
    "removed": "good",
    "skipped": "doubt",
    "prevented": "good",
    "completed": "good",
}
"""By the words themselves: verdicts, statuses of inquiries, of actions and of evidence share many."""
_ABBREVIATED = {"url": "URL", "urls": "URLs", "ip": "IP", "sha256": "SHA-256"}
_TABLES: tuple[Mapping[Any, str], ...] = (
    defender.INVESTIGATION_STATUS,
    defender.INVESTIGATION_TYPE,
    defender.CLUSTER_TYPE,
    defender.ACTION,
    defender.ACTION_STATUS,
    defender.VERDICT,
    defender.THREAT,
    defender.LOCATION,
    defender.DELIVERY_ACTION,
    defender.DIRECTION,
    defender.URL_LOCATION,
)


def word(value: object) -> str:
    """The word that Defender has for one of our values; ours, spelled out, where it has none."""
    for table in _TABLES:
        if type(value) is type(next(iter(table))) and value in table:
            return table[value]
    text = str(getattr(value, "value", value))
    said = text.replace("_", " ").capitalize()
    return " ".join(_ABBREVIATED.get(part.lower(), part) for part in said.split(" "))


def tone(value: object) -> str:
    """``bad``, ``doubt``, ``good`` or ``work``; "" for what needs no eyes."""
    return _TONES.get(str(value), "")


def iso(moment: datetime) -> str:
    """For machines, in UTC."""
    return moment.astimezone(UTC).isoformat()


def utc(moment: datetime) -> str:
    """For people whose browser has no scripts."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def number(value: float) -> str:
    """With thousands parted."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def lasting(time: timedelta | None) -> str:
    """A length of time in its largest fitting unit; a dash for None."""
    if time is None:
        return "–"
    seconds = time.total_seconds()
    for size, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if abs(seconds) >= size * 1.5:
            return f"{seconds / size:,.1f} {name}"
    return f"{seconds:,.1f} s" if seconds >= 1 else f"{seconds * 1_000:,.0f} ms"


def share(part: float | None) -> str:
    """A share in per cent; a dash for None."""
    return "–" if part is None else f"{part * 100:.1f} %"


def size(count: int) -> str:
    """Bytes in their largest fitting unit."""
    left = float(count)
    for name in ("B", "KB", "MB"):
        if left < 1_000:
            return f"{left:,.0f} {name}"
        left /= 1_000
    return f"{left:,.1f} GB"


def short(text: str, most: int = 80) -> str:
    """The text, its middle left out when it is long."""
    return text if len(text) <= most else f"{text[: most // 2]}…{text[-(most // 2) + 1 :]}"


def sender_page(address: str) -> str:
    """The page of a sender."""
    return address_of(EntityKind.SENDER, address.lower())


def mailbox_page(name: str) -> str:
    """The page of a mailbox."""
    return address_of(EntityKind.MAILBOX, name)


FILTERS: Mapping[str, Callable[..., object]] = {
    "word": word,
    "tone": tone,
    "iso": iso,
    "utc": utc,
    "in_path": in_path,
    "number": number,
    "lasting": lasting,
    "share": share,
    "size": size,
    "sender_page": sender_page,
    "mailbox_page": mailbox_page,
    "short": short,
    "account": account,
    "threats": threats,
}
