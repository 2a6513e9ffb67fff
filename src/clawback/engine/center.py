"""The action center as a file: what waits, by Defender's columns, with counts then and now; the history."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TextIO

from clawback.analysis.indicators import Threat
from clawback.engine.export import no_formula, whole_or_nothing
from clawback.engine.investigate import PENDING
from clawback.engine.parts import Parts
from clawback.errors import BadParameter
from clawback.message.delivery import Delivery, DeliveryAction, DeliveryLocation
from clawback.response import defender
from clawback.response.counts import Places
from clawback.response.deciding import waits_for
from clawback.response.investigation import Investigation
from clawback.response.plan import Plan, Remediation, RemediationStatus
from clawback.response.records import comment_of, threats, users_of
from clawback.store import Unit

Row = dict[str, str]
HISTORY = frozenset(RemediationStatus) - PENDING
"""The statuses of what does not wait for a decision."""
_MALWARE = (Threat.MALWARE, Threat.MALICIOUS_FILE)
_PHISH = (Threat.PHISH, Threat.MALICIOUS_URL)
PENDING_COLUMNS = (
    "Investigation ID", "First seen", "Details", "Email count", "Malware", "Phish", "High Confidence Phish",
    "Spam", "Delivered", "Junked", "Replaced", "Blocked", "Mailbox", "Not in mailbox", "On-prem/External",
    "Entity type", "Threat type", "Subject", "Action ID", "Mailbox now", "Not in mailbox now", "Looked at",
    "Expires", "Waits for",
)  # fmt: skip
"""Defender's columns, then ours: the counts of now beside those of then, and what it waits for."""
INVESTIGATION_COLUMNS = (
    "ID", "Status", "Detection Source", "Investigation", "Users", "Creation Time", "Last Changed Time",
    "Threat count", "Action count", "Duration of investigation",
)  # fmt: skip
"""Defender's columns of its list of investigations."""
HISTORY_COLUMNS = ("Action type", "Wait time", "Entity", "Status", "Handled by", "Time", "Action ID", "Note")
"""Defender's columns, then the id and the reason that was given."""


def export_actions(parts: Parts, path: Path, *, history: bool) -> int:
    """Write what waits for a decision, or the history, as CSV; answers how many. Raises BadParameter."""
    if path.suffix.lower() != ".csv":
        raise BadParameter(f"{path.name!r} must end in .csv")
    columns = HISTORY_COLUMNS if history else PENDING_COLUMNS
    with parts.store.read() as unit:
        found = unit.remediations.each(statuses=HISTORY if history else PENDING)
        rows = list(history_rows(found) if history else pending_rows(unit, found))
    whole_or_nothing(path, as_csv(columns, rows))
    return len(rows)


def as_csv(columns: Sequence[str], rows: Iterable[Row]) -> bytes:
    """The rows as a file that a spreadsheet opens, and in which no cell is a formula."""
    out = io.StringIO(newline="")
    _write(out, columns, rows)
    return out.getvalue().encode("utf-8-sig")


