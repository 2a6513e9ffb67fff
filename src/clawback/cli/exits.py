"""Exit codes, one for each branch of the error tree, so that scripts know what to do next."""

from __future__ import annotations

from clawback.errors import ClawbackError, Corrupt, MailboxError, Refused, UserError

CODES: tuple[tuple[type[ClawbackError], int, str], ...] = (
    (UserError, 2, "fix the input; nothing was changed"),
    (Refused, 3, "a guard said no; nothing was done"),
    (MailboxError, 4, "a mail system did not answer as hoped; try again"),
    (Corrupt, 5, "the store is wrong or lost; stop and look"),
)


def exit_code(error: ClawbackError) -> int:
    """The exit code for an error."""
    return next((code for kind, code, _ in CODES if isinstance(error, kind)), 1)
