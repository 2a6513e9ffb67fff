"""The sample organisation: the same every time, a real Maildir tree, mail of many kinds."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from clawback.testing.carriers import message_files
from clawback.testing.checksums import checksums
from clawback.testing.maildir_tree import FOLDERS, KEYWORDS, folder_path, modified_utf7
from clawback.testing.organisation import Organisation, build_organisation

NOW = datetime(2026, 11, 1, 9, 30, tzinfo=UTC)
NAME = re.compile(r"(\d+)\.M(\d{6})P\d+\.mx,S=(\d+),W=\d+(?::2,([A-Z]*[a-z]*))?")


@pytest.fixture(scope="module")
def organisation(tmp_path_factory: pytest.TempPathFactory) -> Organisation:
    return build_organisation(tmp_path_factory.mktemp("organisation"), now=NOW)


@pytest.fixture(scope="module")
def files(organisation: Organisation) -> list[Path]:
    return list(message_files(organisation.root))


def _messages(root: Path) -> dict[str, tuple[str, int, int]]:
    return {path: found for path, found in checksums(root).items() if "/cur/" in path or "/new/" in path}


def test_as_many_mailboxes_and_copies_as_asked_for(organisation: Organisation, files: list[Path]) -> None:
    assert organisation.delivered == len(files) == 2000
    assert len(set(organisation.users)) == 25
    assert sorted(path.name for path in organisation.root.iterdir()) == sorted(organisation.users)


def test_every_user_has_mail_in_the_inbox(organisation: Organisation) -> None:
    for user in organisation.users:
        maildir = organisation.maildir(user)
        assert any((maildir / "cur").iterdir())


def test_the_same_arguments_make_the_same_files_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        build_organisation(tmp_path / name, mailboxes=5, messages=150, seed=seed, now=NOW)
    first, second, third = (_messages(tmp_path / name) for name in "abc")
    assert first == second
    assert set(first) & set(third) == set()


def test_every_folder_is_a_maildir_and_the_foreign_name_is_in_modified_utf7(
    organisation: Organisation,
) -> None:
    maildir = organisation.maildir(organisation.users[0])
    assert folder_path(maildir, "Verträge").name == ".Vertr&AOQ-ge"
    for folder in FOLDERS:
        assert {"cur", "new", "tmp"} <= {path.name for path in folder_path(maildir, folder).iterdir()}


@pytest.mark.parametrize(
    ("name", "written"),
    [("Entwürfe", "Entw&APw-rfe"), ("A&B", "A&-B"), ("台北", "&U,BTFw-"), ("日本x語", "&ZeVnLA-x&ip4-")],
)
def test_modified_utf7(name: str, written: str) -> None:
    assert modified_utf7(name) == written


def test_names_tell_size_and_time_and_the_flags_are_in_order(files: list[Path]) -> None:
    for path in files:
        found = NAME.fullmatch(path.name)
        assert found, path.name
        status = path.stat()
        assert status.st_size == int(found[3])
        assert status.st_mtime_ns == int(found[1]) * 10**9 + int(found[2]) * 10**3
        assert (found[4] is None) == (path.parent.name == "new")
        assert sorted(found[4] or "") == list(found[4] or "")
        assert (
            NOW - timedelta(days=91)
            < datetime.fromtimestamp(status.st_mtime, UTC)
            < NOW + timedelta(minutes=1)
        )


def test_keyword_letters_stand_only_in_folders_that_list_keywords(files: list[Path]) -> None:
    used = [path for path in files if re.search(r":2,[A-Z]*[a-z]", path.name)]
    assert len(used) > 20
    for path in used:
        listed = (path.parent.parent / "dovecot-keywords").read_text("utf-8").splitlines()
        assert listed == [f"{number} {word}" for number, word in enumerate(KEYWORDS)]


def test_mail_of_many_kinds_that_the_standard_library_reads_without_defects(files: list[Path]) -> None:
    types: Counter[str] = Counter()
    for path in files[::3]:
        message = message_from_bytes(path.read_bytes(), policy=policy.default)
        assert isinstance(message, EmailMessage)
        for part in message.walk():
            assert not part.defects, (path, part.defects)
            types[part.get_content_type()] += 1
            if part["content-type"] and part.get_content_maintype() == "text":
                assert part.get_content().strip()
        assert message["subject"]
        assert message["from"].addresses
    wanted = {
        "application/pdf",
        "application/zip",
        "text/calendar",
        "image/png",
        "message/rfc822",
        "text/html",
    }
    assert wanted | {"message/delivery-status", "multipart/related"} <= set(types)


def test_copies_of_one_message_differ_only_in_their_trace_headers(files: list[Path]) -> None:
    copies: dict[str, list[bytes]] = {}
    for path in files:
        raw = path.read_bytes()
        found = re.search(rb"^Message-ID: (.+)$", raw, re.MULTILINE)
        assert found
        copies.setdefault(found[1].decode(), []).append(raw)
    several = [group for group in copies.values() if len(group) > 2]
    assert len(several) > 100
    for group in several:
        contents = {re.sub(rb"\A(?:(?:Return-Path|Delivered-To|Received|Authentication-Results):"
                           rb"[^\n]*\n(?:\t[^\n]*\n)*)*", b"", raw) for raw in group}  # fmt: skip
        assert len(contents) == 1
        assert len(set(group)) == len(group)


def test_mail_from_outside_came_over_the_border(files: list[Path]) -> None:
    outside = [raw for raw in (path.read_bytes() for path in files) if b"\n\tby mx.northwind.example" in raw]
    assert len(outside) > 500
    assert all(b"\nAuthentication-Results: mx.northwind.example;" in raw for raw in outside)


def test_real_mail_lies_under_the_trace_headers_of_the_border(shared_data: Path, tmp_path: Path) -> None:
    built = build_organisation(tmp_path, mailboxes=4, messages=300, shared=shared_data, now=NOW)
    files = list(message_files(tmp_path))
    assert built.delivered == len(files) == 300
    for path in files:
        raw = path.read_bytes()
        assert raw.startswith(b"Return-Path: <")
        assert b"by mx.northwind.example" in raw
