"""What owners, mail servers and administrators do on real IMAP servers, beside the connector."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime

from imapclient import IMAPClient
from tests.servers.cyrus import Cyrus
from tests.servers.dovecot import Dovecot

from clawback.mailboxes.imap.options import Access, Login, Mailboxes, Naming, Options, Server, Tls
from clawback.message.delivery import Handle

_RECENT = b"\\recent"


def user_of(mailbox: str) -> str:
    """The local part, which is the user's name."""
    return mailbox.partition("@")[0]


class ImapWorld:
    """What owners do to their mailboxes, by a mail program of their own."""

    def __init__(self, port: int) -> None:
        self.port = port

    @contextmanager
    def owner(self, user: str) -> Iterator[IMAPClient]:
        """The owner's mail program."""
        client = IMAPClient("127.0.0.1", self.port, use_uid=True, ssl=False, timeout=20)
        try:
            client.login(user, "pw")
            yield client
        finally:
            client.logout()

    def deliver(
        self, mailbox: str, content: bytes, folder: str, flags: Collection[str], date: datetime
    ) -> None:
        """Mail arrives in a folder."""
        with self.owner(user_of(mailbox)) as client:
            if not client.folder_exists(folder):
                client.create_folder(folder)
            client.append(folder, content, list(flags), date)

    def flag(self, handle: Handle, flags: Collection[str]) -> None:
        """The owner changes flags and keywords."""
        with self._at(handle) as (client, uid):
            client.set_flags([uid], list(flags))

    def move(self, handle: Handle, folder: str) -> None:
        """The owner moves a copy."""
        with self._at(handle) as (client, uid):
            if not client.folder_exists(folder):
                client.create_folder(folder)
            client.move([uid], folder)

    def delete(self, handle: Handle) -> None:
        """The owner expunges a copy."""
        with self._at(handle) as (client, uid):
            client.delete_messages([uid])
            client.uid_expunge([uid])

    def settle(self) -> None:
        """Nothing to wait for: modification sequences are exact."""

    def state(self, mailbox: str) -> object:
        """Every folder with every message's bytes, flags and date, as the owner sees them."""
        found: dict[str, object] = {}
        with self.owner(user_of(mailbox)) as client:
            for attributes, _, folder in client.list_folders():
                if b"\\Noselect" in attributes:
                    continue
                client.select_folder(folder, readonly=True)
                uids = client.search()
                told = client.fetch(uids, ["FLAGS", "INTERNALDATE", "BODY.PEEK[]"]) if uids else {}
                found[folder] = sorted(
                    (m[b"BODY[]"], sorted({f.lower() for f in m[b"FLAGS"]} - {_RECENT}), m[b"INTERNALDATE"])
                    for m in told.values()
                )
        return found

    @contextmanager
    def _at(self, handle: Handle) -> Iterator[tuple[IMAPClient, int]]:
        with self.owner(user_of(handle.mailbox)) as client:
            client.select_folder(handle.folder)
            yield client, int(handle.native_id.partition(".")[2])


class DovecotWorld(ImapWorld):
    """Two fresh mailboxes on a running server, and what happens to them."""

    def __init__(self, server: Dovecot, users: Collection[str] = ("ann", "bob")) -> None:
        super().__init__(server.port)
        self.server = server
        self.users = list(users)
        self._read_only = False
        for user in self.users:
            shutil.rmtree(server.mail / user, ignore_errors=True)
            server.add_user(user)
            with self.owner(user) as client:
                client.select_folder("INBOX")

    def options(self, **changed: object) -> Options:
        """What the connector is told."""
        server = Server("127.0.0.1", self.server.port, Tls.NONE, timeout=15.0)
        login = Login(Access.MASTER, self.server.master_user, lambda: self.server.master_password)
        everything: dict[str, object] = {
            "server": server,
            "login": login,
            "naming": Naming(),
            "mailboxes": Mailboxes(command=("doveadm", "-c", str(self.server.config), "user", "*")),
            "connections": 4,
        } | changed
        return Options(**everything)  # type: ignore[arg-type]

    def make_read_only(self, mailbox: str) -> bool:
        """The administrator loses all rights but looking and reading, after a restart."""
        rights = self.server.config.parent / "rights"
        before = rights.read_text()
        rights.write_text(
            "".join(
                f"{line.rpartition(' ')[0]} lr\n" if "user=" in line else f"{line}\n"
                for line in before.splitlines()
            )
        )
        self._before = before
        self._read_only = True
        self.server.restart()
        return True

    def end(self) -> None:
        """Give back the rights that were taken."""
        if self._read_only:
            (self.server.config.parent / "rights").write_text(self._before)
            self.server.restart()

    def remove(self, mailbox: str) -> None:
        """The administrator removes a mailbox."""
        user = user_of(mailbox)
        self.server.remove_user(user)
        self.users.remove(user)
        # Sessions that are open would make the mailbox anew.
        self.server.stop()
        shutil.rmtree(self.server.mail / user)
        self.server.start()


class CyrusWorld(ImapWorld):
    """Two fresh mailboxes on a running Cyrus."""

    def __init__(self, server: Cyrus) -> None:
        super().__init__(server.imap_port)
        self.server = server
        server.renew("ann", "bob")

    def options(self) -> Options:
        """What the connector is told."""
        return Options(
            Server("127.0.0.1", self.server.imap_port, Tls.NONE, timeout=15.0),
            Login(Access.ADMIN, self.server.admin, lambda: self.server.admin_password),
            connections=4,
        )

    def make_read_only(self, mailbox: str) -> bool:
        """The administrator may look and read, no more."""
        self.server.set_rights(user_of(mailbox), "lrs")
        return True

    def remove(self, mailbox: str) -> None:
        """The administrator removes a mailbox."""
        self.server.remove_user(user_of(mailbox))
