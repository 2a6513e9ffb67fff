"""The canary: a few copies go first, and what becomes of them decides about the rest.

Which copies go first: those that nothing says to be legitimate, drawn by the hash of plan and copy, so that
no sender can choose them, and one of a mailbox before a second one of any. What is probably legitimate needs
no canary to be found: it is known, and stays where it is as long as possible. The canary is for what the
estimate does not know. Drawn at random from the rest it meets unknown legitimate mail in proportion, and in
as many mailboxes as it has copies, so that as many people can miss something.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from clawback.ids import key64
from clawback.response.parting import sealed
from clawback.response.plan import Deed, Plan, Remediation, RemediationStatus
from clawback.response.policy import Policy


def canary(plan: Plan, size: int, likely: Collection[str]) -> tuple[Plan, Plan | None]:
    """The plan that goes first, and the one that follows it; (plan, None) when all go at once.

    Every deed is in one of the two, as it was but for its number; what is left alone stays with the rest.
    `likely` are the deliveries that are probably legitimate: they go last.
    """
    size = max(1, size)
    if len(plan.deeds) <= size:
        return plan, None
    first = {deed.delivery_id for deed in _order(plan, frozenset(likely))[:size]}
    head = sealed(plan, [deed for deed in plan.deeds if deed.delivery_id in first], ())
    behind = replace(plan, follows=head.id, rest=True)
    return head, sealed(behind, [d for d in plan.deeds if d.delivery_id not in first], plan.skips)


def _order(plan: Plan, likely: frozenset[str]) -> list[Deed]:
    drawn = sorted(plan.deeds, key=lambda deed: key64(plan.id, deed.delivery_id))
    turns: dict[str, int] = {}
    rounds: dict[str, int] = {}
    for deed in drawn:
        mailbox = f"{deed.handle.source} {deed.handle.mailbox}"
        turns[mailbox] = rounds[deed.delivery_id] = turns.get(mailbox, 0) + 1
    return sorted(drawn, key=lambda deed: (deed.delivery_id in likely, rounds[deed.delivery_id]))


class Next(StrEnum):
    """What becomes of the rest: it goes now, it waits on, or it waits for a person."""

    GO = "go"
    WAIT = "wait"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Proof:
    """What is known of the copies that went first: `back` of them lie in a mailbox again.

    `undone` says that an undo of them was asked for, `listed` that what the cluster is about still is,
    `doubtful` how many copies of the whole are probably legitimate.
    """

    head: Remediation
    back: int
    undone: bool
    listed: bool
    doubtful: int


@dataclass(frozen=True, slots=True)
class Step:
    """What comes next for the rest, why, and when to look again."""

    next: Next
    reason: str
    at: datetime | None = None


def after(proof: Proof, policy: Policy, now: datetime) -> Step:
    """What becomes of the rest of a plan, from what became of the copies that went first."""
    head = proof.head
    if against := _against(proof):
        return Step(Next.HOLD, against)
    if head.ended_at is None:
        return Step(Next.WAIT, f"the {head.tally.open} copies that go first are not done yet")
    tally = head.tally
    gone = f"the {tally.removed + tally.already_gone} copies that went first are proved gone"
    if not proof.doubtful:
        return Step(Next.GO, gone)
    until = head.ended_at + policy.canary_wait
    if now < until:
        why = f"{gone}; the others go at {until:%H:%M} UTC unless something speaks against it"
        return Step(Next.WAIT, why, until)
    return Step(Next.GO, f"{gone}, and nothing spoke against it until {until:%H:%M} UTC")


def _against(proof: Proof) -> str:
    head, tally = proof.head, proof.head.tally
    if proof.undone:
        return "the copies that went first were undone"
    if not proof.listed:
        return "what they are about is not listed as malicious any more"
    if proof.back:
        return f"{proof.back} of the copies that went first are back in their mailboxes"
    if head.ended_at is None:
        return ""
    if head.status is not RemediationStatus.COMPLETED:
        return f"the copies that go first were not taken out: the action is {head.status.value}"
    if 2 * tally.failed > tally.found - tally.skipped:
        return f"{tally.failed} of the {tally.found} copies that went first could not be taken out"
    return ""
