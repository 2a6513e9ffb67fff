"""Late copies of what was removed go on sight, for the same remediation, whatever else happens."""

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
    late_ones,
    only,
    removed,
)
from tests.engine.memory_world import OTHER_URL, URL, USERS, Killed, MemoryWorld, MortalConnector

from clawback.engine import commands
from clawback.engine.export import export_rows
from clawback.engine.ingest import sync_all
from clawback.engine.investigate import investigate
from clawback.engine.requests import arrival
from clawback.errors import LoginFailed, Unavailable
from clawback.message.delivery import DeliveryLocation
from clawback.response.investigation import InvestigationStatus as I
from clawback.response.plan import STANDING, ActionKind, RemediationStatus
from clawback.response.policy import Policy

S = RemediationStatus
MONTH = timedelta(days=30)


@pytest.fixture
def world(tmp_path: Path, store_url: str) -> Iterator[MemoryWorld]:
    made = MemoryWorld(tmp_path, store_url)
    yield made
    made.close()


def test_a_late_copy_goes_on_sight_for_the_same_remediation_though_automation_is_off(
    world: MemoryWorld,
) -> None:
    done = armed(world)
    world.deliver(USERS[1], f"Dear late one, see {URL} now")
    world.read()
    assert world.visible(URL) == []
    assert (only(world).id, only(world).tally, only(world).late) == (done.id, removed(4), 1)
    (late,) = late_ones(world)
    assert (late.follows, late.tally) == (done.id, removed(1))
    assert late.approval is not None
    assert late.approval.by == STANDING
    assert "approved by ann" in late.approval.note
    assert "seen by me" in late.approval.note
    (investigation,) = world.investigations()
    assert (investigation.status, len(investigation.alerts)) == (I.REMEDIATED, 2)
    (standing,) = investigation.remediations
    assert (standing.remediation_id, standing.tally, standing.late) == (done.id, removed(4), 1)
    (cluster,) = investigation.clusters
    assert (cluster.messages_then, cluster.messages, cluster.now.copies) == (3, 4, 4)
    assert world.jobs() == ()


def test_what_is_late_is_not_investigated_too(world: MemoryWorld) -> None:
    armed(world)
    world.deliver(USERS[1], f"see {URL}")
    seen = asyncio.run(sync_all(world.parts))
    assert seen.malicious == 1
    assert [job.kind for job in world.jobs()] == ["late_copies"]
    world.deliver(USERS[2], f"see {URL} and {OTHER_URL}")
    commands.add_indicator(world.parts, world.listed(OTHER_URL), "ann")
    asyncio.run(sync_all(world.parts))
    assert sorted(job.kind for job in world.jobs()) == ["investigate", "late_copies", "retro_hunt"]
    world.drain()
    assert world.visible(URL) == []
    by_cause = {i.cause.value: i for i in world.investigations()}
    assert {i.status for i in by_cause.values()} == {I.REMEDIATED}
    assert by_cause[OTHER_URL].remediations == ()


def test_another_copy_of_a_member_and_one_that_a_user_restored_go(world: MemoryWorld) -> None:
    armed(world)
    gone = next(h for h in world.held() if h.in_vault)
    other = next(user for user in USERS if user != gone.mailbox)
    world.again(other, gone.content)
    world.again(gone.mailbox, gone.content, folder="Archive", flags=["\\Seen"])
    world.read()
    assert world.visible(URL) == []
    assert only(world).tally == removed(5)
    assert world.investigations()[0].clusters[0].messages == 3


def test_too_many_at_once_wait_for_a_person_and_then_join(world: MemoryWorld) -> None:
    done = armed(world)
    commands.set_policy(world.parts, Policy(limit=2), "ann")
    for n in range(3):
        world.deliver(USERS[n], f"late {URL}")
    world.read()
    waiting, mine = world.actions()
    assert (waiting.status, waiting.follows, mine.tally) == (S.PENDING, done.id, removed(3))
    assert world.investigations()[0].status is I.PENDING_ACTION
    commands.approve(world.parts, waiting.id, "ben")
    world.drain()
    assert (only(world).tally, only(world).late) == (removed(6), 3)
    assert world.visible(URL) == []


