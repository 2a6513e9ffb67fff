"""Undoing in parts: which of the copies that a removal took out have been put back, and which are out."""

from __future__ import annotations

from collections.abc import Mapping

from clawback.response.plan import OPEN, Deed, Outcome, Receipt, Remediation
from clawback.response.retraction import removed
from clawback.store import Unit

BACK = "was put back already"
COMING = "is being put back"


Out = Mapping[str, tuple[Deed, Receipt]]
"""The copies that a removal took out, by delivery id, each with its last receipt."""


def undos_of(unit: Unit, removal: Remediation) -> tuple[Remediation, ...]:
    """Every undo of a removal, oldest first: there may be several, each of what the last left over."""
    undos = unit.results.undos(removal.id, removal.cluster_id)
    return tuple(unit.remediations.get(undo_id) for undo_id in undos)


def restored(unit: Unit, removal: Remediation, out: Out) -> dict[str, Receipt | None]:
    """What undos did with these copies of a removal since; None where one has yet to do it.

    A later undo counts before an earlier one.
    """
    found: dict[str, Receipt | None] = {}
    for undo in undos_of(unit, removal):
        if undo.status in OPEN:
            found |= dict.fromkeys((deed.delivery_id for deed in unit.remediations.plan(undo.id).deeds), None)
        found |= {deed.delivery_id: receipt for deed, receipt in unit.remediations.receipts(undo.id)}
    return {id: receipt for id, receipt in found.items() if id in out and _since(receipt, out[id][1])}


def _since(receipt: Receipt | None, taken: Receipt) -> bool:
    """Whether an undo came after the copy was taken out: late ones may be taken out again."""
    return receipt is None or receipt.at >= taken.at


def apart(unit: Unit, removal: Remediation, out: Out) -> dict[str, str]:
    """The copies of a removal that an undo has dealt with, or is about to, each with the reason."""
    return {
        delivery_id: BACK if receipt else COMING
        for delivery_id, receipt in restored(unit, removal, out).items()
        if receipt is None or receipt.outcome is not Outcome.FAILED
    }


def under_way(unit: Unit, removal: Remediation) -> str:
    """The undo of a removal that has yet to end, "" for none."""
    return next((one.id for one in undos_of(unit, removal) if one.status in OPEN), "")


def is_undone(unit: Unit, remediation_id: str) -> bool:
    """Whether no copy is left of a removal that an undo could still put back."""
    removal, out = unit.remediations.get(remediation_id), removed(unit.remediations.results(remediation_id))
    return out.keys() <= apart(unit, removal, out).keys()
