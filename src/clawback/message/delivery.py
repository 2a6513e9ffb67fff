"""One recipient's copy of a message, and the place where it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from clawback.message.trace import Step


class DeliveryLocation(StrEnum):
    """Kinds of place a copy can be in.

    `hard_deleted` is ours: the copy was seen and is now nowhere in the mailbox.
    """

    INBOX = "inbox"
    JUNK = "junk"
    DELETED_ITEMS = "deleted_items"
    QUARANTINE = "quarantine"
    SOFT_DELETED = "soft_deleted"
    HARD_DELETED = "hard_deleted"
    SENT = "sent"
    OTHER_FOLDER = "other_folder"
    DROPPED = "dropped"
    FAILED = "failed"
    EXTERNAL = "external"
    UNKNOWN = "unknown"

    @property
    def in_mailbox(self) -> bool:
        """Whether the mailbox's owner can still open the copy there."""
        return self in _IN_MAILBOX


_IN_MAILBOX = frozenset(
    {
        DeliveryLocation.INBOX,
        DeliveryLocation.JUNK,
        DeliveryLocation.DELETED_ITEMS,
        DeliveryLocation.SENT,
        DeliveryLocation.OTHER_FOLDER,
    }
)


class DeliveryAction(StrEnum):
    """What the mail system did on arrival."""

    DELIVERED = "delivered"
    JUNKED = "junked"
    BLOCKED = "blocked"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class Handle:
    """How a connector lays its hand on a copy now.

    `source` is the connector's configured name, `mailbox` the owner's address, `folder` the connector's
    name of the folder, `native_id` what tells copies apart inside it and `version` what must not have
    changed (Maildir: unique base name, and sub-directory with flags; IMAP: UID, and UIDVALIDITY).
    """

    source: str
    mailbox: str
    folder: str
    native_id: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class Observed:
    """A copy as a connector sees it now, without its bytes. `size` in bytes, -1 when not known."""

    handle: Handle
    location: DeliveryLocation
    size: int
    flags: frozenset[str]
    internal_date: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """One copy: which message, which bytes, where first and where last seen, with the times (UTC).

    `trace` holds what hosts wrote into this copy beside that it was for its mailbox.
    """

    id: str
    message_id: str
    raw_sha256: str
    size: int
    handle: Handle
    flags: frozenset[str]
    internal_date: datetime
    action: DeliveryAction
    original_location: DeliveryLocation
    original_folder: str
    location: DeliveryLocation
    located_at: datetime
    first_seen: datetime
    trace: tuple[Step, ...] = ()
