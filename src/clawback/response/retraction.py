"""Retraction: a verdict that is taken back, and what becomes of each copy whose removal rested on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from clawback.analysis.indicators import Indicator
from clawback.response.plan import Deed, Outcome, Receipt


@dataclass(frozen=True, slots=True)
class Retraction:
    """One order to take a verdict back.

    `text` says what it was about. `indicators` are those taken off the list, `keys` name what clusters were
    cut by (an indicator for each kind, match and value, whoever listed it), and `sources` are all whose
    detections go: indicators, rules, people's submissions.
    """

    id: str
    text: str
    keys: tuple[Indicator, ...]
    indicators: tuple[Indicator, ...]
    sources: tuple[str, ...]
    by: str
    at: datetime
    note: str = ""

    @property
    def reason(self) -> str:
        """Why what rested on the verdict is undone, for people."""
        return f"the verdict on {self.text} was taken back by {self.by}"

    def cut(self, indicator: Indicator | None) -> bool:
        """Whether a cluster that was cut by this indicator was cut by what is taken back."""
        return indicator is not None and any(same_entity(indicator, key) for key in self.keys)


def same_entity(one: Indicator, other: Indicator) -> bool:
    """Whether two indicators name the same thing in the same way, whoever listed them."""
    return (one.kind, one.match, one.value) == (other.kind, other.match, other.value)


class Turn(StrEnum):
    """What became of one removed copy."""

    BACK = "back"
    COMING = "coming"
    DUE = "due"
    OUT = "out"
    FAILED = "failed"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Fate:
    """One removed copy: put back, on its way (COMING), to be put back (DUE), or why it is still out."""

    remediation_id: str
    delivery_id: str
    message_id: str
    mailbox: str
    turn: Turn
    reason: str = ""


def removed(results: Iterable[tuple[Deed, Receipt]]) -> dict[str, tuple[Deed, Receipt]]:
    """The copies that a removal has out of their mailboxes, by delivery id; of several receipts the last."""
    last = {deed.delivery_id: (deed, receipt) for deed, receipt in results}
    return {delivery_id: pair for delivery_id, pair in last.items() if pair[1].moved}


_RESTORED = {
    Outcome.REMOVED: Turn.BACK,
    Outcome.ALREADY_GONE: Turn.GONE,
    Outcome.FAILED: Turn.FAILED,
    Outcome.SKIPPED: Turn.FAILED,
}


def fates(
    remediation_id: str,
    out: Mapping[str, tuple[Deed, Receipt]],
    restored: Mapping[str, Receipt | None],
    stays: Mapping[str, str],
) -> tuple[Fate, ...]:
    """What became of every removed copy, or will.

    `restored` has what an undo did with a copy, None where it is still to do it; `stays` says of messages
    why they stay out. What an undo has done already counts before what is said against the message.
    """
    found = []
    for delivery_id, (deed, _) in out.items():
        turn, reason = Turn.DUE, stays.get(deed.message_id, "")
        if delivery_id in restored:
            receipt = restored[delivery_id]
            turn = _RESTORED[receipt.outcome] if receipt else Turn.COMING
            reason = receipt.reason if receipt else ""
        elif reason:
            turn = Turn.OUT
        mailbox = deed.handle.mailbox
        found.append(Fate(remediation_id, delivery_id, deed.message_id, mailbox, turn, reason))
    return tuple(found)


def to_put_back(found: Iterable[Fate], stays: Mapping[str, str]) -> frozenset[str]:
    """The copies that an undo is to be planned for: those due, and those that failed before."""
    return frozenset(
        fate.delivery_id
        for fate in found
        if fate.turn is Turn.DUE or (fate.turn is Turn.FAILED and fate.message_id not in stays)
    )


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a retraction does, or has done: counts for people, the fate of every copy for scripts.

    `cancelled` are plans that had not begun, `running` those that still have to end.
    """

    retraction: Retraction
    fates: tuple[Fate, ...]
    cancelled: tuple[str, ...] = ()
    running: tuple[str, ...] = ()

    def count(self, *turns: Turn) -> int:
        """How many copies took one of these turns."""
        return sum(fate.turn in turns for fate in self.fates)

    def why(self, turn: Turn) -> Sequence[tuple[str, int]]:
        """The reasons of the copies that took this turn, with how many have each, most first."""
        return Counter(fate.reason for fate in self.fates if fate.turn is turn).most_common()
