from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from tests.store.make import HOUR, NOW, delivery, features, indicator, message, plan, remediation

from clawback.analysis.clusters import Cluster, ClusterKind, Member
from clawback.analysis.entities import Entity, EntityKind, Reason
from clawback.analysis.indicators import Match, Threat, VerdictKind
from clawback.message.delivery import DeliveryLocation
from clawback.response.plan import ActionKind, Approval, Outcome, Plan, Receipt, RemediationStatus, Tally
from clawback.response.standing import StandingOrder
from clawback.store import Store, Unit

S = RemediationStatus
PENDING, RUNNING = frozenset({S.PENDING}), frozenset({S.RUNNING})


def cluster(number: int, *members: str) -> Cluster:
    bad = indicator(number)
    key = Entity(EntityKind.URL, bad.value)
    why = (Reason("same_url", key, "body", "It carries the URL."),)
    return Cluster(
        f"clu-{number}",
        ClusterKind.MALICIOUS_URL,
        key,
        "EmailUrlInfo",
        NOW,
        VerdictKind.MALICIOUS,
        Threat.PHISH,
        tuple(Member(m, why) for m in members),
        bad,
    )


def order(number: int, *, until: timedelta = HOUR) -> StandingOrder:
    return StandingOrder(
        f"act-{number}",
        "inv-1",
        f"clu-{number}",
        ClusterKind.MALICIOUS_URL,
        indicator(number),
        ActionKind.SOFT_DELETE,
        "ann \udce9",
        NOW,
        "seen",
        NOW,
        NOW + until,
    )


def arm(unit: Unit, number: int, *members: str, until: timedelta = HOUR) -> StandingOrder:
    unit.clusters.save(cluster(number, *members), "inv-1")
    made = order(number, until=until)
    unit.standing.put(made)
    return made


def test_orders_are_found_by_remediation_cluster_key_and_member(store: Store) -> None:
    with store.write() as unit:
        one, two = arm(unit, 1, "msg-1", "msg-2"), arm(unit, 2, "msg-2")
        key = Entity(EntityKind.URL, one.indicator.value)
        assert unit.standing.of_remediation("act-1") == one
        assert unit.standing.of_remediation("act-1", hold=True) == one
        assert unit.standing.of_remediation("act-9") is None
        assert unit.standing.of_cluster("clu-2") == two
        assert unit.standing.of_cluster("clu-9") is None
        assert unit.standing.matching([key], NOW) == (one,)
        assert unit.standing.matching([Entity(EntityKind.HOST, key.value)], NOW) == ()
        found = unit.standing.of_messages(["msg-1", "msg-2", "msg-3"], NOW)
        assert found == {"msg-1": [one], "msg-2": [one, two]}
        assert (unit.standing.any(NOW), unit.standing.count()) == (True, 2)


def test_a_prefix_is_found_by_its_host(store: Store) -> None:
    with store.write() as unit:
        unit.clusters.save(cluster(1), "inv-1")
        made = order(1)
        prefix = replace(made.indicator, match=Match.PREFIX, value="http://evil.example/a")
        made = replace(made, indicator=prefix)
        unit.standing.put(made)
        assert unit.standing.matching([Entity(EntityKind.HOST, "evil.example")], NOW) == (made,)


def test_an_order_put_again_takes_the_place_of_the_old_one(store: Store) -> None:
    with store.write() as unit:
        arm(unit, 1)
        later = replace(order(1, until=2 * HOUR), indicator=indicator(7))
        unit.standing.put(later)
        assert unit.standing.of_cluster("clu-1") == later
        assert unit.standing.matching([Entity(EntityKind.URL, indicator(1).value)], NOW) == ()
        assert unit.standing.matching([Entity(EntityKind.URL, indicator(7).value)], NOW) == (later,)


