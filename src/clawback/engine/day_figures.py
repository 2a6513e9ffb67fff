"""Figures of days, counted beforehand: an overview of a million messages must not count them each time.

A day is counted again the more seldom the older it is: late copies, undos and people who read mail still
change what is told of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from clawback.engine.exposure import copies_of
from clawback.engine.parts import Parts
from clawback.response.exposure import Exposed, Exposure, Waits, added_up, flattened, waits
from clawback.response.overview import DayFigures
from clawback.response.plan import LET_RUN
from clawback.store import Unit

DAYS = 90
"""Days that are counted, today too."""
FRESH = timedelta(minutes=5)
"""A day that was counted so lately is not counted again."""
AGES = 50
"""A day that is over is counted again when this part of the time since has passed since it was last."""
_DAY = timedelta(days=1)


async def keep_counted(parts: Parts, stop: asyncio.Event) -> None:
    """Count until `stop` is set, in a thread: what has news does not wait for it."""
    ending = asyncio.create_task(stop.wait())
    try:
        while not ending.done():
            await asyncio.to_thread(count_days, parts)
            await asyncio.wait({ending}, timeout=FRESH.total_seconds())
    finally:
        ending.cancel()


def count_days(parts: Parts) -> None:
    """Count the days that were not counted lately."""
    now = parts.now()
    with parts.store.read() as unit:
        made = unit.overview.made(_first(now, DAYS))
    _count(parts, [day for day in _days(now, DAYS) if _is_stale(day, made.get(day), now)], now)


def _count(parts: Parts, days: Sequence[datetime], now: datetime) -> None:
    if not days:
        return
    with parts.store.read() as unit:
        found = _counted(unit, days, now)
    with parts.store.write() as unit:
        unit.overview.put_days(found, now)


def _is_stale(day: datetime, made: datetime | None, now: datetime) -> bool:
    return made is None or now - made >= max(FRESH, (now - day - _DAY) / AGES)


def days_of(parts: Parts, days: int) -> tuple[DayFigures, ...]:
    """The last days with today, oldest first. Counts those first that nobody has counted yet."""
    now = parts.now()
    wanted = _days(now, days)
    kept = _kept(parts, wanted)
    if missing := [day for day in wanted if day not in kept]:
        _count(parts, missing, now)
        kept = _kept(parts, wanted)
    with parts.store.read() as unit:
        since = unit.figures.since_midnight(wanted[-1])
    today = replace(
        kept[wanted[-1]],
        messages=since.messages,
        threats=since.threats,
        removed=since.removed,
        restored=since.restored,
    )
    return (*(kept[day] for day in wanted[:-1]), today)


def _kept(parts: Parts, wanted: Sequence[datetime]) -> dict[datetime, DayFigures]:
    with parts.store.read() as unit:
        return unit.overview.days(wanted[0])


def _first(now: datetime, days: int) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0) - (days - 1) * _DAY


def _days(now: datetime, days: int) -> list[datetime]:
    return [_first(now, days) + n * _DAY for n in range(days)]


def _counted(unit: Unit, days: Sequence[datetime], now: datetime) -> tuple[DayFigures, ...]:
    """These days, from one statement for each figure over all of them."""
    names = ("messages", "threats", "removed", "restored", "wrong", "actions", "undone")
    counts = {name: getattr(unit.figures, name)(days[0]) for name in names}
    clocks = _exposures(unit, set(days), days[0], now)
    return tuple(
        DayFigures(
            day, **{name: found.get(day, 0) for name, found in counts.items()}, exposure=clocks.get(day)
        )
        for day in days
    )


def _exposures(
    unit: Unit, days: Collection[datetime], since: datetime, now: datetime
) -> dict[datetime, Exposure]:
    """The exposure of the removals that were decided on each of these days."""
    parts: dict[datetime, list[tuple[Exposed, ...]]] = {}
    took: dict[datetime, list[Waits]] = {}
    for removal in unit.remediations.each(statuses=LET_RUN, decided_since=since):
        day = _first(removal.decided_at, 1) if removal.decided_at else None
        if day in days and day is not None and not removal.undoes:
            parts.setdefault(day, []).append(copies_of(unit, removal))
            took.setdefault(day, []).append(waits(removal))
    return {day: added_up(flattened(mine), took[day], now) for day, mine in parts.items()}
