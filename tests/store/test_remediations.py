from __future__ import annotations

from dataclasses import replace

import pytest
from tests.store.make import HOUR, NOW, handle, plan, remediation

from clawback.errors import Corrupt, NotFound, PlanStale
from clawback.message.delivery import DeliveryLocation, Handle
from clawback.response.plan import (
    ActionKind,
    Approval,
    Outcome,
    Plan,
    Receipt,
    RemediationStatus,
    Tally,
)
from clawback.store import Store

PENDING = frozenset({RemediationStatus.PENDING})
APPROVED = frozenset({RemediationStatus.APPROVED})
RUNNING = frozenset({RemediationStatus.RUNNING})


def _receipt(seq: int, outcome: Outcome = Outcome.REMOVED) -> Receipt:
    after = handle(seq, folder="clawback/SoftDeleted") if outcome is Outcome.REMOVED else None
    return Receipt(seq, outcome, "moved \udce9", handle(seq), after, NOW, frozenset({"\\Seen"}), NOW - HOUR)


def _add(store: Store, whole: Plan, number: int = 1) -> None:
    with store.write(durable=True) as unit:
        unit.remediations.add(remediation(whole, number), whole)


def test_a_plan_comes_back_whole(store: Store) -> None:
    whole = plan(deeds=3, skips=2)
    odd = replace(whole.deeds[0], handle=Handle("m", "\udce9@x", ".\udce4", "1\x00", "v"), folder=".\udce4")
    whole = replace(whole, deeds=(odd, *whole.deeds[1:]))
    _add(store, whole)
    with store.read() as unit:
        assert unit.remediations.plan("act-1") == whole
        assert unit.remediations.get("act-1") == remediation(whole)
        assert unit.remediations.skips("act-1") == whole.skips


def test_an_empty_plan_is_a_plan(store: Store) -> None:
    _add(store, plan(deeds=0))
    with store.read() as unit:
        assert unit.remediations.plan("act-1") == plan(deeds=0)
        assert unit.remediations.get("act-1").tally == Tally()
        assert unit.remediations.planned("act-1", 10) == ()


def test_an_id_is_given_only_once(store: Store) -> None:
    _add(store, plan())
    with pytest.raises(Corrupt):
        _add(store, plan(2))


def test_what_is_unknown_is_not_found(store: Store) -> None:
    with store.write() as unit:
        ledger = unit.remediations
        for ask in (ledger.get, ledger.plan, ledger.intended, ledger.skips):
            with pytest.raises(NotFound):
                ask("act-9")
        with pytest.raises(NotFound):
            ledger.set_status("act-9", RemediationStatus.APPROVED, expected=PENDING, at=NOW)
        with pytest.raises(NotFound):
            list(ledger.receipts("act-9"))
        with pytest.raises(NotFound):
            ledger.mark_undone("act-9", "act-1")


def test_deeds_go_from_planned_by_intent_to_receipt_and_are_counted(store: Store) -> None:
    whole = plan(deeds=6, skips=2)
    _add(store, whole)
    with store.write(durable=True) as unit:
        assert unit.remediations.planned("act-1", 4) == whole.deeds[:4]
        unit.remediations.intend("act-1", [1, 2, 3, 4], NOW)
    with store.write(durable=True) as unit:
        assert unit.remediations.planned("act-1", 4) == whole.deeds[4:]
        assert unit.remediations.intended("act-1") == whole.deeds[:4]
        outcomes = (Outcome.REMOVED, Outcome.ALREADY_GONE, Outcome.FAILED)
        unit.remediations.receipt("act-1", [_receipt(seq, o) for seq, o in enumerate(outcomes, 1)])
        unit.remediations.receipt("act-1", [_receipt(6, Outcome.SKIPPED)])
    with store.read() as unit:
        assert unit.remediations.intended("act-1") == (whole.deeds[3],)
        assert unit.remediations.planned("act-1", 10) == (whole.deeds[4],)
        account = Tally(found=8, removed=1, already_gone=1, failed=1, skipped=3, open=2)
        assert unit.remediations.get("act-1").tally == account
        pairs = list(unit.remediations.receipts("act-1"))
        assert [deed for deed, _ in pairs] == [whole.deeds[n] for n in (0, 1, 2, 5)]
        assert pairs[0][1] == _receipt(1)
        assert pairs[1][1] == _receipt(2, Outcome.ALREADY_GONE)


