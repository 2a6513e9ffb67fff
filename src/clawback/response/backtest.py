"""What a backtest found: what a policy would have done with the mail that there was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from clawback.analysis.clusters import ClusterKind
from clawback.analysis.entities import Entity
from clawback.response.policy import Policy


class Label(StrEnum):
    """Why a copy that would have been taken out counts as a false positive by now.

    `put_back`: a person had it put back. `taken_back`: nothing that spoke against it is listed any more.
    `said_to_be_good`: an entry that says so has been listed since.
    """

    PUT_BACK = "put_back"
    TAKEN_BACK = "taken_back"
    GOOD = "said_to_be_good"


@dataclass(frozen=True, slots=True)
class Taken:
    """One copy that would have been taken out by itself.

    `saved` is for how much longer it lay in its mailbox in truth, up to the end of the period.
    """

    delivery_id: str
    message_id: str
    mailbox: str
    cluster_id: str
    remediation_id: str
    at: datetime
    saved: timedelta
    label: Label | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One plan that was made: how many copies, whether it ran by itself, and the reason of the decision."""

    remediation_id: str
    kind: ClusterKind
    key: Entity
    at: datetime
    copies: int
    by_itself: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Waits:
    """Plans that would have waited for a person for one reason."""

    reason: str
    plans: int
    copies: int


@dataclass(frozen=True, slots=True)
class Backtest:
    """What a policy would have done between `since` and `until`; `messages` and `copies` were new then."""

    since: datetime
    until: datetime
    policy: Policy
    messages: int
    copies: int
    mailboxes: int
    investigations: int
    runs: tuple[Run, ...]
    taken: tuple[Taken, ...]

    @property
    def saved(self) -> timedelta:
        """For how much longer all the copies together lay in their mailboxes in truth."""
        return sum((one.saved for one in self.taken), timedelta())

    @property
    def messages_taken(self) -> int:
        """How many messages had a copy taken out."""
        return len({one.message_id for one in self.taken})

    @property
    def mailboxes_touched(self) -> int:
        """In how many mailboxes a copy was taken out."""
        return len({one.mailbox for one in self.taken})

    def labelled(self, label: Label) -> int:
        """How many copies are false positives by that label."""
        return sum(one.label is label for one in self.taken)

    @property
    def waits(self) -> Sequence[Waits]:
        """Why plans would have waited, with how many and how large, the commonest reason first."""
        found: dict[str, list[int]] = {}
        for run in self.runs:
            if not run.by_itself:
                found.setdefault(run.reason, []).append(run.copies)
        waits = [Waits(reason, len(copies), sum(copies)) for reason, copies in found.items()]
        return sorted(waits, key=lambda one: (-one.plans, one.reason))
