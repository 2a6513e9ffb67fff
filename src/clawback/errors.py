"""Every error clawback raises, sorted by what to do next.

ClawbackError
├─ UserError      fix the input; no traceback      BadSettings BadIndicator BadQuery BadParameter
│                                                  NotFound Forbidden
├─ Refused        a guard said no; nothing done    BlastRadiusExceeded PlanStale ApprovalMissing
│                                                  CapabilityMissing ReadOnly ChangedMeanwhile
│                                                  TriedTooOften(after) GivenTwice
├─ MailboxError   the other side                   Unavailable(retry) Throttled(after) LoginFailed(stop, tell)
│                                                  HandleStale(look, plan again) Gone(fine, note it)
│                                                  OverQuota(make room, tell) ProtocolViolation(report)
└─ Corrupt        our own memory is wrong; stop    MigrationFailed AuditBroken StoreUnavailable

Not errors: Defect (bad mail), Fact.unknown (a failed lookup), skipped (already as wanted).
Foreign errors are mapped once, at the border of an edge. Nobody decides on an error's text.
"""

from __future__ import annotations


class ClawbackError(Exception):
    """The root of every error raised on purpose."""


class UserError(ClawbackError):
    """The input is wrong: say so in one sentence, change nothing, exit with 2."""


class BadSettings(UserError):
    """The settings file or an option in it cannot be used."""


class BadIndicator(UserError):
    """An indicator's kind or value makes no sense."""


class BadQuery(UserError):
    """A filter, cursor or query cannot be read."""


class TooWide(BadQuery):
    """A search would take too long, or find more than may be acted on."""


class BadParameter(UserError):
    """A parameter is unknown, ambiguous, missing or has an impossible value."""


class NotFound(UserError):
    """Nothing has that id."""


class Forbidden(UserError):
    """The caller may not do that."""


class Refused(ClawbackError):
    """A guard said no; nothing was done."""


class BlastRadiusExceeded(Refused):
    """The plan holds more copies than the policy lets run by itself."""


class PlanStale(Refused):
    """The plan has expired, was decided already, or is not the one that was approved."""


class ApprovalMissing(Refused):
    """The plan has no approval for its hash."""


class CapabilityMissing(Refused):
    """The mail system cannot do what the plan asks."""


class ReadOnly(Refused):
    """The mailbox, file or store may not be written."""


class ChangedMeanwhile(Refused):
    """Somebody else changed it since it was looked at: look again."""


class TriedTooOften(Refused):
    """Too many tries in a short time: wait; `after` is in seconds."""

    def __init__(self, message: str, after: float) -> None:
        super().__init__(message)
        self.after = after


class GivenTwice(Refused):
    """The order's key was used before: for another order, or for one whose outcome is not known."""


class MailboxError(ClawbackError):
    """The mail system answered in another way than hoped."""


class Unavailable(MailboxError):
    """The mail system does not answer now: try again later."""


class Throttled(MailboxError):
    """The mail system asks for patience; `after` is in seconds."""

    def __init__(self, message: str, after: float) -> None:
        super().__init__(message)
        self.after = after


class LoginFailed(MailboxError):
    """The mail system refuses our credentials: stop and tell."""


class HandleStale(MailboxError):
    """The copy is no longer where the handle says: look again, plan again."""


class Gone(MailboxError):
    """The copy is nowhere in the mailbox: fine, note it."""


class OverQuota(MailboxError):
    """The mailbox is full: make room or raise its quota, then try again."""


class ProtocolViolation(MailboxError):
    """The mail system broke its own protocol: report it."""


class Corrupt(ClawbackError):
    """Our own memory is wrong or lost: stop."""


class MigrationFailed(Corrupt):
    """The schema could not be brought up to date."""


class AuditBroken(Corrupt):
    """The audit log's chain of seals does not hold."""


class StoreUnavailable(Corrupt):
    """The database or the disk below it does not take what we write."""
