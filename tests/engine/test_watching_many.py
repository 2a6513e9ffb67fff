"""The watch over many mailboxes: new mail goes before sweeps, what hangs or refuses keeps nobody waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from tests.engine.memory_world import MANNERS, MemoryWorld, MortalConnector
from tests.engine.test_watch import HOUR, OFTEN, until, watching

from clawback.engine import watch
from clawback.engine.ingest import REFUSALS
from clawback.engine.pace import Pace
from clawback.engine.workflow import PATIENCE, Worker, pause_of
from clawback.errors import LoginFailed, MailboxError, ProtocolViolation, Throttled, Unavailable
from clawback.mailboxes.base import Failure, FolderListing, RawMessage
from clawback.message.delivery import Delivery, Handle
from clawback.store import Job, JobState

MANY = [f"user{number:03d}@example.org" for number in range(300)]
BUSY = "zoe@example.org"
DOWN = Unavailable("down")


class Gated(MortalConnector):
    """A mail system whose mailboxes do not answer before they are let go; that of Zoe always does."""

    listed: list[str]
    gate: asyncio.Event | None = None
    free: frozenset[str] = frozenset({BUSY})

    async def list(self, mailbox: str, cursors: Mapping[str, str]) -> tuple[FolderListing, ...]:
        self.listed.append(mailbox)
        if self.gate and mailbox not in self.free:
            await self.gate.wait()
        return await super().list(mailbox, cursors)


def gated(root: Path, mailboxes: Sequence[str]) -> tuple[MemoryWorld, Gated]:
    world = MemoryWorld(root, manner=MANNERS["imap"])
    mail = Gated("main", [*mailboxes, BUSY], world.fuse, world.manner)
    mail.listed = []
    world.mail, world.connectors = mail, {"main": mail}
    return world, mail


def test_new_mail_is_read_at_once_while_a_sweep_of_hundreds_hangs(tmp_path: Path) -> None:
    world, mail = gated(tmp_path, MANY)

    async def story() -> None:
        mail.gate = asyncio.Event()
        async with watching(world.parts, HOUR) as seen:
            await until(lambda: len(mail.listed) >= 6)
            for number in range(20):
                world.deliver(BUSY, f"minutes {number}")
                await until(lambda number=number: seen.seen.total.new > number)  # type: ignore[misc]
            assert len(set(mail.listed)) < 20
            assert seen.seen.waiting > 250
            assert seen.seen.swept_at is None
            assert seen.seen.lag(world.now()) is None
            mail.gate.set()
            await until(lambda: seen.seen.swept_at is not None)
            assert (set(mail.listed), seen.seen.waiting) == ({*MANY, BUSY}, 0)
            lag = seen.seen.lag(world.now())
            assert lag is not None
            assert seen.seen.sweep < lag

    asyncio.run(story())
    world.close()


def test_a_first_reading_of_a_large_mailbox_lets_its_own_news_in(tmp_path: Path) -> None:
    """What arrives in a mailbox that is being read for the first time does not wait for its end."""
    world, _ = gated(tmp_path, [])
    steps = asyncio.Semaphore(0)

    class Slow(Gated):
        async def fetch(self, handles: Sequence[Handle]) -> Sequence[RawMessage | Failure]:
            await steps.acquire()
            return await super().fetch(handles)

    slow = Slow("main", [BUSY], world.fuse, world.manner)
    slow.listed = []
    world.mail, world.connectors = slow, {"main": slow}
    for number in range(60):
        world.deliver(BUSY, f"minutes {number}")

    async def story() -> None:
        parts = replace(world.parts, pace=Pace(most=4 * 1_300))
        async with watching(parts, HOUR) as seen:
            await until(lambda: bool(slow.listed))
            late = world.deliver(BUSY, "late")
            for _ in range(2):
                steps.release()
            await until(lambda: late.handle in {d.handle for d in _known(world)})
            assert seen.seen.total.new < 30
            for _ in range(60):
                steps.release()
            await until(lambda: len(_known(world)) == 61)

    asyncio.run(story())
    world.close()


def _known(world: MemoryWorld) -> list[Delivery]:
    with world.store.read() as unit:
        return list(unit.deliveries.known("main", BUSY).values())


def test_a_mailbox_that_fails_is_tried_again_soon_and_not_all_the_time(tmp_path: Path) -> None:
    world, mail = gated(tmp_path, MANY[:3])
    mail.fail(DOWN, BUSY)
    world.deliver(BUSY, "hello")

    async def story() -> None:
        async with watching(world.parts, HOUR) as seen:
            await until(lambda: seen.seen.swept_at is not None)
            assert (seen.seen.unreachable, mail.listed.count(BUSY)) == (1, 1)
            for _ in range(50):
                world.deliver(BUSY, "more")
            mail.fail(None, BUSY)
            await until(lambda: seen.seen.total.new == 51)
            assert mail.listed.count(BUSY) <= 3
            assert seen.seen.unreachable == 0
            assert f"main {BUSY}: down" in seen.seen.troubles

    asyncio.run(story())
    world.close()


def test_refused_logins_stop_the_work_on_a_source_and_are_told(tmp_path: Path) -> None:
    world, mail = gated(tmp_path, MANY)
    refused = LoginFailed("wrong password")
    for name in [*MANY, BUSY]:
        mail.fail(refused, name)

    async def story() -> None:
        parts = replace(world.parts, pace=Pace(at_once=4))
        async with watching(parts, OFTEN) as seen:
            await until(lambda: bool(seen.seen.stopped))
            world.deliver(BUSY, "hello")
            ended = seen.seen.swept_at
            await until(lambda: seen.seen.swept_at is not None and seen.seen.swept_at != ended)
            assert len(mail.listed) < REFUSALS + 4
            assert seen.seen.stopped == {"main": "wrong password"}
            told = "main: refuses our logins, so nothing is done there for 5 min: wrong password"
            assert told in seen.seen.troubles

    asyncio.run(story())
    world.close()


def test_a_source_that_lets_us_in_again_is_worked_on_again(tmp_path: Path) -> None:
    world, mail = gated(tmp_path, MANY[:20])
    for name in [*MANY[:20], BUSY]:
        mail.fail(LoginFailed("wrong password"), name)

    async def story() -> None:
        parts = replace(world.parts, pace=Pace(at_once=2))
        async with watching(parts, OFTEN, refused=timedelta(seconds=0.05)) as seen:
            await until(lambda: bool(seen.seen.stopped))
            tried = len(mail.listed)
            await until(lambda: len(mail.listed) > tried)
            for name in [*MANY[:20], BUSY]:
                mail.fail(None, name)
            world.deliver(BUSY, "hello")
            await until(lambda: seen.seen.total.new == 1)
            assert seen.seen.stopped == {}

    asyncio.run(story())
    world.close()


def test_a_source_that_does_not_even_tell_its_mailboxes_hinders_no_other(tmp_path: Path) -> None:
    world, mail = gated(tmp_path, MANY[:5])

    class Mute(Gated):
        async def mailboxes(self) -> tuple[str, ...]:
            await asyncio.Event().wait()
            return ()

    mute = Mute("mute", [], world.fuse)
    world.connectors = {"main": mail, "mute": mute}
    world.deliver(BUSY, "hello")

    async def story() -> None:
        async with watching(world.parts, HOUR) as seen:
            await until(lambda: seen.seen.total.new == 1)
            assert seen.seen.swept_at is None

    asyncio.run(story())
    world.close()


def test_pauses_grow_and_are_never_shorter_than_asked_for(tmp_path: Path) -> None:
    world, _ = gated(tmp_path, [])
    seen = watch.Watch(world.parts, Worker(world.parts, "w"), timedelta(seconds=60))

    def pauses(error: MailboxError) -> list[float]:
        return [seen._pause(error, tries) for tries in (1, 2, 3, 30)]

    assert pauses(DOWN) == [1.0, 2.0, 4.0, 60.0]
    assert pauses(Throttled("slowly", 90.0)) == [90.0, 90.0, 90.0, 3_600.0]
    assert pauses(Throttled("never", float("inf"))) == [3_600.0] * 4
    assert pauses(Throttled("nonsense", float("nan"))) == [1.0, 2.0, 4.0, 3_600.0]
    assert pauses(LoginFailed("no")) == [300.0, 600.0, 1_200.0, 3_600.0]
    assert pauses(ProtocolViolation("what")) == [60.0, 120.0, 240.0, 3_600.0]
    world.close()


def test_the_next_try_of_queued_work_comes_later_each_time_and_not_all_at_once(tmp_path: Path) -> None:
    world, _ = gated(tmp_path, [])
    now = world.now()

    def job(number: int) -> Job:
        return Job(number, "remediate", f"rem-{number}", {}, JobState.LEASED, now, now, now, "w", 3, "")

    grown = [pause_of(job(1), DOWN, tries) for tries in (1, 2, 3, 300)]
    assert grown == sorted(grown)
    assert 1.8 <= grown[0] <= 2.0
    assert 270.0 <= grown[-1] <= 300.0
    assert len({pause_of(job(number), DOWN, 5) for number in range(50)}) > 25
    asked = [pause_of(job(number), Throttled("slowly", 120.0), 1) for number in range(50)]
    assert all(120.0 <= pause <= 132.0 for pause in asked)
    assert len(set(asked)) > 25
    assert pause_of(job(1), Throttled("soon", 0.0), 3) == grown[2]
    assert pause_of(job(1), Throttled("later", float("inf")), 3) <= PATIENCE * 1.1
    assert pause_of(job(1), Throttled("nonsense", float("nan")), 3) == grown[2]
    assert pause_of(job(1), Throttled("nonsense", -5.0), 3) == grown[2]
    world.close()
