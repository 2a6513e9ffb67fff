"""What owners of mailboxes in memory do, at once and without a loop that runs."""

from __future__ import annotations

from collections.abc import Sequence

from tests.engine.live_run import Act

from clawback.mailboxes.base import FolderListing
from clawback.mailboxes.memory import MemoryConnector
from clawback.message.delivery import Handle


def reads(mailbox: str) -> Act:
    """The owner reads the newest of the inbox."""

    def act(mail: MemoryConnector) -> str:
        for handle, flags in inbox(mail, mailbox)[-1:]:
            mail.user_flags(handle, {*flags, "\\Seen"})
        return mailbox

    return act


def deletes(mailbox: str) -> Act:
    """The owner deletes the oldest of the inbox for good."""

    def act(mail: MemoryConnector) -> str:
        for handle, _ in inbox(mail, mailbox)[:1]:
            mail.user_deletes(handle)
        return mailbox

    return act


def inbox(mail: MemoryConnector, mailbox: str) -> list[tuple[Handle, frozenset[str]]]:
    """The copies in the inbox, the oldest first, with their flags."""
    found = [
        copy for folder in held(mail, mailbox) if folder.folder == "INBOX" for copy in folder.copies or ()
    ]
    return [(copy.handle, copy.flags) for copy in found]


def held(mail: MemoryConnector, mailbox: str) -> Sequence[FolderListing]:
    """What a mailbox in memory holds: it never waits, so its coroutine ends with the first step."""
    asked = mail.list(mailbox, {})
    try:
        asked.send(None)
    except StopIteration as done:
        return tuple(done.value)
    raise AssertionError("a mailbox in memory waited")
