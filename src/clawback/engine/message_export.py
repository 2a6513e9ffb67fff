"""The messages that a search finds, as a file: a table that spreadsheets open, or the whole records."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from clawback.engine.center import as_csv
from clawback.engine.export import whole_or_nothing
from clawback.engine.parts import Parts
from clawback.errors import BadParameter
from clawback.message.message import Message
from clawback.response import defender
from clawback.store import MessageFilter, Unit
from clawback.store.message_query import query_of

MOST = 10_000
"""Messages in one file, the newest."""
_AT_ONCE = 1_000
COLUMNS = (
    "Message ID", "Internet message ID", "Date", "Sender", "Recipients", "Subject", "Direction", "Sender IP",
    "SPF", "DKIM", "DMARC", "Verdict", "Threat", "Copies", "In mailboxes", "URLs", "Files",
)  # fmt: skip


def export_messages(parts: Parts, path: Path, wanted: MessageFilter, *, oldest_first: bool = False) -> int:
    """Write what a search finds to a ``.csv`` or ``.json`` file; answers how many. Raises BadParameter."""
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".json"):
        raise BadParameter(f"{path.name!r} must end in .csv or .json")
    with parts.store.read() as unit:
        if suffix == ".csv":
            rows = [row for some in _pages(unit, wanted, oldest_first) for row in _rows(unit, some)]
            whole_or_nothing(path, as_csv(COLUMNS, rows))
            return len(rows)
        found = [message for some in _pages(unit, wanted, oldest_first) for message in some]
    plain = msgspec.to_builtins(found, order="deterministic")
    whole_or_nothing(path, msgspec.json.encode(_readable(plain)))
    return len(found)


def _pages(unit: Unit, wanted: MessageFilter, oldest_first: bool) -> Iterator[tuple[Message, ...]]:
    cursor, left = "", MOST
    while left:
        query = query_of(wanted, limit=min(left, _AT_ONCE), cursor=cursor, oldest_first=oldest_first)
        found, cursor = unit.messages.search(query)
        yield found
        left -= len(found)
        if not cursor:
            return


def _rows(unit: Unit, some: tuple[Message, ...]) -> Iterator[dict[str, str]]:
    ids = [message.id for message in some]
    verdicts, copies = unit.detections.verdicts(ids), unit.deliveries.counts(ids)
    for one in some:
        judged, (known, there) = verdicts.get(one.id), copies.get(one.id, (0, 0))
        said = one.authentication
        values = (
            one.id,
            one.internet_message_id,
            one.date.isoformat(timespec="seconds") if one.date else "",
            one.sender.address,
            "; ".join(address.address for address in (*one.to, *one.cc)),
            one.subject,
            defender.DIRECTION[one.direction],
            one.sending_ip,
            said.spf or "none",
            said.dkim or "none",
            said.dmarc or "none",
            defender.VERDICT[judged.verdict] if judged else "",
            defender.THREAT[judged.threat] if judged and judged.threat else "",
            str(known),
            str(there),
            str(len(one.links)),
            str(len(one.attachments)),
        )
        yield dict(zip(COLUMNS, values, strict=True))


def _readable(plain: object) -> object:
    """Plain data in which a lone surrogate, which a hostile name may hold, reads as a question mark."""
    if isinstance(plain, str):
        return plain.encode("utf-8", "replace").decode()
    if isinstance(plain, list | tuple):
        return [_readable(one) for one in plain]
    if isinstance(plain, dict):
        return {name: _readable(one) for name, one in plain.items()}
    return plain
