"""Standing orders and joined accounts: who is armed, what is covered, what runs, and that sums hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.response.builders import KEY, NOW, cluster, delivery
from tests.response.test_investigation import APPROVED, STARTED, completed, fresh, linked, places, planned

from clawback.analysis.clusters import ClusterKind
from clawback.analysis.indicators import Indicator, IndicatorKind, VerdictKind, indicator
from clawback.errors import PlanStale
from clawback.message.delivery import Delivery
from clawback.message.link import Link, LinkLocation
from clawback.message.message import Message
from clawback.response.applying import apply
from clawback.response.brake import Lately, decide_late
from clawback.response.collateral import Collateral
from clawback.response.describe import describe
from clawback.response.events import (
    ClusterArmed,
    ClusterDisarmed,
    InvestigationEvent,
    RemediationApproved,
    RemediationCancelled,
    RemediationCompleted,
    RemediationExpired,
    RemediationPlanned,
)
from clawback.response.investigation import Investigation, InvestigationStatus
from clawback.response.plan import (
    AUTOMATION,
    STANDING,
    ActionKind,
    Approval,
    Outcome,
    Plan,
    Receipt,
    Remediation,
    RemediationStatus,
    Tally,
)
from clawback.response.planning import Ground, plan, remediation_of, seal_of
from clawback.response.policy import Policy
from clawback.response.standing import (
    StandingOrder,
    approve_late,
    covers,
    extended,
    same_key,
    standing_order,
    why_covered,
)
from clawback.response.undo import undo

S = RemediationStatus
NOTHING = Collateral()
DAY = timedelta(days=1)


def listed(value: str = KEY.value, *, source: str = "feed", good: bool = False, days: int = 0) -> Indicator:
    return indicator(
        IndicatorKind.URL,
        value,
        verdict=VerdictKind.NO_THREATS_FOUND if good else VerdictKind.MALICIOUS,
        source=source,
        added_at=NOW - DAY,
        expires_at=NOW - DAY + days * DAY if days else None,
    )


def carrier(*urls: str) -> Message:
    host = "evil.example"
    links = tuple(Link(url, url, LinkLocation.BODY, "a.href", host, host) for url in urls)
    return Message(id="msg-x", raw_sha256="0" * 64, size=1, links=links)


def removal(
    *, by: str = "ann", kind: ActionKind = ActionKind.SOFT_DELETE, status: S = S.COMPLETED
) -> Remediation:
    copies = [delivery(n) for n in range(2)]
    ground = Ground(tuple(copies), {d.id: "vault" for d in copies})
    made = plan("inv-1", cluster(*copies), ground, action=kind, policy=Policy(), now=NOW)
    done = remediation_of(made)
    return replace(done, status=status, approval=Approval(made.hash, by, NOW, "seen"))


def order(*, by: str = "ann", bad: Indicator | None = None) -> StandingOrder:
    armed = replace(cluster(), indicator=bad or listed())
    made = standing_order(removal(by=by), armed, Policy(), NOW)
    assert made is not None
    return made


def test_a_completed_removal_leaves_an_order_for_as_long_as_the_policy_says() -> None:
    made = order()
    assert (made.remediation_id, made.cluster_id) == (removal().id, "clu-1")
    assert (made.approved_by, made.note, made.until) == ("ann", "seen", NOW + 30 * DAY)
    armed = replace(cluster(), indicator=listed())
    short = standing_order(removal(), armed, Policy(armed=timedelta(hours=5)), NOW)
    assert short is not None
    assert short.until == NOW + timedelta(hours=5)


@pytest.mark.parametrize(
    ("change", "policy"),
    [
        ({}, Policy(armed=timedelta(0))),
        ({"status": S.FAILED}, Policy()),
        ({"kind": ActionKind.RESTORE}, Policy()),
        ({"kind": ActionKind.MOVE_TO_INBOX}, Policy()),
        ({"follows": "rem-0"}, Policy()),
        ({"approval": None}, Policy()),
    ],
)
def test_others_leave_none(change: dict[str, Any], policy: Policy) -> None:
    armed = replace(cluster(), indicator=listed())
    assert standing_order(replace(removal(), **change), armed, policy, NOW) is None


def test_a_cluster_of_unknown_listing_leaves_none() -> None:
    assert standing_order(removal(), cluster(), Policy(), NOW) is None


def test_what_carries_the_indicator_is_covered_and_says_why() -> None:
    assert covers(order(), carrier(KEY.value), False, (), NOW)
    assert [r.code for r in why_covered(order(), carrier(KEY.value), (), NOW)] == ["same_url"]
    assert not covers(order(), carrier("https://evil.example/y"), False, (), NOW)
    assert covers(order(), carrier("https://evil.example/y"), True, (), NOW)


def test_an_expired_indicator_goes_on_to_hold_and_a_persons_word_beats_it() -> None:
    good = listed(source="manual", good=True)
    expired = order(bad=listed(source="manual", days=1))
    assert covers(expired, carrier(KEY.value), True, (), NOW)
    assert not covers(expired, carrier(KEY.value), True, (good,), NOW)
    assert covers(order(bad=listed(source="manual")), carrier(KEY.value), True, (good,), NOW)
    assert not covers(order(bad=listed(source="feed")), carrier(KEY.value), True, (good,), NOW)


def test_an_order_is_about_a_key_whoever_lists_it() -> None:
    assert same_key(order(), listed(source="manual"))
    assert not same_key(order(), listed("https://evil.example/y"))


def test_a_cluster_removed_again_keeps_its_order_for_longer() -> None:
    old = order(by=AUTOMATION)
    new = replace(order(), remediation_id="rem-2", until=old.until + DAY)
    both = extended(old, new)
    assert (both.remediation_id, both.until, both.approved_by) == (old.remediation_id, new.until, "ann")
    assert extended(new, old) == new
    assert extended(replace(old, approved_by="bob"), new).approved_by == "bob"


def late_plan(*copies: Delivery) -> Plan:
    ground = Ground(copies, {d.id: "vault" for d in copies})
    kind = ActionKind.SOFT_DELETE
    return plan("inv-1", cluster(), ground, action=kind, policy=Policy(), now=NOW, follows="rem-1")


def test_late_copies_run_by_the_approval_there_was() -> None:
    made = late_plan(delivery(1))
    decision = decide_late(made, order(), Policy(), NOTHING, Lately())
    approval = approve_late(made, decision, NOW)
    assert decision.automatic
    assert (approval.plan_hash, approval.by) == (made.hash, STANDING)
    assert "approved by ann" in approval.note
    assert "note: seen" in approval.note


def test_over_the_limit_and_after_automation_was_turned_off_they_wait() -> None:
    made = late_plan(*(delivery(n) for n in range(3)))
    assert not decide_late(made, order(), Policy(limit=2), NOTHING, Lately()).automatic
    by_itself = order(by=AUTOMATION)
    assert not decide_late(made, by_itself, Policy(), NOTHING, Lately()).automatic
    on = Policy(automatic=frozenset(ClusterKind))
    assert decide_late(made, by_itself, on, NOTHING, Lately()).automatic


def test_what_a_plan_follows_is_sealed_and_older_seals_hold() -> None:
    ground = Ground((delivery(1),), {"dlv-0001": "vault"})
    alone = plan("inv-1", cluster(), ground, action=ActionKind.SOFT_DELETE, policy=Policy(), now=NOW)
    late = late_plan(delivery(1))
    assert alone.hash != late.hash
    assert seal_of(alone) == alone.hash
    assert seal_of(late) == late.hash
    assert seal_of(replace(late, follows="rem-2")) != late.hash
    assert alone.hash == "dfef160841c1c695a62876a7321a7baf33ad097845ae3e30cc678ef66e119be6"


def test_an_old_policy_reads_with_the_usual_time_armed() -> None:
    old = {"automatic": ["malicious_url"], "limit": 5, "excluded_mailboxes": [], "expiry": "P7D"}
    assert msgspec.convert(old, Policy).armed == 30 * DAY
    none = Policy(armed=timedelta(0))
    assert msgspec.convert(msgspec.to_builtins(none), Policy) == none


def test_undo_takes_back_each_copy_once_from_where_it_was_taken_last() -> None:
    done = removal()
    copy = delivery(1)
    (first,) = plan("inv-1", cluster(), Ground((copy,), {copy.id: "v1"}), action=ActionKind.SOFT_DELETE,
                    policy=Policy(), now=NOW).deeds  # fmt: skip
    other = delivery(2)
    h = copy.handle
    v1, v2, back = replace(h, folder="v1"), replace(h, folder="v2"), replace(h, folder="Archive")
    second = replace(first, handle=back)
    gone = replace(first, delivery_id=other.id)
    results = [
        (first, Receipt(0, Outcome.REMOVED, "", h, v1, NOW)),
        (gone, Receipt(1, Outcome.REMOVED, "", other.handle, v1, NOW)),
        (second, Receipt(0, Outcome.REMOVED, "", back, v2, NOW)),
        (gone, Receipt(1, Outcome.ALREADY_GONE, "", v1, None, NOW)),
    ]
    made = undo(done, results, policy=Policy(), now=NOW)
    assert [(d.handle, d.folder) for d in made.deeds] == [(v2, "Archive")]
    assert [s.delivery_id for s in made.skips] == [other.id]
    with pytest.raises(PlanStale, match="undo that one"):
        undo(replace(done, follows="rem-0"), results, policy=Policy(), now=NOW)


def late(n: int, remediation: str = "rem-2", skipped: int = 0) -> RemediationPlanned:
    kind = ActionKind.SOFT_DELETE
    return RemediationPlanned("inv-1", "clu-1", remediation, kind, "h", n, skipped, follows="rem-1")


def told(*events: InvestigationEvent) -> Investigation:
    state = fresh()
    for event in (linked(3), planned(3), APPROVED, STARTED, completed(3), *events):
        state = apply(state, event, "ann", NOW)
    return state


def approved(remediation: str = "rem-2") -> RemediationApproved:
    return RemediationApproved("inv-1", remediation, "h", "standing")


def test_late_copies_join_the_account_and_the_investigation_runs_meanwhile() -> None:
    state = told(linked(1, removed=3), late(1, skipped=1), approved())
    (one,) = state.remediations
    assert (one.remediation_id, one.late) == ("rem-1", 2)
    assert one.tally == Tally(found=5, removed=3, skipped=1, open=1)
    assert state.status is InvestigationStatus.RUNNING
    tally = Tally(found=2, already_gone=1, skipped=1)
    done = apply(state, RemediationCompleted("inv-1", "rem-2", tally, places(0, 4)), "ann", NOW)
    (one,) = done.remediations
    assert one.tally == Tally(found=5, removed=3, already_gone=1, skipped=1)
    assert (one.following, one.status, done.status) == ((), S.COMPLETED, InvestigationStatus.REMEDIATED)
    assert done.clusters[0].now == places(0, 4)


def test_late_copies_that_wait_stand_by_themselves_until_they_may_go() -> None:
    state = told(late(5))
    assert state.status is InvestigationStatus.PENDING_ACTION
    assert [r.remediation_id for r in state.remediations] == ["rem-1", "rem-2"]
    gone = apply(state, RemediationExpired("inv-1", "rem-2"), "ann", NOW)
    assert [r.status for r in gone.remediations] == [S.COMPLETED, S.EXPIRED]
    joined = apply(state, approved(), "ann", NOW)
    assert [(r.remediation_id, r.tally.found) for r in joined.remediations] == [("rem-1", 8)]


def test_late_copies_cancelled_before_they_began_leave_the_account() -> None:
    state = told(late(2), approved(), late(1, "rem-3"), approved("rem-3"))
    assert state.remediations[0].tally.open == 3
    event = RemediationCancelled("inv-1", "rem-2", "undone")
    left = apply(state, event, "ann", NOW)
    assert [(r.remediation_id, r.tally.found, r.late) for r in left.remediations] == [
        ("rem-1", 4, 1),
        ("rem-2", 2, 0),
    ]
    assert left.remediations[1].status is S.CANCELLED
    assert left.status is InvestigationStatus.RUNNING


def test_a_record_kept_with_open_late_copies_reads_as_it_was() -> None:
    state = told(late(2), approved())
    assert msgspec.json.decode(msgspec.json.encode(state), type=Investigation) == state


def test_a_cluster_shows_until_when_it_is_armed() -> None:
    armed = ClusterArmed("inv-1", "clu-1", "rem-1", NOW + DAY)
    state = told(armed)
    assert state.clusters[0].armed_until == NOW + DAY
    assert apply(state, linked(1), "ann", NOW).clusters[0].armed_until == NOW + DAY
    off = apply(state, ClusterDisarmed("inv-1", "clu-1", "rem-1", "asked for"), "ann", NOW)
    assert off.clusters[0].armed_until is None
    assert describe(armed).startswith("late copies are taken out for rem-1 until 2026-11-25")
    assert describe(late(1)).startswith("late copies of rem-1: soft_delete of 1 copies planned")
