"""Standing orders: what arms a cluster, for how long, what disarms it, and how an undo takes it all back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.engine.armed import (
    armed,
    audit,
    by_a_feed,
    late_ones,
    only,
    planned_until,
    removed,
    said_to_be_good,
)
from tests.engine.memory_world import AUTOMATIC, OTHER_URL, URL, USERS, MemoryWorld

from clawback.engine import commands
from clawback.engine.ingest import sync_all
from clawback.errors import NotFound, PlanStale, Unavailable
from clawback.response.investigation import InvestigationStatus as I
from clawback.response.plan import ActionKind, RemediationStatus, Tally
from clawback.response.policy import Policy

S = RemediationStatus
MONTH = timedelta(days=30)


@pytest.fixture
def world(tmp_path: Path, store_url: str) -> Iterator[MemoryWorld]:
    made = MemoryWorld(tmp_path, store_url)
    yield made
    made.close()


def test_undo_brings_the_late_ones_back_too_and_disarms(world: MemoryWorld) -> None:
    world.campaign(3, clean=1)
    world.read()
    world.turn()
    before = world.held()
    commands.approve(world.parts, only(world).id, "ann")
    world.drain()
    for n in range(2):
        seen = world.deliver(USERS[n], f"late {URL} {n}", folder="Archive", flags=["\\Seen", "$Work"])
        before += [h for h in world.held() if h.id == seen.handle.native_id]
        world.read()
    assert world.visible(URL) == []
    done = only(world)
    commands.undo(world.parts, done.id, "ann")
    world.drain()
    assert world.held() == sorted(before)
    back, done = world.actions()
    assert (back.undoes, back.tally, done.undone_by) == (done.id, removed(5), back.id)
    assert {r.undone_by for r in late_ones(world)} == {back.id}
    assert world.orders() == []
    assert [e["reason"] for e in audit(world, "cluster_disarmed")] == [f"{done.id} is undone"]
    with pytest.raises(PlanStale, match="was undone"):
        commands.undo(world.parts, done.id, "ann")
    world.deliver(USERS[0], f"after {URL}")
    world.read()
    assert len(world.visible(URL)) == 6
    assert world.actions()[0].status is S.PENDING


def test_a_remediation_of_late_copies_is_undone_with_the_one_it_follows(world: MemoryWorld) -> None:
    done = armed(world)
    world.deliver(USERS[0], f"late {URL}")
    world.read()
    (late,) = late_ones(world)
    with pytest.raises(PlanStale, match=done.id):
        commands.undo(world.parts, late.id, "ann")
    assert len(world.orders()) == 1


def test_undo_stops_what_has_not_begun_and_waits_for_what_has(world: MemoryWorld) -> None:
    done = armed(world)
    world.deliver(USERS[0], f"late {URL}")
    asyncio.run(sync_all(world.parts))
    world.fail(Unavailable("down"), USERS[0])
    world.drain()
    (hidden,) = world.investigations()[0].clusters
    assert hidden.now.unknown == 1
    world.fail(None, USERS[0])
    asyncio.run(sync_all(world.parts))
    with world.store.read() as unit:
        late = unit.standing.late(done.id)
    assert len(late) == 1
    commands.undo(world.parts, done.id, "ann")
    world.drain()
    assert len(world.visible(URL)) == 4
    undone, _ = [r for r in world.actions() if r.kind is not ActionKind.RESTORE]
    assert undone.status is S.PENDING  # the late one goes the usual way again: it waits for a person


def test_undo_is_refused_while_late_copies_are_being_taken_out(world: MemoryWorld) -> None:
    done = armed(world)
    world.deliver(USERS[0], f"late {URL}")
    asyncio.run(sync_all(world.parts))
    steps = planned_until(world, S.RUNNING)
    assert steps
    with pytest.raises(PlanStale, match="right now"):
        commands.undo(world.parts, done.id, "ann")
    assert world.orders() == []
    world.settle()
    assert only(world).tally == removed(4)
    commands.undo(world.parts, done.id, "ann")
    world.drain()
    assert len(world.visible(URL)) == 4


def test_undo_cancels_late_copies_that_nobody_has_begun_with(world: MemoryWorld) -> None:
    done = armed(world)
    world.deliver(USERS[0], f"late {URL}")
    asyncio.run(sync_all(world.parts))
    assert planned_until(world, S.APPROVED)
    assert only(world).tally == Tally(found=4, removed=3, open=1)
    assert world.investigations()[0].status is I.RUNNING
    commands.undo(world.parts, done.id, "ann")
    world.settle()
    (late,) = late_ones(world)
    assert (late.status, late.note) == (S.CANCELLED, f"{done.id} is undone")
    mine = next(r for r in world.actions() if r.id == done.id)
    assert (mine.tally, mine.late) == (removed(3), 0)
    assert len(world.visible(URL)) == 4
    usual = next(r for r in world.actions() if r.status is S.PENDING)
    assert (usual.follows, usual.tally.open) == ("", 1)


def test_an_expired_indicator_goes_on_to_hold_here(world: MemoryWorld) -> None:
    world.campaign(2, clean=0)
    world.read()
    by_a_feed(world, expires_at=world.clock + timedelta(days=2))
    commands.approve(world.parts, only(world).id, "ann")
    world.drain()
    world.wait(timedelta(days=3))
    world.deliver(USERS[0], f"late {URL}")
    world.read()
    assert world.visible(URL) == []
    assert only(world).tally == removed(3)


def test_a_person_who_says_that_it_is_good_is_heard(world: MemoryWorld) -> None:
    world.campaign(2, clean=0)
    world.read()
    by_a_feed(world)
    commands.approve(world.parts, only(world).id, "ann")
    world.drain()
    said_to_be_good(world)
    world.deliver(USERS[0], f"late {URL}")
    kept = next(h for h in world.held() if h.in_vault)
    world.again(USERS[1], kept.content)
    world.read()
    assert len(world.visible(URL)) == 2
    assert only(world).tally == removed(2)


def test_said_to_be_good_between_arrival_and_plan_it_stays(world: MemoryWorld) -> None:
    world.campaign(2, clean=0)
    world.read()
    by_a_feed(world)
    commands.approve(world.parts, only(world).id, "ann")
    world.drain()
    world.deliver(USERS[0], f"late {URL}")
    asyncio.run(sync_all(world.parts))
    said_to_be_good(world)
    world.drain()
    assert len(world.visible(URL)) == 1
    assert only(world).tally == removed(2)
    assert world.jobs() == ()


def test_taking_the_indicator_back_disarms(world: MemoryWorld) -> None:
    done = armed(world)
    with world.store.read() as unit:
        (listed,) = unit.indicators.list()[0]
    world.deliver(USERS[0], f"just before {URL}")
    asyncio.run(sync_all(world.parts))
    commands.remove_indicator(world.parts, listed.id, "ben")
    world.deliver(USERS[0], f"after {URL}")
    world.read()
    assert len(world.visible(URL)) == 2
    assert only(world).tally == done.tally
    (event,) = audit(world, "cluster_disarmed")
    assert (event["remediation_id"], event["reason"]) == (done.id, f"{URL} is not listed any more")
    assert world.investigations()[0].clusters[0].armed_until is None


def test_a_removal_whose_indicator_was_taken_back_meanwhile_arms_nothing(world: MemoryWorld) -> None:
    world.campaign(2)
    world.read()
    listed = world.turn()
    commands.approve(world.parts, only(world).id, "ann")
    commands.remove_indicator(world.parts, listed.id, "ben")
    world.drain()
    assert (only(world).tally, world.orders()) == (removed(2), [])


def test_a_person_can_disarm(world: MemoryWorld) -> None:
    done = armed(world)
    assert commands.disarm(world.parts, done.id, "ben", note="a drill").remediation_id == done.id
    with pytest.raises(PlanStale, match="not armed"):
        commands.disarm(world.parts, done.id, "ben")
    with pytest.raises(NotFound):
        commands.disarm(world.parts, "rem-0", "ben")
    world.deliver(USERS[0], f"late {URL}")
    world.read()
    assert len(world.visible(URL)) == 1
    assert [r.status for r in world.actions()] == [S.PENDING, S.COMPLETED]
    assert audit(world, "cluster_disarmed")[0]["reason"] == "a drill"


def test_what_waits_when_a_cluster_is_disarmed_goes_the_usual_way(world: MemoryWorld) -> None:
    done = armed(world)
    world.deliver(USERS[0], f"late {URL}")
    asyncio.run(sync_all(world.parts))
    with world.store.write() as unit:  # a worker gave it up
        job = unit.jobs.claim("w", world.now(), timedelta(minutes=1))
        assert job is not None
        unit.jobs.fail(job, "broken", None)
    commands.disarm(world.parts, done.id, "ben")
    world.drain()
    assert [r.status for r in world.actions()] == [S.PENDING, S.COMPLETED]


def test_it_is_armed_for_as_long_as_the_policy_says_and_then_no_more(world: MemoryWorld) -> None:
    armed(world)
    (order,) = world.orders()
    assert order.until - order.armed_at == MONTH
    assert audit(world, "cluster_armed")[0]["cluster_id"] == order.cluster_id
    assert world.investigations()[0].clusters[0].armed_until == order.until
    world.wait(MONTH)
    world.deliver(USERS[0], f"late {URL}")
    world.read()
    assert [r.status for r in world.actions()] == [S.PENDING, S.COMPLETED]
    assert commands.expire_due(world.parts) == 0
    assert world.orders() == []
    assert audit(world, "cluster_disarmed")[0]["reason"] == "its time is over"


def test_not_at_all_when_the_policy_says_so(world: MemoryWorld) -> None:
    commands.set_policy(world.parts, Policy(armed=timedelta(0)), "ann")
    armed(world)
    assert world.orders() == []
    world.deliver(USERS[0], f"late {URL}")
    world.read()
    assert [r.status for r in world.actions()] == [S.PENDING, S.COMPLETED]


def test_what_a_person_put_back_stays_though_another_cluster_is_armed(world: MemoryWorld) -> None:
    world.deliver(USERS[0], f"see {URL} and {OTHER_URL}")
    world.deliver(USERS[1], f"see {OTHER_URL}")
    world.automate()
    world.read()
    world.turn()
    world.turn(OTHER_URL)
    assert world.visible("evil") == []
    mine = next(r for r in world.actions() if r.key.value == URL)
    commands.undo(world.parts, mine.id, "ann")
    world.drain()
    assert [o.indicator.value for o in world.orders()] == [OTHER_URL]
    world.fail(Unavailable("down"), USERS[0])
    commands.start(world.parts, OTHER_URL, "ann")
    world.drain()
    world.fail(None, USERS[0])
    world.read()
    assert [h.mailbox for h in world.visible("evil")] == [USERS[0]]


def test_what_was_put_back_and_removed_again_goes_when_it_is_restored(world: MemoryWorld) -> None:
    done = armed(world)
    commands.undo(world.parts, done.id, "ann")
    world.drain()
    commands.start(world.parts, URL, "ann")
    world.drain()
    commands.approve(world.parts, world.actions()[0].id, "ann")
    world.drain()
    gone = next(h for h in world.held() if h.in_vault)
    world.again(gone.mailbox, gone.content)
    world.read()
    assert world.visible(URL) == []
    assert [r.tally.removed for r in world.actions() if not r.undoes] == [4, 3]


def test_a_cluster_removed_again_keeps_its_remediation_and_is_armed_for_longer(world: MemoryWorld) -> None:
    commands.set_policy(world.parts, Policy(excluded_mailboxes=frozenset({USERS[0]})), "ann")
    world.campaign(3, clean=0)
    world.read()
    world.turn()
    done = only(world)
    commands.approve(world.parts, done.id, "ann")
    world.drain()
    (first,) = world.orders()
    world.wait(timedelta(days=9))
    commands.set_policy(world.parts, Policy(), "ann")
    commands.start(world.parts, URL, "ann")
    world.drain()
    again = world.actions()[0]
    commands.approve(world.parts, again.id, "ann")
    world.drain()
    (order,) = world.orders()
    assert (order.remediation_id, order.armed_at) == (done.id, first.armed_at)
    assert order.until >= first.until + timedelta(days=9)
    commands.undo(world.parts, again.id, "ann")
    assert world.orders() == []


def test_policies_of_both_kinds_are_kept(world: MemoryWorld) -> None:
    long = replace(AUTOMATIC, armed=timedelta(days=400))
    commands.set_policy(world.parts, long, "ann")
    assert commands.policy(world.parts) == long
