"""Hands: the ways in which copies are taken to another folder of their mailbox."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from clawback.mailboxes.base import Failure, Move
from clawback.message.delivery import Handle, Observed


class Hand(Protocol):
    """One way of moving copies. Answers per copy, in the order of the request, like the port's `move`."""

    def reason(self) -> str:
        """How it acts and why it is used here, in one sentence for people."""

    async def move(self, moves: Sequence[Move]) -> Sequence[Observed | Failure]:
        """Take each copy to its folder; the answer holds the new handle, as the server gave it."""


def native_id(uid_validity: int, uid: int) -> str:
    """The native id of a copy in a folder: UIDVALIDITY and UID (RFC 9051, section 2.3.1.1)."""
    return f"{uid_validity}.{uid}"


def uid_of(handle: Handle) -> tuple[int, int] | None:
    """The UIDVALIDITY and UID of a handle; None for a native id that is none of ours."""
    validity, _, uid = handle.native_id.partition(".")
    if not (validity.isdecimal() and uid.isdecimal() and len(handle.native_id) <= 21):
        return None
    return int(validity), int(uid)
