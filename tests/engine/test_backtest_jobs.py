"""Ordered backtests: run in a process of their own, cancelled, taken up again, kept within bounds."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.engine.world import AUTOMATIC, World, read, turn

from clawback.app import App
from clawback.engine import backtest_jobs
from clawback.engine.aside import Told
from clawback.engine.backtest_jobs import cancel_backtest, order_backtest
from clawback.engine.workflow import APART, Worker
from clawback.errors import BadParameter, NotFound, PlanStale, Refused, TriedTooOften
from clawback.response.backtests import BacktestStatus, Score, scored
from clawback.response.policy import Policy
from clawback.store import JobState

DAYS = 1.0


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    """An organisation in which a campaign turned malicious, and its removal waits."""
    world = World(tmp_path, "")
    world.campaign(4)
    with world.app() as opened:
        read(opened)
        turn(opened)
        yield opened


def work(app: App, worker: Worker | None = None) -> None:
    app.run(lambda _: (worker or app.worker()).only(APART).drain())


def test_an_ordered_backtest_finds_what_one_at_hand_finds(app: App) -> None:
    made = order_backtest(app.parts, AUTOMATIC, DAYS, "ann")
    assert made.status is BacktestStatus.QUEUED
    work(app)
    with app.store.read() as unit:
        done = unit.backtests.get(made.id)
        copies, _ = unit.backtests.copies(made.id)
        events = [(row.type, row.actor) for row in unit.audit.list(limit=1_000)]
        assert unit.jobs.waiting(APART) == 0
    beside = scored(app.backtest_between(AUTOMATIC, made.since, made.until))
    assert done.status is BacktestStatus.COMPLETED
    assert done.figures is not None
    assert (done.figures.taken, done.figures.messages_taken) == (4, 4)
    assert done.figures == beside.figures
    assert len(copies) == done.figures.taken
    assert events[-1] == ("backtest_ended", "Automation")
    assert ("backtest_ordered", "ann") in events


def test_other_work_does_not_wait_for_it(app: App) -> None:
    made = order_backtest(app.parts, AUTOMATIC, DAYS, "ann")
    app.run(lambda _: app.worker().drain())
    with app.store.read() as unit:
        assert unit.backtests.get(made.id).status is BacktestStatus.QUEUED


def test_one_that_waits_is_cancelled_and_never_begins(app: App) -> None:
    made = order_backtest(app.parts, Policy(), DAYS, "ann")
    assert cancel_backtest(app.parts, made.id, "bob").status is BacktestStatus.CANCELLED
    work(app)
    with app.store.read() as unit:
        assert unit.backtests.get(made.id).started_at is None
    with pytest.raises(PlanStale):
        cancel_backtest(app.parts, made.id, "bob")
    with pytest.raises(NotFound):
        cancel_backtest(app.parts, "bkt-0", "bob")


@dataclass
class Stage:
    """A process beside that works until it is ended, or does what it is told."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    ended: bool = False
    fails: str = ""

    async def __call__(
        self, policy: Policy, since: datetime, until: datetime, told: Callable[[Told], None]
    ) -> Score:
        told(Told("half way", 5, 10))
        self.begun.set()
        if self.fails:
            raise Refused(self.fails)
        try:
            await asyncio.Event().wait()
        finally:
            self.ended = True
        raise AssertionError


def staged(app: App, stage: Stage) -> App:
    return replace(app, parts=replace(app.parts, aside=stage))


@pytest.mark.parametrize("how", ["cancelled", "stopped"])
def test_one_that_runs_is_ended_and_only_a_stopped_one_begins_anew(
    app: App, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backtest_jobs, "TELL_SECONDS", 0.01)
    stage = Stage()
    played = staged(app, stage)
    made = order_backtest(app.parts, AUTOMATIC, DAYS, "ann")

    async def whole() -> None:
        working = asyncio.create_task(played.worker().only(APART).drain())
        await stage.begun.wait()
        if how == "cancelled":
            cancel_backtest(app.parts, made.id, "bob")
            await working
        else:
            working.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await working

    asyncio.run(whole())
    assert stage.ended
    with app.store.write() as unit:
        status = unit.backtests.get(made.id).status
        for job in unit.jobs.list(state=JobState.LEASED)[0]:
            unit.jobs.abandon(job)  # as the next start does with what a dead process had leased
    work(app)
    with app.store.read() as unit:
        last = unit.backtests.get(made.id)
    if how == "cancelled":
        assert (status, last.status) == (BacktestStatus.CANCELLED, BacktestStatus.CANCELLED)
    else:
        assert (status, last.status) == (BacktestStatus.RUNNING, BacktestStatus.COMPLETED)


def test_one_that_can_have_no_result_says_why(app: App) -> None:
    made = order_backtest(app.parts, AUTOMATIC, DAYS, "ann")
    work(staged(app, Stage(fails="no room")))
    with app.store.read() as unit:
        last = unit.backtests.get(made.id)
    assert (last.status, last.error) == (BacktestStatus.FAILED, "no room")


def test_bounds_hold(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    for days in (0.0, 4_000.0, float("nan")):
        with pytest.raises(BadParameter):
            order_backtest(app.parts, AUTOMATIC, days, "ann")
    with pytest.raises(BadParameter):
        order_backtest(app.parts, Policy(breaker=2.0), DAYS, "ann")
    made = [order_backtest(app.parts, AUTOMATIC, DAYS, "ann") for _ in range(backtest_jobs.MOST_OPEN)]
    with pytest.raises(TriedTooOften):
        order_backtest(app.parts, AUTOMATIC, DAYS, "ann")
    monkeypatch.setattr(backtest_jobs, "KEPT", 2)
    work(staged(app, Stage(fails="no room")))
    with app.store.read() as unit:
        kept, after = unit.backtests.list()
    assert [one.id for one in kept] == [one.id for one in reversed(made[-2:])]
    assert after == ""
    assert datetime.now(UTC) - kept[0].at < timedelta(hours=1)
