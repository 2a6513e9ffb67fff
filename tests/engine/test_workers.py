"""Several processes on one store share the work: everything is done once, whoever dies."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

from tests.engine.world import URL, World, actions, investigations, listed, read

from clawback.app import App
from clawback.cli.session import finish
from clawback.engine import commands
from clawback.response.investigation import InvestigationStatus
from clawback.response.plan import RemediationStatus

REPOSITORY = Path(__file__).parents[2]
CAMPAIGNS = 12
COPIES = 15
WORK = """
import sys
from pathlib import Path
from tests.engine.world import World
from clawback.cli.session import finish

with World(Path(sys.argv[1]), sys.argv[2]).app() as app:
    print("ready", flush=True)
    sys.stdin.readline()
    print(finish(app), flush=True)
"""


def worker(world: World) -> subprocess.Popen[str]:
    """A process with the engine built, which works when it is told to go."""
    run = subprocess.Popen(
        [sys.executable, "-c", WORK, str(world.root), world.url],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert run.stdout is not None
    assert run.stdout.readline() == "ready\n"
    return run


def go(run: subprocess.Popen[str]) -> None:
    assert run.stdin is not None
    run.stdin.write("go\n")
    run.stdin.flush()


def ended(run: subprocess.Popen[str]) -> int:
    """How many pieces of work a worker did."""
    out, _ = run.communicate(timeout=120)
    assert run.returncode == 0
    return int(out)


def campaign(n: int) -> str:
    """The link of a campaign, unlike that of any other."""
    return f"https://login.evil{n}.example/session"


def queue(world: World, app: App) -> None:
    """Campaigns over the same mailboxes, each with an approved remediation that waits in the queue."""
    for n in range(CAMPAIGNS):
        for copy in range(COPIES):
            world.deliver(f"user{copy % 5}", f"see {campaign(n)}", folder=["", ".Archive"][copy % 2])
    for n in range(5):
        world.deliver(f"user{n}", f"minutes, and {URL}")
    read(app)
    bad = [listed(app, campaign(n)) for n in range(CAMPAIGNS)]
    commands.import_indicators(app.parts, "feed", bad, "ann")
    finish(app)
    for waiting in actions(app):
        commands.approve(app.parts, waiting.id, "ann")


def check(world: World, app: App, before: dict[str, tuple[str, int, int]]) -> None:
    done = actions(app)
    assert len(done) == CAMPAIGNS
    assert {r.status for r in done} == {RemediationStatus.COMPLETED}
    assert {(r.tally.found, r.tally.removed, r.tally.open) for r in done} == {(COPIES, COPIES, 0)}
    assert {i.status for i in investigations(app)} == {InvestigationStatus.REMEDIATED}
    clean = world.delivered[-5:]
    assert {world.root / "mail" / name for name in world.snapshot()} == set(clean)
    vault = [p.name for p in (world.root / "mail" / ".clawback").rglob("*.M1P1.*") if p.is_file()]
    assert sorted(vault) == sorted(p.name for p in world.delivered[:-5])
    with app.store.read() as unit:
        assert unit.jobs.list()[0] == ()
        assert unit.audit.verify().ok
        events = Counter(row.type for row in unit.audit.list(limit=1_000))
        handles = [r.after for a in done for _, r in unit.remediations.receipts(a.id)]
    assert events["remediation_started"] == events["remediation_completed"] == CAMPAIGNS
    assert len(set(handles)) == CAMPAIGNS * COPIES
    for action in done:
        commands.undo(app.parts, action.id, "ann")
    finish(app)
    assert world.snapshot() == before


def test_two_workers_do_everything_once(tmp_path: Path, store_url: str) -> None:
    world = World(tmp_path / "world", store_url)
    with world.app() as app:
        queue(world, app)
        before = world.snapshot()
        runs = [worker(world), worker(world)]
        for run in runs:
            go(run)
        assert sum(ended(run) for run in runs) == CAMPAIGNS
        check(world, app, before)


def test_what_a_killed_worker_had_taken_is_taken_up_by_the_next(tmp_path: Path, store_url: str) -> None:
    world = World(tmp_path / "world", store_url)
    with world.app() as app:
        queue(world, app)
        before = world.snapshot()
        victim, other = worker(world), worker(world)
        go(victim)
        go(other)
        victim.send_signal(signal.SIGKILL)
        victim.communicate()
        ended(other)
        finish(app)
        check(world, app, before)


def test_a_lease_of_a_live_process_is_respected(tmp_path: Path, store_url: str) -> None:
    world = World(tmp_path / "world", store_url)
    with world.app() as app:
        commands.add_indicator(app.parts, listed(app), "ann")
        run = worker(world)
        with app.store.write() as unit:
            job = unit.jobs.claim(f"{socket.gethostname()}:{run.pid}", app.parts.now(), timedelta(hours=1))
        assert job is not None
        assert finish(app) == 0
        run.kill()
        run.communicate()
        assert finish(app) == 1
