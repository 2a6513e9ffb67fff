"""Large mailboxes and many of them: only what is new is touched, side by side, within bounds, resumable."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.engine.memory_world import MANNERS, URL, USERS, Killed, Manner, MemoryWorld, MortalConnector

from clawback.engine.ingest import REFUSALS, Synced, sync, sync_all
from clawback.engine.pace import Pace
from clawback.engine.survey import survey
from clawback.errors import LoginFailed, Refused, Throttled, Unavailable
from clawback.mailboxes.base import Failure, FolderListing, RawMessage
from clawback.message.delivery import DeliveryLocation, Handle

ANN = USERS[0]
GUARD = 30.0
"""Seconds after which something hangs."""


class Busy(MortalConnector):
    """A mail system that counts what is asked of it, and can be slow."""

    asked: list[Handle]
    listed: list[str]
    at_once = 0
    most_at_once = 0
    bytes_at_once = 0
    most_bytes = 0
    gate: asyncio.Event | None = None

    async def list(self, mailbox: str, cursors: Mapping[str, str]) -> tuple[FolderListing, ...]:
        self.listed.append(mailbox)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.gate and mailbox == ANN:
                await self.gate.wait()
            await asyncio.sleep(0.001)
            return await super().list(mailbox, cursors)
        finally:
            self.at_once -= 1

    async def fetch(self, handles: Sequence[Handle]) -> Sequence[RawMessage | Failure]:
        self.asked += handles
        raws = await super().fetch(handles)
        size = sum(len(raw.content) for raw in raws if isinstance(raw, RawMessage))
        self.bytes_at_once += size
        self.most_bytes = max(self.most_bytes, self.bytes_at_once)
        await asyncio.sleep(0.001)
        self.bytes_at_once -= size
        return raws


def busy(root: Path, manner: Manner, mailboxes: Sequence[str] = USERS) -> tuple[MemoryWorld, Busy]:
    world = MemoryWorld(root, manner=manner)
    mail = Busy("main", mailboxes, world.fuse, manner)
    mail.asked, mail.listed = [], []
    world.mail, world.connectors = mail, {"main": mail}
    return world, mail


@pytest.fixture(params=MANNERS)
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[MemoryWorld, Busy]]:
    world, mail = busy(tmp_path, MANNERS[request.param])
    yield world, mail
    world.close()


@pytest.fixture
def large(tmp_path: Path) -> Iterator[tuple[MemoryWorld, Busy]]:
    """Ann has 60 messages that are known, in two folders; listings tell only changes."""
    world, mail = busy(tmp_path, MANNERS["imap"])
    for number in range(60):
        world.deliver(ANN, f"minutes {number}", folder="Archive" if number % 3 else "INBOX")
    world.read()
    yield world, mail
    world.close()


def reads(world: MemoryWorld, **bounds: float) -> Synced:
    """Read every mailbox within these bounds."""
    pace = Pace(
        int(bounds.get("at_once", 8)), bounds.get("per_second", 0.0), int(bounds.get("most", 48 << 20))
    )
    return asyncio.run(sync_all(replace(world.parts, pace=pace)))


def test_of_a_large_mailbox_only_what_changed_is_recalled(large: tuple[MemoryWorld, Busy]) -> None:
    world, mail = large
    known = {d.handle: d for d in world.deliveries()}
    flagged, deleted, moved = sorted(known, key=lambda h: (h.folder, h.native_id))[:3]
    mail.user_flags(flagged, {"\\Seen"})
    mail.user_deletes(deleted)
    mail.user_moves(moved, "INBOX")
    world.deliver(ANN, "one more")
    with world.store.read() as unit:
        cursors = unit.cursors.get("main", ANN)
    found = asyncio.run(survey(world.parts, "main", ANN, cursors))
    assert sorted(found.known.values(), key=lambda d: d.id) == sorted(
        (known[h] for h in (flagged, deleted, moved)), key=lambda d: d.id
    )
    assert {d.handle for d in found.difference.missing} == {deleted, moved}
    assert [d.handle.native_id for d in found.difference.changed] == [flagged.native_id]
    assert len(found.difference.appeared) == 2
    mail.asked.clear()
    seen = world.read()
    assert (seen.new, seen.moved, seen.changed, seen.gone) == (1, 1, 1, 1)
    assert len(mail.asked) == 2


def test_a_folder_that_vanished_takes_its_copies_with_it(made: tuple[MemoryWorld, Busy]) -> None:
    world, mail = made
    for number in range(3):
        world.deliver(ANN, f"minutes {number}", folder="Old")
    world.read()
    copies = [held.handle for held in world.held()]
    del mail._mailboxes[ANN].folders["Old"]
    assert world.read().gone == 3
    assert world.deliveries() == []
    with world.store.read() as unit:
        assert set(unit.cursors.get("main", ANN)) == {"INBOX"}
    world.deliver(ANN, "again", folder="Old")
    assert world.read().new == 1
    assert len(copies) == 3


def test_a_copy_that_is_back_is_known_again_in_parts_too(made: tuple[MemoryWorld, Busy]) -> None:
    world, mail = made
    seen = world.deliver(ANN, f"see {URL}")
    (copy,) = world.held()
    world.read()
    mail.user_deletes(seen.handle)
    assert world.read().gone == 1
    world.again(ANN, copy.content, folder="Archive")
    back = world.read()
    assert (back.new, back.moved) == (0, 1)
    assert len(world.deliveries()) == 1


def test_a_copy_that_could_not_be_looked_at_is_looked_at_again_alone(large: tuple[MemoryWorld, Busy]) -> None:
    world, mail = large
    world.deliver(ANN, f"see {URL}")
    world.read()
    world.fail(Unavailable("down"), ANN)
    world.turn()
    (hidden,) = [d for d in world.deliveries() if d.location is DeliveryLocation.UNKNOWN]
    world.fail(None, ANN)
    mail.asked.clear()
    world.read()
    (there,) = [d for d in world.deliveries() if d.id == hidden.id]
    assert there.location is DeliveryLocation.INBOX
    assert mail.asked == []
    assert len(world.actions()) == 1


def test_a_message_that_cannot_be_read_is_not_asked_for_again_and_again(tmp_path: Path) -> None:
    class Choosy(Busy):
        async def fetch(self, handles: Sequence[Handle]) -> Sequence[RawMessage | Failure]:
            raws = await super().fetch(handles)
            over = Refused("larger than the limit")
            return [over if isinstance(r, RawMessage) and b"huge" in r.content else r for r in raws]

    world, manner = MemoryWorld(tmp_path), MANNERS["imap"]
    mail = Choosy("main", USERS, world.fuse, manner)
    mail.asked, mail.listed = [], []
    world.mail, world.connectors = mail, {"main": mail}
    world.deliver(ANN, "huge")
    world.deliver(ANN, "small")
    first, then = world.read(), world.read()
    assert (first.new, first.failed, then.failed) == (1, 1, 0)
    assert asyncio.run(sync(world.parts, "main", ANN, full=True)).failed == 1
    world.close()


def test_many_mailboxes_are_read_side_by_side_and_no_more_than_so_many(tmp_path: Path) -> None:
    names = [f"user{number:02d}@example.org" for number in range(40)]
    world, mail = busy(tmp_path, MANNERS["imap"], names)
    for name in names:
        world.deliver(name, "minutes")
    assert reads(world, at_once=6).new == 40
    assert mail.most_at_once == 6
    assert sorted(mail.listed) == names
    world.close()


def test_a_mailbox_that_hangs_does_not_keep_the_others_waiting(made: tuple[MemoryWorld, Busy]) -> None:
    world, mail = made
    for user in USERS:
        world.deliver(user, "minutes")

    async def story() -> None:
        mail.gate = asyncio.Event()
        reading = asyncio.create_task(sync_all(world.parts))
        async with asyncio.timeout(GUARD):
            while len(world.deliveries()) < 2:  # noqa: ASYNC110 - it is rows that change
                await asyncio.sleep(0.01)
        assert not reading.done()
        mail.gate.set()
        assert (await reading).new == 3

    asyncio.run(story())


def test_all_mailboxes_together_hold_no_more_bytes_than_one_may(tmp_path: Path) -> None:
    names = [f"user{number:02d}@example.org" for number in range(12)]
    world, mail = busy(tmp_path, MANNERS["imap"], names)
    for name in names:
        for _ in range(5):
            world.deliver(name, "x" * 1_000)
    most = 8_000
    assert reads(world, most=most).new == 60
    assert most // 2 < mail.most_bytes <= most
    world.close()


@pytest.mark.parametrize("dies_at", [9, 30, 61])
def test_a_first_reading_that_died_goes_on_where_it_stopped(
    made: tuple[MemoryWorld, Busy], dies_at: int
) -> None:
    world, mail = made
    for number in range(120):
        world.deliver(USERS[number % 3], f"minutes {number}")
    small = 4 * 1_300  # a few messages are fetched at a time
    world.fuse.left = dies_at
    with pytest.raises(Killed):
        reads(world, most=small)
    world.restart()
    taken_in, fetched = len(world.deliveries()), len(mail.asked)
    assert taken_in < 120
    in_hand = 1_300 // min(len(held.content) for held in world.held())
    assert fetched - taken_in <= len(USERS) * in_hand
    mail.asked.clear()
    assert reads(world, most=small).new == 120 - taken_in
    assert len(mail.asked) == 120 - taken_in
    assert len(world.deliveries()) == 120
    mail.asked.clear()
    assert reads(world).new == 0
    assert mail.asked == []


def test_news_interrupts_a_long_first_reading_and_the_newest_comes_first(
    made: tuple[MemoryWorld, Busy],
) -> None:
    world, _ = made
    for number in range(20):
        world.deliver(ANN, f"minutes {number}")
    parts = replace(world.parts, pace=Pace(most=4 * 1_300))
    first = asyncio.run(sync(parts, "main", ANN, pressed=lambda: True))
    assert 0 < first.new < 20
    newest = sorted(held.date for held in world.held())[-first.new :]
    assert sorted(d.internal_date for d in world.deliveries()) == newest
    world.deliver(ANN, f"see {URL}")
    asyncio.run(sync(parts, "main", ANN, pressed=lambda: True))
    assert max(held.date for held in world.held()) in {d.internal_date for d in world.deliveries()}
    assert asyncio.run(sync(parts, "main", ANN)).gone == 0
    assert len(world.deliveries()) == 21


def test_a_first_reading_keeps_to_its_pace_and_later_ones_need_not(large: tuple[MemoryWorld, Busy]) -> None:
    world, _ = large

    class Watched(Pace):
        asked = 0

        async def may_fetch(self, messages: int) -> None:
            self.asked += messages

    pace = Watched(per_second=7.0)
    for number in range(20):
        world.deliver("new@example.org", f"minutes {number}")
        world.deliver(ANN, f"minutes {number}")
    seen = asyncio.run(sync_all(replace(world.parts, pace=pace)))
    assert (seen.new, pace.asked) == (40, 20)


def test_refused_logins_end_the_work_on_their_source_alone(tmp_path: Path) -> None:
    names = [f"user{number:02d}@example.org" for number in range(50)]
    world, mail = busy(tmp_path, MANNERS["imap"], names)
    other = Busy("other", USERS, world.fuse)
    other.asked, other.listed = [], []
    world.connectors = {"main": mail, "other": other}
    other.deliver(ANN, b"From: a@b.example\r\n\r\nhello")
    for name in names:
        mail.fail(LoginFailed("wrong password"), name)
    with pytest.raises(LoginFailed):
        reads(world, at_once=4)
    assert len(mail.listed) < REFUSALS + 4
    assert len(other.asked) == 1
    mail.listed.clear()
    mail.fail(None, names[0])
    mail.fail(None, names[2])
    for name in names[5:]:
        mail.fail(None, name)
    assert reads(world, at_once=1).unreachable == 3
    assert sorted(mail.listed) == names
    world.close()


def test_a_source_that_is_down_does_not_stop_the_others(large: tuple[MemoryWorld, Busy]) -> None:
    world, mail = large
    down = Busy("down", USERS, world.fuse)
    down.fail(Unavailable("no answer"))
    world.connectors = {"down": down, "main": mail}
    world.deliver(ANN, "one more")
    with pytest.raises(Unavailable, match="no answer"):
        world.read()
    assert len(world.deliveries()) == 61


def test_what_a_mailbox_gave_before_it_failed_is_kept(made: tuple[MemoryWorld, Busy]) -> None:
    world, _ = made

    class Tired(Busy):
        async def fetch(self, handles: Sequence[Handle]) -> Sequence[RawMessage | Failure]:
            raws = await super().fetch(handles)
            return [*raws[:2], *(Throttled("enough", 9.0) for _ in raws[2:])]

    tired = Tired("main", USERS, world.fuse, world.manner)
    tired.asked, tired.listed = [], []
    world.mail, world.connectors = tired, {"main": tired}
    for number in range(5):
        world.deliver(ANN, f"minutes {number}")
    for known in (2, 4):
        with pytest.raises(Throttled):
            asyncio.run(sync(world.parts, "main", ANN))
        assert len(world.deliveries()) == known
    assert asyncio.run(sync(world.parts, "main", ANN)).new == 1
