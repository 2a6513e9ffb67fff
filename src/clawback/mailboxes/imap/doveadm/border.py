"""Exit codes of doveadm (those of sysexits.h, some with a meaning of its own), mapped once."""

from __future__ import annotations

from clawback.errors import CapabilityMissing, Gone, ReadOnly, Unavailable
from clawback.mailboxes.base import Failure
from clawback.mailboxes.imap.doveadm.process import Outcome

USAGE = 64
NOT_POSSIBLE = 65
UNKNOWN_USER = 67
NOT_FOUND = 68
OVER_QUOTA = 73
MAY_NOT = 77


def failure_of(outcome: Outcome, user: str, doing: str) -> Failure:
    """The failure that the end of a call for one user means."""
    what = f"{doing} of {user}" + (f": {outcome.complaint}" if outcome.complaint else "")
    if outcome.code == UNKNOWN_USER:
        return Gone(f"Dovecot knows no user {user}")
    if outcome.code == MAY_NOT:
        return ReadOnly(f"doveadm may not change the mailbox, {what}")
    if outcome.code == OVER_QUOTA:
        return Unavailable(f"the mailbox is over its quota, {what}")
    if outcome.code in (USAGE, NOT_POSSIBLE, NOT_FOUND):
        return CapabilityMissing(f"doveadm cannot do it, {what}")
    return Unavailable(f"doveadm did not bring it to an end, {what}")
