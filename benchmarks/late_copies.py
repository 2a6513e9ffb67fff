"""From the arrival of a late copy until it is out of its mailbox, with 10,000 armed clusters.

    benchmarks/late_copies.py [--armed N] [--mailboxes N] [--late N] [--json FILE]

Every cluster is made the usual way: a message with a URL of its own is delivered and read, the URL is
listed, the copy is removed, and its cluster stays armed. Then the watch runs as in `clawback up`, while a
postman in a process of its own delivers late copies one after another, each a new message with the URL of
one of the clusters, for a random mailbox: written in tmp, then renamed into new. His clock starts with the
rename and stops when he does not see the file in the mailbox any more. At the end the store says that each
late copy is in the account of the removal that it belongs to, and the mailboxes that none is left.

Arming 10,000 clusters one by one takes ten minutes and more. Another kind of mailboxes is another `Site`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from corpus import machine

from clawback import app
from clawback.analysis.clusters import ClusterKind
from clawback.analysis.indicators import Indicator, IndicatorKind, indicator
from clawback.engine import commands
from clawback.engine.ingest import Synced, sync_all
from clawback.engine.parts import Parts
from clawback.response.plan import Remediation, RemediationStatus
from clawback.response.policy import Policy
from clawback.settings import OrganisationSettings, Settings, SourceSettings
from clawback.store import Store

ACTOR = "benchmark"
DOMAIN = "example.org"
SEED = 20_261_124
LONGEST_PAUSE = 0.2
LOOK_SECONDS = 0.001
GIVEN_UP = 60.0
QUEUE = ("investigate", "late_copies", "remediate", "remediate_late", "retro_hunt")


class Site(Protocol):
    """Where the mailboxes are. What is measured is the same for every kind of it."""

    def build(self, users: Sequence[str]) -> None:
        """Make the mailboxes."""

    @property
    def source(self) -> SourceSettings:
        """What an administrator would write for these mailboxes."""

    def deliver(self, user: str, number: int, content: bytes) -> object:
        """Deliver a copy; answers by what it is known again. For the postman's process, so plain data."""

    def is_there(self, copy: object) -> bool:
        """Whether the owner of its mailbox can see this copy."""

    def left(self) -> int:
        """How many copies are in all mailboxes."""


@dataclass(frozen=True, slots=True)
class Maildirs:
    """Maildirs below one folder, without a server."""

    root: Path

    def build(self, users: Sequence[str]) -> None:
        for user in users:
            for part in ("cur", "new", "tmp"):
                (self.root / user / part).mkdir(parents=True)

    @property
    def source(self) -> SourceSettings:
        options = {"root": str(self.root), "layout": "{user}", "address": "{user}@" + DOMAIN}
        return SourceSettings("mail", "maildir", options)

    def deliver(self, user: str, number: int, content: bytes) -> object:
        name = f"{int(time.time())}.M{number}P{os.getpid()}.bench"
        written, path = self.root / user / "tmp" / name, self.root / user / "new" / name
        written.write_bytes(content)
        os.rename(written, path)
        return path

    def is_there(self, copy: object) -> bool:
        return isinstance(copy, Path) and copy.exists()

    def left(self) -> int:
        return sum(1 for path in self.root.rglob("*.bench*") if ".clawback" not in path.parts)


@dataclass(frozen=True, slots=True)
class Letter:
    """One late copy that the postman has."""

    user: str
    number: int
    content: bytes
    pause: float


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds from arrival to out of the mailbox; how many never went; and what the set-up took."""

    armed: int
    mailboxes: int
    late: int
    p50: float
    p95: float
    worst: float
    left: int
    accounted: int
    setup: float


def url(cluster: int) -> str:
    """The URL by which one cluster is cut."""
    return f"https://login{cluster}.evil.example/session"


def letter(number: int, cluster: int) -> bytes:
    """A message of its own that carries a cluster's URL."""
    return (
        f"From: Desk <desk{number}@sender.example>\r\nTo: undisclosed-recipients:;\r\n"
        f"Subject: Your mailbox {number}\r\nMessage-ID: <{number}@sender.example>\r\n"
        f"Date: Mon, 23 Nov 2026 09:00:00 +0000\r\n\r\n"
        f"Dear user {number},\r\nyour mailbox is almost full. Sign in to keep your messages:\r\n"
        f"{url(cluster)}\r\n"
    ).encode()


def postman(site: Site, letters: Sequence[Letter], told: multiprocessing.Queue[list[float]]) -> None:
    """Deliver, wait until it is gone, deliver the next; tell how long each was there (infinite: not gone)."""
    waited: list[float] = []
    for one in letters:
        time.sleep(one.pause)
        copy = site.deliver(one.user, one.number, one.content)
        begun = time.perf_counter()
        while site.is_there(copy) and time.perf_counter() - begun < GIVEN_UP:
            time.sleep(LOOK_SECONDS)
        waited.append(float("inf") if site.is_there(copy) else time.perf_counter() - begun)
    told.put(waited)