def test_a_rejected_plan_for_late_copies_is_no_part_of_the_account(world: MemoryWorld) -> None:
    armed(world)
    commands.set_policy(world.parts, Policy(limit=1), "ann")
    for n in range(2):
        world.deliver(USERS[n], f"late {URL}")
    world.read()
    commands.reject(world.parts, world.actions()[0].id, "ben")
    world.settle()
    assert [(r.status, r.tally.found) for r in world.actions()] == [(S.REJECTED, 2), (S.COMPLETED, 3)]
    assert world.investigations()[0].status is I.PARTIALLY_REMEDIATED


def test_what_automation_alone_approved_goes_on_only_while_it_is_on(world: MemoryWorld) -> None:
    world.automate()
    world.campaign(2, clean=0)
    world.read()
    world.turn()
    world.deliver(USERS[0], f"late {URL}")
    world.read()
    assert only(world).tally == removed(3)
    commands.set_policy(world.parts, Policy(), "ann")
    world.deliver(USERS[0], f"later {URL}")
    world.read()
    waiting, _ = world.actions()
    assert (waiting.status, waiting.tally.open) == (S.PENDING, 1)


def test_excluded_mailboxes_are_not_touched_and_are_counted(world: MemoryWorld) -> None:
    armed(world)
    policy = Policy(excluded_mailboxes=frozenset({USERS[0]}))
    commands.set_policy(world.parts, policy, "ann")
    for user in USERS[:2]:
        world.deliver(user, f"late {URL}")
    world.read()
    assert [h.mailbox for h in world.visible(URL)] == [USERS[0]]
    assert only(world).tally == removed(4, skipped=1)
    assert world.investigations()[0].status is I.PARTIALLY_REMEDIATED


def test_copies_that_come_while_the_removal_runs_go_with_it(world: MemoryWorld) -> None:
    world.campaign(3, clean=0)
    world.read()
    world.turn()
    commands.approve(world.parts, only(world).id, "ann")
    for n in range(2):
        world.deliver(USERS[n], f"meanwhile {URL}")
    asyncio.run(sync_all(world.parts))
    world.drain()
    assert world.visible(URL) == []
    assert only(world).tally == removed(5)


def test_plans_for_copies_that_came_while_the_removal_ran_are_taken_over(world: MemoryWorld) -> None:
    world.campaign(3, clean=0)
    world.read()
    listed = world.turn()
    done = only(world)
    commands.approve(world.parts, done.id, "ann")
    world.deliver(USERS[0], f"meanwhile {URL}")
    asyncio.run(sync_all(world.parts))
    asyncio.run(investigate(world.parts, arrival(listed, "msg-0")))
    assert [r.status for r in world.actions()] == [S.PENDING, S.APPROVED]
    world.drain()
    assert world.visible(URL) == []
    cancelled, mine = world.actions()
    assert (cancelled.status, cancelled.note) == (S.CANCELLED, f"its copies came late for {done.id}")
    assert mine.tally == removed(4)
    assert world.investigations()[0].status is I.REMEDIATED


def test_a_mail_system_that_is_down_holds_up_nobody_elses_late_copies(world: MemoryWorld) -> None:
    other = MortalConnector("other", USERS, world.fuse)
    world.connectors["other"] = other
    armed(world)
    world.deliver(USERS[0], f"late {URL}")
    gone = next(h for h in world.held() if h.in_vault)
    other.deliver(USERS[1], gone.content, folder="INBOX", flags=(), date=world.clock)
    asyncio.run(sync_all(world.parts))
    world.fail(Unavailable("down"))
    world.drain()
    assert only(world).tally == removed(4)
    world.fail(None)
    world.settle()
    assert only(world).tally == removed(5)
    assert world.visible(URL) == []


def test_what_cannot_be_looked_at_for_long_is_late_again_when_it_is_seen_again(world: MemoryWorld) -> None:
    armed(world)
    world.deliver(USERS[0], f"late {URL}")
    asyncio.run(sync_all(world.parts))
    world.fail(Unavailable("down"))
    world.settle(timedelta(days=3))
    assert world.jobs() == ()
    assert world.investigations()[0].clusters[0].now.unknown == 1
    world.fail(None)
    world.read()
    assert world.visible(URL) == []
    assert only(world).tally == removed(4)


