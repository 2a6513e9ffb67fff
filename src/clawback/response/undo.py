"""Undo: a new plan made from receipts, through the same approval and executor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType

from clawback.errors import CapabilityMissing, PlanStale
from clawback.message.delivery import DeliveryLocation
from clawback.response.plan import (
    ActionKind,
    Deed,
    Plan,
    Receipt,
    Remediation,
    RemediationStatus,
    Skip,
)
from clawback.response.planning import DESTINATION, freeze
from clawback.response.policy import Policy

NOBODY: Mapping[str, str] = MappingProxyType({})
"""No copy that stays where it is."""


def undo(
    remediation: Remediation,
    receipts: Iterable[tuple[Deed, Receipt]],
    *,
    policy: Policy,
    now: datetime,
    apart: Mapping[str, str] = NOBODY,
) -> Plan:
    """Plan the way back for every copy that a remediation moved: same folder, name, flags, time.

    `receipts` are its own, then those of its late copies; of a copy that has several the last one counts.
    Copies never moved (already gone, failed) are skips with their reason, and so are those `apart`: with
    the reason that it has for the delivery. Raises PlanStale when the remediation has not ended or was
    undone, CapabilityMissing when there is nothing to come back from.
    """
    check_undoable(remediation)
    deeds: list[Deed] = []
    skips: list[Skip] = []
    last = {deed.delivery_id: (deed, receipt) for deed, receipt in receipts}
    for deed, receipt in last.values():
        if receipt.moved and deed.delivery_id not in apart:
            deeds.append(_way_back(len(deeds), deed, receipt, remediation.kind))
        else:
            reason = apart[deed.delivery_id] if receipt.moved else f"was not moved: {receipt.outcome.value}"
            skips.append(Skip(deed.delivery_id, deed.handle.mailbox, deed.location, reason))
    if not deeds:
        nothing = "has no copy out of its mailbox any more" if apart else "moved no copy"
        raise CapabilityMissing(f"{remediation.id} {nothing}, so there is nothing to put back")
    return freeze(
        investigation_id=remediation.investigation_id,
        cluster_id=remediation.cluster_id,
        kind=ActionKind.RESTORE,
        key=remediation.key,
        deeds=deeds,
        skips=skips,
        now=now,
        policy=policy,
        undoes=remediation.id,
    )


def check_undoable(remediation: Remediation) -> None:
    """Refuse to undo what has no way back: PlanStale or CapabilityMissing."""
    if remediation.kind is ActionKind.HARD_DELETE:
        raise CapabilityMissing(f"{remediation.id} is a hard delete, which has no undo")
    if remediation.kind is ActionKind.RESTORE:
        raise CapabilityMissing(f"{remediation.id} is itself an undo; start the investigation again instead")
    if remediation.follows:
        raise PlanStale(f"{remediation.id} took out late copies for {remediation.follows}; undo that one")
    if remediation.undone_by:
        raise PlanStale(f"{remediation.id} was undone by {remediation.undone_by}")
    if remediation.status is not RemediationStatus.COMPLETED:
        raise PlanStale(f"{remediation.id} is {remediation.status.value}; only a completed one can be undone")


def _way_back(seq: int, deed: Deed, receipt: Receipt, kind: ActionKind) -> Deed:
    assert receipt.before is not None
    assert receipt.after is not None
    return Deed(
        seq=seq,
        delivery_id=deed.delivery_id,
        message_id=deed.message_id,
        handle=receipt.after,
        location=DESTINATION.get(kind, DeliveryLocation.UNKNOWN),
        folder=receipt.before.folder,
        raw_sha256=deed.raw_sha256,
        size=deed.size,
        flags=receipt.flags or deed.flags,
        internal_date=receipt.internal_date or deed.internal_date,
    )
