"""Results of an action as a file, whatever their number."""

from __future__ import annotations

from pathlib import Path

from clawback.engine.center import Row, csv_into
from clawback.engine.parts import Parts
from clawback.response.outcomes import CopyResult, ResultClass

COLUMNS = ("mailbox", "message_id", "delivery_id", "was_in", "result", "cause", "reason", "now_in", "at")


def export_results(parts: Parts, path: Path, remediation_id: str, of: ResultClass | None) -> None:
    """Write the copies of a class, or of all, as CSV in which no cell is a formula. Raises NotFound."""
    with parts.store.read() as unit:
        unit.remediations.get(remediation_id)
        csv_into(path, COLUMNS, map(_row, unit.results.each(remediation_id, of)))


def _row(one: CopyResult) -> Row:
    values = (
        one.mailbox,
        one.message_id,
        one.delivery_id,
        one.folder,
        one.outcome.value,
        one.cause.value if one.cause else "",
        one.reason,
        one.now,
        one.at.isoformat() if one.at else "",
    )
    return dict(zip(COLUMNS, values, strict=True))
