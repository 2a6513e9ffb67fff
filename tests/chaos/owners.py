"""Owners: mail programs that move, copy, flag and delete at random, and mail that keeps coming."""

from __future__ import annotations

import contextlib
import imaplib
import random
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError
from tests.chaos.stage import MARK, Names, letter
from tests.servers.dovecot import PASSWORD, Dovecot
from tests.servers.lmtp import NotDelivered

_FOLDERS = ("INBOX", "Archive", "Projects/2024", "Trash")
_ERRORS = (IMAPClientError, imaplib.IMAP4.error, OSError, EOFError)


@dataclass(slots=True)
class Doings:
    """What owners may have done, by message name: a server that dies answers nothing, so each is a maybe."""

    deleted: set[str] = field(default_factory=set)
    copied: set[str] = field(default_factory=set)
    moved: Counter[str] = field(default_factory=Counter)
    sent: set[str] = field(default_factory=set)
    maybe_sent: set[str] = field(default_factory=set)
    done: Counter[str] = field(default_factory=Counter)


class Owner(threading.Thread):
    """One pair of hands over all mailboxes; everything it draws comes from its seed."""

    def __init__(self, server: Dovecot, users: Sequence[str], names: Names, seed: int) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._users = users
        self._names = names
        self._random = random.Random(seed)
        self._over = threading.Event()
        self.doings = Doings()

    def run(self) -> None:
        while not self._over.is_set():
            try:
                if self._random.random() < 0.1:
                    self._receive()
                else:
                    self._act()
            except _ERRORS:
                self.doings.done["server away"] += 1
                self._over.wait(0.05)

    def end(self) -> None:
        """Stop after what is being done."""
        self._over.set()
        self.join(60)

    def _receive(self) -> None:
        name = self._names.new(self._random.choice(("bad", "clean")))
        self.doings.maybe_sent.add(name)
        with contextlib.suppress(NotDelivered):
            self._server.deliver([self._random.choice(self._users)], letter(name))
            self.doings.sent.add(name)
            self.doings.done["received"] += 1

    def _act(self) -> None:
        client = IMAPClient("127.0.0.1", self._server.port, ssl=False, timeout=20)
        try:
            client.login(self._random.choice(self._users), PASSWORD)
            for _ in range(self._random.randint(1, 4)):
                self._one(client)
        finally:
            with contextlib.suppress(*_ERRORS):
                client.shutdown()

    def _one(self, client: IMAPClient) -> None:
        folder = self._random.choice(_FOLDERS)
        if folder != "INBOX" and not client.folder_exists(folder):
            client.create_folder(folder)
        client.select_folder(folder)
        uids = client.search()
        if not uids:
            return
        uid = self._random.choice(uids)
        told = client.fetch([uid], [f"BODY.PEEK[HEADER.FIELDS ({MARK})]"]).get(uid, {})
        header = next((v for k, v in told.items() if k.startswith(b"BODY")), None)
        if not header:  # clawback has just taken it
            return
        name = header.decode().partition(":")[2].strip()
        match self._random.choice(("move", "move", "flag", "flag", "copy", "delete")):
            case "move":
                self._move(client, uid, name)
            case "flag":
                client.set_flags([uid], self._random.choice(([b"\\Seen"], [b"\\Flagged", b"Mine"], [])))
                self.doings.done["flagged"] += 1
            case "copy":
                self.doings.copied.add(name)
                client.copy([uid], self._random.choice(_FOLDERS))
                self.doings.done["copied"] += 1
            case _:
                self.doings.deleted.add(name)
                client.add_flags([uid], [b"\\Deleted"])
                client.uid_expunge([uid])
                self.doings.done["deleted"] += 1

    def _move(self, client: IMAPClient, uid: int, name: str) -> None:
        self.doings.moved[name] += 1
        try:
            client.move([uid], self._random.choice(_FOLDERS[1:]))
        except _ERRORS:
            # A Dovecot that is killed in the middle of an owner's move leaves the message in both folders.
            self.doings.copied.add(name)
            raise
        self.doings.done["moved"] += 1


def together(owners: Sequence[Owner]) -> Doings:
    """What all of them may have done."""
    whole = Doings()
    for owner in owners:
        whole.deleted |= owner.doings.deleted
        whole.copied |= owner.doings.copied
        whole.moved += owner.doings.moved
        whole.sent |= owner.doings.sent
        whole.maybe_sent |= owner.doings.maybe_sent
        whole.done += owner.doings.done
    return whole
