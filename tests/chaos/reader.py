"""An independent reader: every message of every folder, by imaplib and the master user alone."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from tests.chaos.stage import MARK
from tests.servers.dovecot import Dovecot

_UID = re.compile(rb"UID (\d+)")
_LISTED = re.compile(rb'\((?P<flags>[^)]*)\) "[^"]*" (?P<name>.+)\Z')
_NAME = re.compile(rf"^{MARK}: (\S+)\r?$".encode(), re.MULTILINE)
HIDDEN = "Quarantine"


@dataclass(frozen=True, slots=True)
class Found:
    """One copy as it lies in a mailbox."""

    mailbox: str
    folder: str
    place: str
    sha256: str
    name: str

    @property
    def visible(self) -> bool:
        """Whether its owner can see it."""
        return not self.folder.startswith(HIDDEN)


def everything(server: Dovecot, users: Sequence[str]) -> list[Found]:
    """All copies of all mailboxes."""
    return [copy for owner in users for copy in _mailbox(server, owner)]


def _mailbox(server: Dovecot, owner: str) -> list[Found]:
    found: list[Found] = []
    with server.master_client(owner) as client:
        for line in client.list()[1]:
            listed = _LISTED.match(line) if isinstance(line, bytes) else None
            if not listed or b"\\Noselect" in listed["flags"]:
                continue
            name = listed["name"].decode()
            assert client.select(name, readonly=True)[0] == "OK"
            validity = client.response("UIDVALIDITY")[1][0]
            assert isinstance(validity, bytes)
            for part in client.uid("FETCH", "1:*", "(UID BODY.PEEK[])")[1]:
                if isinstance(part, tuple):
                    uid = _UID.search(part[0])
                    mark = _NAME.search(part[1])
                    assert uid
                    assert mark
                    found.append(
                        Found(
                            f"{owner}@example.org",
                            name.strip('"'),
                            f"{validity.decode()}.{uid[1].decode()}",
                            hashlib.sha256(part[1]).hexdigest(),
                            mark[1].decode(),
                        )
                    )
    return found
