"""Results of an action as a file, whatever their number."""

from __future__ import annotations

import csv
from pathlib import Path

from clawback.engine.export import no_formula
from clawback.engine.parts import Parts
from clawback.response.outcomes import CopyResult, ResultClass

COLUMNS = ("mailbox", "message_id", "delivery_id", "was_in", "result", "cause", "reason", "now_in", "at")


def export_results(parts: Parts, path: Path, remediation_id: str, of: ResultClass | None) -> None:
    """Write the copies of a class, or of all, as CSV in which no cell is a formula. Raises NotFound."""
    with parts.store.read() as unit:
        unit.remediations.get(remediation_id)
        with path.open("w", encoding="utf-8-sig", errors="replace", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(COLUMNS)
            for one in unit.results.each(remediation_id, of):
                writer.writerow([no_formula(text) for text in _row(one)])


def _row(one: CopyResult) -> tuple[str, ...]:
    return (
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
