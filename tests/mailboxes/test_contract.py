"""Our own connectors pass the suite that ships."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from tests.mailboxes.maildir_world import MaildirWorld

from clawback.errors import Unavailable
from clawback.mailboxes.base import Capability
from clawback.mailboxes.folder_names import split_vault
from clawback.mailboxes.maildir import MaildirConnector
from clawback.mailboxes.maildir.renaming import look_then_rename
from clawback.mailboxes.memory import MemoryConnector
from clawback.message.delivery import Handle, Observed
from clawback.testing.connector_contract import (
    ANN,
    BOB,
    INBOX,
    ConnectorContract,
    copies,
    listing,
    mail,
    run,
)


class MemoryWorld:
    """The users of a `MemoryConnector`."""

    def __init__(self, connector: MemoryConnector) -> None:
        self.connector = connector

    def deliver(
        self, mailbox: str, content: bytes, folder: str, flags: Collection[str], date: datetime
    ) -> None:
        self.connector.deliver(mailbox, content, folder=folder, flags=flags, date=date)

    def flag(self, handle: Handle, flags: Collection[str]) -> None:
        self.connector.user_flags(handle, flags)

    def move(self, handle: Handle, folder: str) -> None:
        self.connector.user_moves(handle, folder)

    def delete(self, handle: Handle) -> None:
        self.connector.user_deletes(handle)

    def make_read_only(self, mailbox: str) -> bool:
        self.connector.make_read_only(mailbox)
        return True

    def remove(self, mailbox: str) -> None:
        self.connector.remove_mailbox(mailbox)

    def settle(self) -> None:
        pass

    def state(self, mailbox: str) -> object:
        exact = Capability.EXACT_UNDO in self.connector.capabilities()
        found = {f: c for f, c in listing(self.connector, mailbox).items() if not split_vault(f) and c}
        return {
            folder: sorted(((c if exact else nameless(c)) for c in copies), key=repr)
            for folder, copies in found.items()
        }


def nameless(copy: Observed) -> Observed:
    """A copy as its owner sees it: without the name that its mail system gave it."""
    return replace(copy, handle=replace(copy.handle, native_id=""))


class TestMemory(ConnectorContract):
    @pytest.fixture
    def world(self) -> MemoryWorld:
        return MemoryWorld(MemoryConnector("memory", (ANN, BOB)))

    @pytest.fixture
    def connector(self, world: MemoryWorld) -> MemoryConnector:
        return world.connector

    def test_a_whole_system_can_be_down(self, connector: MemoryConnector) -> None:
        connector.fail(Unavailable("maintenance"))
        with pytest.raises(Unavailable):
            run(connector.mailboxes())
        connector.fail(None)
        assert run(connector.mailboxes()) == (ANN, BOB)

    def test_one_mailbox_can_be_down(self, connector: MemoryConnector, world: MemoryWorld) -> None:
        self.put(world, mail("one"))
        handle = copies(connector, ANN)[0].handle
        connector.fail(Unavailable("maintenance"), ANN)
        assert [type(answer) for answer in run(connector.fetch([handle]))] == [Unavailable]
        assert copies(connector, BOB) == []


class TestMemoryInParts(TestMemory):
    """Where a listing with a cursor tells only what changed, as a server with QRESYNC does."""

    @pytest.fixture
    def world(self) -> MemoryWorld:
        return MemoryWorld(MemoryConnector("memory", (ANN, BOB), partial=True))

    def test_a_listing_with_a_cursor_tells_only_what_changed(
        self, connector: MemoryConnector, world: MemoryWorld
    ) -> None:
        for number in range(5):
            self.put(world, mail(str(number)))
        (first,) = run(connector.list(ANN, {}))
        mine = first.copies or ()
        connector.user_deletes(mine[0].handle)
        connector.user_flags(mine[1].handle, {"\\Seen"})
        (then,) = run(connector.list(ANN, {INBOX: first.cursor}))
        assert [copy.handle.native_id for copy in then.copies or ()] == [mine[1].handle.native_id]
        assert then.vanished == frozenset({mine[0].handle.native_id})

    def test_a_mailbox_made_anew_is_told_whole(self, connector: MemoryConnector, world: MemoryWorld) -> None:
        self.put(world, mail("one"))
        (first,) = run(connector.list(ANN, {}))
        connector.remove_mailbox(ANN)
        self.put(world, mail("two"))
        (then,) = run(connector.list(ANN, {INBOX: first.cursor}))
        assert (len(then.copies or ()), then.vanished) == (1, None)


class TestMemoryWithNewNames(TestMemory):
    """Where no move keeps a copy's native id, as over IMAP."""

    @pytest.fixture
    def world(self) -> MemoryWorld:
        return MemoryWorld(MemoryConnector("memory", (ANN, BOB), keeps_ids=False, partial=True))


class TestMaildir(ConnectorContract):
    @pytest.fixture
    def world(self) -> Iterator[MaildirWorld]:
        # Not pytest's own folder, into which only its owner can look: one test becomes another user.
        world = MaildirWorld(Path(tempfile.mkdtemp()), ("ann", "bob"))
        yield world
        world.restore()

    @pytest.fixture
    def connector(self, world: MaildirWorld) -> MaildirConnector:
        return MaildirConnector("maildir", world.root)


class TestMaildirAcrossFileSystems(TestMaildir):
    """Where no rename reaches the target, as if the vault were on another file system."""

    @pytest.fixture
    def connector(self, world: MaildirWorld) -> MaildirConnector:
        return MaildirConnector("maildir", world.root, rename=crossing)


def crossing(old: str, new: str, source: int, target: int) -> None:
    """A rename between two file systems."""
    os.stat(old, dir_fd=source)
    raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))


class TestMaildirWithoutRenameat2(TestMaildir):
    """Where the kernel or the file system cannot refuse to overwrite."""

    @pytest.fixture
    def connector(self, world: MaildirWorld) -> MaildirConnector:
        return MaildirConnector("maildir", world.root, rename=look_then_rename, sync=False)