def test_what_no_waiting_heals_is_late_again_when_it_is_seen_again(world: MemoryWorld) -> None:
    armed(world)
    world.deliver(USERS[0], f"late {URL}")
    asyncio.run(sync_all(world.parts))
    world.fail(LoginFailed("refused"))
    world.drain()
    assert world.jobs() == ()
    assert world.investigations()[0].clusters[0].now.unknown == 1
    world.fail(None)
    world.read()
    assert world.visible(URL) == []
    assert only(world).tally == removed(4)


def test_what_its_owner_takes_back_out_of_the_junk_folder_goes_there_again(world: MemoryWorld) -> None:
    armed(world)
    with world.store.write() as unit:
        (order,) = unit.standing.due(world.clock + 2 * MONTH, 1)
        unit.standing.put(replace(order, kind=ActionKind.MOVE_TO_JUNK))
    gone = next(h for h in world.held() if h.in_vault)
    seen = world.again(USERS[2], gone.content, folder="Junk")
    world.read()
    assert late_ones(world) == ()
    world.mail.user_moves(seen.handle, "INBOX")
    world.read()
    assert [h.folder for h in world.visible(URL)] == ["Junk"]
    assert only(world).tally == removed(4)


def test_a_message_of_two_armed_clusters_is_planned_once_and_both_show_the_truth(world: MemoryWorld) -> None:
    world.automate()
    world.deliver(USERS[0], f"see {URL}")
    world.deliver(USERS[1], f"see {OTHER_URL}")
    world.read()
    world.turn()
    world.turn(OTHER_URL)
    assert len(world.orders()) == 2
    world.deliver(USERS[2], f"see {URL} and {OTHER_URL}")
    world.read()
    assert world.visible("evil") == []
    assert sorted(r.tally.removed for r in world.actions()) == [1, 2]
    clusters = [c for i in world.investigations() for c in i.clusters]
    assert [(c.messages, c.now.copies, c.now.in_mailbox) for c in clusters] == [(2, 2, 0)] * 2


def test_an_export_names_the_one_remediation_for_late_copies_too(world: MemoryWorld) -> None:
    done = armed(world)
    world.deliver(USERS[0], f"late {URL}")
    world.read()
    with world.store.read() as unit:
        rows = export_rows(unit, done.cluster_id)
    assert len(rows) == 4
    assert {(row.action_id, row.action_status, row.result) for row in rows} == {
        (done.id, "Completed", "Success")
    }


def test_killed_at_every_step_a_late_copy_goes_once(tmp_path: Path) -> None:
    world = MemoryWorld(tmp_path)
    armed(world)
    killed = 0
    for step in range(1, 200):
        world.deliver(USERS[step % 3], f"late {URL} {step}")
        world.fuse.left = step
        try:
            world.read()
        except Killed:
            killed += 1
            world.restart()
            world.read()
            world.settle()
        left, world.fuse.left = world.fuse.left, 0
        assert world.visible(URL) == []
        assert only(world).tally == removed(3 + step)
        assert len([h for h in world.held() if h.in_vault]) == 3 + step
        assert world.investigations()[0].status is I.REMEDIATED
        if left:
            break
    assert killed > 25
    done = only(world)
    commands.undo(world.parts, done.id, "ann")
    world.settle()
    assert len(world.visible(URL)) == done.tally.removed
    assert audit(world, "cluster_disarmed")
    world.close()


def test_copies_already_gone_are_not_counted_as_found(world: MemoryWorld) -> None:
    armed(world)
    seen = world.deliver(USERS[0], f"late {URL}")
    asyncio.run(sync_all(world.parts))
    world.mail.user_deletes(seen.handle)
    world.drain()
    assert only(world).tally == removed(3)
    with world.store.read() as unit:
        counts = unit.deliveries.count_by_location()
    assert counts[DeliveryLocation.HARD_DELETED] == 1