def csv_into(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """As `as_csv`, into a file, row by row: however many there are, one is in memory at once."""
    with path.open("w", encoding="utf-8-sig", newline="") as out:
        _write(out, columns, rows)


def _write(out: TextIO, columns: Sequence[str], rows: Iterable[Row]) -> None:
    writer = csv.DictWriter(out, columns)
    writer.writeheader()
    for row in rows:
        writer.writerow({name: no_formula(_readable(text)) for name, text in row.items()})


def investigation_rows(found: Iterable[Investigation]) -> Iterator[Row]:
    """Investigations by Defender's columns."""
    for one in found:
        yield {
            "ID": one.id,
            "Status": defender.INVESTIGATION_STATUS[one.status],
            "Detection Source": one.alerts[0].source if one.alerts else "",
            "Investigation": one.title,
            "Users": "; ".join(users_of(one)),
            "Creation Time": _time(one.created_at),
            "Last Changed Time": _time(one.changed_at),
            "Threat count": str(threats(one)),
            "Action count": str(len(one.remediations)),
            "Duration of investigation": _span((one.ended_at or one.changed_at) - one.created_at),
        }


def _readable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def pending_rows(unit: Unit, found: Iterable[Remediation]) -> Iterator[Row]:
    """Actions that wait for a decision by Defender's columns, and by ours."""
    for waiting in found:
        yield _pending(unit, waiting, unit.remediations.plan(waiting.id))


def history_rows(found: Iterable[Remediation]) -> Iterator[Row]:
    """Actions by Defender's columns of its history."""
    for done in found:
        yield {
            "Action type": defender.ACTION[done.kind],
            "Wait time": _span(done.decided_at - done.made_at) if done.decided_at else "",
            "Entity": done.key.value,
            "Status": defender.ACTION_STATUS[done.status],
            "Handled by": done.decided_by,
            "Time": _time(done.decided_at or done.made_at),
            "Action ID": done.id,
            "Note": comment_of(done),
        }


def _pending(unit: Unit, waiting: Remediation, plan: Plan) -> Row:
    ids = [deed.delivery_id for deed in plan.deeds] + [skip.delivery_id for skip in plan.skips]
    copies = list(unit.deliveries.get_many(ids).values())
    then = Places.of([deed.location for deed in plan.deeds] + [skip.location for skip in plan.skips])
    numbers = _threats(unit, copies) | _actions(copies) | _places(then)
    now = waiting.refreshed
    return {
        "Investigation ID": waiting.investigation_id,
        "First seen": _time(min((copy.first_seen for copy in copies), default=None)),
        "Details": f"{defender.ACTION[waiting.kind]}: {waiting.key.value}",
        "Email count": str(then.copies),
        **{name: str(number) for name, number in numbers.items()},
        "Entity type": "Email clusters",
        "Threat type": defender.THREAT[unit.clusters.head(waiting.cluster_id).threat],
        "Subject": _subject(unit, copies),
        "Action ID": waiting.id,
        "Mailbox now": str(now.places.in_mailbox) if now else "",
        "Not in mailbox now": str(now.places.elsewhere) if now else "",
        "Looked at": _time(now.at) if now else "",
        "Expires": _time(waiting.expires_at),
        "Waits for": waits_for(waiting),
    }


def _threats(unit: Unit, copies: Sequence[Delivery]) -> dict[str, int]:
    """Copies by what is said against their messages."""
    verdicts = unit.detections.verdicts(sorted({copy.message_id for copy in copies}))
    found = Counter(verdicts[copy.message_id].threat for copy in copies if copy.message_id in verdicts)
    return {
        "Malware": sum(found[threat] for threat in _MALWARE),
        "Phish": sum(found[threat] for threat in _PHISH),
        "High Confidence Phish": found[Threat.HIGH_CONFIDENCE_PHISH],
        "Spam": found[Threat.SPAM],
    }


def _actions(copies: Sequence[Delivery]) -> dict[str, int]:
    """Copies by what the mail system did on their arrival."""
    found = Counter(copy.action for copy in copies)
    names = {
        "Delivered": DeliveryAction.DELIVERED,
        "Junked": DeliveryAction.JUNKED,
        "Replaced": DeliveryAction.REPLACED,
        "Blocked": DeliveryAction.BLOCKED,
    }
    return {name: found[action] for name, action in names.items()}


def _places(then: Places) -> dict[str, int]:
    """Copies by where they were when the plan was made."""
    by_location: Mapping[DeliveryLocation, int] = dict(then.by_location)
    outside = by_location.get(DeliveryLocation.EXTERNAL, 0)
    return {
        "Mailbox": then.in_mailbox,
        "Not in mailbox": then.elsewhere - outside,
        "On-prem/External": outside,
    }


def _subject(unit: Unit, copies: Sequence[Delivery]) -> str:
    if not copies:
        return ""
    messages = {copy.message_id for copy in copies}
    subject = unit.messages.get(copies[0].message_id).subject
    return subject + (f" (and {len(messages) - 1} other messages)" if len(messages) > 1 else "")


def _time(moment: datetime | None) -> str:
    return moment.isoformat(timespec="seconds") if moment else ""


def _span(time: timedelta) -> str:
    return str(timedelta(seconds=round(time.total_seconds())))
