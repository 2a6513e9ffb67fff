"""The exposure clock: for how long people could open a malicious copy, and what they did with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from itertools import chain
from statistics import median

from clawback.message.delivery import Delivery, DeliveryLocation
from clawback.response.plan import AUTOMATION, STANDING, Outcome, Receipt, Remediation
from clawback.response.spread import Passage, Way

FLAGS = {"read": "\\seen", "answered": "\\answered", "forwarded": "$forwarded"}
"""The flag, in lower case, that tells each mark."""
_SENT_ON = {
    Way.FORWARD_INLINE: "forwarded",
    Way.FORWARD_ATTACHED: "forwarded",
    Way.REPLY: "answered",
}


@dataclass(frozen=True, slots=True)
class Marks:
    """When it was first seen that a copy was read, answered, forwarded and clicked; None: not yet."""

    read: datetime | None = None
    answered: datetime | None = None
    forwarded: datetime | None = None
    clicked: datetime | None = None

    def __or__(self, other: Marks) -> Marks:
        """The earlier of each."""
        return Marks(*(_first(getattr(self, f.name), getattr(other, f.name)) for f in fields(Marks)))


def _first(*moments: datetime | None) -> datetime | None:
    return min((moment for moment in moments if moment), default=None)


def changed(before: Delivery, after: Delivery, now: datetime) -> Marks | None:
    """What a copy's new flags tell that nobody would know later; None for nothing.

    A flag that is new was set by now. One that is gone had been there since the copy was first seen, unless
    it is on record when it came: of two times the earlier one is kept.
    """
    if before.flags == after.flags:
        return None
    was, now_has = _folded(before.flags), _folded(after.flags)
    found: dict[str, datetime] = {}
    for name, flag in FLAGS.items():
        if (flag in was) != (flag in now_has):
            found[name] = now if flag in now_has else before.first_seen
    return Marks(**found) if found else None


def _folded(flags: Iterable[str]) -> frozenset[str]:
    return frozenset(flag.lower() for flag in flags)


def sent_on(passages: Iterable[Passage], arrived: Mapping[str, datetime]) -> dict[tuple[str, str], Marks]:
    """Which copies their owners forwarded or answered, by (mailbox, message id), as what came of it shows.

    `arrived` says when the first copy of each of those messages came.
    """
    found: dict[tuple[str, str], Marks] = {}
    for passage in passages:
        name, at = _SENT_ON.get(passage.way), arrived.get(passage.message_id)
        if name and at and passage.of and passage.sent_on_by:
            copy = passage.sent_on_by, passage.of
            found[copy] = found.get(copy, Marks()) | Marks(**{name: at})
    return found


@dataclass(frozen=True, slots=True)
class Exposed:
    """One copy on the clock.

    `removed` is when we took it out, `left` when it was seen to have left the mailbox by another hand; with
    neither it is still there. `detected` is when the first alert about it was raised, or it was planned for.
    `written` says that its owner wrote it: that one exposed nobody who owns it.
    """

    delivery_id: str
    message_id: str
    mailbox: str
    delivered: datetime
    detected: datetime
    marks: Marks
    removed: datetime | None = None
    left: datetime | None = None
    written: bool = False

    def lasted(self, now: datetime) -> timedelta:
        """For how long it could be opened, up to now if it still can."""
        return max((self.removed or self.left or now) - self.delivered, timedelta())

    def before_it_went(self, moment: datetime | None) -> bool:
        """Whether something was seen to have happened while the copy could be opened."""
        end = self.removed or self.left
        return moment is not None and (end is None or moment <= end)


def exposed(
    delivery: Delivery,
    marks: Marks,
    receipt: Receipt | None,
    planned: datetime,
    alerts: Sequence[datetime],
) -> Exposed:
    """The clock of one copy, from what is on record of it; `alerts` are when its cause was raised."""
    delivered = min(delivery.internal_date, delivery.first_seen)
    if FLAGS["read"] in _folded(delivery.flags):
        marks = marks if marks.read else marks | Marks(read=delivery.first_seen)
    removed = receipt.at if receipt and receipt.outcome is Outcome.REMOVED else None
    gone = receipt is not None and receipt.outcome is Outcome.ALREADY_GONE
    left = None
    if removed is None and (gone or not _reachable(delivery.location)):
        left = min(delivery.located_at, receipt.at) if receipt else delivery.located_at
    told = min((at for at in alerts if delivered <= at <= planned), default=planned)
    return Exposed(
        delivery.id,
        delivery.message_id,
        delivery.handle.mailbox,
        delivered,
        max(told, delivered),
        marks,
        removed,
        left,
        written=delivery.original_location is DeliveryLocation.SENT,
    )


def _reachable(location: DeliveryLocation) -> bool:
    return location.in_mailbox or location is DeliveryLocation.UNKNOWN


@dataclass(frozen=True, slots=True)
class Waits:
    """How long one remediation took: to decide, by automation or by people, and to act; None: not yet."""

    decided_by_itself: timedelta | None = None
    decided_by_people: timedelta | None = None
    acted: timedelta | None = None


def waits(remediation: Remediation) -> Waits:
    """From a plan to its approval, and from there to its end."""
    approval = remediation.approval
    if approval is None:
        return Waits()
    decided = max(approval.at - remediation.made_at, timedelta())
    acted = remediation.ended_at - approval.at if remediation.ended_at else None
    if approval.by in (AUTOMATION, STANDING):
        return Waits(decided_by_itself=decided, acted=acted)
    return Waits(decided_by_people=decided, acted=acted)


@dataclass(frozen=True, slots=True)
class Exposure:
    """The clocks of many copies, added up; minutes run until now for what is still there.

    `removed_unread` counts the removed copies of which nobody had been seen to read them; of copies that
    their owners wrote (`written`) nothing else is counted. Times are medians; None: there is none yet.
    """

    copies: int
    written: int
    there: int
    left: int
    removed: int
    removed_unread: int
    read: int
    answered: int
    forwarded: int
    clicked: int
    minutes: float
    median_minutes: float | None
    to_detect: timedelta | None
    to_decide_by_itself: timedelta | None
    to_decide_by_people: timedelta | None
    to_act: timedelta | None

    @property
    def unread_share(self) -> float | None:
        """The part of the removed copies that nobody had read, 0 to 1."""
        return self.removed_unread / self.removed if self.removed else None


def added_up(copies: Sequence[Exposed], took: Sequence[Waits], now: datetime) -> Exposure:
    """The account of these copies and of the remediations that they were in."""
    mine = [copy for copy in copies if not copy.written]
    lasted = [copy.lasted(now) for copy in mine]
    minutes = [time.total_seconds() / 60 for time in lasted]
    removed = [copy for copy in mine if copy.removed]

    def counted(name: str) -> int:
        return sum(copy.before_it_went(getattr(copy.marks, name)) for copy in mine)

    return Exposure(
        copies=len(mine),
        written=len(copies) - len(mine),
        there=sum(copy.removed is None and copy.left is None for copy in mine),
        left=sum(copy.left is not None for copy in mine),
        removed=len(removed),
        removed_unread=sum(not copy.before_it_went(copy.marks.read) for copy in removed),
        read=counted("read"),
        answered=counted("answered"),
        forwarded=counted("forwarded"),
        clicked=counted("clicked"),
        minutes=round(sum(minutes), 1),
        median_minutes=round(median(minutes), 1) if minutes else None,
        to_detect=_middle(copy.detected - copy.delivered for copy in mine),
        to_decide_by_itself=_middle(one.decided_by_itself for one in took),
        to_decide_by_people=_middle(one.decided_by_people for one in took),
        to_act=_middle(one.acted for one in took),
    )


def over_days(days: Sequence[Exposure]) -> Exposure:
    """The account of several days from the accounts of each: sums, and the medians of the days' medians."""
    summed = {
        name: sum(getattr(day, name) for day in days)
        for name in (
            "copies", "written", "there", "left", "removed", "removed_unread", "read", "answered",
            "forwarded", "clicked",
        )
    }  # fmt: skip
    medians = [day.median_minutes for day in days if day.median_minutes is not None]
    return Exposure(
        **summed,
        minutes=round(sum(day.minutes for day in days), 1),
        median_minutes=round(median(medians), 1) if medians else None,
        to_detect=_middle(day.to_detect for day in days),
        to_decide_by_itself=_middle(day.to_decide_by_itself for day in days),
        to_decide_by_people=_middle(day.to_decide_by_people for day in days),
        to_act=_middle(day.to_act for day in days),
    )


def _middle(times: Iterable[timedelta | None]) -> timedelta | None:
    known = [time.total_seconds() for time in times if time is not None]
    return timedelta(seconds=median(known)) if known else None


def flattened(parts: Iterable[Sequence[Exposed]]) -> tuple[Exposed, ...]:
    """The copies of several remediations, each copy once: that which was removed last."""
    latest: dict[str, Exposed] = {}
    for copy in chain.from_iterable(parts):
        known = latest.get(copy.delivery_id)
        if known is None or (copy.removed or copy.delivered) >= (known.removed or known.delivered):
            latest[copy.delivery_id] = copy
    return tuple(latest.values())
