"""Backtests, figures of days and the health of sources, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.store.make import BAD_URL, NOW, handle, plan, remediation

from clawback.analysis.clusters import ClusterKind
from clawback.errors import BadQuery, NotFound
from clawback.response.backtest import Backtest, Label, Run, Taken
from clawback.response.backtests import BacktestStatus, OrderedBacktest, scored
from clawback.response.overview import DayFigures, EventPath, SourceHealth
from clawback.response.plan import ActionKind, Outcome, Receipt, RemediationStatus
from clawback.response.policy import Policy
from clawback.store import Store
from clawback.store.figures import Since

DAY = timedelta(days=1)
MIDNIGHT = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
SETTING = Policy(
    automatic=frozenset({ClusterKind.MALICIOUS_URL}), excluded_mailboxes=frozenset({"a", "\udce9"})
)


def ordered(number: int) -> OrderedBacktest:
    return OrderedBacktest(f"bkt-{number}", "ann \udce9", NOW, NOW - 3 * DAY, NOW, SETTING)


def taken(number: int, label: Label | None = None) -> Taken:
    at = NOW - (number % 3) * DAY
    return Taken(
        f"dlv-{number}", f"msg-{number}", "a@b", "clu-1", "rem-1", at, timedelta(minutes=number), label
    )


def found(count: int) -> Backtest:
    copies = tuple(taken(n, Label.GOOD if n % 4 == 0 else None) for n in range(count))
    runs = tuple(
        Run(
            f"rem-{n}",
            ClusterKind.MALICIOUS_URL,
            BAD_URL,
            NOW,
            n,
            n % 2 == 0,
            "" if n % 2 == 0 else "it asks",
        )
        for n in range(5)
    )
    return Backtest(NOW - 3 * DAY, NOW, SETTING, 10, 20, 3, 1, runs, copies)


def test_a_backtest_goes_through_its_life(store: Store) -> None:
    made, score = ordered(1), scored(found(10))
    with store.write() as unit:
        unit.backtests.add(made)
        assert unit.backtests.get(made.id) == made
        assert unit.backtests.under_way() == 1
        assert unit.backtests.begin(made.id, NOW)
        assert unit.backtests.tell(made.id, "half way \udce9", 5, 10)
        running = unit.backtests.get(made.id)
        assert (running.status, running.stage, running.done) == (BacktestStatus.RUNNING, "half way \udce9", 5)
        assert unit.backtests.end(made.id, BacktestStatus.COMPLETED, NOW + DAY, score=score)
        assert not unit.backtests.tell(made.id, "late", 6, 10)
        assert not unit.backtests.begin(made.id, NOW)
        assert not unit.backtests.end(made.id, BacktestStatus.CANCELLED, NOW)
        done = unit.backtests.get(made.id)
        assert (done.status, done.figures, done.ended_at) == (
            BacktestStatus.COMPLETED,
            score.figures,
            NOW + DAY,
        )
        assert unit.backtests.under_way() == 0
        with pytest.raises(NotFound):
            unit.backtests.get("bkt-9")
        with pytest.raises(NotFound):
            unit.backtests.copies("bkt-9")


def test_the_copies_of_a_result_come_in_pages_false_positives_first(store: Store) -> None:
    score = scored(found(10))
    with store.write() as unit:
        unit.backtests.add(ordered(1))
        unit.backtests.end("bkt-1", BacktestStatus.COMPLETED, NOW, score=score)
    for wrong, expected in ((False, score.copies), (True, score.copies[:3])):
        mine: list[Taken] = []
        cursor = ""
        with store.read() as unit:
            while True:
                page, cursor = unit.backtests.copies("bkt-1", wrong=wrong, limit=4, cursor=cursor)
                mine += page
                if not cursor:
                    break
        assert tuple(mine) == expected
    assert [one.label for one in score.copies[:4]] == [Label.GOOD] * 3 + [None]
    assert score.copies[3].saved == timedelta(minutes=9)
    with store.read() as unit, pytest.raises(BadQuery):
        unit.backtests.copies("bkt-1", cursor="nonsense")


def test_the_figures_add_up_to_the_days() -> None:
    figures = scored(found(10)).figures
    assert sum(day.taken for day in figures.days) == figures.taken == 10
    assert sum(day.false_positives for day in figures.days) == figures.wrong == 3
    assert sum(day.minutes_saved for day in figures.days) == pytest.approx(figures.minutes_saved)
    assert sum(day.by_itself + day.waiting for day in figures.days) == figures.plans == 5
    assert len(figures.days) == 4
    assert [run.copies for run in figures.runs] == [4, 3, 2, 1, 0]


def test_only_the_newest_that_have_ended_are_kept(store: Store) -> None:
    with store.write() as unit:
        for n in range(6):
            unit.backtests.add(ordered(n))
            if n != 1:
                unit.backtests.end(f"bkt-{n}", BacktestStatus.COMPLETED, NOW, score=scored(found(3)))
        unit.backtests.forget_old(2)
        kept, _ = unit.backtests.list()
        assert [one.id for one in kept] == ["bkt-5", "bkt-4", "bkt-1"]
        assert len(unit.backtests.copies("bkt-5")[0]) == 3


def test_days_that_were_counted_are_kept_and_counted_again(store: Store) -> None:
    days = [DayFigures(MIDNIGHT - n * DAY, messages=n) for n in range(3)]
    with store.write() as unit:
        unit.overview.put_days(days, NOW)
        unit.overview.put_days([replace(days[0], removed=7)], NOW + DAY)
        assert unit.overview.days(MIDNIGHT - DAY) == {
            MIDNIGHT: replace(days[0], removed=7),
            MIDNIGHT - DAY: days[1],
        }
        assert unit.overview.made(MIDNIGHT) == {MIDNIGHT: NOW + DAY}


def test_sources_that_nobody_watches_any_more_are_forgotten(store: Store) -> None:
    one = SourceHealth("main \udce9", NOW, EventPath.EVENTS, event_lag=timedelta(seconds=1))
    other = SourceHealth("other", NOW, EventPath.SWEEPS, error="no \udce9")
    with store.write() as unit:
        unit.overview.tell_health([other, one])
        assert unit.overview.health() == (one, other)
        unit.overview.tell_health([replace(other, stopped="no")])
        assert unit.overview.health() == (replace(other, stopped="no"),)
        unit.overview.tell_health([])
        assert unit.overview.health() == ()


def test_what_happened_is_counted_by_its_day(store: Store) -> None:
    whole = plan(deeds=4)
    undo = replace(plan(2, deeds=2), kind=ActionKind.RESTORE, undoes="act-1")
    ended: dict[str, Any] = {"status": RemediationStatus.COMPLETED, "ended_at": NOW}
    with store.write() as unit:
        unit.remediations.add(replace(remediation(whole), **ended), whole)
        unit.remediations.add(
            replace(remediation(undo, 2), kind=ActionKind.RESTORE, undoes="act-1", **ended), undo
        )
        for name, seqs in (("act-1", (1, 2, 3)), ("act-2", (1, 2))):
            unit.remediations.intend(name, seqs, NOW)
            receipts = [Receipt(n, Outcome.REMOVED, "", handle(n), handle(n, folder="x"), NOW) for n in seqs]
            unit.remediations.receipt(name, receipts)
        figures = unit.figures
        for name, count in (("removed", 3), ("restored", 2), ("wrong", 2), ("actions", 1), ("undone", 1)):
            assert getattr(figures, name)(MIDNIGHT) == {MIDNIGHT: count}, name
            assert getattr(figures, name)(MIDNIGHT + DAY) == {}, name
        assert figures.since_midnight(MIDNIGHT) == Since(0, 0, 3, 2)
        assert figures.since_midnight(MIDNIGHT + DAY) == Since(0, 0, 0, 0)
