"""What an overview tells: figures of days, and how each source of mail is doing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class DayFigures:
    """What happened on one day (UTC), which begins at `day`.

    `messages` were new, `threats` are investigations begun that day that found some. Copies were `removed`
    and `restored`; `wrong` are those of that day's removals that an undo has put back since. `actions`
    ended that day, of which `undone` were undone since, in whole or in part. `minutes` of exposure are
    those of the removals decided that day, and the times are medians over them; None: there is none.
    """

    day: datetime
    messages: int = 0
    threats: int = 0
    removed: int = 0
    restored: int = 0
    wrong: int = 0
    actions: int = 0
    undone: int = 0
    minutes: float = 0.0
    to_detect: timedelta | None = None
    to_decide: timedelta | None = None
    to_act: timedelta | None = None


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
