"""What a contract suite asks a connector, each question in one word; and the two mailboxes it asks about."""

from __future__ import annotations

import asyncio
import atexit
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, TypeVar

from clawback.mailboxes.base import Capability, Connector, FolderListing, Move, Wanted
from clawback.message.delivery import DeliveryLocation, Observed

T = TypeVar("T")
ANN, BOB, NOBODY = "ann@example.org", "bob@example.org", "nobody@example.org"
INBOX = "INBOX"
DATE = datetime(2024, 2, 29, 12, 30, 15, tzinfo=UTC)
FLAGS = frozenset({"\\Seen", "\\Flagged", "$Forwarded", "project-x"})
"""Keywords of one's own are written small, for JMAP has no other (RFC 8621, section 4.1.1)."""
HANG = 20.0
"""Seconds after which something hangs."""


def mail(subject: str, size: int = 200) -> bytes:
    """A small message."""
    head = f"From: eve@example.net\r\nTo: {ANN}\r\nSubject: {subject}\r\n\r\n".encode()
    return head + b"x" * (size - len(head))


_LOOP = asyncio.Runner()
atexit.register(_LOOP.close)


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run one piece of asynchronous work to its end; always in one loop, for connectors keep connections."""
    return _LOOP.run(asyncio.wait_for(coroutine, HANG))


def listing(connector: Connector, mailbox: str) -> dict[str, tuple[Observed, ...]]:
    """Every folder of a mailbox with its copies."""
    return {f.folder: f.copies or () for f in run(connector.list(mailbox, {}))}


def after(
    known: Mapping[str, tuple[Observed, ...]], answer: Sequence[FolderListing]
) -> dict[str, tuple[Observed, ...]]:
    """What is known of a mailbox after an answer, which may tell of a folder all, the changes, or nothing."""
    now: dict[str, tuple[Observed, ...]] = {}
    for told in answer:
        before = known.get(told.folder, ())
        if told.copies is None:
            now[told.folder] = before
        elif told.vanished is None:
            now[told.folder] = told.copies
        else:
            other = {copy.handle.native_id for copy in told.copies} | told.vanished
            now[told.folder] = (*(c for c in before if c.handle.native_id not in other), *told.copies)
    return now


def copies(connector: Connector, mailbox: str) -> list[Observed]:
    """Every copy in a mailbox, wherever it is."""
    return [copy for folder in listing(connector, mailbox).values() for copy in folder]


def only(connector: Connector, mailbox: str) -> Observed:
    """The one copy in a mailbox."""
    (copy,) = copies(connector, mailbox)
    return copy


def moved(connector: Connector, copy: Observed, folder: str) -> Observed:
    """A copy, moved."""
    (answer,) = run(connector.move([Move(copy.handle, folder)]))
    assert isinstance(answer, Observed), repr(answer)
    return answer


def wanted(copy: Observed, content: bytes) -> Wanted:
    """A copy to look for."""
    return Wanted(copy.handle, sha256(content).hexdigest(), len(content))


def alike(connector: Connector, one: Observed, other: Observed) -> bool:
    """Whether two looks show the same copy in the same place.

    Its id may differ where no undo can keep it, and so may the case of keywords (RFC 9051, section 2.3.2).
    """
    if Capability.EXACT_UNDO in connector.capabilities():
        return one == other
    same_id = replace(one.handle, native_id=other.handle.native_id)
    return replace(one, handle=same_id, flags=_folded(one)) == replace(other, flags=_folded(other))


def _folded(copy: Observed) -> frozenset[str]:
    return frozenset(flag.lower() for flag in copy.flags)


def places(connector: Connector, copy: Observed, content: bytes) -> list[str]:
    """The folders in which a copy is found."""
    (answer,) = run(connector.find([wanted(copy, content)]))
    assert isinstance(answer, tuple), repr(answer)
    return [place.handle.folder for place in answer]


def soft_deleted(connector: Connector, copy: Observed) -> str:
    """Where a copy goes when it is soft deleted."""
    return folder_of(connector, copy.handle.mailbox, DeliveryLocation.SOFT_DELETED, copy.handle.folder)


def folder_of(connector: Connector, mailbox: str, place: DeliveryLocation, origin: str) -> str:
    """The folder that is a place."""
    return run(connector.folder_of(mailbox, place, origin))
