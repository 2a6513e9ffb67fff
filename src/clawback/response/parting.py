"""Parting: when only some copies of a plan are approved, it becomes two plans; no plan is ever edited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from clawback import ids
from clawback.errors import BadParameter, NotFound
from clawback.response.plan import Deed, Plan, Skip
from clawback.response.planning import seal_of


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which copies of a plan are approved.

    Those in `mailboxes` or of `messages` (with neither: all), but none in `but_mailboxes`. Mailboxes are in
    lower case.
    """

    mailboxes: frozenset[str] = frozenset()
    messages: frozenset[str] = frozenset()
    but_mailboxes: frozenset[str] = frozenset()

    @property
    def all(self) -> bool:
        """Whether nothing is left out."""
        return not (self.mailboxes or self.messages or self.but_mailboxes)

    def has(self, deed: Deed) -> bool:
        """Whether this copy is approved."""
        mailbox = deed.handle.mailbox.lower()
        named = mailbox in self.mailboxes or deed.message_id in self.messages
        return (named or not (self.mailboxes or self.messages)) and mailbox not in self.but_mailboxes


EVERYTHING = Chosen()
"""The choice of a person who leaves nothing out."""


def chosen(
    mailboxes: Sequence[str] = (), messages: Sequence[str] = (), but_mailboxes: Sequence[str] = ()
) -> Chosen:
    """The choice that a person made, as it is compared."""
    return Chosen(_lower(mailboxes), frozenset(messages), _lower(but_mailboxes))


def _lower(names: Sequence[str]) -> frozenset[str]:
    return frozenset(name.lower() for name in names)


def part(plan: Plan, choice: Chosen) -> tuple[Plan, Plan | None]:
    """The plan of the chosen copies, and the one of the rest (None when all are chosen).

    Every deed is in one of the two, as it was but for its number; what is left alone stays with the rest.
    Both were made when the whole was and expire when it does. Raises NotFound for a mailbox or message that
    the plan has no copy of, BadParameter when nothing is chosen.
    """
    _check(plan, choice)
    mine = [deed for deed in plan.deeds if choice.has(deed)]
    rest = [deed for deed in plan.deeds if not choice.has(deed)]
    if not mine:
        raise BadParameter(f"that leaves no copy of {plan.id} to approve")
    if not rest:
        return plan, None
    return sealed(plan, mine, ()), sealed(plan, rest, plan.skips)


def _check(plan: Plan, choice: Chosen) -> None:
    mailboxes = {deed.handle.mailbox.lower() for deed in plan.deeds}
    messages = {deed.message_id for deed in plan.deeds}
    strangers = sorted((choice.mailboxes | choice.but_mailboxes) - mailboxes) + sorted(
        choice.messages - messages
    )
    if strangers:
        raise NotFound(f"{plan.id} has no copy of {strangers[0]}, or in it")


def sealed(plan: Plan, deeds: Sequence[Deed], skips: Sequence[Skip]) -> Plan:
    """The plan with these deeds, numbered anew, and these skips instead of its own: another plan."""
    numbered = tuple(replace(deed, seq=seq) for seq, deed in enumerate(deeds))
    made = replace(plan, deeds=numbered, skips=tuple(skips))
    seal = seal_of(made)
    return replace(made, id=ids.make("rem", seal), hash=seal)
