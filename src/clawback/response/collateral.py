"""Collateral: how much of a plan is probably legitimate mail, and what says so.

Each sign is weak alone; none is the sender's to give. What lies in junk or deleted items is never counted:
its owner, or a filter, has judged it already, and little is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from clawback.analysis.authenticity import Authenticity
from clawback.message.delivery import DeliveryLocation
from clawback.response.habits import Habit

KEPT = timedelta(days=2)
"""What its owner has read and left in place for so long is kept. Zero-hour purges look back as far."""
MOST_EXAMPLES = 5
_OPEN = (DeliveryLocation.INBOX, DeliveryLocation.OTHER_FOLDER, DeliveryLocation.SENT)
_TREATED = frozenset({"\\Answered", "\\Flagged"})


class Why(StrEnum):
    """What says that a copy is probably legitimate.

    `known_correspondent`: its owner had written to the sender before it came. `thread_of_ours`: it answers
    a message that one of ours sent. `own_mail`: its owner sent it. `regular_sender`: the border vouches for
    the sender, who has written here on several days over weeks. `read_and_kept`: its owner read it two days
    ago or more and left it in place, or flagged, answered or filed it.
    """

    CORRESPONDENT = "known_correspondent"
    THREAD = "thread_of_ours"
    OWN = "own_mail"
    REGULAR = "regular_sender"
    KEPT = "read_and_kept"


@dataclass(frozen=True, slots=True)
class Signs:
    """What is known of one copy.

    `written_since` is when its owner first wrote to the sender. `threaded`: it refers to a message of ours.
    `derived`: it answers or holds another member of the cluster, or its sender is one of ours who had got one
    before, so that who sent it says nothing.
    `accused`: something malicious besides the cluster's key was found in it.
    """

    delivery_id: str
    message_id: str
    mailbox: str
    sender: str
    location: DeliveryLocation
    flags: frozenset[str]
    filed: bool
    arrived: datetime
    authenticity: Authenticity
    written_since: datetime | None = None
    threaded: bool = False
    derived: bool = False
    accused: bool = False

    @property
    def domain(self) -> str:
        """The domain of the sender."""
        return self.sender.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Example:
    """One of the copies that are probably legitimate."""

    delivery_id: str
    message_id: str
    mailbox: str
    sender: str
    reasons: tuple[Why, ...]


@dataclass(frozen=True, slots=True)
class Collateral:
    """The estimate for one plan: `copies` of its `of` copies are probably legitimate.

    With `at_least` counting stopped there. `reasons` counts each sign (a copy may have several). `popular`
    says why the cluster's key is no ground for automation, "" when nothing says so. `likely` are their ids.
    """

    copies: int = 0
    of: int = 0
    at_least: bool = False
    reasons: tuple[tuple[Why, int], ...] = ()
    examples: tuple[Example, ...] = ()
    popular: str = ""
    likely: tuple[str, ...] = ()


@dataclass(slots=True)
class Count:
    """An estimate while it is being counted, some copies after the other."""

    of: int
    now: datetime
    shared: Set[str] = frozenset()
    likely: list[str] = field(default_factory=list)
    reasons: dict[Why, int] = field(default_factory=dict)
    examples: list[Example] = field(default_factory=list)
    seen: int = 0

    def add(self, signs: Iterable[Signs], habits: Mapping[str, Habit]) -> None:
        """Count these copies too; `habits` are of their senders."""
        for one in signs:
            self.seen += 1
            why = reasons(one, habits, self.shared, self.now)
            if not why:
                continue
            self.likely.append(one.delivery_id)
            for reason in why:
                self.reasons[reason] = self.reasons.get(reason, 0) + 1
            if len(self.examples) < MOST_EXAMPLES:
                self.examples.append(Example(one.delivery_id, one.message_id, one.mailbox, one.sender, why))

    def close(self, popular: str) -> Collateral:
        """The estimate as far as it was counted."""
        return Collateral(
            copies=len(self.likely),
            of=self.of,
            at_least=self.seen < self.of,
            reasons=tuple(sorted(self.reasons.items(), key=lambda item: (-item[1], item[0]))),
            examples=tuple(self.examples),
            popular=popular,
            likely=tuple(self.likely),
        )


def reasons(one: Signs, habits: Mapping[str, Habit], shared: Set[str], now: datetime) -> tuple[Why, ...]:
    """Why a copy is probably legitimate, () when nothing says so.

    A domain in `shared` is of many owners (free mail, hosting): there the address counts, not the domain.
    """
    if one.accused or one.location not in _OPEN:
        return ()
    found: list[Why] = []
    if not one.derived:
        if one.written_since is not None and one.written_since < one.arrived and _not_forged(one):
            found.append(Why.CORRESPONDENT)
        if one.threaded:
            found.append(Why.THREAD)
        if one.location is DeliveryLocation.SENT:
            found.append(Why.OWN)
        if _regular(one, habits, shared):
            found.append(Why.REGULAR)
    if _kept(one, now):
        found.append(Why.KEPT)
    return tuple(found)


def _not_forged(one: Signs) -> bool:
    return one.authenticity is not Authenticity.FAILED


def _regular(one: Signs, habits: Mapping[str, Habit], shared: Set[str]) -> bool:
    if one.authenticity is not Authenticity.PASSED:
        return False
    habit = habits.get(sender_of(one.sender, shared))
    return habit is not None and habit.regular and 2 * habit.authenticated >= habit.messages


def sender_of(address: str, shared: Set[str]) -> str:
    """Under what name a sender's habits count: its ``@domain``, or the address where many own the domain."""
    domain = address.rpartition("@")[2]
    return address if domain in shared else f"@{domain}"


def _kept(one: Signs, now: datetime) -> bool:
    if now - one.arrived < KEPT or one.location is DeliveryLocation.SENT:
        return False
    if one.filed or one.flags & _TREATED:
        return True
    return "\\Seen" in one.flags and _not_forged(one)


WORDS = {
    Why.CORRESPONDENT: "of known correspondents",
    Why.THREAD: "in threads of ours",
    Why.OWN: "sent by their owners",
    Why.REGULAR: "of regular, authenticated senders",
    Why.KEPT: "read and kept for days",
}


def described(estimate: Collateral) -> str:
    """The estimate in one sentence without a full stop."""
    if not estimate.copies:
        return f"none of {estimate.of:,} copies is probably legitimate"
    least = "at least " if estimate.at_least else ""
    why = ", ".join(f"{count:,} {WORDS[reason]}" for reason, count in estimate.reasons)
    return f"{least}{estimate.copies:,} of {estimate.of:,} copies are probably legitimate ({why})"
