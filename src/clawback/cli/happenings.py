"""What happened, as one line for each event that a person who watches wants to know of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from clawback.engine.record import AUTOMATION, STANDING
from clawback.response import defender
from clawback.response.plan import Outcome, Remediation
from clawback.response.records import account

if TYPE_CHECKING:
    from clawback.store import AuditRow, Unit

FRESH = timedelta(minutes=10)
"""How new a copy must be for the time since its delivery to say anything."""


def happenings(unit: Unit, row: AuditRow) -> Iterator[str]:
    """The line about an event in the audit log, if it is worth one."""
    tell = _LINES.get(row.type)
    line = tell(unit, row) if tell else ""
    if line:
        yield line


def _started(unit: Unit, row: AuditRow) -> str:
    investigation = unit.investigations.get(row.body["investigation_id"])
    return f"new investigation {investigation.id}: {investigation.title}"


def _planned(unit: Unit, row: AuditRow) -> str:
    """Only when it waits for a person: what runs by itself is told when it is done."""
    why = row.body.get("waits_because")
    if not why:
        return ""
    action = _remediation(unit, row)
    said = f"action {action.id} waits for approval ({why}): {_what(action)}, {row.body['deeds']} copies"
    return f"{said}; clawback actions approve {action.id}"


def _completed(unit: Unit, row: AuditRow) -> str:
    action = _remediation(unit, row)
    if action.follows:
        done = f"late copies of action {action.follows} taken out{_since_delivery(unit, action)}"
    else:
        done = f"action {action.id} completed{_since_delivery(unit, action)}"
    return f"{done}: {account(action)}; {_what(action)}"


def _since_delivery(unit: Unit, action: Remediation) -> str:
    """How long the newest copy lay in its mailbox, when it was delivered just now."""
    if action.undoes:
        return ""
    gaps = [
        (receipt.at - deed.internal_date).total_seconds()
        for deed, receipt in unit.remediations.receipts(action.id)
        if receipt.outcome is Outcome.REMOVED
    ]
    fresh = [gap for gap in gaps if 0 <= gap <= FRESH.total_seconds()]
    return f" {min(fresh):.1f} s after delivery" if fresh else ""


def _decided(word: str) -> Callable[[Unit, AuditRow], str]:
    def line(unit: Unit, row: AuditRow) -> str:
        if row.actor in (AUTOMATION, STANDING):
            return ""
        note = row.body.get("note", "")
        return f"action {row.body['remediation_id']} {word} by {row.actor}" + (f": {note}" if note else "")

    return line


def _proposed(unit: Unit, row: AuditRow) -> str:
    action = row.body["remediation_id"]
    said = f"action {action} is proposed by {row.actor} and waits for a second person"
    return f"{said}; clawback actions approve {action}"


def _expiring(unit: Unit, row: AuditRow) -> str:
    action, at = row.body["remediation_id"], datetime.fromisoformat(row.body["expires_at"])
    said = f"action {action} expires on {at:%Y-%m-%d %H:%M} UTC: nobody has decided"
    return f"{said}; clawback actions show {action}"


def _ended(word: str) -> Callable[[Unit, AuditRow], str]:
    def line(unit: Unit, row: AuditRow) -> str:
        why = row.body.get("reason", "")
        return f"action {row.body['remediation_id']} {word}" + (f": {why}" if why else "")

    return line


def _armed(unit: Unit, row: AuditRow) -> str:
    until = datetime.fromisoformat(row.body["until"])
    return (
        f"late copies of action {row.body['remediation_id']} are taken out until {until:%Y-%m-%d %H:%M} UTC"
    )


def _disarmed(unit: Unit, row: AuditRow) -> str:
    return f"late copies of action {row.body['remediation_id']} are left alone now: {row.body['reason']}"


def _failed(unit: Unit, row: AuditRow) -> str:
    return f"investigation {row.body['investigation_id']} failed: {row.body['reason']}"


def _listed(unit: Unit, row: AuditRow) -> str:
    listed: dict[str, Any] = row.body["indicator"]
    word = "listed" if row.type == "indicator_added" else "not listed any more"
    return f"{listed['kind']} {listed['value']} is {word}, by {row.actor}"


def _retracted(unit: Unit, row: AuditRow) -> str:
    return f"the verdict on {row.body['text']} was taken back by {row.actor}"


def _imported(unit: Unit, row: AuditRow) -> str:
    return f"{row.body['added']} indicators from {row.body['source']} are listed, by {row.actor}"


def _automation(unit: Unit, row: AuditRow) -> str:
    return f"the policy of automation was changed by {row.actor}"


def _breaker_opened(unit: Unit, row: AuditRow) -> str:
    why = f"{row.body['reason']} ({row.actor})"
    return f"the breaker is open, nothing runs by itself: {why}; clawback brake close"


def _breaker_closed(unit: Unit, row: AuditRow) -> str:
    return f"the breaker was closed by {row.actor}, automation goes on"


def _rest_held(unit: Unit, row: AuditRow) -> str:
    return f"action {row.body['remediation_id']} waits for a person now: {row.body['reason']}"


def _switched_off(unit: Unit, row: AuditRow) -> str:
    said = f"{row.body['name']} is told nothing any more: {row.body['reason']}"
    return f"{said}; clawback webhooks resume {row.body['sink_id']}"


def _backtest(unit: Unit, row: AuditRow) -> str:
    if row.type == "backtest_ordered":
        return f"backtest {row.body['backtest_id']} was ordered by {row.actor} and runs beside all else"
    why = row.body.get("reason", "")
    return f"backtest {row.body['backtest_id']} {row.body['status']}" + (f": {why}" if why else "")


def _remediation(unit: Unit, row: AuditRow) -> Remediation:
    return unit.remediations.get(row.body["remediation_id"])


def _what(action: Remediation) -> str:
    return f"{defender.ACTION[action.kind]} ({action.key.value})"


def _terminated(unit: Unit, row: AuditRow) -> str:
    return f"investigation {row.body['investigation_id']} was ended: {row.body['reason']}"


def _queued(unit: Unit, row: AuditRow) -> str:
    return f"investigation {row.body['investigation_id']} waits: too many started within an hour"


def _alerted(unit: Unit, row: AuditRow) -> str:
    """Only what matters by itself: a click, or an account that may be taken over."""
    alert = row.body["alert"]
    if alert["severity"] not in ("medium", "high"):
        return ""
    return f"{alert['title']}: {alert['detail'] or alert['cause']['value']}"


_LINES: dict[str, Callable[[Unit, AuditRow], str]] = {
    "investigation_started": _started,
    "remediation_planned": _planned,
    "remediation_completed": _completed,
    "remediation_proposed": _proposed,
    "remediation_expiring": _expiring,
    "remediation_approved": _decided("approved"),
    "remediation_rejected": _decided("declined"),
    "remediation_expired": _ended("expired: nobody decided"),
    "remediation_cancelled": _ended("cancelled"),
    "cluster_armed": _armed,
    "cluster_disarmed": _disarmed,
    "investigation_failed": _failed,
    "investigation_terminated": _terminated,
    "investigation_queued": _queued,
    "alert_joined": _alerted,
    "indicator_added": _listed,
    "indicator_removed": _listed,
    "verdict_retracted": _retracted,
    "indicators_imported": _imported,
    "automation_changed": _automation,
    "backtest_ordered": _backtest,
    "backtest_ended": _backtest,
    "breaker_opened": _breaker_opened,
    "breaker_closed": _breaker_closed,
    "rest_held": _rest_held,
    "sink_switched_off": _switched_off,
}
