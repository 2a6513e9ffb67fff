"""`clawback up` as a process: what it says, how it ends, and what it does when its store is lost."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from tests.cli.running import HANG, program
from tests.cli.test_commands import run
from tests.engine.world import URL, World


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLAWBACK_SETTINGS", str(tmp_path / "clawback.toml"))
    world = World(tmp_path, "")
    world.campaign(3)
    run("clawback", "init", "--root", "mail", "--layout", "{user}")
    run("clawback", "ingest")
    run("clawback", "automation", "set", "--on", "all")
    return world


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_says_what_happens_and_ends_well(world: World, stop: signal.Signals) -> None:
    with program("up", "--no-portal") as running:
        assert "watching 3 mailboxes of main" in running.until("watching")
        running.until("first sweep done")
        run("clawback", "indicators", "add", URL)
        running.until("is listed, by")
        assert URL in running.until("new investigation")
        assert "removed 3 " in running.until("completed")
        running.until("are taken out until")
        late = world.deliver("user1", f"late: {URL}")
        os.utime(late)
        assert "s after delivery: found 1 = removed 1 " in running.until("taken out")
        # To the whole group, as a terminal does: the workers must not make a fuss either.
        os.killpg(running.process.pid, stop)
        running.until("stopped; the last sweep ended")
        assert running.process.wait(HANG) == 0
        assert running.process.stderr
        assert running.process.stderr.read() == ""


def test_a_lost_store_ends_it_with_5_and_one_sentence(world: World) -> None:
    with program("up", "--no-portal") as running:
        running.until("first sweep done")
        (world.root / "data" / "clawback.sqlite3").write_bytes(b"this is no database" * 10_000)
        for path in (world.root / "data").glob("*-wal"):
            path.write_bytes(b"nor is this")
        world.deliver("user1", "one more")
        assert running.process.wait(HANG) == 5
        assert running.process.stderr
        assert len(running.process.stderr.read().splitlines()) == 1


def test_a_source_that_is_down_is_told_once(world: World) -> None:
    settings = world.root / "clawback.toml"
    settings.write_text(settings.read_text().replace("sweep_seconds = 60", "sweep_seconds = 1"))
    with program("up", "--no-portal") as running:
        running.until("first sweep done")
        (world.root / "mail").rename(world.root / "elsewhere")
        assert "cannot be looked into" in running.until("trouble")
        (world.root / "elsewhere").rename(world.root / "mail")
        run("clawback", "indicators", "add", "--no-wait", URL)
        assert "removed 3 " in running.until("completed")
        running.process.send_signal(signal.SIGINT)
        running.until("stopped")
        assert running.process.wait(HANG) == 0
