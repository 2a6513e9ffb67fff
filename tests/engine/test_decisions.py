"""Decisions: two persons, reasons, parts, expiry with a warning, and what an ended plan lets go of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.engine.armed import audit
from tests.engine.memory_world import AUTOMATIC, OTHER_URL, URL, USERS, MemoryWorld

from clawback.analysis.indicators import Indicator
from clawback.engine import commands
from clawback.errors import BadParameter, Forbidden, NotFound, PlanStale
from clawback.response.investigation import InvestigationStatus as I
from clawback.response.parting import chosen
from clawback.response.plan import AUTOMATION, Remediation, Tally
from clawback.response.plan import RemediationStatus as S
from clawback.response.planning import seal_of
from clawback.response.policy import Policy

DAY = timedelta(days=1)
ANN, BEN, CAT = USERS


@pytest.fixture
def world(tmp_path: Path, store_url: str) -> Iterator[MemoryWorld]:
    made = MemoryWorld(tmp_path, store_url)
    yield made
    made.close()


def policy(world: MemoryWorld, **fields: Any) -> None:
    commands.set_policy(world.parts, replace(Policy(), **fields), "ann")


def pending(world: MemoryWorld, **fields: Any) -> Remediation:
    """Six bad copies, two for each user, wait for a decision under this policy."""
    policy(world, **fields)
    world.campaign(6, clean=1)
    world.read()
    world.turn()
    (waiting,) = world.actions()
    assert waiting.status is S.PENDING
    return waiting


def named(world: MemoryWorld, action_id: str) -> Remediation:
    with world.store.read() as unit:
        return unit.remediations.get(action_id)


def test_a_large_plan_takes_two_persons(world: MemoryWorld) -> None:
    waiting = pending(world, two_step_copies=6)
    first = commands.approve(world.parts, waiting.id, "ann", note="a phish")
    assert (first.status, first.approval) == (S.PENDING, None)
    assert first.first is not None
    assert (first.first.by, first.first.note, first.first.plan_hash) == ("ann", "a phish", waiting.plan_hash)
    assert world.drain() == 0
    with pytest.raises(Forbidden, match="second person"):
        commands.approve(world.parts, waiting.id, "Ann")
    done = commands.approve(world.parts, waiting.id, "ben")
    world.drain()
    assert named(world, done.id).tally == Tally(found=6, removed=6)
    assert done.approval is not None
    assert (done.decided_by, done.approval.by, done.first) == ("ben", "ben", first.first)
    assert [e["note"] for e in audit(world, "remediation_proposed")] == ["a phish"]


def test_anyone_may_reject_what_one_person_proposed(world: MemoryWorld) -> None:
    waiting = pending(world, two_step_mailboxes=3)
    commands.approve(world.parts, waiting.id, "ann")
    done = commands.reject(world.parts, waiting.id, "ann", note="a newsletter")
    assert (done.status, done.decided_by, done.note) == (S.REJECTED, "ann", "a newsletter")
    with pytest.raises(PlanStale):
        commands.approve(world.parts, waiting.id, "ben")
    assert len(world.visible(URL)) == 6


def test_automation_never_runs_a_plan_that_takes_two_persons(world: MemoryWorld) -> None:
    waiting = pending(world, automatic=AUTOMATIC.automatic, two_step_copies=6)
    (planned,) = audit(world, "remediation_planned")
    assert planned["waits_because"] == "6 copies need a second person (from 6)"
    assert waiting.approval is None


def test_a_first_approval_is_enough_once_the_policy_wants_no_second(world: MemoryWorld) -> None:
    waiting = pending(world, two_step_copies=6)
    commands.approve(world.parts, waiting.id, "ann")
    policy(world, two_step_copies=0)
    commands.approve(world.parts, waiting.id, "ann")
    world.drain()
    assert world.visible(URL) == []


def test_every_decision_wants_a_reason_where_the_policy_says_so(world: MemoryWorld) -> None:
    waiting = pending(world, justify=True)
    for decide in (commands.approve, commands.reject):
        with pytest.raises(BadParameter, match="--note"):
            decide(world.parts, waiting.id, "ann")
    commands.approve(world.parts, waiting.id, "ann", note="a phish")
    world.drain()
    with pytest.raises(BadParameter, match="--note"):
        commands.undo(world.parts, waiting.id, "ann")
    commands.undo(world.parts, waiting.id, "ann", note="a mistake")
    world.drain()
    assert len(world.visible(URL)) == 6


def test_a_part_is_approved_and_the_rest_waits(world: MemoryWorld) -> None:
    waiting = pending(world)
    world.wait(DAY)
    part = commands.approve(world.parts, waiting.id, "ann", note="hers", only=chosen([ANN.upper()]))
    world.drain()
    whole, part = named(world, waiting.id), named(world, part.id)
    rest = next(r for r in world.actions() if r.status is S.PENDING)
    assert whole.status is S.CANCELLED
    assert whole.note == f"parted: {part.id} is chosen, {rest.id} waits"
    assert whole.decided_by == "ann"
    assert (part.status, part.tally, part.part_of) == (S.COMPLETED, Tally(found=2, removed=2), waiting.id)
    assert (rest.tally, rest.part_of) == (Tally(found=4, open=4), waiting.id)
    assert (rest.made_at, rest.expires_at) == (waiting.made_at, waiting.expires_at)
    assert {h.mailbox for h in world.visible(URL)} == {BEN, CAT}
    with world.store.read() as unit:
        plans = [unit.remediations.plan(r.id) for r in (part, rest)]
    assert all(seal_of(plan) == plan.hash for plan in plans)
    assert world.investigations()[0].status is I.PENDING_ACTION
    commands.approve(world.parts, rest.id, "ben", only=chosen((), (), [CAT]))
    world.drain()
    assert {h.mailbox for h in world.visible(URL)} == {CAT}
    commands.undo(world.parts, part.id, "ann")
    world.drain()
    assert sorted(h.mailbox for h in world.visible(URL)) == [ANN, ANN, CAT, CAT]


def test_a_part_by_message(world: MemoryWorld) -> None:
    waiting = pending(world)
    with world.store.read() as unit:
        wanted = unit.remediations.plan(waiting.id).deeds[3]
    part = commands.approve(world.parts, waiting.id, "ann", only=chosen((), [wanted.message_id]))
    world.drain()
    with world.store.read() as unit:
        (done,) = unit.remediations.plan(part.id).deeds
    assert done == replace(wanted, seq=0)
    assert len(world.visible(URL)) == 5


def test_the_whole_chosen_is_the_whole_approved(world: MemoryWorld) -> None:
    waiting = pending(world)
    done = commands.approve(world.parts, waiting.id, "ann", only=chosen(USERS))
    assert (done.id, done.plan_hash, done.part_of) == (waiting.id, waiting.plan_hash, "")


def test_a_choice_that_cannot_be_met_changes_nothing(world: MemoryWorld) -> None:
    waiting = pending(world)
    with pytest.raises(NotFound):
        commands.approve(world.parts, waiting.id, "ann", only=chosen(["eve@example.org"]))
    with pytest.raises(BadParameter):
        commands.approve(world.parts, waiting.id, "ann", only=chosen((), (), USERS))
    assert world.actions() == (waiting,)


def test_small_parts_of_a_large_plan_take_two_persons_too(world: MemoryWorld) -> None:
    waiting = pending(world, two_step_copies=6)
    part = commands.approve(world.parts, waiting.id, "ann", only=chosen([ANN]))
    assert (part.status, part.first is not None) == (S.PENDING, True)
    with pytest.raises(Forbidden):
        commands.approve(world.parts, part.id, "ann")
    smaller = commands.approve(world.parts, part.id, "ann", only=chosen((), [_message(world, part)]))
    assert (smaller.status, smaller.part_of) == (S.PENDING, waiting.id)
    commands.approve(world.parts, smaller.id, "ben")
    world.drain()
    assert len(world.visible(URL)) == 5


def _message(world: MemoryWorld, action: Remediation) -> str:
    with world.store.read() as unit:
        return unit.remediations.plan(action.id).deeds[0].message_id


def test_it_is_told_once_that_a_plan_expires_soon_and_then_it_does(world: MemoryWorld) -> None:
    waiting = pending(world, expiry=7 * DAY, warning=2 * DAY)
    world.wait(4 * DAY)
    assert (commands.expire_due(world.parts), audit(world, "remediation_expiring")) == (0, [])
    world.wait(2 * DAY)
    for _ in range(2):
        assert commands.expire_due(world.parts) == 0
    (told,) = audit(world, "remediation_expiring")
    assert told["remediation_id"] == waiting.id
    world.wait(DAY)
    assert commands.expire_due(world.parts) == 1
    ended = named(world, waiting.id)
    assert (ended.status, ended.decided_by) == (S.EXPIRED, AUTOMATION)
    assert len(audit(world, "remediation_expiring")) == 1
    assert world.investigations()[0].status is I.TERMINATED_BY_SYSTEM


def test_what_a_person_declined_is_not_planned_for_the_same_reason_again(world: MemoryWorld) -> None:
    waiting = pending(world)
    commands.reject(world.parts, waiting.id, "ann", note="a newsletter")
    world.automate()
    world.deliver(ANN, f"once more {URL}")
    world.read()
    assert len(world.visible(URL)) == 6
    with world.store.read() as unit:
        skips = unit.remediations.left_alone(world.actions()[0].id)
    assert {skip.reason for skip in skips} == {"a person declined it"}
    commands.start(world.parts, URL, "ben")
    world.drain()
    assert world.visible(URL) == []


def both(world: MemoryWorld, **fields: Any) -> Remediation:
    """Two investigations: of one URL three copies wait; of the other these three were left to that one."""
    policy(world, **fields)
    for user in USERS:
        world.deliver(user, f"see {URL} and {OTHER_URL}")
    world.read()
    world.turn(URL)
    world.turn(OTHER_URL)
    (waiting,) = world.actions()
    return waiting


@pytest.mark.parametrize("end", ["rejected", "expired"])
def test_what_an_ended_plan_lets_go_of_is_planned_where_it_was_left_alone(
    world: MemoryWorld, end: str
) -> None:
    first = both(world)
    if end == "rejected":
        commands.reject(world.parts, first.id, "ann", note="not for this")
    else:
        world.wait(8 * DAY)
        commands.expire_due(world.parts)
    world.drain()
    second, ended = world.actions()
    assert (ended.id, ended.status.value) == (first.id, end)
    assert (second.status, second.key.value, second.tally.open) == (S.PENDING, OTHER_URL, 3)
    world.wait(8 * DAY)
    commands.expire_due(world.parts)
    world.drain()
    assert {r.status for r in world.actions()} == {S(end), S.EXPIRED}  # not handed back and forth


def test_automation_does_not_take_what_a_person_declined_for_another_reason(world: MemoryWorld) -> None:
    first = both(world)
    policy(world, automatic=AUTOMATIC.automatic)
    commands.reject(world.parts, first.id, "ann")
    world.drain()
    second = world.actions()[0]
    assert (second.status, second.key.value) == (S.PENDING, OTHER_URL)
    planned = audit(world, "remediation_planned")[-1]
    assert planned["waits_because"] == "a person declined to remove some of these copies"


def test_a_rejection_covers_the_same_thing_in_another_investigation(world: MemoryWorld) -> None:
    waiting = pending(world)
    commands.start(world.parts, "<1@sender.example>", "ann")
    world.drain()
    assert len(world.investigations()) >= 1
    commands.reject(world.parts, waiting.id, "ann")
    world.drain()
    assert {r.status for r in world.actions() if r.key == waiting.key} == {S.REJECTED}


def test_a_plan_whose_ground_was_taken_back_cannot_be_approved(world: MemoryWorld) -> None:
    waiting = pending(world)
    (listed,) = [one for one in world_listed(world) if one.value == URL]
    commands.remove_indicator(world.parts, listed.id, "ann")
    with pytest.raises(PlanStale, match="not malicious any more"):
        commands.approve(world.parts, waiting.id, "ann")
    assert named(world, waiting.id).status is S.PENDING


def world_listed(world: MemoryWorld) -> tuple[Indicator, ...]:
    with world.store.read() as unit:
        return unit.indicators.list()[0]


def test_what_a_person_left_out_of_the_rest_of_a_canary_does_not_go_by_itself(world: MemoryWorld) -> None:
    policy(world, automatic=AUTOMATIC.automatic, canary=1, canary_wait=timedelta(hours=1))
    for n in range(6):
        world.deliver(USERS[n % 3], f"Dear {n}, see {URL} now", flags=["\\Seen"])
    world.read()
    world.wait(5 * DAY)  # they were read and kept, so the rest waits for a while
    world.turn()
    rest = next(r for r in world.actions() if r.status is S.PENDING)
    kept = _mailbox(world, rest)
    commands.approve(world.parts, rest.id, "ann", only=chosen((), (), [kept]))
    world.settle(timedelta(days=1))
    assert {h.mailbox for h in world.visible(URL)} == {kept}
    left = next(r for r in world.actions() if r.status is S.PENDING)
    with world.store.read() as unit:
        weighed = unit.brake.get(left.id)
    assert weighed is not None
    assert (weighed.held, weighed.reason) == (True, f"the rest of {rest.id}")


def _mailbox(world: MemoryWorld, action: Remediation) -> str:
    with world.store.read() as unit:
        return unit.remediations.plan(action.id).deeds[0].handle.mailbox
