"""File names, folder names, layouts and keyword files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawback.errors import BadSettings, CapabilityMissing, Gone, ProtocolViolation, Unavailable
from clawback.mailboxes import folder_names
from clawback.mailboxes.maildir import folders, keywords, names, utf7
from clawback.mailboxes.maildir.layout import Layout
from clawback.message.delivery import DeliveryLocation, Handle


@pytest.mark.parametrize(
    ("name", "base", "flags", "size"),
    [
        ("17.M1P2.host,S=4711,W=4800:2,FS", "17.M1P2.host,S=4711,W=4800", ["\\Flagged", "\\Seen"], 4711),
        ("17.M1P2.host:2,", "17.M1P2.host", [], None),
        ("17.M1P2.host", "17.M1P2.host", [], None),
        ("17.M1P2.host;2,RT", "17.M1P2.host", ["\\Answered", "\\Deleted"], None),
        ("17.M1P2.host,S=5!2,D", "17.M1P2.host,S=5", ["\\Draft"], 5),
        ("17.host:1,x", "17.host", [], None),
        (":2,S", ":2,S", [], None),
        ("17.host,S=12x:2,S", "17.host,S=12x", ["\\Seen"], None),
        ("17.host,S=99999999999999999999:2,", "17.host,S=99999999999999999999", [], None),
    ],
)
def test_a_file_name_is_a_base_and_an_info(name: str, base: str, flags: list[str], size: int | None) -> None:
    assert names.split(name)[0] == base
    assert "".join(names.split(name)) == name
    assert names.system_flags(names.split(name)[1]) == set(flags)
    assert names.size_in(name) == size


def test_translating_keywords_leaves_the_rest_of_an_info_alone() -> None:
    assert names.with_keywords(":2,FPSac", "db") == ":2,FPSbd"
    assert names.with_keywords(";2,a", "") == ";2,"


@pytest.mark.parametrize("native_id", ["../../etc/passwd", "a/b", "cur/../x", "x\0y", ".hidden", "new/", ""])
def test_a_handle_cannot_point_outside_its_folder(native_id: str) -> None:
    with pytest.raises(ProtocolViolation):
        names.located(Handle("m", "a@example.org", "INBOX", native_id, "cur/"))


def test_a_handle_of_an_unknown_sub_directory_is_refused() -> None:
    with pytest.raises(ProtocolViolation):
        names.located(Handle("m", "a@example.org", "INBOX", "x", "../:2,S"))


@given(st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 30)))
def test_an_internal_date_survives_as_mtime(moment: datetime) -> None:
    date = moment.replace(tzinfo=UTC)
    assert abs(names.internal_date(names.mtime_ns(date)) - date) < timedelta(microseconds=1)


def test_an_impossible_mtime_becomes_the_nearest_date() -> None:
    assert names.internal_date(1 << 70).year == 9999
    assert names.internal_date(-(1 << 70)).year == 1


def test_fresh_names_differ() -> None:
    assert len({names.fresh(1) for _ in range(1000)}) == 1000


@given(st.text(st.characters(exclude_characters="/.\0", exclude_categories=["Cs"]), min_size=1))
def test_every_level_survives_modified_utf7(text: str) -> None:
    coded = utf7.encode(text)
    assert coded.isascii()
    assert utf7.decode(coded) == text


@given(st.text())
def test_decoding_is_exact_or_refused(name: str) -> None:
    text = utf7.decode(name)
    assert text is None or utf7.encode(text) == name


def test_modified_utf7_is_that_of_the_rfc() -> None:
    assert utf7.encode("~peter/mail/台北/日本語") == "~peter/mail/&U,BTFw-/&ZeVnLIqe-"
    assert utf7.decode("&U,BTFw-") == "台北"


@pytest.mark.parametrize(
    ("directory", "folder"),
    [
        (".Archive.2024", "Archive/2024"),
        (".M&APw-ll &- S&APY-hne", "Müll & Söhne"),
        (".INBOX.Sub", "INBOX/Sub"),
        (".INBOX", ".INBOX"),
        (".Müll", ".Müll"),
        (".a..b", ".a..b"),
        (".&AC8-", ".&AC8-"),
        (".&ZZZ", ".&ZZZ"),
        (".quarantine.INBOX", ".quarantine.INBOX"),
        (".soft_deleted.x", ".soft_deleted.x"),
        (".quarantine", "quarantine"),
        (".x\udcff", ".x\udcff"),
    ],
)
def test_each_directory_is_one_folder(directory: str, folder: str) -> None:
    assert folders.name_of(directory) == folder
    assert folders.directory_of(folder) == directory
    assert folders.origin_of(folders.vault_directory(folder)) == folder


@pytest.mark.parametrize(
    "folder", ["..", ".", "", "/", "a//b", "a.b", "../x", "x/../y", ".a/b", "a\0", ".Archive", "Inbox", "x/."]
)
def test_names_that_are_no_folder_are_refused(folder: str) -> None:
    with pytest.raises(CapabilityMissing):
        folders.directory_of(folder)


@given(st.text(min_size=1))
def test_no_two_folders_share_a_directory(folder: str) -> None:
    try:
        directory = folders.directory_of(folder)
    except CapabilityMissing:
        return
    assert directory == "" or directory.startswith(".")
    assert "/" not in directory
    if directory:
        assert folders.name_of(directory) == folder


def _tree(root: Path, *maildirs: str) -> None:
    for maildir in maildirs:
        root.joinpath(maildir, "cur").mkdir(parents=True)


def test_layouts_are_read_both_ways(tmp_path: Path) -> None:
    _tree(
        tmp_path,
        "a.org/ann/Maildir",
        "a.org/bob/Maildir",
        "b.org/ann/Maildir",
        "b.org/.x/Maildir",
        "lost+found",
    )
    layout = Layout("{domain}/{user}/Maildir", "{user}@{domain}")
    found = dict(layout.discover(tmp_path))
    assert sorted(found) == ["ann@a.org", "ann@b.org", "bob@a.org"]
    assert all(layout.parts_of(mailbox) == parts for mailbox, parts in found.items())


def test_a_flat_layout_with_whole_addresses(tmp_path: Path) -> None:
    _tree(tmp_path, "ann@a.org", ".clawback/x")
    assert dict(Layout("{user}@{domain}", "{user}@{domain}").discover(tmp_path)) == {
        "ann@a.org": ("ann@a.org",)
    }
    assert [mailbox for mailbox, _ in Layout("{user}", "{user}").discover(tmp_path)] == ["ann@a.org"]


def test_a_layout_may_hold_the_same_word_twice(tmp_path: Path) -> None:
    _tree(tmp_path, "ann/ann", "bob/ann")
    assert [mailbox for mailbox, _ in Layout("{user}/{user}", "{user}@x.org").discover(tmp_path)] == [
        "ann@x.org"
    ]


def test_links_are_no_mailboxes(tmp_path: Path) -> None:
    _tree(tmp_path, "root/ann/Maildir", "outside/Maildir")
    root = tmp_path / "root"
    (root / "eve").symlink_to(tmp_path / "outside")
    (root / "mallory").mkdir()
    (root / "mallory" / "Maildir").symlink_to(tmp_path / "outside" / "Maildir")
    assert [m for m, _ in Layout("{user}/Maildir", "{user}@x.org").discover(root)] == ["ann@x.org"]


@pytest.mark.parametrize(
    "mailbox", ["../x@x.org", "..@x.org", ".clawback@x.org", "a/b@x.org", "a\0@x.org", "a@y.org", "@x.org"]
)
def test_a_mailbox_cannot_lie_outside_the_layout(mailbox: str) -> None:
    with pytest.raises(Gone):
        Layout("{user}/Maildir", "{user}@x.org").parts_of(mailbox)


@pytest.mark.parametrize(
    ("layout", "address"),
    [
        ("../{user}", "{user}@x.org"),
        ("{user}//x", "{user}@x.org"),
        ("mail", "x@x.org"),
        ("{name}", "{name}@x.org"),
        ("{user}", "x@x.org"),
        ("{domain}/{user}", "{user}@x.org"),
    ],
)
def test_layouts_that_make_no_sense_are_bad_settings(layout: str, address: str) -> None:
    with pytest.raises(BadSettings):
        Layout(layout, address)


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[int]:
    fd = os.open(tmp_path, os.O_RDONLY)
    yield fd
    os.close(fd)


def test_a_keyword_file_is_read_as_dovecot_reads_it() -> None:
    text = b"0 $Forwarded\nrubbish\n3 With space\n26 TooFar\n-1 x\n4 \n1 \xc3\xa4\n00007 y\n"
    assert keywords.parse(text) == {"a": "$Forwarded", "d": "With space", "b": "ä"}


def test_letters_go_by_names_and_in_the_vault_keep_themselves_where_they_can(
    tmp_path: Path, directory: int
) -> None:
    (tmp_path / keywords.FILE).write_text("0 Other\n5 $FORWARDED\n")
    source = {"a": "$Forwarded", "c": "Mine", "f": "Last"}
    assert keywords.Translation(source, directory, private=True).of("acf") == "fcb"
    assert keywords.read(directory) == {"a": "Other", "f": "$FORWARDED", "c": "Mine", "b": "Last"}


def test_an_owners_folder_gets_new_names_without_gaps(directory: int) -> None:
    assert keywords.Translation({"c": "Mine", "f": "Last"}, directory).of("cf") == "ab"
    assert keywords.read(directory) == {"a": "Mine", "b": "Last"}


def test_the_vault_names_every_letter(directory: int) -> None:
    assert keywords.Translation({}, directory, private=True).of("c") == "c"
    assert keywords.read(directory) == {"c": "unknown-2"}


def test_a_letter_without_a_name_stays_unless_it_would_get_another_meaning(
    tmp_path: Path, directory: int
) -> None:
    assert keywords.Translation({}, directory).of("c") == "c"
    assert not (tmp_path / keywords.FILE).exists()
    (tmp_path / keywords.FILE).write_text("2 Other\n")
    assert keywords.Translation({}, directory).of("c") == "a"
    assert keywords.read(directory) == {"a": "unknown-2", "c": "Other"}


def test_a_folder_with_26_keywords_refuses_one_more(tmp_path: Path, directory: int) -> None:
    (tmp_path / keywords.FILE).write_text("".join(f"{i} k{i}\n" for i in range(26)))
    with pytest.raises(CapabilityMissing):
        keywords.Translation({"a": "new"}, directory).of("a")
    assert len(keywords.read(directory)) == 26


def test_the_file_grows_older_by_whole_seconds_when_it_changes(tmp_path: Path, directory: int) -> None:
    file = tmp_path / keywords.FILE
    file.write_text("0 Old\n")
    later = 4_000_000_000
    os.utime(file, (later, later))
    keywords.Translation({"b": "New"}, directory).of("b")
    assert file.stat().st_mtime == later + 1
    assert sorted(p.name for p in tmp_path.iterdir()) == [keywords.FILE]


def test_a_lock_that_dovecot_holds_is_waited_for_and_not_broken(tmp_path: Path, directory: int) -> None:
    lock = tmp_path / "dovecot-uidlist.lock"
    lock.write_text("1:mx")
    with pytest.raises(Unavailable), keywords.lock(directory, wait=0.05):
        pass
    assert lock.exists()
    os.utime(lock, (1, 1))
    with keywords.lock(directory, wait=1):
        assert lock.read_text().startswith(f"{os.getpid()}:")
    assert not lock.exists()


@pytest.mark.parametrize(
    ("folder", "location"),
    [
        ("INBOX", DeliveryLocation.INBOX),
        ("INBOX/Spam", DeliveryLocation.JUNK),
        ("[Gmail]/Sent Mail", DeliveryLocation.SENT),
        ("Trash/2024", DeliveryLocation.DELETED_ITEMS),
        ("Courrier inde\u0301sirable", DeliveryLocation.JUNK),
        ("ごみ箱", DeliveryLocation.DELETED_ITEMS),
        ("Archive/Spam", DeliveryLocation.OTHER_FOLDER),
        ("soft_deleted/Spam", DeliveryLocation.SOFT_DELETED),
        ("quarantine/INBOX", DeliveryLocation.QUARANTINE),
        (".quarantine.INBOX", DeliveryLocation.OTHER_FOLDER),
        ("quarantine", DeliveryLocation.OTHER_FOLDER),
    ],
)
def test_folders_are_places_by_their_names(folder: str, location: DeliveryLocation) -> None:
    assert folder_names.location_of(folder) is location


def test_a_copy_in_the_vault_can_change_its_place_there() -> None:
    assert folder_names.vault_folder(DeliveryLocation.SOFT_DELETED, "quarantine/A/b") == "soft_deleted/A/b"


def test_the_highest_and_most_usual_folder_is_taken() -> None:
    existing = ["INBOX/Junk", "Unwanted", "Spam", "Archive/Junk"]
    assert folder_names.folder_for(DeliveryLocation.JUNK, "INBOX", existing) == "Spam"