def test_expired_orders_are_due_and_are_not_found_any_more(store: Store) -> None:
    with store.write() as unit:
        old, new = arm(unit, 1, "msg-1", until=HOUR), arm(unit, 2, "msg-1", until=2 * HOUR)
        late = NOW + HOUR
        keys = [Entity(EntityKind.URL, o.indicator.value) for o in (old, new)]
        assert unit.standing.due(NOW, 10) == ()
        assert unit.standing.due(late, 10) == (old,)
        assert unit.standing.due(NOW + 2 * HOUR, 1) == (old,)
        assert unit.standing.matching(keys, late) == (new,)
        assert unit.standing.matching(keys, None) == (old, new)
        assert unit.standing.of_messages(["msg-1"], late) == {"msg-1": [new]}
        unit.standing.remove("act-1")
        unit.standing.remove("act-1")
        assert unit.standing.due(late, 10) == ()
        assert not unit.standing.any(NOW + 2 * HOUR)


def test_late_copies_wait_for_their_order_and_outlive_it(store: Store) -> None:
    with store.write() as unit:
        arm(unit, 1)
        unit.standing.add_late("act-1", ["dlv-2", "dlv-1"])
        unit.standing.add_late("act-1", ["dlv-2", "dlv-3"])
        unit.standing.add_late("act-2", ["dlv-1"])
        unit.standing.strike_late("act-1", ["dlv-3", "dlv-9"])
        unit.standing.remove("act-1")
        assert unit.standing.late("act-1") == ("dlv-1", "dlv-2")
        assert unit.standing.late("act-2") == ("dlv-1",)


def test_places_of_a_cluster_are_counted_without_reading_it(store: Store) -> None:
    with store.write() as unit:
        unit.messages.add([(message(n), features(n)) for n in range(1, 4)])
        copies = [delivery(n, message_id=f"msg-{n % 3 + 1}") for n in range(1, 8)]
        gone = [replace(copies[0], location=DeliveryLocation.SOFT_DELETED)]
        gone += [replace(copies[1], location=DeliveryLocation.UNKNOWN)]
        unit.deliveries.save([*gone, *copies[2:]])
        whole = cluster(1, "msg-1", "msg-2")
        unit.clusters.save(whole, "inv-1")
        places = unit.clusters.places("clu-1")
        assert (places.copies, places.in_mailbox, places.unknown, places.elsewhere) == (5, 4, 0, 1)
        assert unit.clusters.head("clu-1") == replace(whole, members=())


def _plan(number: int, follows: str = "", deeds: int = 2) -> Plan:
    return replace(plan(number, deeds=deeds), follows=follows, kind=ActionKind.SOFT_DELETE)


def _add(unit: Unit, number: int, follows: str = "", *, deeds: int = 2, done: bool = True) -> None:
    made = _plan(number, follows, deeds)
    unit.remediations.add(replace(remediation(made, number), follows=follows), made)
    if not done:
        return
    unit.remediations.set_status(
        f"act-{number}", S.APPROVED, expected=PENDING, at=NOW, approval=Approval(made.hash, "ann", NOW)
    )
    unit.remediations.set_status(f"act-{number}", S.RUNNING, expected=frozenset({S.APPROVED}), at=NOW)
    seqs = [d.seq for d in made.deeds]
    unit.remediations.intend(f"act-{number}", seqs, NOW)
    receipts = [Receipt(s, Outcome.REMOVED, "", made.deeds[0].handle, None, NOW) for s in seqs]
    unit.remediations.receipt(f"act-{number}", receipts)
    unit.remediations.set_status(f"act-{number}", S.COMPLETED, expected=RUNNING, at=NOW)


