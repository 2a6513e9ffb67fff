"""What crosses clawback's work between two of its steps: owners, other inquiries, deaths, other workers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.engine.memory_world import (
    MANNERS,
    OTHER_URL,
    URL,
    USERS,
    Killed,
    MemoryWorld,
    MortalConnector,
)

from clawback.engine import commands
from clawback.engine.ingest import sync, sync_all
from clawback.engine.workflow import LEASE, Worker
from clawback.errors import Unavailable
from clawback.mailboxes.base import Failure, FolderListing, Move
from clawback.mailboxes.folder_names import location_of
from clawback.message.delivery import Observed
from clawback.response.investigation import InvestigationStatus as I
from clawback.response.plan import Receipt, Remediation


@pytest.fixture(params=MANNERS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MemoryWorld]:
    made = MemoryWorld(tmp_path, manner=MANNERS[request.param])
    yield made
    made.close()


def waiting(world: MemoryWorld) -> Remediation:
    """The plan for everything that carries the URL, ready to be approved."""
    world.read()
    world.turn()
    return world.actions()[0]


def by_cause(world: MemoryWorld) -> dict[str, I]:
    return {i.cause.value: i.status for i in world.investigations()}


@pytest.mark.parametrize("read_between", [True, False])
def test_a_copy_its_owner_moved_after_the_plan_goes_and_comes_back_to_where_it_was_then(
    world: MemoryWorld, read_between: bool
) -> None:
    copies = [world.deliver(USERS[0], f"see {URL}", flags=("\\Seen",)) for _ in range(3)]
    plan = waiting(world)
    world.mail.user_moves(copies[0].handle, "Archive")
    if read_between:
        world.read()
    before = world.seen()
    commands.approve(world.parts, plan.id, "ann")
    world.drain()
    assert world.visible(URL) == []
    assert world.actions()[0].tally.removed == 3
    commands.undo(world.parts, plan.id, "ann")
    world.drain()
    assert world.seen() == before


def test_a_copy_out_of_sight_for_a_while_is_planned_when_it_is_seen_again(world: MemoryWorld) -> None:
    world.automate()
    world.campaign(3)
    world.read()
    world.fail(Unavailable("down"), USERS[0])
    world.turn()
    assert by_cause(world) == {URL: I.PARTIALLY_REMEDIATED}
    world.fail(None, USERS[0])
    world.read()
    assert world.visible(URL) == []
    assert by_cause(world) == {URL: I.REMEDIATED}


def test_every_investigation_shows_the_same_copies_alike(world: MemoryWorld) -> None:
    world.deliver(USERS[0], f"see {URL} and {OTHER_URL}")
    plan = waiting(world)
    world.turn(OTHER_URL)
    assert by_cause(world) == {URL: I.PENDING_ACTION, OTHER_URL: I.THREATS_FOUND}
    commands.approve(world.parts, plan.id, "ann")
    world.drain()
    assert by_cause(world) == {URL: I.REMEDIATED, OTHER_URL: I.REMEDIATED}
    commands.undo(world.parts, plan.id, "ann")
    world.drain()
    assert by_cause(world) == {URL: I.THREATS_FOUND, OTHER_URL: I.THREATS_FOUND}


def test_an_order_is_given_whole_or_not_at_all_wherever_the_process_dies(world: MemoryWorld) -> None:
    world.campaign(3)
    waiting(world)
    for step in range(1, 4):
        world.fuse.left = step
        with pytest.raises(Killed):
            commands.start(world.parts, f"https://asked.example/{step}", "ann")
        world.restart()
        world.settle()
        assert {i.status for i in world.investigations()} <= {I.PENDING_ACTION, I.NO_THREATS_FOUND}
    assert len(world.investigations()) == 2


class Slow(MortalConnector):
    """A mail system that answers a move so late that the lease runs out and another worker does the work."""

    world: MemoryWorld | None = None
    written: Sequence[Receipt] = ()

    async def move(self, moves: Sequence[Move]) -> Sequence[Observed | Failure]:
        world, self.world = self.world, None
        if world:
            world.wait(LEASE + timedelta(seconds=1))
            assert await Worker(world.parts, "other").drain() == 1
            self.written = world.receipts(world.actions()[0])
        return await super().move(moves)


@pytest.fixture(params=["whole", "imap"])
def shared(request: pytest.FixtureRequest, tmp_path: Path, store_url: str) -> Iterator[MemoryWorld]:
    """A world on both databases in turn."""
    made = MemoryWorld(tmp_path, store_url, manner=MANNERS[request.param])
    yield made
    made.close()


def test_a_worker_that_lost_its_lease_writes_nothing_more(shared: MemoryWorld) -> None:
    world = shared
    slow = Slow("main", USERS, world.fuse, world.manner)
    world.mail, world.connectors = slow, {"main": slow}
    world.campaign(9)
    commands.approve(world.parts, waiting(world).id, "ann")
    slow.world = world
    world.drain()
    (done,) = world.actions()
    assert (done.tally.removed, done.tally.found) == (9, 9)
    assert world.receipts(done) == slow.written
    assert world.jobs() == ()
    with world.store.read() as unit:
        events = [row.type for row in unit.audit.list(limit=1_000)]
    assert events.count("remediation_started") == events.count("remediation_completed") == 1
    assert len([h for h in world.held() if h.in_vault]) == 9


class Torn(MortalConnector):
    """A mail system that lists the inboxes first; while it goes on to the other folders, things happen."""

    meanwhile: Callable[[], Awaitable[object]] | None = None

    async def list(self, mailbox: str, cursors: Mapping[str, str]) -> tuple[FolderListing, ...]:
        first = await super().list(mailbox, cursors)
        if self.meanwhile:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
            rest = await super().list(mailbox, cursors)
            return tuple([f for f in first if f.folder == "INBOX"] + [f for f in rest if f.folder != "INBOX"])
        return first


def test_copies_moved_while_a_mailbox_is_listed_are_neither_doubled_nor_lost(shared: MemoryWorld) -> None:
    world = shared
    torn = Torn("main", USERS, world.fuse, world.manner)
    world.mail, world.connectors = torn, {"main": torn}
    world.campaign(9, clean=0)
    plan = waiting(world)
    for order in (commands.approve, commands.undo):
        order(world.parts, plan.id, "ann")
        torn.meanwhile = Worker(world.parts, "other").drain
        asyncio.run(sync(world.parts, "main", USERS[0], full=True))
        held = {h.handle: location_of(h.folder) for h in world.held()}
        assert {d.handle: d.location for d in world.deliveries()} == held
        with world.store.read() as unit:
            assert unit.deliveries.count() == 9
        assert world.actions()[0].tally.removed == 9


def test_two_readers_of_one_mailbox_take_each_copy_in_once(shared: MemoryWorld) -> None:
    world = shared
    world.campaign(30, clean=0)

    async def both() -> None:
        await asyncio.gather(sync_all(world.parts), sync_all(replace(world.parts)))

    asyncio.run(both())
    assert len(world.deliveries()) == 30
    assert world.read().new == 0
