"""The watch on real Maildirs: by events, by sweeps, through faults, and to a clean end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.engine.memory_world import OTHER_URL, USERS, MemoryWorld, MortalConnector
from tests.engine.world import AUTOMATIC, URL, World, actions, investigations, read, turn

from clawback.app import App
from clawback.engine import commands
from clawback.engine.parts import Parts
from clawback.engine.watch import LOGIN_PAUSE, Watch
from clawback.engine.workflow import Worker
from clawback.errors import MailboxError, ProtocolViolation, StoreUnavailable, Unavailable
from clawback.mailboxes.base import Capability, Failure, Move
from clawback.mailboxes.maildir import MaildirConnector
from clawback.message.delivery import Observed
from clawback.response.plan import RemediationStatus

HOUR = timedelta(hours=1)
OFTEN = timedelta(seconds=0.1)
GUARD = 30.0
"""Seconds after which a test gives up; nothing takes that long."""


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path / "world", f"sqlite:///{tmp_path / 'clawback.db'}")
    made.deliver("ann", "hello")
    made.deliver("ben", "hello")
    return made


@pytest.fixture
def app(world: World) -> Iterator[App]:
    with world.app() as app:
        read(app)
        commands.set_policy(app.parts, AUTOMATIC, "ann")
        turn(app)
        yield app


@pytest.fixture
def small(tmp_path: Path) -> Iterator[MemoryWorld]:
    made = MemoryWorld(tmp_path)
    yield made
    made.close()


class Blind(MaildirConnector):
    """A Maildir connector that can tell nothing by itself."""

    def capabilities(self) -> frozenset[Capability]:
        return super().capabilities() - {Capability.WATCH}


@asynccontextmanager
async def watching(
    parts: Parts, sweep: timedelta, *, refused: timedelta = LOGIN_PAUSE
) -> AsyncIterator[Watch]:
    """A watch that runs, and at the end stops at once and leaves no task behind."""
    watch, stop = Watch(parts, Worker(parts, "watch"), sweep, refused=refused), asyncio.Event()
    running = asyncio.create_task(watch.run(stop))
    try:
        yield watch
    finally:
        stop.set()
        await asyncio.wait_for(running, GUARD)
        for connector in parts.connectors.values():
            await connector.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}


async def until(met: Callable[[], bool]) -> None:
    """Wait for what other processes or the kernel bring about."""
    async with asyncio.timeout(GUARD):
        while not met():  # noqa: ASYNC110 - it is files and rows that change, not our own state
            await asyncio.sleep(0.02)


def arrive(world: World, user: str, body: str) -> Path:
    """As a delivery agent does: written in tmp, then renamed into new."""
    path = world.deliver(user, body)
    hidden = path.parent.parent / "tmp" / path.name
    path.rename(hidden)
    hidden.rename(path)
    return path


def play(parts: Parts, story: Callable[[Parts], Awaitable[None]]) -> None:
    async def whole() -> None:
        await story(parts)

    asyncio.run(whole())


def removed(app: App) -> list[int]:
    """What each remediation that has ended removed."""
    return [r.tally.removed for r in actions(app) if r.ended_at]


def test_a_late_copy_is_taken_out_by_events_alone(world: World, app: App) -> None:
    async def story(parts: Parts) -> None:
        async with watching(parts, HOUR) as watch:
            await until(lambda: watch.seen.swept_at is not None)
            swept = watch.seen.swept_at
            bad = arrive(world, "ann", f"see {URL}")
            await until(lambda: not bad.exists() and removed(app) == [1])
            new = arrive(world, "new", f"see {URL}")
            await until(lambda: not new.exists() and removed(app) == [2])
            assert watch.seen.total.new == 2
            assert watch.seen.swept_at == swept
            assert not watch.seen.troubles

    play(app.parts, story)


def test_a_late_copy_is_taken_out_by_sweeps_alone(world: World, app: App) -> None:
    root = world.root / "mail"
    blind = replace(app.parts, connectors={"main": Blind("main", root, "{user}", "{user}@example.org")})

    async def story(parts: Parts) -> None:
        async with watching(parts, OFTEN) as watch:
            await until(lambda: watch.seen.swept_at is not None)
            bad = arrive(world, "ann", f"see {URL}")
            await until(lambda: not bad.exists() and removed(app) == [1])

    play(blind, story)


def test_orders_from_elsewhere_are_done_while_it_runs(app: App) -> None:
    async def story(parts: Parts) -> None:
        async with watching(parts, HOUR):
            commands.start(parts, "https://asked.example/", "ann")
            await until(lambda: any(i.ended_at for i in investigations(app)))

    play(app.parts, story)


def test_it_stops_at_once_whatever_it_is_doing(small: MemoryWorld) -> None:
    small.automate()
    small.turn()

    async def story(parts: Parts) -> None:
        for pause in range(40):
            small.deliver("ann@example.org", f"see {URL}")
            async with watching(parts, OFTEN):
                await asyncio.sleep(pause / 1_000)

    play(small.parts, story)
    small.restart()
    small.read()
    small.settle()
    assert small.visible(URL) == []


@pytest.mark.parametrize("error", [Unavailable("down"), ProtocolViolation("a symbolic link")])
def test_a_mailbox_that_cannot_be_read_is_told_and_stops_nobody(
    small: MemoryWorld, error: MailboxError
) -> None:
    small.automate()
    small.turn()
    small.fail(error, "ann@example.org")
    small.deliver("ann@example.org", f"see {URL}")
    small.deliver("ben@example.org", f"see {URL}")

    async def story(parts: Parts) -> None:
        async with watching(parts, OFTEN) as watch:
            await until(lambda: any(r.tally.removed for r in small.actions()))
            assert f"main ann@example.org: {error}" in watch.seen.troubles
            small.fail(None, "ann@example.org")
            await until(lambda: sum(r.tally.removed for r in small.actions()) == 2)

    play(small.parts, story)


def test_a_source_that_is_down_from_the_start_is_tried_again(small: MemoryWorld) -> None:
    small.deliver("ben@example.org", "hello")
    small.fail(Unavailable("down"))

    async def story(parts: Parts) -> None:
        async with watching(parts, OFTEN) as watch:
            await until(lambda: "main: down" in watch.seen.troubles)
            small.fail(None)
            await until(lambda: watch.seen.total.new == 1)

    play(small.parts, story)


def test_a_plan_runs_out_while_it_watches(small: MemoryWorld) -> None:
    small.campaign(3)
    small.read()
    small.turn()
    small.wait(timedelta(days=8))

    async def story(parts: Parts) -> None:
        async with watching(parts, HOUR):
            await until(lambda: small.actions()[0].status is RemediationStatus.EXPIRED)

    play(small.parts, story)


def test_a_lost_store_ends_the_watch(small: MemoryWorld, tmp_path: Path) -> None:
    small.deliver("ben@example.org", "hello")
    small.store.close()
    for path in tmp_path.glob("clawback.db*"):
        path.unlink()
    os.mkdir(tmp_path / "clawback.db")

    async def story(parts: Parts) -> None:
        await asyncio.wait_for(Watch(parts, Worker(parts, "w")).run(asyncio.Event()), GUARD)

    with pytest.raises(StoreUnavailable):
        play(small.parts, story)


class Stuck(MortalConnector):
    """A mail system in which the moves of one mailbox do not end before they are let go."""

    gate: asyncio.Event | None = None

    async def move(self, moves: Sequence[Move]) -> Sequence[Observed | Failure]:
        if self.gate and moves[0].handle.mailbox == USERS[0]:
            await self.gate.wait()
        return await super().move(moves)


def test_a_late_copy_waits_for_no_long_removal(small: MemoryWorld) -> None:
    stuck = Stuck("main", USERS, small.fuse)
    small.mail, small.connectors = stuck, {"main": stuck}
    small.automate()
    small.deliver(USERS[1], f"see {URL}")
    small.read()
    small.turn()
    small.deliver(USERS[0], f"see {OTHER_URL}")
    small.read()

    async def story(parts: Parts) -> None:
        stuck.gate = asyncio.Event()
        async with watching(parts, OFTEN):
            commands.add_indicator(parts, small.listed(OTHER_URL), "ann")
            await until(lambda: any(r.status is RemediationStatus.RUNNING for r in small.actions()))
            small.deliver(USERS[1], f"late {URL}")
            await until(lambda: any(r.late for r in small.actions() if not r.tally.open))
            assert any(r.status is RemediationStatus.RUNNING for r in small.actions())
            stuck.gate.set()
            await until(lambda: all(r.ended_at for r in small.actions()))

    play(small.parts, story)
    assert small.visible("evil") == []
