"""Deciding: who may let a plan run, with what reason, and when it takes two."""

from __future__ import annotations

from clawback.errors import BadParameter, Forbidden
from clawback.response.plan import ActionKind, Plan, Remediation
from clawback.response.policy import Policy


def second_person(plan: Plan, policy: Policy) -> str:
    """Why a plan needs a second person; "" when one is enough."""
    mailboxes = len({(deed.handle.source, deed.handle.mailbox) for deed in plan.deeds})
    return second_for(plan.kind, len(plan.deeds), mailboxes, policy)


def second_for(kind: ActionKind, copies: int, mailboxes: int, policy: Policy) -> str:
    """Why a plan of so many copies in so many mailboxes needs a second person; "" when one is enough.

    An undo never does: it brings mail back, and must not wait.
    """
    if kind is ActionKind.RESTORE:
        return ""
    for found, limit, name in (
        (copies, policy.two_step_copies, "copies"),
        (mailboxes, policy.two_step_mailboxes, "mailboxes"),
    ):
        if limit and found >= limit:
            return f"{found} {name} need a second person (from {limit})"
    return ""


def check_note(policy: Policy, note: str) -> None:
    """Refuse a decision without a reason where the policy wants one (BadParameter)."""
    if policy.justify and not note.strip():
        raise BadParameter("the policy wants a reason for every decision; say it with --note")


def check_second(waiting: Remediation, actor: str) -> None:
    """Refuse the approval of a second person who is the first one (Forbidden)."""
    if waiting.first and waiting.first.by.casefold() == actor.casefold():
        raise Forbidden(f"{waiting.first.by} has approved {waiting.id} already; it waits for a second person")


def waits_for(waiting: Remediation) -> str:
    """Whom a pending plan waits for, in words."""
    if waiting.first:
        return f"proposed by {waiting.first.by}, waits for a second person"
    return "waits for approval"
