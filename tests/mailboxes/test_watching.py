"""The watch on a tree of Maildirs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from tests.mailboxes.maildir_world import MaildirWorld

from clawback.errors import Unavailable
from clawback.mailboxes.base import Move
from clawback.mailboxes.maildir import MaildirConnector
from clawback.testing.connector_contract import ANN, BOB, DATE, INBOX, mail, only, run

CAT = "cat@example.org"


async def _until(watch: AsyncIterator[frozenset[str]], mailbox: str) -> set[str]:
    """All that was seen until a mailbox was."""
    seen: set[str] = set()
    while mailbox not in seen:
        seen |= await anext(watch)
    return seen


def _watching(
    maildir: MaildirConnector, doing: Callable[[AsyncIterator[frozenset[str]]], Awaitable[None]]
) -> None:
    async def watching() -> None:
        watch = maildir.watch()
        await doing(watch)
        await maildir.close()
        assert [touched async for touched in watch] == []

    run(watching())


async def _started(world: MaildirWorld, watch: AsyncIterator[frozenset[str]]) -> None:
    """Let the watch see something, so that it has surely begun."""
    waiting = asyncio.ensure_future(_until(watch, BOB))
    world.deliver(BOB, mail("first"), INBOX, (), DATE)
    await waiting


async def _only_bob(world: MaildirWorld, watch: AsyncIterator[frozenset[str]]) -> None:
    """Nobody else is told; more than once, for BOB's earlier mail may be told late."""
    for _ in range(3):
        world.deliver(BOB, mail("more"), INBOX, (), DATE)
        assert await _until(watch, BOB) == {BOB}


def test_only_the_touched_mailbox_is_told(world: MaildirWorld, maildir: MaildirConnector) -> None:
    world.folder(ANN, "Archive")
    world.settle()

    async def doing(watch: AsyncIterator[frozenset[str]]) -> None:
        await _started(world, watch)
        maildir_of_ann = world.maildir(ANN)
        for path in (
            "tmp/x",
            ".Archive/tmp/y",
            "dovecot.index.log",
            "dovecot-uidlist.lock",
            ".Archive/dovecot.index",
        ):
            (maildir_of_ann / path).write_text("x")
        (world.root / "ann" / "notes.txt").write_text("x")
        await _only_bob(world, watch)
        world.deliver(ANN, mail("third"), "Archive", (), DATE)
        assert ANN in await _until(watch, ANN)

    _watching(maildir, doing)


def test_flags_and_deletions_are_told(world: MaildirWorld, maildir: MaildirConnector) -> None:
    world.deliver(ANN, mail("one"), INBOX, (), DATE)
    world.settle()
    handle = only(maildir, ANN).handle

    async def doing(watch: AsyncIterator[frozenset[str]]) -> None:
        await _started(world, watch)
        world.flag(handle, {"\\Seen"})
        await _until(watch, ANN)
        world.delete(handle)
        await _until(watch, ANN)

    _watching(maildir, doing)


def test_mail_in_a_new_folder_and_for_a_new_user_is_told(
    world: MaildirWorld, maildir: MaildirConnector
) -> None:
    world.settle()

    async def doing(watch: AsyncIterator[frozenset[str]]) -> None:
        await _started(world, watch)
        world.deliver(ANN, mail("one"), "New", (), DATE)
        await _until(watch, ANN)
        world.deliver(CAT, mail("two"), INBOX, (), DATE)
        await _until(watch, CAT)
        # Both are watched from now on, not only found when they appeared.
        world.deliver(ANN, mail("three"), "New", (), DATE)
        await _until(watch, ANN)
        world.deliver(CAT, mail("four"), INBOX, (), DATE)
        await _until(watch, CAT)

    _watching(maildir, doing)


def test_a_new_user_made_step_by_step_is_told(world: MaildirWorld, maildir: MaildirConnector) -> None:
    world.settle()

    async def doing(watch: AsyncIterator[frozenset[str]]) -> None:
        await _started(world, watch)
        for path in (world.maildir(CAT).parent, world.maildir(CAT), world.maildir(CAT) / "cur"):
            path.mkdir()
            world.deliver(BOB, mail("between"), INBOX, (), DATE)
            await _until(watch, BOB)
        world.deliver(CAT, mail("one"), INBOX, (), DATE)
        await _until(watch, CAT)

    _watching(maildir, doing)


def test_moves_inside_the_vault_are_not_told(world: MaildirWorld, maildir: MaildirConnector) -> None:
    world.deliver(ANN, mail("one"), "Archive", (), DATE)
    (away,) = run(maildir.move([Move(only(maildir, ANN).handle, "quarantine/Archive")]))
    world.settle()

    async def doing(watch: AsyncIterator[frozenset[str]]) -> None:
        await _started(world, watch)
        await maildir.move([Move(only_now.handle, "soft_deleted/Archive")])
        await _only_bob(world, watch)

    only_now = only(maildir, ANN)
    assert away == only_now
    _watching(maildir, doing)


def test_every_mailbox_is_told_now_and_then(world: MaildirWorld) -> None:
    maildir = MaildirConnector("maildir", world.root, rescan_seconds=0.3)
    world.settle()

    async def doing(watch: AsyncIterator[frozenset[str]]) -> None:
        assert [await anext(watch) for _ in range(3)] == [{ANN, BOB}] * 3

    _watching(maildir, doing)


def test_a_root_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    maildir = MaildirConnector("maildir", tmp_path / "nowhere")
    with pytest.raises(Unavailable):
        run(_next(maildir.watch()))


async def _next(watch: AsyncIterator[frozenset[str]]) -> frozenset[str]:
    return await anext(watch)


def test_a_cancelled_watch_ends(world: MaildirWorld, maildir: MaildirConnector) -> None:
    world.settle()

    async def cancelling() -> None:
        watching = asyncio.ensure_future(_next(maildir.watch()))
        await asyncio.sleep(0.05)
        watching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await watching

    run(cancelling())
