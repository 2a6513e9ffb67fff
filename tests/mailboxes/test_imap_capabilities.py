"""The IMAP connector on servers that can less: the contract where it can be kept, and each lack alone."""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

import pytest
from imapclient import IMAPClient
from tests.mailboxes.imap_world import DovecotWorld
from tests.mailboxes.independent import Seen, everything, where
from tests.servers.dovecot import Dovecot, dovecot, missing

from clawback.errors import CapabilityMissing
from clawback.mailboxes.base import Capability, Move, RawMessage
from clawback.mailboxes.imap.connector import ImapConnector
from clawback.message.delivery import Handle, Observed
from clawback.testing.asking import ANN, DATE, FLAGS, INBOX, after, copies, listing, mail, moved, places, run
from clawback.testing.connector_contract import ConnectorContract

ALL = (
    "IMAP4rev1 SASL-IR ENABLE IDLE UNSELECT NAMESPACE UIDPLUS LIST-EXTENDED CONDSTORE QRESYNC ESEARCH "
    "SEARCHRES LIST-STATUS MOVE LITERAL+ NOTIFY SPECIAL-USE ACL RIGHTS=texk"
)
LEAST = "IMAP4rev1 UIDPLUS CONDSTORE ACL RIGHTS=texk"
"""With less than this the contract cannot be kept: no safe move, or no cursor that tells of changed flags."""
QUARANTINE = "Quarantine"


def without(*words: str) -> str:
    return " ".join(word for word in ALL.split() if word not in words)


def set_up(server: Dovecot, extra: str) -> None:
    """Let the server have other settings from now on."""
    head, _, _ = server.config.read_text().partition("# set up by a test\n")
    server.config.write_text(f"{head}# set up by a test\n{extra}\n")
    server.restart()


@pytest.fixture(scope="module")
def one() -> Iterator[Dovecot]:
    if why := missing():
        pytest.skip(why)
    with dovecot("maildir", special_folders=False) as running:
        yield running


@pytest.fixture(scope="module", params=[without("MOVE"), LEAST], ids=["without MOVE", "the least"])
def lacking(request: pytest.FixtureRequest, one: Dovecot) -> Dovecot:
    set_up(one, f"imap_capability = {request.param}")
    return one


class LackingWorld(DovecotWorld):
    """Owners too have to do without MOVE."""

    def move(self, handle: Handle, folder: str) -> None:
        with self._at(handle) as (client, uid):
            if not client.folder_exists(folder):
                client.create_folder(folder)
            client.copy([uid], folder)
            client.delete_messages([uid])
            client.uid_expunge([uid])


class TestLacking(ConnectorContract):
    @pytest.fixture
    def world(self, lacking: Dovecot) -> Iterator[LackingWorld]:
        world = LackingWorld(lacking)
        yield world
        world.end()

    @pytest.fixture
    def connector(self, world: DovecotWorld) -> Iterator[ImapConnector]:
        connector = ImapConnector("imap", world.options())
        yield connector
        run(connector.close())


class DottedWorld(DovecotWorld):
    """A server whose folders lie below INBOX, with dots between the levels, as with Courier."""

    def deliver(
        self, mailbox: str, content: bytes, folder: str, flags: Collection[str], date: datetime
    ) -> None:
        super().deliver(mailbox, content, dotted(folder), flags, date)

    def move(self, handle: Handle, folder: str) -> None:
        super().move(handle, dotted(folder))

    @contextmanager
    def _at(self, handle: Handle) -> Iterator[tuple[IMAPClient, int]]:
        with super()._at(replace(handle, folder=dotted(handle.folder))) as opened:
            yield opened


def dotted(folder: str) -> str:
    """The server's name of a folder."""
    return folder if folder == INBOX else f"INBOX.{folder.replace('/', '.')}"


@pytest.fixture(scope="module")
def below_inbox() -> Iterator[Dovecot]:
    space = "namespace inbox {\n  separator = .\n  prefix = INBOX.\n}"
    with dovecot("maildir", special_folders=False, extra=space) as running:
        rights = running.config.parent / "rights"
        text = rights.read_text().replace("Quarantine/", "INBOX.Quarantine.")
        rights.write_text(text.replace("Quarantine -", "INBOX.Quarantine -"))
        running.restart()
        yield running


class TestBelowInbox(ConnectorContract):
    @pytest.fixture
    def world(self, below_inbox: Dovecot) -> Iterator[DottedWorld]:
        world = DottedWorld(below_inbox)
        yield world
        world.end()

    @pytest.fixture
    def connector(self, world: DottedWorld) -> Iterator[ImapConnector]:
        connector = ImapConnector("imap", world.options())
        yield connector
        run(connector.close())


LACKING = [(), *((word,) for word in ALL.split() if word != "IMAP4rev1")]