def test_late_copies_are_in_the_account_of_what_they_follow(store: Store) -> None:
    with store.write() as unit:
        _add(unit, 1, deeds=3)
        _add(unit, 2, "act-1", deeds=2)
        _add(unit, 3, "act-1", deeds=1)
        _add(unit, 4, "act-1", deeds=5, done=False)
        root = unit.remediations.get("act-1")
        assert (root.tally, root.late) == (Tally(found=6, removed=6), 3)
        assert unit.remediations.own_tally("act-1") == Tally(found=3, removed=3)
        assert unit.remediations.get("act-2").tally == Tally(found=2, removed=2)
        assert [r.id for r in unit.remediations.list()[0]] == ["act-4", "act-1"]
        assert [r.tally.found for r in unit.remediations.list()[0]] == [5, 6]
        assert [r.id for r in unit.remediations.following("act-1")] == ["act-2", "act-3", "act-4"]
        assert [d.seq for d, _ in unit.remediations.results("act-1")] == [1, 2, 3, 1, 2, 1]
        assert [d.seq for d, _ in unit.remediations.receipts("act-1")] == [1, 2, 3]
        assert unit.remediations.plan("act-2") == _plan(2, "act-1")
        unit.remediations.mark_undone("act-1", "act-9")
        undone = {r.id: r.undone_by for r in unit.remediations.of_cluster("clu-1")}
        assert undone == {"act-1": "act-9", "act-2": "act-9", "act-3": "act-9", "act-4": ""}


def test_what_an_undo_put_back_last_is_known_until_something_takes_it_again(store: Store) -> None:
    with store.write() as unit:
        _add(unit, 1)
        assert unit.remediations.put_back_last(["dlv-1", "dlv-2"]) == set()
        back = replace(plan(2, deeds=1), kind=ActionKind.RESTORE)
        unit.remediations.add(remediation(back, 2), back)
        assert unit.remediations.put_back_last(["dlv-1", "dlv-2"]) == {"dlv-1"}
        _add(unit, 3)
        assert unit.remediations.put_back_last(["dlv-1", "dlv-2"]) == set()


def test_work_put_while_it_waits_is_not_taken_up_before_what_it_is_for_can_be_seen(
    store: Store, store_url: str, tmp_path: Path
) -> None:
    """On PostgreSQL another worker could claim the waiting job, and miss what this unit has not committed."""
    seen: list[tuple[str, ...]] = []

    def claim() -> None:
        other = Store.open(store_url, tmp_path / "blobs")
        with other.write() as unit:
            job = unit.jobs.claim("w", NOW, HOUR)
            if job:
                seen.append(unit.standing.late("act-1"))
        other.close()

    with store.write() as unit:
        unit.jobs.put("late_copies", "act-1", {}, NOW)
    thread = threading.Thread(target=claim)
    with store.write() as unit:
        unit.standing.add_late("act-1", ["dlv-1"])
        unit.jobs.put("late_copies", "act-1", {}, NOW)
        thread.start()
        if store_url.startswith("postgresql"):  # on SQLite it waits until this unit has ended
            thread.join()
            assert seen == []
    thread.join()
    claim()
    assert seen == [("dlv-1",)]


def test_work_taken_up_in_between_is_put_again(store: Store, store_url: str, tmp_path: Path) -> None:
    if store_url.startswith("sqlite"):
        with store.write() as unit:
            unit.jobs.put("late_copies", "act-1", {}, NOW)
            assert unit.jobs.claim("w", NOW, HOUR) is not None
            unit.jobs.put("late_copies", "act-1", {}, NOW)
            assert unit.jobs.waiting() == 2
        return
    claimed, put = threading.Event(), threading.Event()
    other = Store.open(store_url, tmp_path / "blobs")

    def behind() -> None:
        claimed.wait(30)
        with other.write() as unit:
            unit.jobs.put("late_copies", "act-1", {}, NOW)
        put.set()

    with store.write() as unit:
        unit.jobs.put("late_copies", "act-1", {}, NOW)
    thread = threading.Thread(target=behind)
    thread.start()
    with store.write() as unit:
        assert unit.jobs.claim("w", NOW, HOUR) is not None
        claimed.set()
        assert not put.wait(0.2)  # it waits for the row that this unit has
    thread.join(30)
    other.close()
    with store.read() as unit:
        assert unit.jobs.waiting() == 2
