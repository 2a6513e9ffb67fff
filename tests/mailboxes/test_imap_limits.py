"""What limits, locks, damage and settings of a real Dovecot do to a deed."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.mailboxes.imap_world import DovecotWorld
from tests.servers.dovecot import Dovecot, dovecot, missing

from clawback.errors import Gone, LoginFailed, OverQuota, Throttled, Unavailable
from clawback.mailboxes.base import Move, RawMessage
from clawback.mailboxes.imap.connector import ImapConnector
from clawback.mailboxes.imap.options import Access, Login, Watching
from clawback.message.delivery import DeliveryLocation, Observed
from clawback.testing.asking import (
    ANN,
    BOB,
    DATE,
    FLAGS,
    INBOX,
    NOBODY,
    copies,
    folder_of,
    mail,
    moved,
    run,
    wanted,
)

QUARANTINE = "Quarantine"


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    if why := missing():
        pytest.skip(why)
    with dovecot("maildir", special_folders=False) as running:
        yield running


@pytest.fixture
def world(server: Dovecot) -> Iterator[DovecotWorld]:
    yield DovecotWorld(server)
    gc.collect()


@pytest.fixture
def connector(world: DovecotWorld) -> Iterator[ImapConnector]:
    connector = ImapConnector("imap", world.options())
    yield connector
    run(connector.close())


def test_a_mailbox_whose_lock_is_never_released_times_out_alone(world: DovecotWorld) -> None:
    server = world.server
    options = world.options()
    connector = ImapConnector("imap", replace(options, server=replace(options.server, timeout=2.0)))
    world.deliver(ANN, mail("one"), INBOX, (), DATE)
    world.deliver(BOB, mail("two"), INBOX, (), DATE)
    (ann,), (bob,) = copies(connector, ANN), copies(connector, BOB)
    lock = server.mail / "ann" / "Maildir" / "dovecot-uidlist.lock"
    lock.symlink_to("somebody:1:1")
    _arrives(server.mail / "ann" / "Maildir")
    try:
        for answers in (
            run(connector.fetch([ann.handle, bob.handle])),
            run(connector.find([wanted(ann, b""), wanted(bob, mail("two"))])),
            run(connector.move([Move(ann.handle, QUARANTINE), Move(bob.handle, QUARANTINE)])),
        ):
            assert isinstance(answers[0], Unavailable)
            assert isinstance(answers[1], RawMessage | Observed | tuple)
    finally:
        lock.unlink()
    assert len(copies(connector, ANN)) == 2
    run(connector.close())


def _arrives(maildir: Path) -> None:
    """A file that is in no list of UIDs, so that whoever opens the folder wants its lock."""
    new = maildir / "new" / "1700000000.M1P1.host"
    new.write_bytes(mail("new"))
    new.chmod(0o666)


def test_a_copy_whose_file_is_damaged_does_not_stand_in_the_way_of_the_others(
    connector: ImapConnector, world: DovecotWorld
) -> None:
    contents = [mail(f"number {n}", 300 + n) for n in range(12)]
    for content in contents:
        world.deliver(ANN, content, INBOX, (), DATE)
    found = sorted(copies(connector, ANN), key=lambda copy: copy.size)
    run(connector.fetch([copy.handle for copy in found]))
    damaged = next((world.server.mail / "ann" / "Maildir").rglob(f"*W={300 + 5}*"))
    damaged.write_bytes(damaged.read_bytes()[:50])
    answers = run(connector.fetch([copy.handle for copy in found]))
    assert [isinstance(answer, RawMessage) for answer in answers] == [n != 5 for n in range(12)]
    assert isinstance(answers[5], Unavailable)
    assert [a.content for a in answers if isinstance(a, RawMessage)] == contents[:5] + contents[6:]


def test_a_full_mailbox_lets_copies_move_and_takes_none() -> None:
    with dovecot("maildir", special_folders=False, quota="100k") as server:
        world = DovecotWorld(server)
        connector = ImapConnector("imap", world.options())
        content = mail("large", 90_000)
        world.deliver(ANN, content, INBOX, FLAGS, DATE)
        (copy,) = copies(connector, ANN)
        with pytest.raises(OverQuota):
            run(connector.append(ANN, INBOX, mail("another", 50_000), FLAGS, DATE))
        away = moved(connector, copy, QUARANTINE)
        back = moved(connector, away, INBOX)
        assert (back.flags, back.size) == (copy.flags, copy.size)
        run(connector.close())


def test_a_limit_of_connections_is_throttled_and_passes() -> None:
    with dovecot("maildir", special_folders=False, mail_max_userip_connections=1) as server:
        world = DovecotWorld(server)
        connector = ImapConnector("imap", world.options())
        with world.owner("ann") as client:
            client.append(INBOX, mail("one"), (), DATE)
            with pytest.raises(Throttled) as told:
                run(connector.list(ANN, {}))
            assert told.value.after > 0
            assert len(run(connector.list(BOB, {}))) > 0
        assert len(copies(connector, ANN)) == 1
        run(connector.close())


@pytest.mark.parametrize(
    ("most", "watching", "refused"),
    [(1, Watching(), True), (2, Watching(), False), (1, Watching(idle=0), False)],
)
def test_a_limit_of_connections_below_what_the_settings_want_is_said(
    most: int, watching: Watching, refused: bool
) -> None:
    with dovecot("maildir", special_folders=False, mail_max_userip_connections=most) as server:
        connector = ImapConnector("imap", DovecotWorld(server).options(watching=watching))
        told = run(connector.describe())
        run(connector.close())
        assert any("mail_max_userip_connections" in sentence for sentence in told) is refused
    gc.collect()


SPECIAL = """
namespace inbox {
  mailbox Papierkorb {
    special_use = \\Trash
    auto = create
  }
  mailbox "Unerwünscht" {
    special_use = \\Junk
    auto = create
  }
  mailbox "Ausgang" {
    special_use = \\Sent
    auto = create
  }
  mailbox Trash {
    auto = create
  }
  mailbox Archiv {
    special_use = \\Archive
    auto = create
  }
}
"""


def test_special_use_goes_before_names_and_names_in_any_language_before_new_folders() -> None:
    with dovecot("maildir", special_folders=False, extra=SPECIAL) as server:
        world = DovecotWorld(server)
        connector = ImapConnector("imap", world.options())
        expected = {
            DeliveryLocation.DELETED_ITEMS: "Papierkorb",
            DeliveryLocation.JUNK: "Unerwünscht",
            DeliveryLocation.SENT: "Ausgang",
            DeliveryLocation.INBOX: INBOX,
        }
        for place, folder in expected.items():
            assert folder_of(connector, ANN, place, INBOX) == folder
            assert connector.location_of(ANN, folder) is place
        assert connector.location_of(ANN, "Archiv") is DeliveryLocation.OTHER_FOLDER
        world.deliver(ANN, mail("one"), INBOX, FLAGS, DATE)
        for place in (DeliveryLocation.JUNK, DeliveryLocation.DELETED_ITEMS, DeliveryLocation.INBOX):
            (copy,) = copies(connector, ANN)
            assert moved(connector, copy, folder_of(connector, ANN, place, INBOX)).location is place
        run(connector.close())


@pytest.mark.parametrize("result", ["continue", "continue-ok", "return-ok"])
def test_a_mailbox_that_nobody_knows_is_gone_and_a_wrong_password_is_refused(result: str) -> None:
    """However the server checks a master user: with some settings it lets one in whom it does not know."""
    with dovecot("maildir", special_folders=False) as server:
        text = server.config.read_text()
        assert "result_success = continue" in text
        server.config.write_text(text.replace("result_success = continue", f"result_success = {result}"))
        server.restart()
        world = DovecotWorld(server)
        connector = ImapConnector("imap", world.options())
        world.deliver(ANN, mail("one"), INBOX, (), DATE)
        (copy,) = copies(connector, ANN)
        nobody = replace(copy.handle, mailbox=NOBODY)
        for answers in (
            run(connector.fetch([nobody])),
            run(connector.move([Move(nobody, QUARANTINE)])),
            run(connector.delete([nobody])),
        ):
            assert isinstance(answers[0], Gone), answers
        wrong = Login(Access.MASTER, server.master_user, lambda: "wrong")
        stranger = ImapConnector("imap", world.options(login=wrong))
        with pytest.raises(LoginFailed):
            run(stranger.list(ANN, {}))
        with pytest.raises(Gone):
            run(stranger.list(NOBODY, {}))
        (answer,) = run(stranger.move([Move(copy.handle, QUARANTINE)]))
        assert isinstance(answer, LoginFailed)
        assert copies(connector, ANN) == [copy]
        run(connector.close())
        run(stranger.close())
