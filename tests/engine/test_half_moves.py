"""Moves whose server died in the middle, and those whose answer was lost: a look settles them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from tests.engine.memory_world import (
    LIKE_IMAP,
    LIKE_MAILDIR,
    MANNERS,
    URL,
    USERS,
    Killed,
    Manner,
    MemoryWorld,
)
from tests.engine.memory_world import MortalConnector as Mortal

from clawback.engine import commands
from clawback.engine.ingest import sync_all
from clawback.errors import MailboxError, PlanStale, Throttled, Unavailable
from clawback.mailboxes.base import Failure, Move
from clawback.message.delivery import Handle, Observed
from clawback.response.plan import Outcome, Receipt
from clawback.response.plan import RemediationStatus as S

ANN = USERS[0]
CUT = "its move had been cut in half; what that left behind was deleted"


@pytest.fixture(params=MANNERS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MemoryWorld]:
    made = MemoryWorld(tmp_path, manner=MANNERS[request.param])
    yield made
    made.close()


def planned(world: MemoryWorld, copies: int = 4) -> None:
    """Bad copies are read, and their removal is ordered."""
    world.campaign(copies, clean=1)
    world.read()
    world.turn()
    commands.approve(world.parts, world.actions()[0].id, "ann")


def receipts(world: MemoryWorld) -> list[Receipt]:
    return world.receipts(world.actions()[0])


def where(world: MemoryWorld) -> Counter[str]:
    """How many bad copies are in each folder."""
    return Counter(held.folder for held in world.held() if URL.encode() in held.content)


def believed(world: MemoryWorld) -> set[Handle]:
    return {delivery.handle for delivery in world.deliveries()}


def really(world: MemoryWorld) -> set[Handle]:
    return {held.handle for held in world.held()}


@pytest.mark.parametrize("read_between", [False, True])
def test_a_move_cut_in_half_is_finished_and_never_done_twice(world: MemoryWorld, read_between: bool) -> None:
    planned(world)
    world.mail.half_done = 3
    world.drain()
    assert where(world) == {"INBOX": 3, "soft_deleted/INBOX": 4}
    if read_between:
        # The halves in the vault are no new copies, and belong to nobody before the deed has looked.
        asyncio.run(sync_all(world.parts))
        with world.store.read() as unit:
            assert unit.deliveries.count() == 5
    world.settle()
    assert where(world) == {"soft_deleted/INBOX": 4}
    assert world.actions()[0].tally.removed == 4
    assert Counter(r.reason for r in receipts(world)) == {CUT: 3, "": 1}
    assert {r.after for r in receipts(world)} == {h.handle for h in world.held() if h.in_vault}
    world.read()
    assert believed(world) == really(world)
    with world.store.read() as unit:
        assert unit.deliveries.count() == 5


@pytest.mark.parametrize("read_between", [False, True])
def test_a_restore_cut_in_half_is_finished_and_never_done_twice(
    world: MemoryWorld, read_between: bool
) -> None:
    planned(world)
    before = world.seen()
    world.settle()
    commands.undo(world.parts, world.actions()[0].id, "ann")
    world.mail.half_done = 2
    world.drain()
    assert where(world) == {"INBOX": 4, "soft_deleted/INBOX": 2}
    if read_between:
        asyncio.run(sync_all(world.parts))
        assert world.jobs() != ()
    world.settle()
    assert where(world) == {"INBOX": 4}
    assert world.actions()[0].tally.removed == 4
    assert world.read().new == 0
    assert world.seen() == before
    assert believed(world) == really(world)


def test_what_is_being_undone_is_not_undone_again(world: MemoryWorld) -> None:
    planned(world)
    world.settle()
    (done,) = world.actions()
    commands.undo(world.parts, done.id, "ann")
    world.mail.half_done = 1
    world.drain()
    with pytest.raises(PlanStale, match="being undone"):
        commands.undo(world.parts, done.id, "ben")
    world.settle()
    assert where(world) == {"INBOX": 4}


def test_a_twin_that_came_by_itself_is_no_half(world: MemoryWorld) -> None:
    """Somebody moved an equal copy to where the other half would be, or it was delivered there."""
    first = world.deliver(ANN, f"see {URL}")
    (copy,) = world.held()
    world.read()
    world.turn()
    commands.approve(world.parts, world.actions()[0].id, "ann")
    world.fail(Unavailable("down"), ANN)
    world.drain()
    world.fail(None, ANN)
    world.count += 1  # another date
    world.again(ANN, copy.content, folder="soft_deleted/INBOX")
    world.settle()
    assert where(world) == {"soft_deleted/INBOX": 2}
    (receipt,) = receipts(world)
    assert (receipt.outcome, receipt.reason, receipt.before) == (Outcome.REMOVED, "", first.handle)


def test_equal_copies_with_equal_dates_keep_their_number(world: MemoryWorld) -> None:
    """One move was cut in half, the answer of the other was lost, and nothing tells their copies apart."""
    lost = Lossy("main", USERS, world.fuse, world.manner)
    world.mail, world.connectors = lost, {"main": lost}
    world.deliver(ANN, f"see {URL}")
    (copy,) = world.held()
    world.again(ANN, copy.content)
    world.again(ANN, copy.content, folder="Archive")
    world.read()
    world.turn()
    commands.approve(world.parts, world.actions()[0].id, "ann")
    lost.half_done, lost.trouble = 1, Unavailable("the connection broke")
    world.drain()
    assert sum(where(world).values()) == 4
    lost.trouble = None
    world.settle()
    assert where(world) == {"soft_deleted/INBOX": 2, "soft_deleted/Archive": 1}
    assert world.actions()[0].tally.removed == 3
    assert len({r.after for r in receipts(world)}) == 3
    commands.undo(world.parts, world.actions()[0].id, "ann")
    world.settle()
    assert where(world) == {"INBOX": 2, "Archive": 1}


class Lossy(Mortal):
    """A mail system that moves what it is asked to, and whose answer gets lost."""

    trouble: MailboxError | None = None
    whole = False

    async def move(self, moves: Sequence[Move]) -> Sequence[Observed | Failure]:
        answers = await super().move(moves)
        if self.trouble and self.whole:
            raise self.trouble
        return [self.trouble or answer for answer in answers]


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("trouble", [Unavailable("the connection broke"), Throttled("slowly", 5.0)])
@pytest.mark.parametrize("manner", [LIKE_MAILDIR, LIKE_IMAP])
def test_after_a_lost_answer_the_next_try_looks_first(
    tmp_path: Path, manner: Manner, trouble: MailboxError, whole: bool
) -> None:
    world = MemoryWorld(tmp_path, manner=manner)
    lossy = Lossy("main", USERS, world.fuse, manner)
    world.mail, world.connectors = lossy, {"main": lossy}
    planned(world)
    lossy.trouble, lossy.whole = trouble, whole
    world.drain()
    (running,) = world.actions()
    assert (running.status, running.tally.open) == (S.RUNNING, 4)
    with world.store.read() as unit:
        assert len(unit.remediations.intended(running.id)) == 4
        assert unit.remediations.planned(running.id, 10) == ()
    vault = {held.handle for held in world.held() if held.in_vault}
    assert len(vault) == 4
    world.settle()
    (done,) = world.actions()
    assert (done.status, done.tally.removed) == (S.COMPLETED, 4)
    assert {receipt.after for receipt in world.receipts(done)} == vault
    assert where(world) == {"soft_deleted/INBOX": 4}
    world.close()


def test_killed_anywhere_on_a_server_that_leaves_halves_all_ends_in_the_same_state(tmp_path: Path) -> None:
    """A crash after every step, of clawback and of the server with it, there and back."""
    steps = kinds = 0
    for undoing in (False, True):
        for dies_at in range(1, 400):
            folder = tmp_path / f"{undoing}{dies_at}"
            folder.mkdir()
            world = MemoryWorld(folder, manner=LIKE_IMAP)
            planned(world, 5)
            before = world.seen()
            if undoing:
                world.settle()
                commands.undo(world.parts, world.actions()[0].id, "ann")
            world.fuse.left = dies_at
            try:
                world.drain()
            except Killed:
                steps += 1
            else:
                assert dies_at > 20
                break
            kinds += sum(where(world).values()) > 5
            world.restart()
            world.settle()
            assert where(world) == ({"INBOX": 5} if undoing else {"soft_deleted/INBOX": 5}), dies_at
            assert {(a.tally.removed, a.tally.found) for a in world.actions()} == {(5, 5)}
            assert world.read().new == 0
            assert believed(world) == really(world)
            assert not undoing or world.seen() == before
            world.close()
        world.close()
    assert steps >= 60
    assert kinds >= 10, "no move was ever cut in half"


def test_a_mail_system_that_asks_for_patience_is_given_it(world: MemoryWorld) -> None:
    planned(world)
    world.fail(Throttled("slowly", 1_200.0), ANN)
    began = world.clock
    world.drain()
    (job,) = world.jobs()
    assert timedelta(seconds=1_200) <= job.not_before - began < timedelta(seconds=1_400)
    assert world.actions()[0].tally.removed == 2
    world.fail(None, ANN)
    world.wait(timedelta(seconds=1_150))
    world.drain()
    assert world.actions()[0].tally.removed == 2
    world.settle()
    assert world.actions()[0].tally.removed == 4
