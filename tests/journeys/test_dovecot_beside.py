"""Clawback moves files beside a running Dovecot whose users are connected."""

from __future__ import annotations

import asyncio
import contextlib
import imaplib
import itertools
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from tests.servers.dovecot import PROGRAM, Dovecot, dovecot

from clawback.errors import HandleStale
from clawback.mailboxes.base import Move, RawMessage
from clawback.mailboxes.maildir import MaildirConnector
from clawback.message.delivery import DeliveryLocation, Observed
from clawback.testing.connector_contract import folder_of, listing, mail, moved, places, run, soft_deleted

_NUMBERS = itertools.count(1)
DATE = '"29-Feb-2024 12:30:15 +0100"'
_PARTS = re.compile(rb'X-GUID (\S+) .*?FLAGS \((.*?)\) INTERNALDATE ("[^"]+")')


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as a mail program sees it."""

    guid: bytes
    flags: frozenset[str]
    date: bytes
    content: bytes


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    if not PROGRAM:
        pytest.skip("dovecot is not installed (apt-get install dovecot-core dovecot-imapd dovecot-lmtpd)")
    with dovecot(users=(), special_folders=False, hidden=()) as running:
        yield running


@pytest.fixture
def user(server: Dovecot) -> str:
    name = f"user{next(_NUMBERS)}"
    server.add_user(name)
    return name


@pytest.fixture
def mailbox(user: str) -> str:
    return f"{user}@example.org"


@pytest.fixture
def client(server: Dovecot, user: str) -> Iterator[imaplib.IMAP4]:
    with server.client(user) as connected:
        for folder in ("Junk", "Archive/2024", "M&APw-ll"):
            connected.create(f'"{folder}"')
        yield connected


@pytest.fixture
def maildir(server: Dovecot) -> MaildirConnector:
    return MaildirConnector("maildir", server.mail)


def add(client: imaplib.IMAP4, text: bytes, flags: str, folder: str = "INBOX") -> None:
    assert client.append(f'"{folder}"', f"({flags})", DATE, text)[0] == "OK"


def show(client: imaplib.IMAP4, folder: str = "INBOX") -> list[Shown]:
    """All that the owner sees of a folder, in the order of its bytes."""
    if client.select(f'"{folder}"')[1] == [b"0"]:
        return []
    answer, lines = client.fetch("1:*", "(X-GUID UID FLAGS INTERNALDATE BODY.PEEK[])")
    assert answer == "OK"
    found: list[Shown] = []
    for line in lines:
        if isinstance(line, tuple):
            parts = _PARTS.search(line[0])
            assert parts, line[0]
            flags = frozenset(parts[2].decode().split()) - {"\\Recent"}
            found.append(Shown(parts[1], flags, parts[3], line[1]))
    return sorted(found, key=lambda shown: shown.content)


def test_a_connected_client_sees_mail_vanish_and_come_back_as_it_was(
    client: imaplib.IMAP4, maildir: MaildirConnector, mailbox: str
) -> None:
    add(client, mail("one"), "\\Seen \\Flagged $Forwarded Project-X")
    add(client, mail("two"), "")
    add(client, mail("three"), "\\Answered Other", "Archive/2024")
    add(client, mail("four"), "\\Draft Other Project-X", "M&APw-ll")
    add(client, mail("stays"), "Mine")
    folders = {"INBOX": "INBOX", "Archive/2024": "Archive/2024", "M&APw-ll": "Müll"}
    before = {folder: show(client, folder) for folder in folders}
    taken = [
        copy
        for folder in folders.values()
        for copy in listing(maildir, mailbox)[folder]
        if copy.flags != {"Mine"}
    ]
    assert {copy.flags for copy in taken} == {s.flags for f in before.values() for s in f} - {
        frozenset({"Mine"})
    }
    assert {copy.internal_date for copy in taken} == {datetime(2024, 2, 29, 11, 30, 15, tzinfo=UTC)}
    client.select("INBOX")
    client.noop()
    client.response("EXPUNGE")
    answers = run(maildir.move([Move(copy.handle, soft_deleted(maildir, copy)) for copy in taken]))
    away = [answer for answer in answers if isinstance(answer, Observed)]
    assert len(away) == len(taken) == 4
    client.noop()
    assert len([n for n in client.response("EXPUNGE")[1] if n]) == 2
    assert [shown.content for f in folders for shown in show(client, f)] == [mail("stays")]
    back = run(maildir.move([Move(a.handle, t.handle.folder) for a, t in zip(away, taken, strict=True)]))
    assert list(back) == taken
    assert {folder: show(client, folder) for folder in folders} == before


def test_flags_set_over_imap_a_moment_before_are_kept(
    client: imaplib.IMAP4, maildir: MaildirConnector, mailbox: str
) -> None:
    add(client, mail("one"), "")
    (copy,) = listing(maildir, mailbox)["INBOX"]
    client.select("INBOX")
    client.store("1", "+FLAGS", "(\\Seen Late)")
    away = moved(maildir, copy, soft_deleted(maildir, copy))
    assert away.flags == {"\\Seen", "Late"}
    assert show(client) == []
    moved(maildir, away, "INBOX")
    assert [shown.flags for shown in show(client)] == [{"\\Seen", "Late"}]


def test_keywords_keep_their_names_in_another_folder(
    client: imaplib.IMAP4, maildir: MaildirConnector, mailbox: str
) -> None:
    add(client, mail("other"), "Other Another Third", "Junk")
    add(client, mail("one"), "\\Seen Project-X $Forwarded")
    client.select("Junk")
    (copy,) = listing(maildir, mailbox)["INBOX"]
    moved(maildir, copy, folder_of(maildir, mailbox, DeliveryLocation.JUNK, "INBOX"))
    shown = {s.content: s.flags for s in show(client, "Junk")}
    assert shown == {
        mail("other"): {"Other", "Another", "Third"},
        mail("one"): {"\\Seen", "Project-X", "$Forwarded"},
    }
    client.store("1:*", "+FLAGS", "(Fourth)")
    assert all("Fourth" in copy.flags for copy in listing(maildir, mailbox)["Junk"])


def test_a_copy_that_its_owner_moved_over_imap_is_stale_and_found(
    client: imaplib.IMAP4, maildir: MaildirConnector, mailbox: str
) -> None:
    add(client, mail("one"), "Mine")
    (copy,) = listing(maildir, mailbox)["INBOX"]
    (raw,) = run(maildir.fetch([copy.handle]))
    assert isinstance(raw, RawMessage)
    client.select("INBOX")
    assert client.uid("MOVE", "1:*", "Archive/2024")[0] == "OK"
    assert isinstance(run(maildir.move([Move(copy.handle, "quarantine/INBOX")]))[0], HandleStale)
    assert places(maildir, copy, raw.content) == ["Archive/2024"]


def test_what_clawback_appends_is_mail_like_any_other(
    client: imaplib.IMAP4, maildir: MaildirConnector, mailbox: str
) -> None:
    add(client, mail("one"), "\\Seen Mine")
    before = show(client)
    (copy,) = listing(maildir, mailbox)["INBOX"]
    run(maildir.delete([copy.handle]))
    assert show(client) == []
    run(maildir.append(mailbox, "INBOX", mail("one"), copy.flags, copy.internal_date))
    assert [(s.flags, s.date, s.content) for s in show(client)] == [
        (s.flags, s.date, s.content) for s in before
    ]


def test_mail_that_dovecot_files_is_seen_at_once(
    client: imaplib.IMAP4, maildir: MaildirConnector, mailbox: str
) -> None:
    async def watching() -> frozenset[str]:
        watch = maildir.watch()
        first = asyncio.ensure_future(anext(watch))
        await asyncio.to_thread(add, client, mail("one"), "", "Archive/2024")
        seen = await first
        while mailbox not in seen:
            seen |= await anext(watch)
        await maildir.close()
        return seen

    assert mailbox in run(watching())


def test_an_owner_who_changes_flags_all_the_time_loses_nothing(
    client: imaplib.IMAP4, maildir: MaildirConnector, mailbox: str
) -> None:
    texts = [mail(f"{number:03}") for number in range(100)]
    for text in texts:
        add(client, text, "Mine")
    done = threading.Event()

    def flagging() -> int:
        rounds = 0
        client.select("INBOX")
        while not done.is_set():
            sign = "-" if rounds % 2 else "+"
            with contextlib.suppress(imaplib.IMAP4.error):
                client.store("1:*", f"{sign}FLAGS.SILENT", "(\\Flagged Busy)")
            client.noop()
            rounds += 1
        return rounds

    async def moving() -> tuple[int, int]:
        busy = asyncio.ensure_future(asyncio.to_thread(flagging))
        try:
            return await busy_moving(), await ended(busy)
        finally:
            done.set()

    async def ended(busy: asyncio.Future[int]) -> int:
        done.set()
        return await busy

    async def busy_moving() -> int:
        taken = 0
        for _ in range(6):
            taken += await all_from("INBOX", "soft_deleted/INBOX")
            taken += await all_from("soft_deleted/INBOX", "INBOX")
        return taken

    async def all_from(there: str, here: str) -> int:
        """Move every copy; one whose name changes in the very moment is stale, and tried again."""
        taken = 0
        for _ in range(50):
            found = {f.folder: f.copies or () for f in await maildir.list(mailbox, {})}
            answers = await maildir.move([Move(copy.handle, here) for copy in found.get(there, ())])
            assert all(isinstance(answer, Observed | HandleStale) for answer in answers), answers
            taken += sum(isinstance(answer, Observed) for answer in answers)
            if taken == len(texts):
                break
        return taken

    taken, rounds = run(moving())
    assert (taken, rounds > 0) == (12 * len(texts), True)
    shown = show(client)
    assert [s.content for s in shown] == texts
    assert all("Mine" in s.flags for s in shown)
