"""Several at once on one store: arrivals, workers, analysts. Nobody waits for ever; accounts are exact."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.engine.world import AUTOMATIC, URL, World, actions, listed, read, turn

from clawback.app import App
from clawback.cli.session import finish
from clawback.engine import commands
from clawback.engine.ingest import sync_all
from clawback.errors import MailboxError, Refused, UserError
from clawback.response.plan import RemediationStatus as S

ROUNDS = 8


class Crowd:
    """People and processes, each with an app of its own; what goes wrong in one is told at the end."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._threads: list[threading.Thread] = []
        self._errors: list[BaseException] = []

    def add(self, act: Callable[[App, int], object]) -> None:
        """Let one more do something again and again."""

        def run() -> None:
            try:
                with self._world.app() as app:
                    for n in range(ROUNDS):
                        with suppress(Refused, UserError, MailboxError):
                            act(app, n)
            except BaseException as error:
                self._errors.append(error)
                raise

        self._threads.append(threading.Thread(target=run))

    def act(self) -> None:
        """All at once, until all have done it."""
        for thread in self._threads:
            thread.start()
        for thread in self._threads:
            thread.join(240)
        assert not any(thread.is_alive() for thread in self._threads), "somebody waits for ever"
        assert self._errors == []


def arrive(world: World, user: str) -> Callable[[App, int], object]:
    def act(app: App, n: int) -> None:
        world.deliver(user, f"late {n}: {URL}")
        app.run(sync_all)
        finish(app)

    return act


def list_and_take_back(app: App, n: int) -> None:
    entry = listed(app)
    commands.add_indicator(app.parts, entry, "ann")
    finish(app)
    if n % 2:
        commands.remove_indicator(app.parts, entry.id, "ann")


def undo(app: App, n: int) -> None:
    with app.store.read() as unit:
        done = unit.remediations.list(statuses={S.COMPLETED})[0]
    for action in done:
        if not action.undoes and not action.undone_by:
            commands.undo(app.parts, action.id, "ann")
            finish(app)
            return


def test_orders_arrivals_and_workers_do_not_block_each_other(tmp_path: Path, store_url: str) -> None:
    world = World(tmp_path / "world", store_url)
    world.campaign(6, clean=0)
    with world.app() as app:
        commands.set_policy(app.parts, AUTOMATIC, "ann")
        read(app)
        turn(app)
        crowd = Crowd(world)
        for user in ("user0", "user1"):
            crowd.add(arrive(world, user))
        crowd.add(lambda app, n: finish(app))
        crowd.add(list_and_take_back)
        crowd.add(undo)
        crowd.act()
        with app.store.read() as unit:
            waiting = unit.jobs.list()[0]
            assert unit.audit.verify().ok
        assert [job for job in waiting if job.error.startswith("StoreUnavailable")] == []
        for action in actions(app):
            if action.status is S.COMPLETED and not action.tally.open:
                t = action.tally
                assert t.found == t.removed + t.already_gone + t.failed + t.skipped
    everywhere = [p.name for p in (world.root / "mail").rglob("*.M1P1.*") if p.is_file()]
    assert sorted(everywhere) == sorted(path.name for path in world.delivered)