@pytest.mark.parametrize("lacks", LACKING, ids=lambda words: " ".join(words) or "nothing")
def test_whatever_one_thing_a_server_lacks_copies_go_and_come_back(
    one: Dovecot, lacks: tuple[str, ...]
) -> None:
    set_up(one, f"imap_capability = {without(*lacks)}")
    world = DovecotWorld(one)
    for number in range(30):
        world.deliver(
            ANN, mail(f"number {number}", 300 + number), INBOX if number % 3 else "Archive/ä", FLAGS, DATE
        )
    before, told = world.state(ANN), _seen(one)
    connector = ImapConnector("imap", world.options())
    known = listing(connector, ANN)
    assert sum(map(len, known.values())) == 30
    away = _all_moved(connector, [(copy, "Quarantine/New") for copy in copies(connector, ANN)])
    assert {copy.handle.folder for copy in away} == {"Quarantine/New"}
    assert where(_seen(one)).keys() == {(mail(f"number {n}", 300 + n), "Quarantine/New") for n in range(30)}
    raws = run(connector.fetch([copy.handle for copy in away]))
    assert [len(raw.content) for raw in raws if isinstance(raw, RawMessage)] == [copy.size for copy in away]
    origins = {copy.size: copy.handle.folder for held in known.values() for copy in held}
    back = _all_moved(connector, [(copy, origins[copy.size]) for copy in away])
    assert world.state(ANN) == before
    assert [replace(copy, uid=0) for copy in _seen(one)] == [replace(copy, uid=0) for copy in told]
    _deleted_and_put_back(connector, world, back[0])
    first = run(connector.list(ANN, {}))
    world.flag(back[1].handle, ["\\Answered"])
    again = run(connector.list(ANN, {f.folder: f.cursor for f in first if f.cursor}))
    changed = [copy for held in after(after({}, first), again).values() for copy in held]
    assert sum("\\Answered" in copy.flags for copy in changed) == 1
    assert len(changed) == 30
    run(connector.close())
    gc.collect()


def _seen(server: Dovecot) -> list[Seen]:
    with server.master_client("ann") as client:
        return everything(client)


def _all_moved(connector: ImapConnector, moves: list[tuple[Observed, str]]) -> list[Observed]:
    answers = run(connector.move([Move(copy.handle, folder) for copy, folder in moves]))
    placed = [answer for answer in answers if isinstance(answer, Observed)]
    assert len(placed) == len(moves), answers
    return placed


def _deleted_and_put_back(connector: ImapConnector, world: DovecotWorld, copy: Observed) -> None:
    content = mail(f"number {copy.size - 300}", copy.size)
    (gone,) = run(connector.delete([copy.handle]))
    if Capability.DELETE not in connector.capabilities():
        assert isinstance(gone, CapabilityMissing)
        assert places(connector, copy, content) == [copy.handle.folder]
        return
    assert gone == copy
    assert places(connector, copy, content) == []
    before = world.state(ANN)
    back = run(connector.append(ANN, copy.handle.folder, content, copy.flags, copy.internal_date))
    assert (back.flags, back.internal_date, back.size) == (copy.flags, copy.internal_date, copy.size)
    assert world.state(ANN) != before
    assert places(connector, copy, content) == [copy.handle.folder]


def test_a_server_that_can_nothing_is_read_and_changed_only_where_that_is_safe(one: Dovecot) -> None:
    set_up(one, "imap_capability = IMAP4rev1")
    world = DovecotWorld(one)
    world.deliver(ANN, mail("one"), INBOX, FLAGS, DATE)
    connector = ImapConnector("imap", world.options())
    (copy,) = copies(connector, ANN)
    assert Capability.MOVE not in connector.capabilities()
    assert Capability.DELETE not in connector.capabilities()
    (raw,) = run(connector.fetch([copy.handle]))
    assert isinstance(raw, RawMessage)
    assert raw.content == mail("one")
    assert places(connector, copy, mail("one")) == [INBOX]
    assert isinstance(run(connector.move([Move(copy.handle, QUARANTINE)]))[0], CapabilityMissing)
    assert isinstance(run(connector.delete([copy.handle]))[0], CapabilityMissing)
    back = run(connector.append(ANN, "Archive", mail("two", 300), FLAGS, DATE))
    assert (back.flags, back.size, back.handle.folder) == (FLAGS, 300, "Archive")
    assert len(copies(connector, ANN)) == 2
    assert all(isinstance(sentence, str) for sentence in run(connector.describe()))
    run(connector.close())


def test_a_server_with_move_and_without_uidplus_moves_and_undoes(one: Dovecot) -> None:
    set_up(one, "imap_capability = IMAP4rev1 MOVE")
    world = DovecotWorld(one)
    world.deliver(ANN, mail("one"), INBOX, FLAGS, DATE)
    before = world.state(ANN)
    connector = ImapConnector("imap", world.options())
    (copy,) = copies(connector, ANN)
    moved(connector, moved(connector, copy, QUARANTINE), INBOX)
    assert world.state(ANN) == before
    run(connector.close())
