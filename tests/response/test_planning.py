"""Plans: each copy has one entry, the hash seals all of it, the policy decides what runs by itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.response.builders import NOW, cluster, delivery

from clawback.errors import ApprovalMissing, CapabilityMissing, PlanStale
from clawback.message.delivery import Delivery, DeliveryLocation
from clawback.response.plan import ActionKind, Approval, Outcome, Plan, Receipt, RemediationStatus
from clawback.response.planning import (
    Ground,
    check_decidable,
    check_runnable,
    plan,
    remediation_of,
    seal_of,
)
from clawback.response.policy import Policy
from clawback.response.undo import undo

OFF = Policy()


def planned(*deliveries: Delivery, policy: Policy = OFF, **ground: frozenset[str]) -> Plan:
    folders = {d.id: f"soft_deleted/{d.handle.folder}" for d in deliveries}
    return plan(
        "inv-1",
        cluster(*deliveries),
        Ground(deliveries, folders, **ground),
        action=ActionKind.SOFT_DELETE,
        policy=policy,
        now=NOW,
    )


@pytest.mark.parametrize(
    ("location", "acts"),
    [
        (DeliveryLocation.INBOX, True),
        (DeliveryLocation.JUNK, True),
        (DeliveryLocation.DELETED_ITEMS, True),
        (DeliveryLocation.SENT, True),
        (DeliveryLocation.OTHER_FOLDER, True),
        (DeliveryLocation.QUARANTINE, False),
        (DeliveryLocation.SOFT_DELETED, False),
        (DeliveryLocation.HARD_DELETED, False),
        (DeliveryLocation.UNKNOWN, False),
    ],
)
def test_only_copies_in_a_mailbox_are_acted_on(location: DeliveryLocation, acts: bool) -> None:
    made = planned(delivery(1, location))
    assert (len(made.deeds), len(made.skips)) == ((1, 0) if acts else (0, 1))


def test_every_skip_says_why() -> None:
    copies = [delivery(n) for n in range(4)]
    policy = Policy(excluded_mailboxes=frozenset({"user0@example.org"}))
    made = planned(*copies, policy=policy, held=frozenset({"dlv-0001"}), spared=frozenset({"dlv-0002"}))
    assert {s.delivery_id: s.reason for s in made.skips} == {
        "dlv-0000": "excluded mailbox",
        "dlv-0001": "another remediation has it",
        "dlv-0002": "a person put it back",
    }
    assert [d.delivery_id for d in made.deeds] == ["dlv-0003"]


def test_a_system_without_the_place_is_left_alone() -> None:
    made = plan(
        "inv-1",
        cluster(delivery(1)),
        Ground((delivery(1),), {}),
        action=ActionKind.SOFT_DELETE,
        policy=Policy(),
        now=NOW,
    )
    assert [s.reason for s in made.skips] == ["the mail system has no place for soft_delete"]


@given(st.lists(st.sampled_from(list(DeliveryLocation)), max_size=30))
def test_every_copy_has_exactly_one_entry(locations: list[DeliveryLocation]) -> None:
    made = planned(*(delivery(n, location) for n, location in enumerate(locations)))
    entries = [d.delivery_id for d in made.deeds] + [s.delivery_id for s in made.skips]
    assert sorted(entries) == [f"dlv-{n:04d}" for n in range(len(locations))]


@given(st.permutations(range(6)))
def test_the_order_of_gathering_does_not_change_the_hash(order: list[int]) -> None:
    assert planned(*(delivery(n) for n in order)).hash == planned(*(delivery(n) for n in range(6))).hash


def test_the_hash_survives_storage_and_notices_any_edit() -> None:
    made = planned(delivery(1), delivery(2, DeliveryLocation.QUARANTINE))
    stored = msgspec.json.decode(msgspec.json.encode(made), type=Plan)
    assert stored == made
    assert seal_of(stored) == made.hash
    edited = replace(made, deeds=(replace(made.deeds[0], folder="INBOX"),))
    assert seal_of(edited) != made.hash
    assert seal_of(replace(made, skips=())) != made.hash


def test_a_plan_runs_only_with_an_approval_of_its_own_hash() -> None:
    made = planned(delivery(1))
    check_runnable(made, Approval(made.hash, "ann", NOW))
    with pytest.raises(ApprovalMissing):
        check_runnable(made, None)
    with pytest.raises(ApprovalMissing):
        check_runnable(made, Approval("0" * 64, "ann", NOW))
    tampered = replace(made, deeds=(replace(made.deeds[0], folder="INBOX"),))
    with pytest.raises(ApprovalMissing):
        check_runnable(tampered, Approval(made.hash, "ann", NOW))


def test_decisions_come_too_late_or_about_another_plan() -> None:
    waiting = remediation_of(planned(delivery(1)))
    check_decidable(waiting, waiting.plan_hash, NOW)
    with pytest.raises(PlanStale, match="expired"):
        check_decidable(waiting, None, NOW + timedelta(days=7))
    with pytest.raises(PlanStale, match="not the plan"):
        check_decidable(waiting, "0" * 64, NOW)
    with pytest.raises(PlanStale, match="not pending"):
        check_decidable(replace(waiting, status=RemediationStatus.COMPLETED), None, NOW)


def test_undo_plans_the_way_back_for_what_was_moved() -> None:
    made = planned(delivery(1), delivery(2))
    first, second = made.deeds
    there = replace(first.handle, folder="soft_deleted/INBOX")
    receipts = [
        (first, Receipt(0, Outcome.REMOVED, "", first.handle, there, NOW, frozenset({"\\Flagged"}), NOW)),
        (second, Receipt(1, Outcome.FAILED, "ReadOnly", second.handle, second.handle, NOW)),
    ]
    done = replace(remediation_of(made), status=RemediationStatus.COMPLETED)
    back = undo(done, receipts, policy=Policy(), now=NOW)
    assert [(d.handle, d.folder, d.flags) for d in back.deeds] == [(there, "INBOX", frozenset({"\\Flagged"}))]
    assert [s.reason for s in back.skips] == ["was not moved: failed"]
    assert back.undoes == made.id
    assert seal_of(back) == back.hash


def test_undo_refuses_what_cannot_come_back() -> None:
    done = replace(remediation_of(planned(delivery(1))), status=RemediationStatus.COMPLETED)
    with pytest.raises(CapabilityMissing, match="hard delete"):
        undo(replace(done, kind=ActionKind.HARD_DELETE), [], policy=Policy(), now=NOW)
    with pytest.raises(CapabilityMissing, match="nothing to put back"):
        undo(done, [], policy=Policy(), now=NOW)
    with pytest.raises(PlanStale, match="undone by"):
        undo(replace(done, undone_by="rem-2"), [], policy=Policy(), now=NOW)
    with pytest.raises(PlanStale, match="only a completed"):
        undo(replace(done, status=RemediationStatus.RUNNING), [], policy=Policy(), now=NOW)
