"""Figures of days, counted beforehand, are what happened; and the watch tells how each source is doing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.engine.memory_world import MemoryWorld
from tests.engine.world import World, actions, read, turn

from clawback.app import App
from clawback.cli.session import finish
from clawback.engine import commands
from clawback.engine.day_figures import DAYS, FRESH, count_days, days_of, keep_counted
from clawback.engine.pulse import Pulse
from clawback.errors import LoginFailed
from clawback.response.overview import DayFigures, EventPath, added

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    """An organisation at noon, where it stays."""
    world = World(tmp_path, "")
    world.campaign(5, clean=4)
    with world.app() as opened:
        still = later(opened, timedelta())
        read(still)
        turn(still)
        yield still


def removed_and_undone(app: App) -> None:
    (waiting,) = actions(app)
    commands.approve(app.parts, waiting.id, "ann", plan_hash=waiting.plan_hash)
    finish(app)
    commands.undo(app.parts, waiting.id, "ann")
    finish(app)


def later(app: App, time: timedelta) -> App:
    """The same, so much later."""
    return replace(app, parts=replace(app.parts, now=lambda: NOON + time))


def test_a_day_has_what_happened_on_it(app: App) -> None:
    removed_and_undone(app)
    days = days_of(app.parts, 14)
    assert [one.day for one in days] == [days[-1].day - timedelta(days=n) for n in reversed(range(14))]
    today = days[-1]
    assert (today.messages, today.threats, today.removed, today.restored) == (9, 1, 5, 5)
    assert (today.wrong, today.actions, today.undone) == (5, 1, 1)
    assert today.exposure is not None
    assert today.exposure.removed == 5
    assert all(one == DayFigures(one.day) for one in days[:-1])
    week = added(days[-7:])
    assert (week.wrong_share, week.undone_share, week.copies) == (1.0, 1.0, 5)
    assert week.to_act is not None


def test_yesterday_is_told_from_what_was_counted(app: App) -> None:
    removed_and_undone(app)
    tomorrow = later(app, timedelta(days=1))
    days = days_of(tomorrow.parts, 7)
    assert (days[-1].messages, days[-1].removed) == (0, 0)
    assert (days[-2].messages, days[-2].removed, days[-2].undone) == (9, 5, 1)


def test_what_has_happened_since_midnight_is_told_at_once_and_the_rest_soon(app: App) -> None:
    before = days_of(app.parts, 7)[-1]
    assert (before.removed, before.actions) == (0, 0)
    removed_and_undone(app)
    at_once = days_of(app.parts, 7)[-1]
    assert (at_once.removed, at_once.restored) == (5, 5)
    soon = later(app, FRESH)
    count_days(soon.parts)
    assert days_of(soon.parts, 7)[-1].actions == 1


def test_the_older_a_day_the_more_seldom_it_is_counted_again(app: App) -> None:
    count_days(app.parts)
    with app.store.read() as unit:
        first = unit.overview.made(datetime(2000, 1, 1, tzinfo=UTC))
    assert len(first) == DAYS
    soon = later(app, timedelta(hours=1))
    count_days(soon.parts)
    with app.store.read() as unit:
        second = unit.overview.made(datetime(2000, 1, 1, tzinfo=UTC))
    again = sorted(day for day, made in second.items() if first.get(day) != made)
    assert 1 <= len(again) <= 4
    assert again == sorted(second)[-len(again) :]


def test_it_is_counted_until_it_is_to_stop(app: App) -> None:
    async def whole() -> None:
        stop = asyncio.Event()
        stop.set()
        await keep_counted(app.parts, stop)

    asyncio.run(whole())
    with app.store.read() as unit:
        assert len(unit.overview.days(datetime(2000, 1, 1, tzinfo=UTC))) == DAYS


@pytest.fixture
def small(tmp_path: Path) -> Iterator[MemoryWorld]:
    made = MemoryWorld(tmp_path)
    yield made
    made.close()


def test_the_pulse_tells_news_looks_sweeps_and_troubles(small: MemoryWorld) -> None:
    (source,) = small.parts.connectors
    pulse = Pulse(small.parts)
    (new,) = pulse.told((), {})
    assert (new.events, new.swept_at, new.error) == (EventPath.EVENTS, None, "")
    pulse.news((source, "ann"))
    pulse.looked((source, "ben"))
    assert pulse.told((), {})[0].event_lag is None
    pulse.looked((source, "ann"))
    pulse.swept(source, 3, timedelta(seconds=2))
    pulse.broke_off(source)
    pulse.trouble(source, LoginFailed("no entry"))
    pulse.trouble("unknown", "nothing")
    (told,) = pulse.told([(source, "ann"), (source, "ben")], {source: "no entry"})
    assert told.event_lag is not None
    assert (told.mailboxes, told.unreachable, told.sweep) == (3, 2, timedelta(seconds=2))
    assert (told.events, told.error, told.stopped) == (EventPath.BROKEN, "no entry", "no entry")
    with small.parts.store.write() as unit:
        unit.overview.tell_health([replace(told, source="gone"), told])
        unit.overview.tell_health([told])
    with small.parts.store.read() as unit:
        assert unit.overview.health() == (told,)


def test_a_running_watch_tells_its_pulse(app: App) -> None:
    async def whole(_: object) -> None:
        stop = asyncio.Event()
        watching = asyncio.create_task(app.watch().run(stop))
        async with asyncio.timeout(30):
            while True:
                with app.store.read() as unit:
                    told = unit.overview.health()
                if told and told[0].swept_at:
                    break
                await asyncio.sleep(0.05)
        stop.set()
        await watching
        assert (told[0].source, told[0].mailboxes, told[0].error) == ("main", 5, "")

    app.run(whole)
