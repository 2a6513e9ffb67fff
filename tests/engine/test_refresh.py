"""Actions stay true: a pending plan is looked at again, counted then and now, and cancelled in the end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.engine.armed import audit
from tests.engine.memory_world import AUTOMATIC, OTHER_URL, URL, USERS, MemoryWorld
from tests.engine.test_similar import MORE, STORY, campaign, send
from tests.engine.test_watch import until, watching

from clawback.engine import commands
from clawback.engine.refresh import EVERY, queue, refresh_due
from clawback.errors import Unavailable
from clawback.response.alert_status import AlertStatus, alert_status
from clawback.response.investigation import InvestigationStatus as I
from clawback.response.plan import Remediation
from clawback.response.plan import RemediationStatus as S
from clawback.response.policy import Policy

LONGER = EVERY + timedelta(seconds=1)


@pytest.fixture
def world(tmp_path: Path, store_url: str) -> Iterator[MemoryWorld]:
    made = MemoryWorld(tmp_path, store_url)
    yield made
    made.close()


def pending(world: MemoryWorld, copies: int = 4) -> Remediation:
    world.campaign(copies, clean=1)
    world.read()
    world.turn()
    (waiting,) = world.actions()
    return waiting


def refreshed(world: MemoryWorld, waiting: Remediation) -> Remediation:
    world.wait(LONGER)
    assert refresh_due(world.parts) >= 1
    world.drain()
    return again(world, waiting)


def again(world: MemoryWorld, waiting: Remediation) -> Remediation:
    with world.store.read() as unit:
        return unit.remediations.get(waiting.id)


def delete(world: MemoryWorld, *, but: int = 0) -> None:
    """The users delete their bad copies for good, all but some."""
    for copy in world.visible(URL)[but:]:
        with world.healed():
            world.mail.user_deletes(copy.handle)


def test_counts_of_then_and_now_are_both_kept(world: MemoryWorld) -> None:
    waiting = pending(world)
    assert waiting.refreshed is None
    delete(world, but=3)
    seen = refreshed(world, waiting)
    assert (seen.status, seen.plan_hash, seen.tally.open) == (S.PENDING, waiting.plan_hash, 4)
    assert seen.refreshed is not None
    assert (seen.refreshed.places.copies, seen.refreshed.places.in_mailbox) == (4, 3)
    assert (seen.refreshed.messages, seen.refreshed.beside) == (4, 0)
    (cluster,) = world.investigations()[0].clusters
    assert (cluster.then.in_mailbox, cluster.now.in_mailbox) == (4, 3)


def test_nothing_is_looked_at_too_often_and_the_longest_ago_comes_first(world: MemoryWorld) -> None:
    first = pending(world)
    assert refresh_due(world.parts) == 0
    world.wait(timedelta(minutes=6))
    world.deliver(USERS[0], f"see {OTHER_URL}")
    world.read()
    world.turn(OTHER_URL)
    world.wait(timedelta(minutes=6))
    assert refresh_due(world.parts, limit=1) == 1
    world.drain()
    assert again(world, first).refreshed is not None
    assert world.actions()[0].refreshed is None
    world.wait(timedelta(minutes=6))
    assert refresh_due(world.parts, limit=1) == 1
    world.drain()
    assert world.actions()[0].refreshed is not None


def test_when_nothing_is_left_the_plan_is_cancelled_and_the_investigation_is_remediated(
    world: MemoryWorld,
) -> None:
    waiting = pending(world)
    delete(world)
    done = refreshed(world, waiting)
    assert done.status is S.CANCELLED
    assert done.note == "nothing is left in a mailbox: all 4 copies have gone"
    (found,) = world.investigations()
    assert (found.status, found.clusters[0].now.in_mailbox) == (I.REMEDIATED, 0)
    assert alert_status(found) is AlertStatus.RESOLVED
    world.deliver(USERS[0], f"once more {URL}")
    world.read()
    assert alert_status(world.investigations()[0]) is AlertStatus.IN_PROGRESS
    world.mail.user_deletes(world.visible(URL)[0].handle)
    refreshed(world, world.actions()[0])
    assert alert_status(world.investigations()[0]) is AlertStatus.RESOLVED
    assert next(e["reason"] for e in audit(world, "remediation_cancelled")) == done.note
    world.wait(LONGER)
    assert refresh_due(world.parts) == 0


def test_what_has_come_meanwhile_is_a_plan_of_its_own_for_the_difference(world: MemoryWorld) -> None:
    waiting = pending(world)
    approved = waiting.plan_hash
    for n in range(2):
        world.deliver(USERS[n], f"later {n} {URL}")
    world.read()
    more, same = world.actions()
    assert (same.id, same.plan_hash, same.tally.open) == (waiting.id, approved, 4)
    assert (more.status, more.tally.open) == (S.PENDING, 2)
    seen = refreshed(world, waiting)
    assert seen.refreshed is not None
    assert (seen.refreshed.messages, seen.refreshed.beside) == (6, 2)
    assert len(world.actions()) == 2
    commands.approve(world.parts, waiting.id, "ann", plan_hash=approved)
    world.drain()
    assert len(world.visible(URL)) == 2


def test_the_query_runs_again_and_finds_what_no_arrival_told_of(world: MemoryWorld) -> None:
    waiting = pending(world)
    seen = world.deliver(USERS[0], f"unnoticed {URL}")
    _read_without_asking(world)
    assert len(world.actions()) == 1
    refreshed(world, waiting)
    more = world.actions()[0]
    assert (more.status, more.tally.open, more.cluster_id) == (S.PENDING, 1, waiting.cluster_id)
    with world.store.read() as unit:
        (deed,) = unit.remediations.plan(more.id).deeds
    assert deed.handle.native_id == seen.handle.native_id


def _read_without_asking(world: MemoryWorld) -> None:
    """A copy is read while its URL is not listed, and nothing looks back when it is listed again."""
    with world.store.read() as unit:
        (listed,) = unit.indicators.list()[0]
    with world.store.write() as unit:
        unit.indicators.remove(listed.id)
    world.read()
    with world.store.write() as unit:
        unit.indicators.add([listed])


@pytest.mark.parametrize("end", ["rejected", "expired"])
def test_what_was_decided_once_is_not_planned_again_by_a_look(world: MemoryWorld, end: str) -> None:
    waiting = pending(world)
    if end == "rejected":
        commands.reject(world.parts, waiting.id, "ann")
    else:
        world.wait(timedelta(days=6))
    later = world.deliver(USERS[0], f"later {URL}")
    world.read()
    second = world.actions()[0]
    assert second.tally.open == 1
    if end == "expired":
        world.wait(timedelta(days=2))
        commands.expire_due(world.parts)
    for _ in range(3):
        assert refreshed(world, second).status is S.PENDING
    first, ended = world.actions()
    assert (first.id, ended.id, ended.status.value) == (second.id, waiting.id, end)
    assert later.handle.native_id in {copy.id for copy in world.visible(URL)}


def similar_ones(world: MemoryWorld) -> tuple[Remediation, Remediation]:
    """Six copies with the URL wait, and one that is only similar to them, of one investigation."""
    campaign(world, 6, beside=1)
    world.turn()
    similar, carried = world.actions()
    assert (similar.tally.open, carried.tally.open) == (1, 6)
    return similar, carried


def test_what_is_only_similar_is_looked_for_again_too(world: MemoryWorld) -> None:
    similar, _ = similar_ones(world)
    send(world, STORY + MORE, sender="help@couriers9.example", subject="Reminder 9")
    world.read()
    assert len(world.actions()) == 2
    seen = refreshed(world, similar)
    assert (seen.plan_hash, seen.refreshed is not None) == (similar.plan_hash, True)
    more = world.actions()[0]
    assert (more.cluster_id, more.tally.open, more.status) == (similar.cluster_id, 1, S.PENDING)
    refreshed(world, similar)
    assert len(world.actions()) == 3


def test_a_rejection_covers_what_is_only_similar(world: MemoryWorld) -> None:
    similar, carried = similar_ones(world)
    commands.reject(world.parts, carried.id, "ann", note="a real courier")
    world.drain()
    refreshed(world, similar)
    assert [r.id for r in world.actions()] == [similar.id, carried.id]


def test_a_plan_whose_ground_was_taken_back_is_cancelled(world: MemoryWorld) -> None:
    waiting = pending(world)
    with world.store.read() as unit:
        (listed,) = unit.indicators.list()[0]
    commands.remove_indicator(world.parts, listed.id, "ann")
    done = refreshed(world, waiting)
    assert (done.status, done.note) == (S.CANCELLED, f"{URL} is not malicious any more")
    assert len(world.visible(URL)) == 4


def test_a_mail_system_that_is_down_takes_no_turn_from_others_and_proves_nothing_gone(
    world: MemoryWorld,
) -> None:
    waiting = pending(world)
    world.fail(Unavailable("down"))
    seen = refreshed(world, waiting)
    assert (seen.status, seen.refreshed) == (S.PENDING, None)
    assert refresh_due(world.parts) == 0
    world.fail(None)
    world.fail(Unavailable("down"), USERS[0])
    seen = refreshed(world, waiting)
    assert seen.refreshed is not None
    assert (seen.status, seen.refreshed.places.unknown) == (S.PENDING, 2)
    delete(world)
    assert refreshed(world, waiting).status is S.PENDING  # two may still be there
    world.fail(None, USERS[0])
    assert refreshed(world, waiting).status is S.CANCELLED


def test_a_decision_made_meanwhile_counts(world: MemoryWorld) -> None:
    waiting = pending(world)
    queue(world.parts, [waiting.id])
    commands.reject(world.parts, waiting.id, "ann")
    world.drain()
    assert again(world, waiting).status is S.REJECTED
    assert again(world, waiting).refreshed is None


def test_within_an_hour_of_an_approval_what_is_new_is_dealt_with_at_once(world: MemoryWorld) -> None:
    """Defender would not process the cluster again for an hour; we do, and do nothing twice."""
    commands.set_policy(world.parts, replace(Policy(), armed=timedelta()), "ann")
    waiting = pending(world)
    commands.approve(world.parts, waiting.id, "ann")
    world.drain()
    world.wait(timedelta(minutes=5))
    world.deliver(USERS[0], f"five minutes later {URL}")
    world.read()
    more, done = world.actions()
    assert (done.status, done.tally.removed) == (S.COMPLETED, 4)
    assert (more.status, more.tally.open) == (S.PENDING, 1)
    commands.set_policy(world.parts, AUTOMATIC, "ann")
    world.deliver(USERS[1], f"six minutes later {URL}")
    world.read()
    with world.store.read() as unit:
        deeds = [d.delivery_id for r in world.actions() for d in unit.remediations.plan(r.id).deeds]
    assert len(deeds) == len(set(deeds)) == 6


def test_the_watch_looks_by_itself_and_tells_what_expires_soon(world: MemoryWorld) -> None:
    waiting = pending(world)
    copies = world.visible(URL)
    world.wait(timedelta(days=6, hours=1))

    async def work() -> None:
        async with watching(world.parts, timedelta(seconds=0.1)):
            await until(lambda: again(world, waiting).refreshed is not None)
            for copy in copies:
                world.mail.user_deletes(copy.handle)
            world.wait(LONGER)
            await until(lambda: again(world, waiting).status is S.CANCELLED)

    asyncio.run(work())
    assert [e["remediation_id"] for e in audit(world, "remediation_expiring")] == [waiting.id]
