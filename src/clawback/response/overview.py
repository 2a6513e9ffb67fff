"""What an overview tells: figures of days, and how each source of mail is doing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import median

from clawback.response.exposure import Exposure


@dataclass(frozen=True, slots=True)
class DayFigures:
    """What happened on one day (UTC), which begins at `day`.

    `messages` were new, `threats` are investigations begun that day that found some. Copies were `removed`
    and `restored`. `actions` are removals that ended that day, `undone` those of them that were undone since,
    in whole or in part, and `wrong` their copies that were put back since. `exposure` is that of the
    removals decided that day.
    """

    day: datetime
    messages: int = 0
    threats: int = 0
    removed: int = 0
    restored: int = 0
    wrong: int = 0
    actions: int = 0
    undone: int = 0
    exposure: Exposure | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """The days of a span added up. Times are those of a median day; None: there is none."""

    messages: int
    threats: int
    removed: int
    restored: int
    wrong: int
    actions: int
    undone: int
    copies: int
    unread: int
    clicked: int
    answered: int
    forwarded: int
    minutes: float
    to_detect: timedelta | None
    to_decide: timedelta | None
    to_act: timedelta | None

    @property
    def wrong_share(self) -> float | None:
        """The part of the removed copies that was put back since, 0 to 1."""
        return min(1.0, self.wrong / self.removed) if self.removed else None

    @property
    def undone_share(self) -> float | None:
        """The part of the removals that was undone since, 0 to 1."""
        return self.undone / self.actions if self.actions else None

    @property
    def unread_share(self) -> float | None:
        """The part of the copies that went before anybody was seen to read them, 0 to 1."""
        return self.unread / self.copies if self.copies else None


def added(days: Sequence[DayFigures]) -> Span:
    """The days of a span added up."""
    clocks = [one.exposure for one in days if one.exposure is not None]
    counts = ("messages", "threats", "removed", "restored", "wrong", "actions", "undone")
    return Span(
        **{name: sum(getattr(one, name) for one in days) for name in counts},
        copies=sum(one.removed for one in clocks),
        unread=sum(one.removed_unread for one in clocks),
        clicked=sum(one.clicked for one in clocks),
        answered=sum(one.answered for one in clocks),
        forwarded=sum(one.forwarded for one in clocks),
        minutes=sum(one.minutes for one in clocks),
        to_detect=_median(one.to_detect for one in clocks),
        to_decide=_median(decided(one) for one in clocks),
        to_act=_median(one.to_act for one in clocks),
    )


def decided(exposure: Exposure) -> timedelta | None:
    """How long a decision took: of people where they decided anything, else of automation."""
    by_people = exposure.to_decide_by_people
    return exposure.to_decide_by_itself if by_people is None else by_people


def _median(times: Iterable[timedelta | None]) -> timedelta | None:
    known = [time.total_seconds() for time in times if time is not None]
    return timedelta(seconds=median(known)) if known else None


class EventPath(StrEnum):
    """How news of a source come: by events, by sweeps alone, or by sweeps because the events broke off."""

    EVENTS = "events"
    SWEEPS = "sweeps"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """How a source is doing, as the watch told at `told_at`; an older word means that no watch runs.

    Every one of its `mailboxes` that answers had been looked at by `swept_at`, which took `sweep`;
    `unreachable` of them did not answer the last time. `event_lag` is how long the last news waited until
    its mailbox had been read. `stopped` says why a source is left alone that refuses our logins.
    """

    source: str
    told_at: datetime
    events: EventPath
    mailboxes: int = 0
    unreachable: int = 0
    swept_at: datetime | None = None
    sweep: timedelta = timedelta()
    event_at: datetime | None = None
    event_lag: timedelta | None = None
    error: str = ""
    error_at: datetime | None = None
    stopped: str = ""
