"""A backtest under a real `clawback up`: begun, killed with it, begun anew with the next start, and done."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.running import HANG, program
from tests.cli.test_commands import run
from tests.engine.world import AUTOMATIC, URL, World

from clawback import app, settings
from clawback.engine.backtest_jobs import order_backtest
from clawback.response.backtests import BacktestStatus, OrderedBacktest

LOOK_SECONDS = 0.02


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[app.App]:
    """An organisation with a campaign that has turned malicious, and a folder for temporary files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLAWBACK_SETTINGS", str(tmp_path / "clawback.toml"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    World(tmp_path, "").campaign(3)
    run("clawback", "init", "--root", "mail", "--layout", "{user}")
    run("clawback", "ingest")
    run("clawback", "indicators", "add", URL)
    with app.build(settings.load(tmp_path / "clawback.toml"), inline=True) as built:
        yield built


def until(opened: app.App, backtest_id: str, *statuses: BacktestStatus) -> OrderedBacktest:
    """The backtest once it stands so; another process brings it there."""
    end = time.monotonic() + HANG
    while time.monotonic() < end:
        with opened.store.read() as unit:
            found = unit.backtests.get(backtest_id)
        if found.status in statuses:
            return found
        time.sleep(LOOK_SECONDS)
    raise AssertionError(f"{backtest_id} is {found.status} for ever")


def test_it_is_begun_anew_after_a_crash_and_a_crash_leaves_nothing(opened: app.App, tmp_path: Path) -> None:
    with program("up", "--no-portal") as running:
        running.until("first sweep done")
        made = order_backtest(opened.parts, AUTOMATIC, 1, "ann")
        until(opened, made.id, BacktestStatus.RUNNING)
        os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait(HANG)
    with opened.store.read() as unit:
        assert unit.backtests.get(made.id).status is BacktestStatus.RUNNING
    with program("up", "--no-portal") as running:
        running.until("first sweep done")
        done = until(opened, made.id, BacktestStatus.COMPLETED, BacktestStatus.FAILED)
        running.until(f"backtest {made.id} completed")
        assert done.error == ""
        assert done.figures is not None
        assert done.figures.taken == 3
    end = time.monotonic() + HANG
    while list((tmp_path / "tmp").glob("clawback-*")) and time.monotonic() < end:
        time.sleep(LOOK_SECONDS)
    assert list((tmp_path / "tmp").glob("clawback-*")) == []
