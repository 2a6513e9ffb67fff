"""From a cluster's copies to a plan: what will be done with each, and why some are left alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import msgspec

from clawback import ids
from clawback.analysis.clusters import Cluster
from clawback.errors import ApprovalMissing, PlanStale
from clawback.message.delivery import Delivery, DeliveryLocation
from clawback.response.exclusions import SECOPS, is_secops
from clawback.response.plan import (
    ActionKind,
    Approval,
    Deed,
    Plan,
    Remediation,
    RemediationStatus,
    Skip,
    Tally,
)
from clawback.response.policy import Policy

DESTINATION = {
    ActionKind.SOFT_DELETE: DeliveryLocation.SOFT_DELETED,
    ActionKind.QUARANTINE: DeliveryLocation.QUARANTINE,
    ActionKind.MOVE_TO_JUNK: DeliveryLocation.JUNK,
    ActionKind.MOVE_TO_DELETED_ITEMS: DeliveryLocation.DELETED_ITEMS,
    ActionKind.MOVE_TO_INBOX: DeliveryLocation.INBOX,
}

_TAKEN_OUT = (DeliveryLocation.QUARANTINE, DeliveryLocation.SOFT_DELETED)


@dataclass(frozen=True, slots=True)
class Ground:
    """What the planner must be told about the copies, gathered just before.

    `folders` maps a delivery id to the folder the action would take it to; `held` are deliveries that
    another open remediation already has; `spared` are those that a person put back by an undo, `declined`
    those that a person declined to act on, `reports` users' reports in a mailbox for reports, `unseen` those
    that the person who chose them was not shown.
    """

    deliveries: tuple[Delivery, ...]
    folders: Mapping[str, str]
    held: frozenset[str] = frozenset()
    spared: frozenset[str] = frozenset()
    declined: frozenset[str] = frozenset()
    reports: frozenset[str] = frozenset()
    unseen: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a plan may run by itself, and if not, why it waits: it would have run but for `shadow` mode."""

    automatic: bool
    reason: str
    shadow: bool = False


def plan(
    investigation_id: str,
    cluster: Cluster,
    ground: Ground,
    *,
    action: ActionKind,
    policy: Policy,
    now: datetime,
    follows: str = "",
) -> Plan:
    """Plan one action for every copy of a cluster that is still in a mailbox.

    Every copy gets exactly one entry, a deed or a skip with its reason. The same ground gives the
    same hash. `follows` names the remediation whose late copies these are.
    """
    deeds: list[Deed] = []
    skips: list[Skip] = []
    for delivery in sorted(ground.deliveries, key=_order):
        reason = _why_not(delivery, ground, action, policy)
        if reason:
            skips.append(Skip(delivery.id, delivery.handle.mailbox, delivery.location, reason))
        else:
            deeds.append(_deed(len(deeds), delivery, ground.folders.get(delivery.id, "")))
    return freeze(
        investigation_id=investigation_id,
        cluster_id=cluster.id,
        kind=action,
        key=cluster.key,
        deeds=deeds,
        skips=skips,
        now=now,
        policy=policy,
        follows=follows,
    )


def _order(delivery: Delivery) -> tuple[str, str, str, str]:
    handle = delivery.handle
    return (handle.source, handle.mailbox, handle.folder, handle.native_id)


def _why_not(delivery: Delivery, ground: Ground, action: ActionKind, policy: Policy) -> str:
    """The reason to leave a copy alone, "" to act."""
    if delivery.handle.mailbox.lower() in policy.excluded_mailboxes:
        return "excluded mailbox"
    if is_secops(delivery.handle.mailbox, policy):
        return SECOPS
    if delivery.id in ground.unseen:
        return "it was not in the preview"
    if delivery.id in ground.held:
        return "another remediation has it"
    if delivery.id in ground.reports:
        return "a user's report"
    if delivery.id in ground.spared:
        return "a person put it back"
    if delivery.id in ground.declined:
        return "a person declined it"
    if delivery.location is DESTINATION.get(action):
        return "already in destination"
    if action is ActionKind.MOVE_TO_INBOX and delivery.location in _TAKEN_OUT:
        return "it was taken out; undo that action"
    if not delivery.location.in_mailbox:
        return f"not in a mailbox: {delivery.location.value}"
    if action in DESTINATION and delivery.id not in ground.folders:
        return f"the mail system has no place for {action.value}"
    return ""


