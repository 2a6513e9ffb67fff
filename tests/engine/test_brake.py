"""The brake at work: what waits, what goes first and what after it, and the breaker; on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.engine.armed import audit
from tests.engine.memory_world import AUTOMATIC, START, URL, USERS, Killed, MemoryWorld
from tests.engine.world import mail

from clawback.engine import brake, commands
from clawback.engine.history import HISTORY
from clawback.engine.retract import retract
from clawback.engine.workflow import Worker
from clawback.errors import LoginFailed, PlanStale
from clawback.ids import digest
from clawback.mailboxes.base import Move
from clawback.response.collateral import Why
from clawback.response.parting import chosen
from clawback.response.plan import AUTOMATION, ActionKind, Remediation, RemediationStatus, Tally
from clawback.response.policy import Policy
from clawback.store.migrate import known

S = RemediationStatus
SOON = timedelta(minutes=11)
FEW = replace(AUTOMATIC, canary=2)


@pytest.fixture
def world(tmp_path: Path, store_url: str) -> Iterator[MemoryWorld]:
    made = MemoryWorld(tmp_path, store_url)
    yield made
    made.close()


def put(world: MemoryWorld, policy: Policy) -> None:
    commands.set_policy(world.parts, policy, "ann")


def kept(world: MemoryWorld, copies: int) -> None:
    """Copies that their owners have read days ago and left in place."""
    for n in range(copies):
        world.count += 1
        content, user = mail(world.count, f"News {n} at {URL}"), USERS[n % 3]
        world.mail.deliver(
            user, content, folder="INBOX", flags=["\\Seen"], date=START - timedelta(days=9 + n)
        )


def removal(world: MemoryWorld) -> Remediation:
    return next(r for r in reversed(world.actions()) if not r.undoes)


def rest(world: MemoryWorld) -> Remediation:
    (one,) = [r for r in world.every_action() if r.rest]
    return one


def until_approved(world: MemoryWorld) -> None:
    """Work until a removal is approved and not yet begun."""
    for _ in range(40):
        asyncio.run(Worker(world.parts, "worker").step())
        if world.actions() and removal(world).status is S.APPROVED:
            return
    raise AssertionError("nothing was approved")


def reason(world: MemoryWorld, action: Remediation) -> str:
    with world.store.read() as unit:
        weighed = unit.brake.get(action.id)
    assert weighed is not None
    return weighed.reason


def test_a_few_go_first_and_the_others_at_once_when_nothing_is_legitimate(world: MemoryWorld) -> None:
    world.campaign(9)
    world.read()
    put(world, FEW)
    world.turn()
    (done,) = world.actions()
    assert (done.tally, done.late, done.status) == (Tally(found=9, removed=9), 0, S.COMPLETED)
    assert world.visible(URL) == []
    behind = rest(world)
    assert (behind.follows, behind.tally.removed, done.rest) == (done.id, 7, False)
    assert [a.by for a in (done.approval, behind.approval) if a] == [AUTOMATION, AUTOMATION]
    assert "the 2 copies that went first are proved gone" in (behind.approval.note if behind.approval else "")
    (order,) = world.orders()
    assert order.remediation_id == done.id
    (investigation,) = world.investigations()
    (standing,) = investigation.remediations
    assert (standing.tally, standing.late) == (done.tally, 0)


def test_one_undo_brings_both_parts_back(world: MemoryWorld) -> None:
    world.campaign(9)
    world.read()
    before = world.held()
    put(world, FEW)
    world.turn()
    commands.undo(world.parts, removal(world).id, "ann")
    world.drain()
    assert world.held() == before


def test_too_much_that_is_probably_legitimate_waits_and_nothing_is_touched(world: MemoryWorld) -> None:
    kept(world, 5)
    world.campaign(4)
    world.read()
    before = world.held()
    put(world, replace(FEW, collateral=4))
    world.turn()
    assert world.held() == before
    (waiting,) = world.actions()
    assert waiting.status is S.PENDING
    assert reason(world, waiting).startswith("5 of 9 copies are probably legitimate (5 read and kept")
    (told,) = audit(world, "collateral_estimated")
    assert (told["copies"], told["of"], told["reasons"]) == (5, 9, {Why.KEPT: 5})


def test_the_estimate_is_kept_though_automation_is_off(world: MemoryWorld) -> None:
    kept(world, 2)
    world.read()
    world.turn()
    with world.store.read() as unit:
        weighed = unit.brake.get(world.actions()[0].id)
    assert weighed is not None
    assert (weighed.estimate.copies, weighed.reason) == (2, "auto-remediation is off for malicious_url")


def doubtful(world: MemoryWorld) -> None:
    """Two copies have gone first; of the other seven one is probably legitimate, so they wait."""
    kept(world, 1)
    world.campaign(8)
    world.read()
    put(world, FEW)
    world.turn()
    first, behind = removal(world), rest(world)
    assert (first.tally.removed, behind.status) == (2, S.PENDING)
    assert "the others go at" in reason(world, behind)


def test_with_something_legitimate_the_others_wait_and_then_go(world: MemoryWorld) -> None:
    doubtful(world)
    world.drain()
    assert rest(world).status is S.PENDING
    world.wait(SOON)
    world.drain()
    assert (rest(world).status, removal(world).tally) == (S.COMPLETED, Tally(found=9, removed=9))


def test_late_copies_go_on_sight_while_the_others_wait(world: MemoryWorld) -> None:
    doubtful(world)
    world.deliver(USERS[0], f"late {URL}")
    world.read()
    assert (removal(world).tally.removed, removal(world).late) == (3, 1)


def test_an_undo_of_the_first_ones_leaves_the_others_to_a_person(world: MemoryWorld) -> None:
    doubtful(world)
    commands.undo(world.parts, removal(world).id, "ann")
    world.wait(SOON)
    world.drain()
    assert len(world.visible(URL)) == 9
    assert rest(world).status is S.CANCELLED
    (alone,) = [r for r in world.actions() if r.status is S.PENDING]
    assert (alone.follows, alone.rest, alone.tally.open) == ("", False, 7)
    assert "the copies that went first were undone" in reason(world, alone)
    commands.approve(world.parts, alone.id, "ann")
    world.drain()
    commands.undo(world.parts, alone.id, "ann")
    world.drain()
    assert len(world.visible(URL)) == 9


def test_a_retraction_leaves_nothing_to_decide(world: MemoryWorld) -> None:
    doubtful(world)
    retract(world.parts, URL, "ann")
    world.settle()
    assert len(world.visible(URL)) == 9
    assert [r for r in world.every_action() if r.status is S.PENDING] == []


def test_copies_that_their_owners_brought_back_leave_the_others_to_a_person(world: MemoryWorld) -> None:
    doubtful(world)
    (back, *_) = [h for h in world.held() if h.in_vault]
    asyncio.run(world.mail.move([Move(back.handle, "INBOX")]))
    world.read()
    world.wait(SOON)
    world.drain()
    behind = rest(world)
    assert (behind.status, len(audit(world, "rest_held"))) == (S.PENDING, 1)
    assert "1 of the copies that went first are back" in reason(world, behind)
    world.deliver(USERS[1], f"late {URL}")
    world.read()
    (late,) = [r for r in world.every_action() if r.follows and not r.rest and r.status is S.PENDING]
    assert "waits for a person" in reason(world, late)


def test_first_ones_that_cannot_be_taken_out_leave_the_others_to_a_person(world: MemoryWorld) -> None:
    world.campaign(9)
    world.read()
    put(world, FEW)
    commands.add_indicator(world.parts, world.listed(), "ann")
    until_approved(world)
    world.fail(LoginFailed("not any more"))
    world.settle()
    assert (removal(world).status, rest(world).status) == (S.FAILED, S.PENDING)
    assert "were not taken out" in reason(world, rest(world))


def test_what_the_policy_forbids_meanwhile_does_not_go_on(world: MemoryWorld) -> None:
    doubtful(world)
    put(world, replace(FEW, shadow=True))
    world.wait(SOON)
    world.drain()
    assert "shadow mode: would have run" in reason(world, rest(world))


def test_what_a_person_left_out_of_the_others_waits_for_a_person(world: MemoryWorld) -> None:
    doubtful(world)
    behind = rest(world)
    with world.store.read() as unit:
        mailbox = unit.remediations.plan(behind.id).deeds[0].handle.mailbox
    commands.approve(world.parts, behind.id, "ann", only=chosen([mailbox]))
    world.wait(SOON)
    world.drain()
    (left,) = [r for r in world.every_action() if r.status is S.PENDING]
    assert (left.rest, left.tally.open > 0) == (True, True)
    assert "the rest of" in reason(world, left)
    assert len(world.visible(URL)) == left.tally.open


def test_a_person_may_hurry_or_decline_the_others(world: MemoryWorld) -> None:
    doubtful(world)
    commands.approve(world.parts, rest(world).id, "ann")
    world.drain()
    assert removal(world).tally == Tally(found=9, removed=9)
    world.wait(SOON)
    world.drain()
    assert rest(world).approval is not None
    assert rest(world).approval.by == "ann"  # type: ignore[union-attr]


@pytest.mark.parametrize("legitimate", [0, 1])
def test_killed_at_any_step_both_parts_end_the_same(tmp_path: Path, legitimate: int) -> None:
    ends, deaths = set(), 0
    for step in range(1, 10_000):
        folder = tmp_path / f"{legitimate}-{step}"
        folder.mkdir()
        world = MemoryWorld(folder)
        kept(world, legitimate)
        world.campaign(7 - legitimate, clean=1)
        world.read()
        put(world, FEW)
        commands.add_indicator(world.parts, world.listed(), "ann")
        world.fuse.left = step
        try:
            world.settle()
        except Killed:
            deaths += 1
            world.restart()
            world.settle()
        world.fuse.left = 0
        done = removal(world)
        ends.add((done.status, done.tally, done.late, rest(world).status, len(world.visible(URL))))
        world.close()
        if deaths < step:
            break
    assert ends == {(S.COMPLETED, Tally(found=7, removed=7), 0, S.COMPLETED, 0)}
    assert deaths > 60


def test_the_rate_counts_what_automation_let_go_late_copies_too(world: MemoryWorld) -> None:
    world.campaign(3)
    world.read()
    put(world, replace(AUTOMATIC, copies_per_hour=5))
    world.turn()
    world.deliver(USERS[0], f"late {URL}")
    world.read()
    other = "https://files.evil.example/invoice"
    world.campaign(2, url=other)
    world.read()
    world.turn(other)
    waiting = world.actions()[0]
    assert (waiting.status, reason(world, waiting)[:30]) == (S.PENDING, "4 copies were taken out by aut")
    world.wait(timedelta(hours=1))
    world.deliver(USERS[0], f"more {URL}")
    world.read()
    assert removal(world).late == 2


def undone(world: MemoryWorld, copies: int) -> None:
    world.campaign(copies, clean=0)
    world.read()
    put(world, AUTOMATIC)
    world.turn()
    commands.undo(world.parts, removal(world).id, "ann")
    world.drain()


def test_undos_open_the_breaker_and_nothing_runs_by_itself_until_it_is_closed(world: MemoryWorld) -> None:
    undone(world, 10)
    (opened,) = audit(world, "breaker_opened")
    assert "of 10 copies taken out by automation in the last day 10 were undone" in str(opened["reason"])
    other = "https://files.evil.example/invoice"
    world.campaign(2, url=other)
    world.read()
    world.turn(other)
    waiting = world.actions()[0]
    assert waiting.status is S.PENDING
    assert "the breaker is open since" in reason(world, waiting)
    brake.close_breaker(world.parts, "ann", note="seen")
    third = "https://third.evil.example/x"
    world.campaign(2, url=third)
    world.read()
    world.turn(third)
    assert world.visible(third) == []
    with pytest.raises(PlanStale):
        brake.close_breaker(world.parts, "ann")


def test_nine_copies_undone_open_nothing(world: MemoryWorld) -> None:
    undone(world, 9)
    assert audit(world, "breaker_opened") == []


def test_an_open_breaker_stops_what_is_under_way_and_the_account_adds_up(world: MemoryWorld) -> None:
    world.campaign(4, clean=0)
    world.read()
    put(world, AUTOMATIC)
    commands.add_indicator(world.parts, world.listed(), "ann")
    until_approved(world)
    brake.open_breaker(world.parts, "ann", note="wait")
    world.drain()
    done = removal(world)
    assert done.tally == Tally(found=4, skipped=4)
    assert len(world.visible(URL)) == 4
    assert {r.reason for r in world.receipts(done)} == {"the breaker was opened"}


def test_a_person_goes_on_while_the_breaker_is_open(world: MemoryWorld) -> None:
    brake.open_breaker(world.parts, "ann")
    world.campaign(4)
    world.read()
    world.turn()
    commands.approve(world.parts, removal(world).id, "ann")
    world.drain()
    world.deliver(USERS[0], f"late {URL}")
    world.read()
    assert world.visible(URL) == []
    commands.undo(world.parts, removal(world).id, "ann")
    world.drain()
    assert [r.status for r in world.actions() if r.kind is ActionKind.RESTORE] == [S.COMPLETED]
    with pytest.raises(PlanStale):
        brake.open_breaker(world.parts, "ann")


def test_until_an_older_store_is_filled_in_automation_waits(world: MemoryWorld) -> None:
    world.campaign(3)
    world.read()
    with world.store.write() as unit:
        unit.settings.put("history", {"after": 0, "upto": 3})
    put(world, AUTOMATIC)
    world.turn()
    assert "still being filled in" in reason(world, removal(world))
    with world.store.write() as unit:
        unit.jobs.put(HISTORY, "", {}, world.now())
    world.drain()
    other = "https://files.evil.example/invoice"
    world.campaign(2, url=other)
    world.read()
    world.turn(other)
    assert world.visible(other) == []


def test_the_migration_queues_the_filling_in_under_the_key_that_the_queue_knows() -> None:
    for dialect in ("sqlite", "postgresql"):
        (history,) = [m for m in known(dialect) if m.name == "history"]
        assert any(digest(HISTORY, "") in statement for statement in history.statements)
