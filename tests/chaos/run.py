"""The chaos run: removal and undo, again and again, until there were enough kills; then all is checked.

python -m tests.chaos.run [--copies 10000] [--mailboxes 200] [--kills 100] [--seed N] [--format maildir]
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.checking import receipts_hold, wrong
from tests.chaos.found import found_by
from tests.chaos.owners import Owner, together
from tests.chaos.stage import URL, Names, Worker, fill, settings, user
from tests.servers.dovecot import Dovecot, dovecot
from tests.servers.dovecot_config import Format

from clawback import app
from clawback.analysis.indicators import Indicator, IndicatorKind, indicator
from clawback.analysis.matching import keys_of
from clawback.app import App
from clawback.engine import commands
from clawback.engine.ingest import Synced, sync_all
from clawback.engine.parts import Parts
from clawback.message.delivery import DeliveryLocation
from clawback.testing.policies import unbraked

PATIENCE = 1_500.0
"""Seconds without an end after which the run is given up."""


@dataclass(slots=True)
class Outcome:
    """What happened, and everything that does not hold."""

    kills: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    rounds: int = 0
    copies: int = 0
    problems: list[str] = field(default_factory=list)


class Killer(threading.Thread):
    """Kills the server or clawback at random moments, and starts what it killed again."""

    def __init__(self, server: Dovecot, worker: Worker, kills: int, pause: float, seed: int) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._worker = worker
        self._kills = kills
        self._pause = pause
        self._random = random.Random(seed)
        self._over = threading.Event()
        self.killed: Counter[str] = Counter()
        self.found: list[str] = []

    @property
    def enough(self) -> bool:
        """Whether there were as many kills as asked for."""
        return self.killed.total() >= self._kills

    def run(self) -> None:
        while not self._over.is_set() and not self.enough:
            self._over.wait(self._random.uniform(0.02, self._pause))
            if not self._worker.alive:
                self.found.append("clawback ended by itself")
            if self._random.random() < 0.5:
                self._server.kill()
                self.killed["server"] += 1
                self._over.wait(self._random.uniform(0.0, 0.5))
                self._server.start()
            else:
                self._worker.kill()
                self.killed["clawback"] += 1
                self._worker.start()

    def end(self) -> None:
        """Stop killing."""
        self._over.set()
        self.join(60)


def play(form: Format, copies: int, mailboxes: int, kills: int, seed: int, *, pause: float = 5.0) -> Outcome:
    """One run in a folder of its own; `pause` is how many seconds are between two kills at most."""
    users = [user(n) for n in range(mailboxes)]
    names = Names()
    with (
        dovecot(
            form,
            users=users,
            passwd_file=True,
            auth_cache_size="10M",
            mail_log=True,
            mail_max_userip_connections=0,
        ) as server,
        tempfile.TemporaryDirectory(prefix="chaos-") as folder,
    ):
        given = fill(server, users, copies // mailboxes, 5, names)
        told = settings(server, users, Path(folder) / "home")
        outcome = Outcome(copies=copies)
        with app.build(told, inline=True) as built:
            built.run(_read)
            commands.set_policy(built.parts, unbraked(), "chaos")
            worker = Worker(told)
            owners = [Owner(server, users, names, seed + n) for n in range(2)]
            killer = Killer(server, worker, kills, pause, seed)
            worker.start()
            try:
                _storm(built, owners, killer, outcome)
                last = _removed(built, settled=True)
            except TimeoutError:
                print(worker.log.read_text()[-5_000:])
                raise
            finally:
                killer.end()
                for owner in owners:
                    owner.end()
                worker.stop()
            doings = together(owners)
            outcome.kills, outcome.done = killer.killed, doings.done
            outcome.problems += killer.found
            found = found_by(server, users)
            outcome.problems += receipts_hold(built.store, last, found)
            last_look = built.run(_read)
            if last_look.unreachable or last_look.failed:
                outcome.problems.append(f"the last look did not see everything: {last_look}")
            outcome.problems += wrong(built.store, found, given, doings)
    return outcome


def _storm(built: App, owners: list[Owner], killer: Killer, outcome: Outcome) -> None:
    """Removal and undo, one after the other, until there were enough kills."""
    for thread in (*owners, killer):
        thread.start()
    while not killer.enough:
        removal = _removed(built, settled=False, over=lambda: killer.enough)
        outcome.rounds += 1
        if not killer.enough:
            undone = commands.undo(built.parts, removal, "chaos")
            _wait(built, undone.id)
    for owner in owners:
        owner.end()
    killer.end()


def _removed(built: App, *, settled: bool, over: Callable[[], bool] = bool) -> str:
    """Ask for the removal until there was one, or it is `over`; the id of the last.

    What comes late is taken out for the removals there were, so that there may be nothing left to remove.

    With `settled`, until the ledger sees no copy where its owner can and nothing is left to do. While a
    server is down nobody knows where its copies are, and nothing can be planned for them.
    """
    listed = indicator(IndicatorKind.URL, URL, added_at=built.parts.now())
    commands.add_indicator(built.parts, listed, "chaos")
    kinds = None if settled else ("investigate", "remediate")
    before = _removals(built)
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        commands.start(built.parts, URL, "chaos")
        _wait_for_work(built, kinds, over)
        done = _removals(built)
        if settled and done and not _in_sight(built, listed):
            return done[0]
        if not settled and (len(done) > len(before) or over()):
            return done[0] if done else ""
    raise TimeoutError("there is no removal")


def _removals(built: App) -> list[str]:
    """Those that ended, the newest first."""
    with built.store.read() as unit:
        found = unit.remediations.list(limit=500)[0]
    return [one.id for one in found if one.ended_at is not None and not one.undoes]


def _in_sight(built: App, listed: Indicator) -> int:
    """Copies that the ledger believes where an owner can see them, or knows nothing of."""
    with built.store.read() as unit:
        near = [message.id for message in unit.messages.sharing(keys_of(listed))]
        places = unit.deliveries.count_by_location(near)
    return sum(n for place, n in places.items() if place.in_mailbox or place is DeliveryLocation.UNKNOWN)


def _wait_for_work(built: App, kinds: tuple[str, ...] | None, over: Callable[[], bool]) -> None:
    """Until no such work waits, and none comes for a moment, which owners may never let be; or it is over."""
    until, quiet = time.monotonic() + PATIENCE, 0
    while quiet < 20 and not over():
        if time.monotonic() > until:
            raise TimeoutError("the queue does not become empty")
        with built.store.read() as unit:
            quiet = 0 if unit.jobs.waiting(kinds) else quiet + 1
        time.sleep(0.05)


def _wait(built: App, remediation_id: str) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with built.store.read() as unit:
            if unit.remediations.get(remediation_id).ended_at is not None:
                return
        time.sleep(0.05)
    raise TimeoutError(f"{remediation_id} does not end")


async def _read(parts: Parts) -> Synced:
    return await sync_all(parts, full=True)


def main() -> None:
    """Run once and print what happened; ends with 1 when anything does not hold."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--copies", type=int, default=10_000)
    parser.add_argument("--mailboxes", type=int, default=200)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    parser.add_argument("--format", default="maildir")
    told = parser.parse_args()
    print(
        f"seed {told.seed}, {told.format}, {told.copies:,} copies in {told.mailboxes} mailboxes", flush=True
    )
    begun = time.monotonic()
    outcome = play(told.format, told.copies, told.mailboxes, told.kills, told.seed)
    print(f"kills: {dict(outcome.kills)}; owners: {dict(outcome.done)}; removals: {outcome.rounds + 1}")
    print(f"took {time.monotonic() - begun:.0f} s; {len(outcome.problems)} things do not hold")
    for problem in outcome.problems[:30]:
        print(f"  {problem}")
    sys.exit(1 if outcome.problems else 0)


if __name__ == "__main__":
    main()
