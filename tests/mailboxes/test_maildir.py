"""What only a Maildir has: file names, the vault on disk, links, races with a mail server, crashes."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.mailboxes.maildir_world import MaildirWorld

from clawback.errors import CapabilityMissing, Gone, HandleStale, ProtocolViolation, ReadOnly, Unavailable
from clawback.mailboxes.base import Capability, Move, RawMessage
from clawback.mailboxes.maildir import MaildirConnector
from clawback.mailboxes.maildir.renaming import look_then_rename, rename
from clawback.message.delivery import DeliveryLocation, Handle, Observed
from clawback.testing.connector_contract import (
    ANN,
    BOB,
    DATE,
    INBOX,
    copies,
    folder_of,
    listing,
    mail,
    moved,
    only,
    places,
    run,
    soft_deleted,
)


def _files(path: Path) -> list[str]:
    return sorted(str(p.relative_to(path)) for p in path.rglob("*") if p.is_file())


def test_the_vault_keeps_the_file_as_it_is_and_to_itself(
    world: MaildirWorld, maildir: MaildirConnector
) -> None:
    seen = world.deliver(ANN, mail("seen"), "Archive/2024", {"\\Seen", "Mine"}, DATE)
    fresh = world.deliver(ANN, mail("new"), INBOX, (), DATE)
    for copy in copies(maildir, ANN):
        moved(maildir, copy, soft_deleted(maildir, copy))
    vault = world.root / ".clawback"
    assert _files(vault) == [
        f"soft_deleted/{ANN}/Archive.2024/cur/{seen.name}",
        f"soft_deleted/{ANN}/Archive.2024/dovecot-keywords",
        f"soft_deleted/{ANN}/INBOX/new/{fresh.name}",
    ]
    assert {stat.S_IMODE(p.stat().st_mode) for p in [vault, *vault.rglob("*")] if p.is_dir()} == {0o700}
    assert run(maildir.mailboxes()) == (ANN, BOB)


def test_a_vault_elsewhere_leaves_the_root_alone(world: MaildirWorld, tmp_path: Path) -> None:
    vault = tmp_path / "far" / "vault"
    connector = MaildirConnector("maildir", world.root, vault=vault)
    world.deliver(ANN, mail("one"), INBOX, (), DATE)
    moved(connector, only(connector, ANN), "quarantine/INBOX")
    assert sorted(p.name for p in world.root.iterdir()) == ["ann", "bob"]
    assert len(_files(vault)) == 1


def test_files_and_new_folders_belong_to_the_mailboxs_owner(
    world: MaildirWorld, maildir: MaildirConnector
) -> None:
    owner = (1234, 4321) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    for path in [world.maildir(ANN), *world.maildir(ANN).rglob("*")]:
        os.chown(path, *owner)
    file = world.deliver(ANN, mail("one"), INBOX, {"Mine"}, DATE)
    os.chown(file, *owner)
    run(maildir.append(ANN, "Back", mail("two"), frozenset({"Other"}), DATE))
    moved(maildir, listing(maildir, ANN)[INBOX][0], "Junk")
    new = [
        p for f in (".Junk", ".Back") for p in [world.maildir(ANN) / f, *(world.maildir(ANN) / f).rglob("*")]
    ]
    assert {p.name for p in new} >= {"cur", "new", "tmp", "maildirfolder", "dovecot-keywords", file.name}
    assert {(p.stat().st_uid, p.stat().st_gid) for p in new} == {owner}


def test_what_is_no_message_is_not_listed(world: MaildirWorld, maildir: MaildirConnector) -> None:
    inbox = world.maildir(ANN)
    (inbox / "cur" / ".hidden").write_text("x")
    (inbox / "cur" / "folder").mkdir()
    (inbox / "cur" / "link").symlink_to("/etc/passwd")
    (inbox / "tmp" / "half").write_text("x")
    os.mkfifo(inbox / "new" / "pipe")
    (inbox / ".NotAFolder").mkdir()
    (inbox / ".Linked").symlink_to(world.maildir(BOB))
    assert {folder: len(found) for folder, found in listing(maildir, ANN).items()} == {INBOX: 0}


def test_a_file_in_cur_without_flags_and_a_wrong_size_in_a_name_do_no_harm(
    world: MaildirWorld, maildir: MaildirConnector
) -> None:
    (world.maildir(ANN) / "cur" / "bare").write_bytes(mail("bare"))
    (world.maildir(ANN) / "cur" / "liar,S=7:2,S").write_bytes(mail("liar"))
    found = {copy.handle.native_id: copy for copy in copies(maildir, ANN)}
    assert {n: c.size for n, c in found.items()} == {"bare": 200, "liar,S=7": 7}
    world.move(found["liar,S=7"].handle, "Archive")
    assert places(maildir, found["liar,S=7"], mail("liar")) == ["Archive"]


def test_one_base_name_twice_in_a_folder_is_two_copies(
    world: MaildirWorld, maildir: MaildirConnector
) -> None:
    (world.maildir(ANN) / "cur" / "twin:2,S").write_bytes(mail("a"))
    (world.maildir(ANN) / "new" / "twin").write_bytes(mail("b"))
    first, second = copies(maildir, ANN)
    assert first.handle.native_id != second.handle.native_id
    contents = [
        raw.content
        for raw in run(maildir.fetch([first.handle, second.handle]))
        if isinstance(raw, RawMessage)
    ]
    assert contents == [mail("a"), mail("b")]
    moved(maildir, second, "quarantine/INBOX")
    moved(maildir, first, "quarantine/INBOX")
    assert len(listing(maildir, ANN)["quarantine/INBOX"]) == 2


@pytest.mark.parametrize("by", [rename, look_then_rename])
def test_a_name_that_is_taken_is_never_overwritten(world: MaildirWorld, by: Callable[..., None]) -> None:
    maildir = MaildirConnector("maildir", world.root, rename=by)
    for text in ("one", "two", "three"):
        (world.maildir(ANN) / "cur" / "same,S=200:2,S").write_bytes(mail(text))
        moved(maildir, listing(maildir, ANN)[INBOX][0], "quarantine/INBOX")
    found = copies(maildir, ANN)
    raws = [
        raw.content for raw in run(maildir.fetch([c.handle for c in found])) if isinstance(raw, RawMessage)
    ]
    assert sorted(raws) == sorted(mail(text) for text in ("one", "two", "three"))
    assert {c.flags for c in found} == {frozenset({"\\Seen"})}


def test_a_message_over_the_limit_is_refused_by_name(world: MaildirWorld) -> None:
    maildir = MaildirConnector("maildir", world.root, largest=300)
    world.deliver(ANN, mail("fits", 300), INBOX, (), DATE)
    world.deliver(ANN, mail("too large", 301), INBOX, (), DATE)
    handles = [c.handle for c in sorted(copies(maildir, ANN), key=lambda c: c.size)]
    assert [type(a) for a in run(maildir.fetch(handles))] == [RawMessage, CapabilityMissing]


@pytest.mark.parametrize("what", ["Maildir", "cur"])
def test_a_link_in_place_of_a_directory_leads_nowhere(
    world: MaildirWorld, maildir: MaildirConnector, tmp_path: Path, what: str
) -> None:
    file = world.deliver(ANN, mail("one"), INBOX, {"\\Seen"}, DATE)
    copy = only(maildir, ANN)
    swapped = world.maildir(ANN) if what == "Maildir" else world.maildir(ANN) / what
    outside = swapped.rename(tmp_path / "outside")
    swapped.symlink_to(outside)
    asked = [*run(maildir.move([Move(copy.handle, "quarantine/INBOX")])), *run(maildir.delete([copy.handle]))]
    assert [type(answer) for answer in asked] == [ProtocolViolation] * 2
    assert isinstance(run(maildir.fetch([copy.handle]))[0], ProtocolViolation)
    assert file.name in {p.name for p in outside.rglob("*")}


def test_a_link_in_place_of_a_message_is_no_message(world: MaildirWorld, maildir: MaildirConnector) -> None:
    file = world.deliver(ANN, mail("one"), INBOX, {"\\Seen"}, DATE)
    copy = only(maildir, ANN)
    file.unlink()
    file.symlink_to("/etc/passwd")
    asked = [*run(maildir.move([Move(copy.handle, "quarantine/INBOX")])), *run(maildir.delete([copy.handle]))]
    assert [type(answer) for answer in asked] == [HandleStale, HandleStale]
    assert isinstance(run(maildir.fetch([copy.handle]))[0], ProtocolViolation)
    assert file.is_symlink()


def test_owners_cannot_hide_mail_in_a_folder_named_like_the_vault(
    world: MaildirWorld, maildir: MaildirConnector
) -> None:
    world.deliver(ANN, mail("one"), "quarantine/INBOX", {"\\Seen"}, DATE)
    copy = only(maildir, ANN)
    assert (copy.handle.folder, copy.location) == (".quarantine.INBOX", DeliveryLocation.OTHER_FOLDER)
    after = moved(maildir, copy, folder_of(maildir, ANN, DeliveryLocation.QUARANTINE, copy.handle.folder))
    assert after.location is DeliveryLocation.QUARANTINE
    assert moved(maildir, after, copy.handle.folder) == copy


def test_keywords_keep_their_names_when_the_folder_of_origin_is_gone(
    world: MaildirWorld, maildir: MaildirConnector
) -> None:
    world.deliver(ANN, mail("one"), "Archive", {"Mine", "Yours"}, DATE)
    away = moved(maildir, only(maildir, ANN), "soft_deleted/Archive")
    for path in sorted(world.folder(ANN, "Archive").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    world.folder(ANN, "Archive").joinpath("dovecot-keywords").write_text("0 Theirs\n1 Mine\n")
    assert only(maildir, ANN).flags == {"Mine", "Yours"}
    back = moved(maildir, away, "Archive")
    assert back.flags == {"Mine", "Yours"}
    assert set(world.keywords(world.file(back.handle))) == {"Mine", "Yours"}


def test_undo_makes_the_folder_that_the_owner_deleted(world: MaildirWorld, maildir: MaildirConnector) -> None:
    world.deliver(ANN, mail("one"), "Archive", (), DATE)
    away = moved(maildir, only(maildir, ANN), "soft_deleted/Archive")
    subprocess.run(["rm", "-r", world.folder(ANN, "Archive")], check=True)
    back = moved(maildir, away, "Archive")
    assert (world.maildir(ANN) / ".Archive" / "maildirfolder").is_file()
    assert only(maildir, ANN) == back


def test_a_root_that_is_not_there_is_unavailable_and_nobody_is_gone(world: MaildirWorld) -> None:
    maildir = MaildirConnector("maildir", world.root / "not mounted")
    handle = Handle("maildir", ANN, INBOX, "x", "cur/")
    assert [type(a) for a in run(maildir.move([Move(handle, "Junk")]))] == [Unavailable]
    with pytest.raises(Unavailable):
        run(maildir.mailboxes())
    with pytest.raises(Unavailable):
        run(maildir.list(ANN, {}))


@pytest.mark.parametrize("mailbox", ["../outside@example.org", "..@example.org", "a/b@example.org", "x"])
def test_mailboxes_that_cannot_be_ours_are_gone(maildir: MaildirConnector, mailbox: str) -> None:
    with pytest.raises(Gone):
        run(maildir.list(mailbox, {}))
    assert isinstance(run(maildir.move([Move(Handle("m", mailbox, INBOX, "x", "cur/"), "Junk")]))[0], Gone)


def test_a_folder_that_no_maildir_can_have_is_refused(world: MaildirWorld, maildir: MaildirConnector) -> None:
    world.deliver(ANN, mail("one"), INBOX, (), DATE)
    copy = only(maildir, ANN)
    folders = ["../../bob/Maildir", "quarantine/../x", "x" * 300, "quarantine/"]
    answers = run(maildir.move([Move(copy.handle, folder) for folder in folders]))
    assert [type(answer) for answer in answers] == [CapabilityMissing] * 4
    assert only(maildir, ANN) == copy


_AS_NOBODY = """
import asyncio, concurrent.futures.thread, os, sys
from pathlib import Path
from clawback.mailboxes.base import Move
from clawback.mailboxes.maildir import MaildirConnector