def test_unsettled_deeds_on_the_same_bytes_in_a_mailbox_are_found(store: Store) -> None:
    whole = plan(deeds=4)
    _add(store, whole)
    shas = [deed.raw_sha256 for deed in whole.deeds]
    with store.write(durable=True) as unit:
        unit.remediations.intend("act-1", [1, 2, 3], NOW)
        unit.remediations.receipt("act-1", [_receipt(2)])
    with store.read() as unit:
        ann = whole.deeds[0].handle.source, whole.deeds[0].handle.mailbox
        assert unit.remediations.unsettled(*ann, shas) == (whole.deeds[0], whole.deeds[2])
        assert unit.remediations.unsettled(*ann, shas[:1]) == whole.deeds[:1]
        assert unit.remediations.unsettled(ann[0], ann[1].replace("a", "_"), shas) == ()
        assert unit.remediations.unsettled(ann[0], "x" + ann[1], shas) == ()


def test_a_second_receipt_is_refused_and_leaves_nothing(store: Store) -> None:
    _add(store, plan(deeds=3))
    with store.write() as unit:
        unit.remediations.receipt("act-1", [_receipt(2)])
    with pytest.raises(Corrupt), store.write() as unit:
        unit.remediations.receipt("act-1", [_receipt(1), _receipt(2, Outcome.FAILED)])
    with store.read() as unit:
        assert [receipt for _, receipt in unit.remediations.receipts("act-1")] == [_receipt(2)]
        assert unit.remediations.get("act-1").tally == Tally(found=3, removed=1, open=2)


def test_receipts_and_intents_need_their_deed(store: Store) -> None:
    _add(store, plan(deeds=2))
    with pytest.raises(Corrupt), store.write() as unit:
        unit.remediations.receipt("act-1", [_receipt(3)])
    with pytest.raises(Corrupt), store.write() as unit:
        unit.remediations.intend("act-1", [2, 3], NOW)
    with store.write() as unit:
        assert unit.remediations.intended("act-1") == ()
        unit.remediations.intend("act-1", [1], NOW)
    with pytest.raises(Corrupt), store.write() as unit:
        unit.remediations.intend("act-1", [1], NOW)


def test_long_ledgers_are_read_in_batches(store: Store) -> None:
    whole = plan(deeds=2_500)
    _add(store, whole)
    with store.write() as unit:
        unit.remediations.intend("act-1", [deed.seq for deed in whole.deeds], NOW)
        unit.remediations.receipt("act-1", [_receipt(deed.seq) for deed in whole.deeds])
        assert [deed.seq for deed, _ in unit.remediations.receipts("act-1")] == list(range(1, 2_501))


def test_status_moves_only_from_where_it_is_expected(store: Store) -> None:
    _add(store, plan())
    approval = Approval("f" * 64, "ann \udce9", NOW + HOUR, "go")
    with store.write(durable=True) as unit:
        approved = unit.remediations.set_status(
            "act-1", RemediationStatus.APPROVED, expected=PENDING, at=NOW + HOUR, approval=approval
        )
        assert (approved.status, approved.approval) == (RemediationStatus.APPROVED, approval)
        assert (approved.decided_at, approved.started_at) == (NOW + HOUR, None)
    with pytest.raises(PlanStale), store.write() as unit:
        unit.remediations.set_status("act-1", RemediationStatus.REJECTED, expected=PENDING, at=NOW)
    with store.write() as unit:
        for expected, new, hours in (
            (APPROVED, RemediationStatus.RUNNING, 2),
            (RUNNING, RemediationStatus.RUNNING, 3),
            (RUNNING, RemediationStatus.COMPLETED, 4),
        ):
            unit.remediations.set_status("act-1", new, expected=expected, at=NOW + hours * HOUR, note="done")
        done = unit.remediations.get("act-1")
    assert (done.decided_at, done.started_at, done.ended_at) == (NOW + HOUR, NOW + 2 * HOUR, NOW + 4 * HOUR)
    assert (done.approval, done.note, done.status) == (approval, "done", RemediationStatus.COMPLETED)


