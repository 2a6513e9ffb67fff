"""What happens in a mail system beside a connector, as the contract suite wants it to happen."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from clawback.message.delivery import Handle


class World(Protocol):
    """What happens beside the connector. The mailboxes ANN and BOB exist, with an empty INBOX."""

    def deliver(
        self, mailbox: str, content: bytes, folder: str, flags: Collection[str], date: datetime
    ) -> None:
        """Mail arrives in a folder, which is made where missing."""

    def flag(self, handle: Handle, flags: Collection[str]) -> None:
        """The owner changes the flags and keywords of a copy."""

    def move(self, handle: Handle, folder: str) -> None:
        """The owner moves a copy to another folder, which is made where missing."""

    def delete(self, handle: Handle) -> None:
        """The owner expunges a copy."""

    def make_read_only(self, mailbox: str) -> bool:
        """Let nothing be changed in a mailbox; False when that cannot be done here."""

    def remove(self, mailbox: str) -> None:
        """The administrator removes a mailbox."""

    def settle(self) -> None:
        """Let time pass, or make it look so, where cursors trust only what has been quiet for a while."""

    def state(self, mailbox: str) -> object:
        """All that its owner can see of a mailbox, to the last detail, in a form that can be compared."""
