"""What every removal must be able to answer: by which verdict, by whose word, out of which plan, how back.

The audit log is read from its beginning, beside the engine and not through it: nobody but the log says who
was allowed what, and when.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from clawback.analysis.clusters import ClusterKind
from clawback.response.plan import (
    AUTOMATION,
    STANDING,
    ActionKind,
    Outcome,
    Remediation,
    RemediationStatus,
)
from clawback.response.planning import seal_of
from clawback.response.policy import Policy
from clawback.store import AuditRow, Unit

MALICIOUS = "malicious"
Body = dict[str, Any]


@dataclass(slots=True)
class Witness:
    """Follows the log and objects to what nobody had the right to do."""

    policy: Policy = field(default_factory=Policy)
    listed: dict[str, Body] = field(default_factory=dict)
    clusters: dict[str, Body] = field(default_factory=dict)
    planned: dict[str, Body] = field(default_factory=dict)
    whole: dict[str, int] = field(default_factory=dict)
    proposed: dict[str, tuple[str, str]] = field(default_factory=dict)
    approved: dict[str, str] = field(default_factory=dict)
    armed: set[str] = field(default_factory=set)
    heard: int = 0

    def follow(self, rows: Iterable[AuditRow], parts: dict[str, str]) -> None:
        """Hear every new event in its order; `parts` names the plan that each part came of."""
        for row in rows:
            self.heard = row.seq
            hear = getattr(self, f"_{row.type}", None)
            if hear:
                hear(row.actor, row.body, parts)

    def _automation_changed(self, actor: str, body: Body, parts: dict[str, str]) -> None:
        self.policy = msgspec.convert(body["after"], Policy)

    def _indicator_added(self, actor: str, body: Body, parts: dict[str, str]) -> None:
        self.listed[body["indicator"]["id"]] = body["indicator"]

    def _indicator_removed(self, actor: str, body: Body, parts: dict[str, str]) -> None:
        self.listed.pop(body["indicator"]["id"], None)

    def _cluster_linked(self, actor: str, body: Body, parts: dict[str, str]) -> None:
        self.clusters[body["cluster_id"]] = body

    def _cluster_armed(self, actor: str, body: Body, parts: dict[str, str]) -> None:
        self.armed.add(body["remediation_id"])

    def _remediation_planned(self, actor: str, body: Body, parts: dict[str, str]) -> None:
        remediation_id = body["remediation_id"]
        self.planned[remediation_id] = body
        origin = parts.get(remediation_id, "")
        self.whole[remediation_id] = self.whole[origin] if origin else body["deeds"]
        if not body["undoes"]:
            assert self.clusters[body["cluster_id"]]["verdict"] == MALICIOUS, body

    def _remediation_proposed(self, actor: str, body: Body, parts: dict[str, str]) -> None:
        self.proposed[body["remediation_id"]] = (actor, body["plan_hash"])

    def _remediation_approved(self, actor: str, body: Body, parts: dict[str, str]) -> None:
        plan = self.planned[body["remediation_id"]]
        assert body["plan_hash"] == plan["plan_hash"]
        self.approved[plan["remediation_id"]] = actor
        if not plan["undoes"]:
            self._may_remove(actor, body, plan)

    def _may_remove(self, actor: str, body: Body, plan: Body) -> None:
        cluster, policy = self.clusters[plan["cluster_id"]], self.policy
        assert cluster["verdict"] == MALICIOUS, plan
        two = 0 < policy.two_step_copies <= self.whole[plan["remediation_id"]]
        if actor == AUTOMATION:
            assert ClusterKind(cluster["kind"]) in policy.automatic, plan
            assert plan["deeds"] <= policy.limit
            assert not two
        elif actor == STANDING:
            assert plan["follows"] in self.armed
            assert plan["follows"] in self.approved
            assert not two
        else:
            keys = {(one["kind"], one["value"]) for one in self.listed.values()}
            assert (cluster["key"]["kind"], cluster["key"]["value"]) in keys, plan
            assert body["note"] or not policy.justify
            first, plan_hash = self.proposed.get(plan["remediation_id"], ("", ""))
            assert not two or (first not in ("", actor) and plan_hash == plan["plan_hash"]), plan

    def _remediation_rejected(self, actor: str, body: Body, parts: dict[str, str]) -> None:
        assert body["note"] or not self.policy.justify
        assert body["remediation_id"] not in self.approved

    def _remediation_started(self, actor: str, body: Body, parts: dict[str, str]) -> None:
        assert body["remediation_id"] in self.approved, body


def everything_is_explained(unit: Unit, remediations: list[Remediation]) -> None:
    """Behind every removed copy are a member with reasons, a sealed plan, and the approval of that plan."""
    for done in remediations:
        receipts = list(unit.remediations.receipts(done.id))
        if not receipts:
            continue
        plan = unit.remediations.plan(done.id)
        assert done.approval is not None, done
        assert done.decided_by == done.approval.by
        assert done.approval.plan_hash == plan.hash == seal_of(plan)
        assert all(receipt.reason for _, receipt in receipts if receipt.outcome is not Outcome.REMOVED)
        if done.kind is ActionKind.RESTORE:
            continue
        members = {m.message_id: m.reasons for m in unit.clusters.get(done.cluster_id).members}
        removed = [deed for deed, receipt in receipts if receipt.outcome is Outcome.REMOVED]
        assert all(members[deed.message_id] for deed in removed)


def totals_add_up(unit: Unit, remediations: list[Remediation]) -> None:
    """Parts make their whole, looks count every copy, and investigations say of each what the store says."""
    of_whole: dict[str, list[Remediation]] = {}
    for one in remediations:
        plan = unit.remediations.plan(one.id)
        entries = [deed.delivery_id for deed in plan.deeds] + [skip.delivery_id for skip in plan.skips]
        assert len(entries) == len(set(entries))
        of_whole.setdefault(one.part_of, []).append(one)
        if one.refreshed:
            assert one.refreshed.places.copies == len(plan.deeds)
    of_whole.pop("", None)
    for origin, parts in of_whole.items():
        whole = unit.remediations.plan(origin)
        # A part that was parted again stands for its own parts.
        last = [p for p in parts if not (p.status is RemediationStatus.CANCELLED and "parted" in p.note)]
        deeds = [d.delivery_id for p in last for d in unit.remediations.plan(p.id).deeds]
        assert sorted(deeds) == sorted(d.delivery_id for d in whole.deeds)
    open_deeds = [
        deed.delivery_id
        for one in remediations
        if one.status in (RemediationStatus.PENDING, RemediationStatus.APPROVED, RemediationStatus.RUNNING)
        for deed in unit.remediations.plan(one.id).deeds
    ]
    assert len(open_deeds) == len(set(open_deeds))
    _investigations_agree(unit)


def _investigations_agree(unit: Unit) -> None:
    for state in unit.investigations.list(limit=1_000)[0]:
        for standing in state.remediations:
            kept = unit.remediations.get(standing.remediation_id)
            assert standing.status is kept.status, (standing, kept)
            if kept.status in (RemediationStatus.PENDING, RemediationStatus.COMPLETED):
                assert standing.tally == kept.tally, (standing, kept)