@pytest.mark.parametrize("status", ["rejected", "expired", "cancelled"])
def test_what_never_ran_is_decided_and_ended_at_once(store: Store, status: str) -> None:
    _add(store, plan())
    with store.write() as unit:
        ended = unit.remediations.set_status("act-1", RemediationStatus(status), expected=PENDING, at=NOW)
    assert (ended.decided_at, ended.started_at, ended.ended_at) == (NOW, None, NOW)


def test_the_action_center_lists_newest_first_with_accounts(store: Store) -> None:
    for number in range(1, 6):
        _add(store, plan(number, deeds=number), number)
    with store.write() as unit:
        unit.remediations.receipt("act-4", [_receipt(1)])
        unit.remediations.set_status("act-5", RemediationStatus.REJECTED, expected=PENDING, at=NOW)
        unit.remediations.mark_undone("act-1", "act-5")
    with store.read() as unit:
        first, cursor = unit.remediations.list(statuses={RemediationStatus.PENDING}, limit=2)
        second, end = unit.remediations.list(statuses={RemediationStatus.PENDING}, limit=2, cursor=cursor)
        assert [r.id for r in (*first, *second)] == ["act-4", "act-3", "act-2", "act-1"]
        assert end == ""
        assert first[0].tally == Tally(found=4, removed=1, open=3)
        assert second[1].undone_by == "act-5"
        assert unit.remediations.list(investigation_id="inv-9") == ((), "")
        assert unit.remediations.list(statuses=frozenset()) == ((), "")
        assert len(unit.remediations.list(investigation_id="inv-1")[0]) == 5


def test_deliveries_in_open_remediations_are_told(store: Store) -> None:
    _add(store, plan(1, deeds=2), 1)
    with store.write() as unit:
        assert unit.remediations.open_for(["dlv-1", "dlv-3"]) == {"dlv-1"}
        unit.remediations.set_status("act-1", RemediationStatus.REJECTED, expected=PENDING, at=NOW)
        assert unit.remediations.open_for(["dlv-1", "dlv-3"]) == set()
        assert unit.remediations.open_for([]) == set()


def test_deliveries_that_an_undo_puts_back_are_told(store: Store) -> None:
    _add(store, plan(1, deeds=2), 1)
    _add(store, replace(plan(2, deeds=1), kind=ActionKind.RESTORE, cluster_id="clu-2", undoes="act-1"), 2)
    with store.write() as unit:
        key = unit.remediations.get("act-2").key
        other = replace(key, value="another")
        assert unit.remediations.put_back(["dlv-1", "dlv-2"], key) == {"dlv-1"}
        assert unit.remediations.put_back(["dlv-1", "dlv-2"], other) == set()
        unit.remediations.set_status("act-2", RemediationStatus.REJECTED, expected=PENDING, at=NOW)
        assert unit.remediations.put_back(["dlv-1", "dlv-2"], key) == set()


def test_remediations_are_found_by_cluster(store: Store) -> None:
    for number, cluster in enumerate(("clu-1", "clu-2", "clu-1"), 1):
        _add(store, replace(plan(number, deeds=number), cluster_id=cluster), number)
    with store.read() as unit:
        found = unit.remediations.of_cluster("clu-1")
        assert [(r.id, r.tally.found) for r in found] == [("act-1", 1), ("act-3", 3)]
        assert unit.remediations.of_cluster("clu-9") == ()


def test_pending_plans_fall_due(store: Store) -> None:
    _add(store, plan(1), 1)
    _add(store, plan(2), 2)
    with store.write() as unit:
        unit.remediations.set_status("act-2", RemediationStatus.APPROVED, expected=PENDING, at=NOW)
        assert unit.remediations.due(NOW + 23 * HOUR) == ()
        assert unit.remediations.due(NOW + 24 * HOUR) == ("act-1",)


def test_the_location_of_a_deed_is_kept(store: Store) -> None:
    whole = plan(deeds=1)
    junk = replace(whole, deeds=(replace(whole.deeds[0], location=DeliveryLocation.JUNK),))
    _add(store, junk)
    with store.read() as unit:
        assert unit.remediations.plan("act-1").deeds[0].location is DeliveryLocation.JUNK