async def _read(parts: Parts) -> Synced:
    return await sync_all(parts)


def _finish(built: app.App) -> None:
    worker = built.worker()

    async def drain(parts: Parts) -> int:
        return await worker.drain()

    built.run(drain)


def arm(built: app.App, site: Site, users: Sequence[str], armed: int) -> None:
    """Deliver one copy for each cluster, read them, list the URLs, and remove them all."""
    for n in range(armed):
        site.deliver(users[n % len(users)], n, letter(n, n))
    commands.set_policy(built.parts, Policy(automatic=frozenset(ClusterKind)), ACTOR)
    built.run(_read)
    bad: list[Indicator] = [
        indicator(IndicatorKind.URL, url(n), source="feed", added_at=datetime.now(UTC)) for n in range(armed)
    ]
    commands.import_indicators(built.parts, "feed", bad, ACTOR)
    _finish(built)


async def watch(
    built: app.App, told: multiprocessing.Queue[list[float]], man: multiprocessing.Process
) -> list[float]:
    """Watch until the postman has told; he begins when every mailbox has been looked at."""
    stop, watch = asyncio.Event(), built.watch()
    running = asyncio.create_task(watch.run(stop))
    while watch.seen.swept_at is None:  # noqa: ASYNC110 - the watch tells nobody
        await asyncio.sleep(0.05)
    man.start()
    waited = await asyncio.to_thread(told.get)
    while _busy(built.store):  # noqa: ASYNC110 - it is rows that change
        await asyncio.sleep(0.05)
    stop.set()
    await running
    return waited


def _busy(store: Store) -> bool:
    with store.read() as unit:
        return unit.jobs.waiting(QUEUE) > 0


def actions(store: Store) -> list[Remediation]:
    """Every remediation of the action center."""
    found: list[Remediation] = []
    cursor = ""
    with store.read() as unit:
        while True:
            page, cursor = unit.remediations.list(limit=1_000, cursor=cursor)
            found.extend(page)
            if not cursor:
                return found


def accounted(store: Store, armed: int) -> int:
    """How many late copies are in the accounts of the removals; -1 when an account is not as it must be."""
    done = actions(store)
    exact = all(r.tally.found == r.tally.removed == 1 + r.late for r in done)
    completed = {r.status for r in done} == {RemediationStatus.COMPLETED}
    return sum(r.late for r in done) if len(done) == armed and exact and completed else -1


def play(site: Site, home: Path, armed: int, mailboxes: int, late: int) -> Figures:
    """Set everything up at a site, with clawback's own home, and measure."""
    users = [f"user{n:04d}" for n in range(mailboxes)]
    chance = random.Random(SEED)
    letters = [
        Letter(
            chance.choice(users),
            armed + n,
            letter(armed + n, chance.randrange(armed)),
            chance.uniform(0, LONGEST_PAUSE),
        )
        for n in range(late)
    ]
    site.build(users)
    settings = Settings(home=str(home), organisation=OrganisationSettings((DOMAIN,)), sources=(site.source,))
    with app.build(settings) as built:
        begun = time.perf_counter()
        arm(built, site, users, armed)
        setup = time.perf_counter() - begun
        clean = multiprocessing.get_context("spawn")
        told: multiprocessing.Queue[list[float]] = clean.Queue()
        man = clean.Process(target=postman, args=(site, letters, told))
        waited = built.run(lambda parts: watch(built, told, man))
        man.join()
        counted = accounted(built.store, armed)
    left = site.left()
    p95 = statistics.quantiles(waited, n=20)[-1]
    return Figures(armed, mailboxes, late, statistics.median(waited), p95, max(waited), left, counted, setup)


def show(figures: Figures) -> None:
    """The figures in words."""
    print(machine())
    f = figures
    print(f"{f.armed:,} armed clusters over {f.mailboxes:,} mailboxes (made in {f.setup:,.0f} s)")
    print(f"{f.late:,} late copies, one after another")
    print("  arrival to out of the mailbox:")
    print(f"    p50 {f.p50:.3f} s, p95 {f.p95:.3f} s, worst {f.worst:.3f} s (goal: p95 at most 2 s)")
    print(f"  left in the mailboxes {f.left}; in the accounts of their removals {f.accounted} of {f.late}")


def main() -> None:
    """Run the benchmark as the options say; ends with 1 when a copy was left or is in no account."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--armed", type=int, default=10_000)
    parser.add_argument("--mailboxes", type=int, default=500)
    parser.add_argument("--late", type=int, default=300)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="late-") as folder:
        site = Maildirs(Path(folder, "mail"))
        figures = play(site, Path(folder), options.armed, options.mailboxes, options.late)
    show(figures)
    if options.json:
        options.json.write_text(json.dumps({"machine": machine(), **asdict(figures)}, indent=2) + "\n")
    if figures.left or figures.accounted != figures.late:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
