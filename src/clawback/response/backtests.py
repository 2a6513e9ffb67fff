"""Backtests that were ordered: how each stands, and what it found in figures small enough to keep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from clawback.response.backtest import Backtest, Label, Run, Taken, Waits
from clawback.response.policy import Policy

RUNS = 500
"""Plans that are kept of a result: the largest."""
COPIES = 20_000
"""Copies that are kept of a result: the false positives first, then those that lay longest."""
_MINUTE = timedelta(minutes=1)


class BacktestStatus(StrEnum):
    """Where an ordered backtest stands."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


UNDER_WAY = (BacktestStatus.QUEUED, BacktestStatus.RUNNING)
"""What has yet to end."""


@dataclass(frozen=True, slots=True)
class BacktestDay:
    """What the setting would have done on one day (UTC), which begins at `day`.

    `taken` copies by itself, `minutes_saved` for how much longer those lay in truth, `false_positives` of
    them by what is known since; and how many plans would have run and would have waited.
    """

    day: datetime
    taken: int
    minutes_saved: float
    false_positives: int
    by_itself: int
    waiting: int


@dataclass(frozen=True, slots=True)
class BacktestFigures:
    """What a backtest found, in figures. Of `plans` the largest are in `runs`.

    `messages` and `copies` were new in the period, in an organisation of so many `mailboxes`.
    """

    messages: int
    copies: int
    mailboxes: int
    investigations: int
    plans: int
    by_itself: int
    taken: int
    messages_taken: int
    mailboxes_touched: int
    minutes_saved: float
    false_positives: dict[Label, int]
    waits: tuple[Waits, ...]
    days: tuple[BacktestDay, ...]
    runs: tuple[Run, ...]

    @property
    def wrong(self) -> int:
        """How many copies are false positives by whatever label."""
        return sum(self.false_positives.values())

    @property
    def mean_minutes(self) -> float:
        """For how many minutes longer a copy lay in truth, on average."""
        return self.minutes_saved / self.taken if self.taken else 0.0


@dataclass(frozen=True, slots=True)
class Score:
    """What a backtest leaves behind: its figures, and the copies that are kept."""

    figures: BacktestFigures
    copies: tuple[Taken, ...]


@dataclass(frozen=True, slots=True)
class OrderedBacktest:
    """A backtest that somebody ordered: over the mail from `since` to `until`, under `policy`.

    `done` of `total` things of its `stage` are done; `total` is 0 while nobody knows. `figures` are there
    once it is completed.
    """

    id: str
    by: str
    at: datetime
    since: datetime
    until: datetime
    policy: Policy
    status: BacktestStatus = BacktestStatus.QUEUED
    stage: str = ""
    done: int = 0
    total: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    error: str = ""
    figures: BacktestFigures | None = None

    @property
    def days(self) -> float:
        """How many days it goes back."""
        return (self.until - self.since) / timedelta(days=1)


def scored(found: Backtest) -> Score:
    """The part of a backtest that is kept."""
    by_worth = sorted(found.taken, key=lambda one: (one.label is None, -one.saved, one.at, one.delivery_id))
    return Score(figures_of(found), tuple(by_worth[:COPIES]))


def figures_of(found: Backtest) -> BacktestFigures:
    """What a backtest found, in figures."""
    return BacktestFigures(
        messages=found.messages,
        copies=found.copies,
        mailboxes=found.mailboxes,
        investigations=found.investigations,
        plans=len(found.runs),
        by_itself=sum(run.by_itself for run in found.runs),
        taken=len(found.taken),
        messages_taken=found.messages_taken,
        mailboxes_touched=found.mailboxes_touched,
        minutes_saved=found.saved / _MINUTE,
        false_positives={label: found.labelled(label) for label in Label},
        waits=tuple(found.waits),
        days=_days(found),
        runs=tuple(sorted(found.runs, key=lambda run: (-run.copies, run.at))[:RUNS]),
    )


def _days(found: Backtest) -> tuple[BacktestDay, ...]:
    """Every day of the period, those on which nothing would have happened too."""
    taken = Counter(_day(one.at) for one in found.taken)
    wrong = Counter(_day(one.at) for one in found.taken if one.label)
    saved = _added((_day(one.at), one.saved) for one in found.taken)
    ran = Counter(_day(run.at) for run in found.runs if run.by_itself)
    waited = Counter(_day(run.at) for run in found.runs if not run.by_itself)
    first, last = _day(found.since), _day(found.until)
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return tuple(
        BacktestDay(day, taken[day], saved.get(day, timedelta()) / _MINUTE, wrong[day], ran[day], waited[day])
        for day in days
    )


def _added(pairs: Iterable[tuple[datetime, timedelta]]) -> dict[datetime, timedelta]:
    found: dict[datetime, timedelta] = {}
    for day, time in pairs:
        found[day] = found.get(day, timedelta()) + time
    return found


def _day(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)
