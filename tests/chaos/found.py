"""What lies in the mailboxes at the end, as an independent reader sees it by the master user."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from tests.chaos.stage import MARK
from tests.mailboxes.independent import everything
from tests.servers.dovecot import Dovecot, address

_NAME = re.compile(rf"^{MARK}: (\S+)\r?$".encode(), re.MULTILINE)
HIDDEN = "Quarantine"


@dataclass(frozen=True, slots=True)
class Found:
    """One copy as it lies in a mailbox. `place` is how a handle names it, `name` is its message's own."""

    mailbox: str
    folder: str
    place: str
    sha256: str
    name: str

    @property
    def visible(self) -> bool:
        """Whether its owner can see it."""
        return not self.folder.startswith(HIDDEN)


def found_by(server: Dovecot, users: Sequence[str]) -> list[Found]:
    """All copies of all mailboxes of these users."""
    return [copy for owner in users for copy in _mailbox(server, owner)]


def _mailbox(server: Dovecot, owner: str) -> list[Found]:
    with server.master_client(owner) as client:
        seen = everything(client)
    found: list[Found] = []
    for copy in seen:
        mark = _NAME.search(copy.content)
        assert mark, copy
        sha256 = hashlib.sha256(copy.content).hexdigest()
        place = f"{copy.validity}.{copy.uid}"
        found.append(Found(address(owner), copy.folder, place, sha256, mark[1].decode()))
    return found
