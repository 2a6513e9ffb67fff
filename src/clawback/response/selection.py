"""Selections: messages that a person chose to act on, and what would happen before anything does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from clawback import ids
from clawback.response.collateral import Collateral
from clawback.response.counts import Places
from clawback.response.plan import ActionKind, Plan

ACTIONS = (
    ActionKind.SOFT_DELETE,
    ActionKind.MOVE_TO_JUNK,
    ActionKind.MOVE_TO_DELETED_ITEMS,
    ActionKind.MOVE_TO_INBOX,
    ActionKind.QUARANTINE,
    ActionKind.HARD_DELETE,
)
"""What can be done with messages that were chosen."""
NO_WAY_BACK = frozenset({ActionKind.HARD_DELETE})
"""Actions that no undo takes back; they are never approved by whoever orders them."""
LEAST_NOTE = 3
"""Characters of a justification, at least."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Copies that stay as they are, and why."""

    reason: str
    copies: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What an action on a selection would do, by what is known now.

    `copies` of `messages` messages in `mailboxes` mailboxes would be acted on; `places` is where all known
    copies are. `estimate` is how many of them are probably legitimate (nothing for a move to the inbox), in
    words in `told`; `second_person` says why a second person must approve, "" when nobody must. `hash` is
    over the action and every copy in it: an order names it, and does nothing that was not in it.
    """

    action: ActionKind
    messages: int
    copies: int
    mailboxes: int
    places: Places
    left_out: tuple[LeftOut, ...]
    estimate: Collateral
    told: str
    second_person: str
    undo: bool
    hash: str


@dataclass(frozen=True, slots=True)
class Ordered:
    """What became of an order: its investigation, where the action waits or runs, and how much is in it."""

    investigation_id: str
    cluster_id: str
    copies: int


def hash_of(made: Plan) -> str:
    """The hash of a preview; the same as long as the same copies would be acted on."""
    return ids.digest(made.kind.value, *sorted(deed.delivery_id for deed in made.deeds))


def left_out(made: Plan, messages: int) -> tuple[LeftOut, ...]:
    """Why copies are left alone, the commonest reason first; `messages` are left out by the policy."""
    counted = Counter(skip.reason for skip in made.skips)
    rows: Sequence[tuple[str, int]] = counted.most_common()
    found = [LeftOut(reason, copies) for reason, copies in rows]
    if messages:
        found.append(LeftOut("the policy leaves their messages out (simulations)", messages))
    return tuple(found)
