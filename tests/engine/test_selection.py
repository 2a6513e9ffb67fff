"""Acting on a free selection: previewed, ordered, planned for what was previewed alone, undone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.engine.memory_world import URL, USERS, Killed, MemoryWorld

from clawback.analysis.clusters import ClusterKind
from clawback.engine import commands
from clawback.engine.ingest import sync_all
from clawback.engine.recut import recut
from clawback.engine.refresh import EVERY, refresh_due
from clawback.engine.selection import Selection, act, preview
from clawback.errors import BadParameter, NotFound, PlanStale, TooWide
from clawback.message.delivery import DeliveryLocation as L
from clawback.response.investigation import InvestigationStatus
from clawback.response.plan import ActionKind as A
from clawback.response.plan import Remediation
from clawback.response.plan import RemediationStatus as S
from clawback.response.policy import Policy
from clawback.response.selection import ACTIONS, LeftOut, Ordered
from clawback.store import MessageFilter

ANN, BEN, CAT = USERS
ALL = Selection(wanted=MessageFilter(url=URL))


@pytest.fixture
def world(tmp_path: Path, store_url: str) -> Iterator[MemoryWorld]:
    made = MemoryWorld(tmp_path, store_url)
    yield made
    made.close()


def order(
    world: MemoryWorld, action: A = A.SOFT_DELETE, chosen: Selection = ALL, *, approved: bool = False
) -> Ordered:
    seen = preview(world.parts, chosen, action)
    made = act(world.parts, chosen, action, "ann", preview_hash=seen.hash, note="a phish", approved=approved)
    world.drain()
    return made


def only(world: MemoryWorld) -> Remediation:
    (one,) = [one for one in world.actions() if not one.undoes]
    return one


def places(world: MemoryWorld) -> dict[L, int]:
    found: dict[L, int] = {}
    for one in world.deliveries():
        found[one.location] = found.get(one.location, 0) + 1
    return found


def test_a_preview_says_what_would_happen_and_touches_nothing(world: MemoryWorld) -> None:
    world.campaign(4)
    world.deliver(ANN, f"again {URL}", folder="Junk")
    world.read()
    before = world.held()
    seen = preview(world.parts, ALL, A.MOVE_TO_JUNK)
    assert (seen.messages, seen.copies, seen.mailboxes) == (5, 4, 3)
    assert dict(seen.places.by_location) == {L.INBOX: 4, L.JUNK: 1}
    assert seen.left_out == (LeftOut("already in destination", 1),)
    assert (seen.second_person, seen.undo, seen.estimate.of) == ("", True, 4)
    assert world.held() == before
    assert world.actions() == ()
    assert world.investigations() == ()


def test_an_order_waits_is_approved_carried_out_and_undone(world: MemoryWorld) -> None:
    world.campaign(4)
    world.read()
    before = world.held()
    made = order(world)
    waiting = only(world)
    assert (waiting.status, waiting.tally.open, waiting.cluster_id) == (S.PENDING, 4, made.cluster_id)
    (inquiry,) = world.investigations()
    assert (inquiry.id, inquiry.status) == (made.investigation_id, InvestigationStatus.PENDING_ACTION)
    assert (inquiry.alerts[0].source, inquiry.alerts[0].detail) == ("ann", "a phish")
    assert world.held() == before
    commands.approve(world.parts, waiting.id, "ben", plan_hash=waiting.plan_hash)
    world.drain()
    assert len(world.visible()) == 2
    assert only(world).tally.removed == 4
    assert world.orders() == []
    commands.undo(world.parts, waiting.id, "ann")
    world.drain()
    assert world.held() == before


@pytest.mark.parametrize(
    ("action", "place"),
    [
        (A.SOFT_DELETE, L.SOFT_DELETED),
        (A.QUARANTINE, L.QUARANTINE),
        (A.MOVE_TO_JUNK, L.JUNK),
        (A.MOVE_TO_DELETED_ITEMS, L.DELETED_ITEMS),
    ],
)
def test_every_way_out_is_approved_at_once_and_undone(world: MemoryWorld, action: A, place: L) -> None:
    world.campaign(3, clean=0)
    world.read()
    before = world.held()
    order(world, action, approved=True)
    done = only(world)
    assert (done.status, done.kind, done.approval and done.approval.by) == (S.COMPLETED, action, "ann")
    assert done.approval
    assert done.approval.note == "a phish"
    assert places(world) == {place: 3}
    commands.undo(world.parts, done.id, "ann")
    world.drain()
    assert world.held() == before


def test_mail_goes_back_to_the_inbox_but_what_was_taken_out_by_its_undo(world: MemoryWorld) -> None:
    world.deliver(ANN, f"one {URL}", folder="Junk")
    world.deliver(BEN, f"two {URL}", folder="Trash")
    world.read()
    before = world.held()
    order(world, A.MOVE_TO_INBOX, approved=True)
    assert places(world) == {L.INBOX: 2}
    commands.undo(world.parts, only(world).id, "ann")
    world.drain()
    assert world.held() == before
    order(world, approved=True)
    seen = preview(world.parts, ALL, A.MOVE_TO_INBOX)
    assert (seen.copies, seen.left_out) == (0, (LeftOut("it was taken out; undo that action", 2),))


def test_a_hard_delete_waits_for_a_decision_and_has_no_undo(world: MemoryWorld) -> None:
    world.campaign(2, clean=1)
    world.read()
    seen = preview(world.parts, ALL, A.HARD_DELETE)
    assert not seen.undo
    with pytest.raises(BadParameter, match="no undo"):
        act(world.parts, ALL, A.HARD_DELETE, "ann", preview_hash=seen.hash, note="gone", approved=True)
    order(world, A.HARD_DELETE)
    commands.approve(world.parts, only(world).id, "ben")
    world.drain()
    assert len(world.held()) == 1
    assert only(world).tally.removed == 2


def test_nothing_more_than_was_previewed_is_done(world: MemoryWorld) -> None:
    first = world.deliver(ANN, f"one {URL}")
    world.read()
    seen = preview(world.parts, ALL, A.SOFT_DELETE)
    made = act(world.parts, ALL, A.SOFT_DELETE, "ann", preview_hash=seen.hash, note="a phish", approved=True)
    content = next(held.content for held in world.held() if held.handle == first.handle)
    world.again(BEN, content)
    world.deliver(CAT, f"two {URL}")
    world.read()
    done = only(world)
    assert (done.tally.removed, made.copies) == (1, 1)
    assert {held.mailbox for held in world.visible()} == {BEN, CAT}


def test_a_copy_that_was_not_in_the_preview_is_left_out_with_the_reason(world: MemoryWorld) -> None:
    first = world.deliver(ANN, f"one {URL}")
    world.read()
    content = next(held.content for held in world.held() if held.handle == first.handle)
    seen = preview(world.parts, ALL, A.SOFT_DELETE)
    act(world.parts, ALL, A.SOFT_DELETE, "ann", preview_hash=seen.hash, note="a phish")
    world.again(BEN, content)
    asyncio.run(sync_all(world.parts))
    world.drain()
    with world.store.read() as unit:
        plan = unit.remediations.plan(only(world).id)
    assert [deed.handle.mailbox for deed in plan.deeds] == [ANN]
    assert [(skip.mailbox, skip.reason) for skip in plan.skips] == [(BEN, "it was not in the preview")]


def test_a_preview_that_is_not_true_any_more_is_refused(world: MemoryWorld) -> None:
    world.campaign(2)
    world.read()
    seen = preview(world.parts, ALL, A.SOFT_DELETE)
    world.deliver(CAT, f"another {URL}")
    world.read()
    with pytest.raises(PlanStale, match="look again"):
        act(world.parts, ALL, A.SOFT_DELETE, "ann", preview_hash=seen.hash, note="a phish")
    other = preview(world.parts, ALL, A.MOVE_TO_JUNK)
    with pytest.raises(PlanStale, match="look again"):
        act(world.parts, ALL, A.SOFT_DELETE, "ann", preview_hash=other.hash, note="a phish")
    assert world.investigations() == ()


def test_what_arrives_while_it_waits_is_not_planned_for(world: MemoryWorld) -> None:
    first = world.deliver(ANN, f"one {URL}")
    world.read()
    order(world)
    content = next(held.content for held in world.held() if held.handle == first.handle)
    world.again(BEN, content)
    world.read()
    world.wait(EVERY + timedelta(minutes=1))
    assert refresh_due(world.parts) == 1
    world.drain()
    assert only(world).tally.open == 1
    assert only(world).refreshed is not None


def test_a_selection_waits_for_a_second_person_where_the_policy_wants_one(world: MemoryWorld) -> None:
    commands.set_policy(world.parts, replace(Policy(), two_step_copies=2), "root")
    world.campaign(2)
    world.read()
    assert "second person" in preview(world.parts, ALL, A.SOFT_DELETE).second_person
    order(world, approved=True)
    waiting = only(world)
    assert (waiting.status, waiting.first and waiting.first.by) == (S.PENDING, "ann")
    world.drain()
    commands.approve(world.parts, waiting.id, "ben")
    world.drain()
    assert only(world).tally.removed == 2


def test_what_is_protected_is_left_out_with_the_reason(world: MemoryWorld) -> None:
    policy = replace(
        Policy(), excluded_mailboxes=frozenset({ANN}), simulation_senders=frozenset({"sender.example"})
    )
    world.campaign(3)
    world.read()
    commands.set_policy(world.parts, replace(policy, simulation_senders=frozenset()), "root")
    seen = preview(world.parts, ALL, A.SOFT_DELETE)
    assert (seen.copies, seen.left_out) == (2, (LeftOut("excluded mailbox", 1),))
    commands.set_policy(world.parts, policy, "root")
    seen = preview(world.parts, ALL, A.SOFT_DELETE)
    assert (seen.copies, [one.copies for one in seen.left_out]) == (0, [3])
    with pytest.raises(PlanStale, match="no copy"):
        act(world.parts, ALL, A.SOFT_DELETE, "ann", preview_hash=seen.hash, note="a phish")


def test_what_another_action_holds_is_left_to_that(world: MemoryWorld) -> None:
    world.campaign(2)
    world.read()
    world.turn()
    seen = preview(world.parts, ALL, A.SOFT_DELETE)
    assert (seen.copies, seen.left_out) == (0, (LeftOut("another remediation has it", 2),))


def test_a_selection_is_no_ground_for_anything_else(world: MemoryWorld) -> None:
    """Its verdict is unknown: other clusters do not take its word, and automation does not reach it."""
    world.automate()
    world.campaign(2)
    world.read()
    made = order(world)
    assert only(world).status is S.PENDING
    with world.store.read() as unit:
        cluster = unit.clusters.head(made.cluster_id)
    assert cluster.kind is ClusterKind.SELECTION
    with pytest.raises(BadParameter, match="by hand"):
        recut(world.parts, made.cluster_id, 0.5, "ann")
    commands.reject(world.parts, only(world).id, "ben")
    world.drain()
    assert only(world).status is S.REJECTED


def test_orders_that_make_no_sense_are_refused(world: MemoryWorld) -> None:
    world.campaign(3)
    world.read()
    seen = preview(world.parts, ALL, A.SOFT_DELETE)
    with pytest.raises(BadParameter, match="say why"):
        act(world.parts, ALL, A.SOFT_DELETE, "ann", preview_hash=seen.hash, note=" ")
    with pytest.raises(BadParameter, match="which messages"):
        preview(world.parts, Selection(), A.SOFT_DELETE)
    with pytest.raises(NotFound, match="no message matches"):
        preview(world.parts, Selection(wanted=MessageFilter(text="nothing like it")), A.SOFT_DELETE)
    with pytest.raises(NotFound, match="msg-0"):
        preview(world.parts, Selection(("msg-0",)), A.SOFT_DELETE)
    assert A.RESTORE not in ACTIONS
    with pytest.raises(BadParameter, match="restore"):
        preview(world.parts, ALL, A.RESTORE)
    commands.set_policy(world.parts, replace(Policy(), limit=2), "root")
    with pytest.raises(TooWide, match="more than 2 messages"):
        preview(world.parts, ALL, A.SOFT_DELETE)


def test_an_order_that_a_crash_cut_short_goes_on(world: MemoryWorld) -> None:
    world.campaign(2, clean=0)
    world.read()
    seen = preview(world.parts, ALL, A.SOFT_DELETE)
    act(world.parts, ALL, A.SOFT_DELETE, "ann", preview_hash=seen.hash, note="a phish", approved=True)
    for steps in range(3, 60):
        world.fuse.left = steps
        try:
            world.drain()
        except Killed:
            world.restart()
            continue
        break
    world.fuse.left = 0
    world.settle()
    assert (only(world).tally.removed, places(world)) == (2, {L.SOFT_DELETED: 2})
