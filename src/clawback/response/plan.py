"""Plans: the frozen list of deeds that a person approves by its hash."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from operator import add, sub

from clawback.analysis.entities import Entity
from clawback.message.delivery import DeliveryLocation, Handle
from clawback.response.counts import Refreshed


class ActionKind(StrEnum):
    """Every deed on a copy. The strings people see are Defender's, made at the border."""

    SOFT_DELETE = "soft_delete"
    HARD_DELETE = "hard_delete"
    MOVE_TO_JUNK = "move_to_junk"
    MOVE_TO_DELETED_ITEMS = "move_to_deleted_items"
    MOVE_TO_INBOX = "move_to_inbox"
    QUARANTINE = "quarantine"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True)
class Deed:
    """One deed on one copy: what we expect to find (`handle`) and where it shall go.

    `folder` is the connector's folder to move to, "" for a hard delete. `raw_sha256` and `size` are
    how the copy is known again if the handle no longer holds. `flags` and `internal_date` are what a
    restore must give back.
    """

    seq: int
    delivery_id: str
    message_id: str
    handle: Handle
    location: DeliveryLocation
    folder: str
    raw_sha256: str
    size: int
    flags: frozenset[str]
    internal_date: datetime


@dataclass(frozen=True, slots=True)
class Skip:
    """A copy that was found and is deliberately not acted on, with the reason."""

    delivery_id: str
    mailbox: str
    location: DeliveryLocation
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The frozen list. `hash` is over everything that will be done; an edited plan is another plan.

    `undoes` names the remediation that it takes back, `follows` the one whose late copies it takes out, or,
    as the `rest`, the one whose copies went first.
    """

    id: str
    investigation_id: str
    cluster_id: str
    kind: ActionKind
    key: Entity
    made_at: datetime
    expires_at: datetime
    deeds: tuple[Deed, ...]
    skips: tuple[Skip, ...]
    undoes: str
    hash: str
    follows: str = ""
    rest: bool = False


class Outcome(StrEnum):
    """What became of one copy. found = removed + already_gone + failed + skipped, always."""

    REMOVED = "removed"
    ALREADY_GONE = "already_gone"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What one deed found and did. `after` is the handle it left, None when the copy is nowhere.

    In an undo, REMOVED reads as *restored*: the deed was done.
    """

    seq: int
    outcome: Outcome
    reason: str
    before: Handle | None
    after: Handle | None
    at: datetime
    flags: frozenset[str] = frozenset()
    internal_date: datetime | None = None

    @property
    def moved(self) -> bool:
        """Whether the copy was moved, and from where to where is known: only then is there a way back."""
        return self.outcome is Outcome.REMOVED and self.before is not None and self.after is not None


class RemediationStatus(StrEnum):
    """Where a remediation stands in the action center."""

    PENDING = "pending"
    APPROVED = "approved"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


OPEN = (RemediationStatus.PENDING, RemediationStatus.APPROVED, RemediationStatus.RUNNING)
"""What has yet to end."""
LET_RUN = (
    RemediationStatus.APPROVED,
    RemediationStatus.RUNNING,
    RemediationStatus.COMPLETED,
    RemediationStatus.FAILED,
)
"""What was approved, whatever became of it."""


AUTOMATION = "Automation"
"""The actor's name when the policy acted, as the action center shows it."""
STANDING = "Standing watch"
"""The actor's name when late copies went by the approval of the copies before them."""


@dataclass(frozen=True, slots=True)
class Approval:
    """Who let which plan hash run, and when. `by` is a person, ``Automation``, or ``Standing watch``."""

    plan_hash: str
    by: str
    at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class Tally:
    """The account of a remediation: found = removed + already_gone + failed + skipped + open."""

    found: int = 0
    removed: int = 0
    already_gone: int = 0
    failed: int = 0
    skipped: int = 0
    open: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(*map(add, self._counts, other._counts))

    def __sub__(self, other: Tally) -> Tally:
        return Tally(*map(sub, self._counts, other._counts))

    @property
    def _counts(self) -> tuple[int, ...]:
        return (self.found, self.removed, self.already_gone, self.failed, self.skipped, self.open)


@dataclass(frozen=True, slots=True)
class Remediation:
    """A named plan with its approval and results, as the action center lists it (without the deeds).

    The account is over its own copies and over those that came late: `late` of the found ones. A
    remediation that `follows` another took out late copies for it, and is part of that one's account.

    `first` is the approval of the first of two persons, `decided_by` whoever decided. One that is `part_of`
    another came of it when only some of its copies were approved. `refreshed` is set while it waits and was
    looked at again. The `rest` of a plan of which some copies went first follows those, and is not late.
    """

    id: str
    investigation_id: str
    cluster_id: str
    kind: ActionKind
    key: Entity
    status: RemediationStatus
    plan_hash: str
    made_at: datetime
    expires_at: datetime
    tally: Tally
    approval: Approval | None = None
    decided_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    undoes: str = ""
    undone_by: str = ""
    note: str = ""
    follows: str = ""
    late: int = 0
    first: Approval | None = None
    decided_by: str = ""
    part_of: str = ""
    refreshed: Refreshed | None = None
    rest: bool = False
