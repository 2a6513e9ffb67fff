"""What became of an action's copies by class: done, gone already, failed and for what cause, left alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from clawback.errors import BadQuery
from clawback.message.delivery import DeliveryLocation
from clawback.response.plan import OPEN, Outcome, Receipt, Remediation


class Cause(StrEnum):
    """Why a copy could not be acted on, by what would help.

    `unavailable`: its mailbox did not answer. `permission`: the mail system refuses us. `changed`: it moved
    away while we reached for it. `full`: there is no room. `unable`: the mail system cannot do it, or has no
    such mailbox any more. `broken`: it broke its own protocol.
    """

    UNAVAILABLE = "mailbox_unavailable"
    PERMISSION = "permission"
    CHANGED = "changed_meanwhile"
    FULL = "mailbox_full"
    UNABLE = "not_possible"
    BROKEN = "protocol_broken"
    OTHER = "other"


CAUSES: Mapping[Cause, tuple[str, ...]] = {
    Cause.UNAVAILABLE: ("Unavailable", "Throttled"),
    Cause.PERMISSION: ("LoginFailed", "ReadOnly", "Forbidden"),
    Cause.CHANGED: ("HandleStale", "Gone", "ChangedMeanwhile", "PlanStale"),
    Cause.FULL: ("OverQuota",),
    Cause.UNABLE: ("CapabilityMissing", "NotFound"),
    Cause.BROKEN: ("ProtocolViolation",),
}
"""The kinds of errors of each cause; a receipt of a failure begins with the name of its error."""
_CAUSE_OF = {name: cause for cause, names in CAUSES.items() for name in names}


def cause_of(receipt: Receipt) -> Cause:
    """The cause of a failure."""
    return _CAUSE_OF.get(receipt.reason.partition(":")[0], Cause.OTHER)


@dataclass(frozen=True, slots=True)
class ResultClass:
    """A class of results: an outcome, for failures their cause, for what was left alone the reason."""

    outcome: Outcome
    cause: Cause | None = None
    reason: str = ""

    @property
    def key(self) -> str:
        """How the class is named in an address: ``removed``, ``failed.permission``, ``skipped.REASON``."""
        detail = self.cause.value if self.cause else self.reason
        return f"{self.outcome.value}.{detail}" if detail else self.outcome.value


def class_of(key: str) -> ResultClass:
    """The class of that name; raises BadQuery when there is none."""
    name, _, detail = key.partition(".")
    try:
        outcome = Outcome(name)
        cause = Cause(detail) if outcome is Outcome.FAILED and detail else None
    except ValueError:
        raise BadQuery(f"there is no class of results {key!r:.80}") from None
    if detail and outcome not in (Outcome.FAILED, Outcome.SKIPPED):
        raise BadQuery(f"there is no class of results {key!r:.80}")
    return ResultClass(outcome, cause, detail if outcome is Outcome.SKIPPED else "")


@dataclass(frozen=True, slots=True)
class ClassCount:
    """How many copies of an action are in a class, which has the name `key`."""

    key: str
    outcome: Outcome
    cause: Cause | None
    reason: str
    copies: int


@dataclass(frozen=True, slots=True)
class CopyResult:
    """What became of one copy.

    `folder` is where it was, `now` where it is since; `at` is None for one that was never to be touched.
    """

    mailbox: str
    message_id: str
    delivery_id: str
    folder: str
    location: DeliveryLocation
    outcome: Outcome
    cause: Cause | None
    reason: str
    now: str
    at: datetime | None


_ORDER = (Outcome.FAILED, Outcome.SKIPPED, Outcome.ALREADY_GONE, Outcome.REMOVED)


def counted(found: Iterable[tuple[ResultClass, int]]) -> tuple[ClassCount, ...]:
    """The classes with how many copies each has: what failed first, then the largest."""
    sums: dict[ResultClass, int] = {}
    for one, copies in found:
        sums[one] = sums.get(one, 0) + copies
    rows = sorted(sums.items(), key=lambda row: (_ORDER.index(row[0].outcome), -row[1], row[0].key))
    return tuple(ClassCount(one.key, one.outcome, one.cause, one.reason, copies) for one, copies in rows)


def told_undos(removal: Remediation, undos: Iterable[Remediation]) -> tuple[str, ...]:
    """What each undo of a removal did, one sentence each; it may have put back only a part."""
    return tuple(_told(removal, undo) for undo in undos)


def _told(removal: Remediation, undo: Remediation) -> str:
    if undo.status in OPEN:
        return f"{undo.id} is putting {undo.tally.found - undo.tally.skipped} copies back"
    back, failed = undo.tally.removed, undo.tally.failed
    part = "" if back == removal.tally.removed else f" of {removal.tally.removed}"
    said = f"{undo.id} put {back}{part} copies back"
    said += f", {failed} could not be" if failed else ""
    return said + (f", {undo.tally.already_gone} are nowhere any more" if undo.tally.already_gone else "")