async def main():
    maildir = MaildirConnector("maildir", Path(sys.argv[1]))
    handle = (await maildir.list("ann@example.org", {}))[0].copies[0].handle
    moves = [Move(handle, "quarantine/INBOX"), Move(handle, "Junk")]
    answers = [*await maildir.move(moves), *await maildir.delete([handle])]
    print(*sorted(maildir.capabilities()), *(type(answer).__name__ for answer in answers), end="")

if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
asyncio.run(main())
"""


def test_another_user_may_look_and_is_refused_every_change() -> None:
    world = MaildirWorld(Path(tempfile.mkdtemp()), ("ann",))
    world.deliver(ANN, mail("one"), INBOX, (), DATE)
    before = _files(world.root)
    for path in [world.root, *world.root.rglob("*")]:
        if path.is_dir():
            path.chmod(0o555)
    command = [sys.executable, "-c", _AS_NOBODY, str(world.root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "keywords watch ReadOnly ReadOnly ReadOnly", done.stderr
    assert _files(world.root) == before
    world.restore()


def test_where_we_may_write_everything_can_be_done(maildir: MaildirConnector) -> None:
    assert maildir.capabilities() == frozenset(Capability) - {Capability.RULES}


def test_a_disk_that_fails_is_unavailable_for_each_copy_and_loses_none(world: MaildirWorld) -> None:
    calls: list[str] = []

    def failing(old: str, new: str, source: int, target: int) -> None:
        calls.append(old)
        if len(calls) == 2:
            raise OSError(28, os.strerror(28))
        rename(old, new, source, target)

    maildir = MaildirConnector("maildir", world.root, rename=failing)
    for number in range(3):
        world.deliver(ANN, mail(str(number)), INBOX, (), DATE)
    answers = run(maildir.move([Move(c.handle, "quarantine/INBOX") for c in copies(maildir, ANN)]))
    assert [type(answer) for answer in answers] == [Observed, Unavailable, Observed]
    assert len(copies(maildir, ANN)) == 3


def test_read_only_file_systems_are_named(world: MaildirWorld) -> None:
    def failing(old: str, new: str, source: int, target: int) -> None:
        raise OSError(30, os.strerror(30))

    maildir = MaildirConnector("maildir", world.root, rename=failing)
    world.deliver(ANN, mail("one"), INBOX, (), DATE)
    (answer,) = run(maildir.move([Move(only(maildir, ANN).handle, "quarantine/INBOX")]))
    assert isinstance(answer, ReadOnly)


def test_flags_that_change_while_we_reach_for_a_copy_are_the_ones_we_keep(world: MaildirWorld) -> None:
    file = world.deliver(ANN, mail("one"), INBOX, (), DATE)
    reached: list[str] = []

    def racing(old: str, new: str, source: int, target: int) -> None:
        if not reached:
            world.flag(before.handle, {"\\Seen", "Late"})
        reached.append(old)
        rename(old, new, source, target)

    maildir = MaildirConnector("maildir", world.root, rename=racing)
    before = only(maildir, ANN)
    after = moved(maildir, before, "quarantine/INBOX")
    assert reached == [file.name, f"{file.name}:2,Sa"]
    assert after.flags == {"\\Seen", "Late"}
    assert copies(maildir, ANN) == [after]
