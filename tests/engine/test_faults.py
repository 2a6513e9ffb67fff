"""What the world refuses gives a named result for each copy and an exact count; nothing accepted is lost."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from tests.engine.memory_world import MANNERS, URL, USERS, MemoryWorld
from tests.engine.world import World, actions, investigations, mail, read, turn

from clawback.cli.session import finish
from clawback.engine import commands
from clawback.engine.ingest import sync_all
from clawback.engine.parts import Bodies
from clawback.engine.reading import InlineReader, Reading, read_one, unreadable
from clawback.engine.requests import arrival, manual
from clawback.engine.workflow import TRIES
from clawback.errors import (
    LoginFailed,
    MailboxError,
    ProtocolViolation,
    Throttled,
    Unavailable,
)
from clawback.mailboxes.maildir import MaildirConnector
from clawback.message.message import Organisation
from clawback.response.investigation import InvestigationStatus as I
from clawback.response.plan import Outcome, Remediation, RemediationStatus

DOWN = Unavailable("the server does not answer")


@pytest.fixture(params=["whole", "imap"])
def world(request: pytest.FixtureRequest, tmp_path: Path, store_url: str) -> Iterator[MemoryWorld]:
    made = MemoryWorld(tmp_path, store_url, manner=MANNERS[request.param])
    yield made
    made.close()


@pytest.fixture(params=MANNERS)
def small(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MemoryWorld]:
    """A world on SQLite only, where the database makes no difference."""
    made = MemoryWorld(tmp_path, manner=MANNERS[request.param])
    yield made
    made.close()


def planned(world: MemoryWorld, copies: int = 6) -> Remediation:
    """A campaign is there and read, its URL turned malicious; the plan waits."""
    world.campaign(copies)
    world.read()
    world.turn()
    (waiting,) = world.actions()
    return waiting


def approve(world: MemoryWorld) -> None:
    commands.approve(world.parts, world.actions()[0].id, "ann")
    world.drain()


def account(r: Remediation) -> tuple[int, int, int, int, int, int]:
    t = r.tally
    return (t.found, t.removed, t.already_gone, t.failed, t.skipped, t.open)


def reasons(world: MemoryWorld, outcome: Outcome) -> set[str]:
    return {r.reason for r in world.receipts(world.actions()[0]) if r.outcome is outcome}


def test_a_read_only_mailbox_is_named_for_each_of_its_copies(world: MemoryWorld) -> None:
    planned(world)
    world.mail.make_read_only(USERS[0])
    before = world.held()
    approve(world)
    (done,) = world.actions()
    assert (account(done), done.status) == ((6, 4, 0, 2, 0, 0), RemediationStatus.COMPLETED)
    assert reasons(world, Outcome.FAILED) == {f"ReadOnly: the mailbox {USERS[0]} is read-only"}
    assert world.investigations()[0].status is I.PARTIALLY_REMEDIATED
    assert [h for h in world.held() if h.mailbox == USERS[0]] == [h for h in before if h.mailbox == USERS[0]]

    world.mail.make_read_only(USERS[0], False)
    commands.start(world.parts, URL, "ann")
    world.drain()
    approve(world)
    assert account(world.actions()[0]) == (6, 2, 0, 0, 4, 0)
    assert world.investigations()[0].status is I.REMEDIATED


def test_where_all_is_read_only_the_remediation_has_failed(small: MemoryWorld) -> None:
    planned(small, 3)
    for user in USERS:
        small.mail.make_read_only(user)
    approve(small)
    (done,) = small.actions()
    assert (account(done), done.status) == ((3, 0, 0, 3, 0, 0), RemediationStatus.FAILED)
    assert small.investigations()[0].status is I.THREATS_FOUND


def test_a_mailbox_that_vanished_counts_as_already_gone(world: MemoryWorld) -> None:
    planned(world)
    world.mail.remove_mailbox(USERS[1])
    approve(world)
    (done,) = world.actions()
    assert account(done) == (6, 4, 2, 0, 0, 0)
    assert world.investigations()[0].status is I.REMEDIATED


def test_a_mailbox_that_vanished_before_the_plan_has_nothing_left(small: MemoryWorld) -> None:
    small.campaign(6)
    small.read()
    small.mail.remove_mailbox(USERS[1])
    small.turn()
    (waiting,) = small.actions()
    assert account(waiting) == (6, 0, 0, 0, 2, 4)
    approve(small)
    assert small.investigations()[0].status is I.REMEDIATED


def test_a_maildir_that_vanished_counts_as_already_gone(tmp_path: Path, store_url: str) -> None:
    world = World(tmp_path / "world", store_url)
    with world.app() as app:
        world.campaign(10)
        read(app)
        turn(app)
        shutil.rmtree(world.root / "mail" / "user2")
        commands.approve(app.parts, actions(app)[0].id, "ann")
        finish(app)
        (done,) = actions(app)
        assert account(done) == (10, 8, 2, 0, 0, 0)
        assert investigations(app)[0].status is I.REMEDIATED


def test_work_waits_for_a_source_that_is_down_and_is_done_when_it_is_back(world: MemoryWorld) -> None:
    planned(world)
    world.fail(DOWN)
    approve(world)
    for _ in range(3):
        (running,) = world.actions()
        assert (account(running), running.status) == ((6, 0, 0, 0, 0, 6), RemediationStatus.RUNNING)
        (job,) = world.jobs()
        assert "6 copies" in job.error
        world.wait(timedelta(minutes=6))
        world.drain()
    world.fail(None)
    world.settle()
    assert account(world.actions()[0]) == (6, 6, 0, 0, 0, 0)
    assert world.investigations()[0].status is I.REMEDIATED
    assert world.jobs() == ()


def test_one_mailbox_that_is_down_does_not_keep_the_others_waiting(small: MemoryWorld) -> None:
    planned(small)
    small.fail(Throttled("slowly", 20.0), USERS[2])
    approve(small)
    assert account(small.actions()[0]) == (6, 4, 0, 0, 0, 2)
    small.fail(None, USERS[2])
    small.settle()
    assert account(small.actions()[0]) == (6, 6, 0, 0, 0, 0)


@pytest.mark.parametrize("bodies", [Bodies.NONE, Bodies.REMEDIATED])
@pytest.mark.parametrize("mailbox", [None, USERS[0]])
def test_a_source_that_stays_down_ends_as_failed_with_the_reason(
    small: MemoryWorld, mailbox: str | None, bodies: Bodies
) -> None:
    small.bodies = bodies
    planned(small, 3)
    small.fail(DOWN, mailbox)
    approve(small)
    for _ in range(TRIES - 2):
        small.wait(timedelta(minutes=6))
        small.drain()
    assert small.actions()[0].tally.failed == 0
    small.settle()
    (done,) = small.actions()
    lost = 1 if mailbox else 3
    assert account(done) == (3, 3 - lost, 0, lost, 0, 0)
    assert reasons(small, Outcome.FAILED) == {f"Unavailable: {DOWN}"}
    assert small.investigations()[0].status is (I.PARTIALLY_REMEDIATED if mailbox else I.THREATS_FOUND)
    assert small.jobs() == ()

    small.fail(None, mailbox)
    commands.start(small.parts, URL, "ann")
    small.settle()
    approve(small)
    assert small.actions()[0].tally.removed == lost
    assert small.investigations()[0].status is I.REMEDIATED


@pytest.mark.parametrize("error", [LoginFailed("no such user"), ProtocolViolation("nonsense")])
def test_what_no_waiting_heals_fails_at_once(small: MemoryWorld, error: MailboxError) -> None:
    planned(small, 3)
    small.fail(error)
    approve(small)
    (done,) = small.actions()
    assert (account(done), done.status) == ((3, 0, 0, 3, 0, 0), RemediationStatus.FAILED)
    assert reasons(small, Outcome.FAILED) == {f"{type(error).__name__}: {error}"}
    assert small.jobs() == ()


def test_an_inquiry_that_never_reaches_its_source_has_failed_and_a_new_one_starts(small: MemoryWorld) -> None:
    small.campaign(3)
    small.read()
    small.fail(DOWN)
    small.turn()
    small.settle()
    assert small.investigations()[0].status is I.FAILED
    assert small.actions() == ()
    small.fail(None)
    commands.start(small.parts, URL, "ann")
    small.settle()
    assert [i.status for i in small.investigations()] == [I.PENDING_ACTION, I.FAILED]


@pytest.mark.parametrize("bodies", [Bodies.NONE, Bodies.REMEDIATED])
def test_a_source_taken_out_of_the_settings_fails_by_name(small: MemoryWorld, bodies: Bodies) -> None:
    small.bodies = bodies
    planned(small, 3)
    del small.connectors["main"]
    approve(small)
    (done,) = small.actions()
    assert account(done) == (3, 0, 0, 3, 0, 0)
    assert all(reason.startswith("NotFound: no mailbox source") for reason in reasons(small, Outcome.FAILED))
    commands.start(small.parts, URL, "ann")
    small.drain()
    assert len(small.actions()) == 1
    assert small.investigations()[0].status is I.THREATS_FOUND


def test_a_restore_into_a_mailbox_that_refuses_is_counted(small: MemoryWorld) -> None:
    small.bodies = Bodies.REMEDIATED
    planned(small, 6)
    approve(small)
    for copy in [h for h in small.held() if h.in_vault and h.mailbox != USERS[2]]:
        small.mail.user_deletes(copy.handle)
    small.mail.make_read_only(USERS[0])
    small.mail.remove_mailbox(USERS[1])
    commands.undo(small.parts, small.actions()[0].id, "ann")
    small.drain()
    assert account(small.actions()[0]) == (6, 2, 2, 2, 0, 0)
    assert {r.split(":")[0] for r in reasons(small, Outcome.FAILED)} == {"ReadOnly"}


def test_a_mailbox_that_is_down_does_not_stop_the_reading_of_others(small: MemoryWorld) -> None:
    small.campaign(6)
    small.fail(DOWN, USERS[0])
    seen = small.read()
    assert (seen.mailboxes, seen.unreachable, seen.new) == (2, 1, 5)
    small.fail(None, USERS[0])
    assert small.read().new == 3
    small.fail(ProtocolViolation("a symbolic link"), USERS[0])
    small.deliver(USERS[2], "more")
    assert small.read().new == 1


def test_a_message_over_the_limit_is_reported_and_stops_nobody(tmp_path: Path, store_url: str) -> None:
    world = World(tmp_path / "world", store_url)
    with world.app() as app:
        root = world.root / "mail"
        main = MaildirConnector("main", root, "{user}", "{user}@example.org", largest=5_000)
        bounded = replace(app, parts=replace(app.parts, connectors={"main": main}))
        big = world.deliver("ann", "", raw=mail(1, f"{URL} {'x' * 6_000}"))
        world.deliver("ann", f"see {URL}")
        world.deliver("ben", f"see {URL}")
        seen = bounded.run(sync_all)
        assert (seen.new, seen.failed) == (2, 1)
        turn(bounded)
        commands.approve(app.parts, actions(app)[0].id, "ann")
        finish(bounded)
        assert account(actions(app)[0]) == (2, 2, 0, 0, 0, 0)
        assert big.exists()
        assert bounded.run(partial(sync_all, full=True)).failed == 1


class Fragile(InlineReader):
    """A reader whose worker is killed by some mail, as PoolReader answers then."""

    def read(self, raws: Sequence[bytes]) -> list[Reading]:
        kill = [b"killer" in raw for raw in raws]
        return [
            unreadable(raw, "ProcessExpired") if dies else read_one(raw, Organisation())
            for raw, dies in zip(raws, kill, strict=True)
        ]


def test_a_message_that_kills_its_reader_is_kept_with_a_defect(small: MemoryWorld) -> None:
    small.reader = Fragile(Organisation())
    small.deliver(USERS[0], f"killer {URL}")
    small.campaign(3, clean=0)
    assert small.read().new == 4
    (odd,) = [d for d in small.deliveries() if b"killer" in _content(small, d.raw_sha256)]
    with small.store.read() as unit:
        assert [d.code for d in unit.messages.get(odd.message_id).defects] == ["reader_killed"]
    small.turn()
    approve(small)
    assert account(small.actions()[0]) == (3, 3, 0, 0, 0, 0)
    assert small.read().new == 0


def _content(world: MemoryWorld, sha256: str) -> bytes:
    return next(h.content for h in world.held() if hashlib.sha256(h.content).hexdigest() == sha256)


def test_a_persons_order_is_not_swallowed_by_work_that_waits(small: MemoryWorld) -> None:
    bad = small.listed()
    mine = manual(arrival(bad, "msg-1").cause, (bad.id,), "ann", small.now())
    assert mine.key != arrival(bad, "msg-1").key


def test_bad_mail_that_comes_back_is_taken_out_again(world: MemoryWorld) -> None:
    """A mailbox is away for a while (its folder not mounted), or restored from a backup."""
    world.automate()
    bad = world.deliver(USERS[0], f"see {URL}")
    copy = world.held()[0]
    world.read()
    world.mail.user_deletes(bad.handle)
    world.read()
    world.turn()
    assert world.actions() == ()
    world.again(USERS[0], copy.content)
    assert world.read().new + world.read().moved == 0
    assert world.visible(URL) == []
    assert account(world.actions()[0]) == (1, 1, 0, 0, 0, 0)


def test_names_that_are_no_text_are_as_good_as_others(tmp_path: Path, store_url: str) -> None:
    world = World(tmp_path / "world", store_url)
    with world.app() as app:
        for folder in ("", ".Entw\udcfcrfe", ".&AOQ-rger"):
            path = world.deliver("ann", f"see {URL}", folder=folder, flags="S")
            path.rename(path.with_name(f"17000\udcff.M1P1.{world.count}:2,S"))
        before = world.snapshot()
        read(app)
        turn(app)
        (waiting,) = actions(app)
        commands.approve(app.parts, waiting.id, "ann", plan_hash=waiting.plan_hash)
        finish(app)
        assert account(actions(app)[0]) == (3, 3, 0, 0, 0, 0)
        assert world.snapshot() == {}
        commands.undo(app.parts, waiting.id, "ann")
        finish(app)
        assert world.snapshot() == before
