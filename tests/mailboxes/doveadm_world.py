"""What lies in the mailboxes of a real Dovecot, read by IMAP; and the hand that moves it by doveadm."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from imapclient import IMAPClient
from tests.servers.dovecot import Dovecot
from tests.servers.processes import program

from clawback.mailboxes.base import Failure, Move
from clawback.mailboxes.folder_names import location_of
from clawback.mailboxes.imap.doveadm import DoveadmHand
from clawback.message.delivery import Handle, Observed
from clawback.testing.asking import DATE, mail, run

SOURCE = "mx"
INBOX, GOAL = "INBOX", "Quarantine"


def evil(number: int, size: int = 400) -> bytes:
    """A message; each number is another one."""
    return mail(f"Invoice {number}", size)


class Post:
    """A running server, whose users are named by the tests."""

    def __init__(self, server: Dovecot) -> None:
        self.server = server
        self.doveadm = (program("doveadm") or "doveadm", "-c", str(server.config))

    def hand(
        self, *, command: tuple[str, ...] = (), processes: int = 2, timeout: float = 20.0
    ) -> DoveadmHand:
        """A hand that knows nothing yet; a mailbox is called like its user."""
        place = lambda _mailbox, folder: location_of(folder)  # noqa: E731
        return DoveadmHand(SOURCE, str, place, command or self.doveadm, processes, timeout)

    def wrapped(self, name: str, text: str) -> tuple[str, ...]:
        """A command of one's own; in its text, $DOVEADM is the real one."""
        script = self.server.config.parent / name
        script.write_text(f"#!/bin/sh\nDOVEADM='{' '.join(self.doveadm)}'\n{text}\n")
        script.chmod(0o755)
        return (str(script),)

    def alone(self) -> tuple[str, ...]:
        """A command that fails when it runs twice at the same time."""
        text = 'mkdir "$0.runs" || exit 75; $DOVEADM "$@"; code=$?; rmdir "$0.runs"; exit $code'
        return self.wrapped("alone", text)

    def renew(self, users: Sequence[str]) -> None:
        """Users with nothing in their mailboxes, whatever they had before."""
        for user in users:
            shutil.rmtree(self.server.mail / user, ignore_errors=True)
            self.server.add_user(user)

    def clone(self, user: str, other: str) -> None:
        """Give somebody a mailbox copied from another, its indexes with their GUIDs too."""
        shutil.rmtree(self.server.mail / other, ignore_errors=True)
        subprocess.run(["cp", "-a", self.server.mail / user, self.server.mail / other], check=True)

    def put(
        self, user: str, content: bytes, folder: str, flags: Collection[str] = (), date: datetime = DATE
    ) -> None:
        """Mail in a folder, which is made where missing."""
        with self.opened(user) as client:
            if not client.folder_exists(folder):
                client.create_folder(folder)
            client.append(folder, content, list(flags), date)

    def duplicate(self, user: str) -> None:
        """The owner copies everything in the INBOX into the INBOX."""
        with self.opened(user) as client:
            client.select_folder(INBOX)
            if uids := client.search():
                client.copy(uids, INBOX)

    def take(self, user: str, handle: Handle, folder: str | None) -> None:
        """The owner moves a copy, or expunges it."""
        with self._at(handle) as (client, uid):
            if folder is None:
                client.delete_messages([uid])
                client.uid_expunge([uid])
            else:
                client.create_folder(folder)
                client.move([uid], folder)

    def flag(self, handle: Handle, flags: Collection[str]) -> None:
        """The owner changes flags."""
        with self._at(handle) as (client, uid):
            client.set_flags([uid], list(flags))

    @contextmanager
    def _at(self, handle: Handle) -> Iterator[tuple[IMAPClient, int]]:
        with self.opened(handle.mailbox) as client:
            client.select_folder(handle.folder)
            yield client, int(handle.native_id.partition(".")[2])

    @contextmanager
    def opened(self, user: str) -> Iterator[IMAPClient]:
        """The master user's look into a mailbox, hidden folders too."""
        client = IMAPClient("127.0.0.1", self.server.port, ssl=False, timeout=20)
        client.normalise_times = False
        try:
            client.plain_login(self.server.master_user, self.server.master_password, user)
            yield client
            client.logout()
        except BaseException:
            # A server that does not answer does not say good-bye either.
            client.shutdown()
            raise

    def read(self, user: str) -> list[Observed]:
        """Every copy in a mailbox, told by IMAP: folder by folder, in the order of their UIDs."""
        found: list[Observed] = []
        with self.opened(user) as client:
            folders = [
                name for attributes, _, name in client.list_folders() if b"\\Noselect" not in attributes
            ]
            for folder in sorted(folders):
                found += _listed(client, user, folder)
        return found

    def folder(self, user: str, folder: str) -> list[Observed]:
        """The copies in one folder, in the order of their UIDs; no other is opened."""
        with self.opened(user) as client:
            return list(_listed(client, user, folder)) if client.folder_exists(folder) else []

    def state(self, user: str, folder: str) -> tuple[int, int, str]:
        """UIDVALIDITY, UIDNEXT and GUID of a folder, by IMAP (X-GUID is Dovecot's own)."""
        with self.opened(user) as client:
            told = client.folder_status(folder, ["UIDVALIDITY", "UIDNEXT", "X-GUID"])
        return told[b"UIDVALIDITY"], told[b"UIDNEXT"], told[b"X-GUID"].decode()

    def everything(self, users: Sequence[str]) -> dict[str, list[Observed]]:
        """All mailboxes."""
        return {user: self.read(user) for user in users}


def _listed(client: IMAPClient, user: str, folder: str) -> Iterator[Observed]:
    validity = client.select_folder(folder, readonly=True)[b"UIDVALIDITY"]
    uids = client.search()
    told = client.fetch(uids, ["FLAGS", "INTERNALDATE", "RFC822.SIZE", "X-GUID"]) if uids else {}
    for uid, row in sorted(told.items()):
        guid = row[b"X-GUID"]
        name = guid.decode() if isinstance(guid, bytes) else str(guid)
        flags = frozenset(flag.decode() for flag in row[b"FLAGS"] if flag.lower() != b"\\recent")
        handle = Handle(SOURCE, user, folder, f"{validity}.{uid}", name)
        date = row[b"INTERNALDATE"].astimezone(UTC)
        yield Observed(handle, location_of(folder), row[b"RFC822.SIZE"], flags, date)


def moved(hand: DoveadmHand, copies: Sequence[Observed], goal: str = GOAL) -> list[Observed | Failure]:
    """Ask for copies to be moved."""
    return list(run(hand.move([Move(copy.handle, goal) for copy in copies])))


def arrived(answers: Sequence[Observed | Failure]) -> list[Observed]:
    """All of them, which have all been moved."""
    found = [answer for answer in answers if isinstance(answer, Observed)]
    assert len(found) == len(answers), [answer for answer in answers if not isinstance(answer, Observed)][:3]
    return found


def children() -> frozenset[int]:
    """Processes that this one has started and not collected, dead ones too; the server is none of them."""
    mine = str(os.getpid())
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = stat.read_text("utf-8", "replace").rpartition(")")
        except OSError:
            continue
        if rest.split()[1] == mine and not name.endswith("(dovecot"):
            found.add(int(stat.parent.name))
    return frozenset(found)
