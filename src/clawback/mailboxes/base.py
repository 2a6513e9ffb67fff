"""The port that every connector speaks.

A connector stands for one mail system with many mailboxes. It never knows the store, the engine or
the settings. Every write names the state it expects (a `Handle`) and returns the state it made
(`Observed`, with the new handle). A mismatch is `HandleStale`; a copy that is nowhere is `Gone`.

Bulk verbs never raise for one copy: they answer per copy, in the order of the request, with a result
or a `MailboxError`/`Refused`. They raise only when nothing at all could be tried.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from clawback.errors import MailboxError, Refused
from clawback.message.delivery import DeliveryLocation, Handle, Observed
from clawback.message.mail_rules import MailRule


class Capability(StrEnum):
    """What a connector can do."""

    WATCH = "watch"
    MOVE = "move"
    DELETE = "delete"
    APPEND = "append"
    KEYWORDS = "keywords"
    EXACT_UNDO = "exact_undo"
    RULES = "rules"


@dataclass(frozen=True, slots=True)
class RawMessage:
    """The bytes of one copy, and how it was observed while they were read."""

    observed: Observed
    content: bytes


@dataclass(frozen=True, slots=True)
class FolderListing:
    """One folder as it is now. `copies` is None when nothing changed since the cursor that was asked with.

    A listing is whole unless `vanished` is set: then `copies` are only those that are new or changed since
    the cursor, and `vanished` the native ids of those that left since.
    """

    folder: str
    cursor: str
    copies: tuple[Observed, ...] | None
    vanished: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """Take the copy at `handle` to `folder` (the connector's own name of it)."""

    handle: Handle
    folder: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """A copy we look for: where we believe it is, and what proves that it is the same bytes.

    `halfway` asks to look in all folders even if the copy is where the handle says: a move of it may have
    been cut short, and some mail systems then have it in both places.
    """

    handle: Handle
    raw_sha256: str
    size: int
    halfway: bool = False


Failure = MailboxError | Refused


class Connector(Protocol):
    """One mail system. All methods may raise Unavailable, Throttled, LoginFailed, ProtocolViolation."""

    @property
    def name(self) -> str:
        """The configured name, the `source` of every handle it gives."""

    def capabilities(self) -> frozenset[Capability]:
        """What it can do here and now, as far as it has seen the mail system; never looks."""

    async def describe(self) -> tuple[str, ...]:
        """How it will act here and why, in sentences for people; may look at the mail system."""

    async def mailboxes(self) -> tuple[str, ...]:
        """Every mailbox, by its owner's address, sorted."""

    async def list(self, mailbox: str, cursors: Mapping[str, str]) -> tuple[FolderListing, ...]:
        """Every folder of a mailbox; `cursors` (folder to cursor, last listing) spare unchanged ones.

        Includes the places only clawback sees (soft deleted, quarantine). A folder that is not in the
        answer does not exist. Raises Gone if the mailbox does not exist.
        """

    def watch(self) -> AsyncIterator[frozenset[str]]:
        """Endless: the mailboxes touched since the last answer. A hint, never a ledger."""

    async def fetch(self, handles: Sequence[Handle]) -> Sequence[RawMessage | Failure]:
        """The bytes of each copy. A copy renamed in the same folder (flags changed) is still found."""

    async def find(self, wanted: Sequence[Wanted]) -> Sequence[tuple[Observed, ...] | Failure]:
        """Every place in its mailbox where each wanted copy is now; () when it is nowhere.

        First where the handle says; else by native id in all folders; else by size and SHA-256. With
        `halfway`, all of these, where the mail system's moves can be cut in half.
        """

    async def move(self, moves: Sequence[Move]) -> Sequence[Observed | Failure]:
        """Take each copy to its folder, making the folder where needed. Flags, keywords, time, bytes stay."""

    async def delete(self, handles: Sequence[Handle]) -> Sequence[Observed | Failure]:
        """Expunge each copy for good; answers the copy as it was last seen."""

    async def append(
        self, mailbox: str, folder: str, content: bytes, flags: frozenset[str], internal_date: datetime
    ) -> Observed:
        """Put a copy back from its bytes."""

    async def folder_of(self, mailbox: str, place: DeliveryLocation, origin: str) -> str:
        """The folder that is `place` in a mailbox, for a copy that lies in folder `origin` now.

        May look at the mailbox once. Raises CapabilityMissing when this mail system has no such place.
        """

    def location_of(self, mailbox: str, folder: str) -> DeliveryLocation:
        """What kind of place a folder is, as far as this connector has seen the mailbox; never looks."""

    async def close(self) -> None:
        """Let go of connections and watches."""


@runtime_checkable
class RuleReader(Protocol):
    """What a connector with the capability RULES can do beside: show what an account's filters do."""

    async def rules(self, mailbox: str) -> Sequence[MailRule]:
        """The mail rules of a mailbox's owner, read and never run; bounded. Raises as the others do."""