def _deed(seq: int, delivery: Delivery, folder: str) -> Deed:
    return Deed(
        seq=seq,
        delivery_id=delivery.id,
        message_id=delivery.message_id,
        handle=delivery.handle,
        location=delivery.location,
        folder=folder,
        raw_sha256=delivery.raw_sha256,
        size=delivery.size,
        flags=delivery.flags,
        internal_date=delivery.internal_date,
    )


def freeze(
    *,
    investigation_id: str,
    cluster_id: str,
    kind: ActionKind,
    key: object,
    deeds: Sequence[Deed],
    skips: Sequence[Skip],
    now: datetime,
    policy: Policy,
    undoes: str = "",
    follows: str = "",
) -> Plan:
    """Seal a list of deeds into a plan: its id and its hash are made from what it holds."""
    fields = {
        "investigation_id": investigation_id,
        "cluster_id": cluster_id,
        "kind": kind,
        "key": key,
        "made_at": now,
        "expires_at": now + policy.expiry,
        "deeds": tuple(deeds),
        "skips": tuple(skips),
        "undoes": undoes,
        **({"follows": follows} if follows else {}),
    }
    seal = _seal(fields)
    return msgspec.convert({**fields, "id": ids.make("rem", seal), "hash": seal}, Plan, from_attributes=True)


def _seal(fields: Mapping[str, object]) -> str:
    # Of ASCII both ways write the same (a plan has no floats); names of files may hold other bytes (PEP 383).
    with suppress(UnicodeEncodeError):
        quick = msgspec.json.encode(fields, order="deterministic")
        if quick.isascii() and b"\x7f" not in quick:
            return ids.digest(quick)
    plain = msgspec.to_builtins(fields, order="deterministic")
    return ids.digest(json.dumps(plain, separators=(",", ":")))


def seal_of(a_plan: Plan) -> str:
    """The hash that a plan's contents have now; equals `plan.hash` unless somebody edited it."""
    names = [
        "investigation_id",
        "cluster_id",
        "kind",
        "key",
        "made_at",
        "expires_at",
        "deeds",
        "skips",
        "undoes",
    ]
    if a_plan.follows:  # only then, so that plans made before there were late copies keep their seals
        names.append("follows")
    if a_plan.rest:
        names.append("rest")
    return _seal({name: getattr(a_plan, name) for name in names})


def remediation_of(a_plan: Plan) -> Remediation:
    """The pending remediation that the action center lists for a plan."""
    found = len(a_plan.deeds) + len(a_plan.skips)
    return Remediation(
        id=a_plan.id,
        investigation_id=a_plan.investigation_id,
        cluster_id=a_plan.cluster_id,
        kind=a_plan.kind,
        key=a_plan.key,
        status=RemediationStatus.PENDING,
        plan_hash=a_plan.hash,
        made_at=a_plan.made_at,
        expires_at=a_plan.expires_at,
        tally=Tally(found=found, skipped=len(a_plan.skips), open=len(a_plan.deeds)),
        undoes=a_plan.undoes,
        follows=a_plan.follows,
        rest=a_plan.rest,
    )


def check_decidable(remediation: Remediation, plan_hash: str | None, now: datetime) -> None:
    """Refuse a decision that comes too late or is about another plan (PlanStale)."""
    if remediation.status is not RemediationStatus.PENDING:
        raise PlanStale(f"{remediation.id} is {remediation.status.value}, not pending; nothing was done")
    if now >= remediation.expires_at:
        raise PlanStale(
            f"{remediation.id} expired at {remediation.expires_at:%Y-%m-%d %H:%M} UTC; "
            "start the investigation again for a new plan"
        )
    if plan_hash is not None and plan_hash != remediation.plan_hash:
        raise PlanStale(f"{remediation.id} is not the plan that was looked at; look again, then approve")


def check_runnable(a_plan: Plan, approval: Approval | None) -> None:
    """Refuse to run a plan that nobody approved, or that is not what was approved."""
    if approval is None:
        raise ApprovalMissing(f"{a_plan.id} has no approval; approve it first")
    if not approval.plan_hash == a_plan.hash == seal_of(a_plan):
        raise ApprovalMissing(f"{a_plan.id} is not the plan that was approved; nothing was done")
