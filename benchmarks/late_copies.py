"""From the arrival of a late copy until it is out of its mailbox, with 10,000 armed clusters.

    benchmarks/late_copies.py [--site maildirs|dovecot] [--armed N] [--mailboxes N] [--late N] [--json FILE]

Every cluster is made the usual way: a message with a URL of its own is delivered and read, the URL is
listed, the copy is removed, and its cluster stays armed. Then the watch runs as in `clawback up`, while a
postman in a process of its own delivers late copies one after another, each a new message with the URL of
one of the clusters, for a random mailbox. His clock stops when he does not see the file any more where its
owner could. At the end the store says that each late copy is in the account of the removal that it belongs
to, and the mailboxes that none is left.

With `maildirs` there is no server: a letter is written in tmp, then renamed into new, and the clock starts
with the rename. With `dovecot` a real server takes letters by LMTP, its mailboxes are read by IMAP, its log
is followed, and the clock starts when the reply to the letter has come.

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
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from corpus import machine
from tests.servers.dovecot import DOMAIN, address, dovecot
from tests.servers.lmtp import Lmtp
from tests.servers.sources import imap_settings

from clawback import app
from clawback.analysis.indicators import Indicator, IndicatorKind, indicator
from clawback.engine import commands
from clawback.engine.ingest import sync_all
from clawback.engine.parts import Parts
from clawback.response.plan import Remediation, RemediationStatus
from clawback.settings import OrganisationSettings, Settings, SourceSettings
from clawback.store import Store
from clawback.testing.policies import unbraked

ACTOR = "benchmark"
HIDDEN = "Quarantine"
SEED = 20_261_124
LONGEST_PAUSE = 0.2
LOOK_SECONDS = 0.001
GIVEN_UP = 60.0
AT_ONCE = 3
"""Clusters that are armed side by side."""
QUEUE = ("investigate", "late_copies", "remediate", "remediate_late", "retro_hunt")


Deliver = Callable[[str, int, bytes], None]
"""Delivers to a user the message of this number; returns when the mail system has it."""


@dataclass(frozen=True)
class Site(ABC):
    """Where the mailboxes are, each a Maildir on this disk. Plain data, for the postman's process too.

    `source` is what an administrator would write for them; `folder` is that of the Maildir in a user's home.
    """

    root: Path
    source: SourceSettings
    folder: str = ""

    @abstractmethod
    def post(self) -> AbstractContextManager[Deliver]:
        """The way by which mail comes, for as long as it is used."""

    def visible(self, user: str) -> Iterator[Path]:
        """Every copy that a user can see. What comes new goes on into cur, so new is looked at first."""
        maildir = self.root / user / self.folder
        names = ["", *(name for name in os.listdir(maildir) if name.startswith("."))]
        for sub in ("new", "cur"):
            for name in names:
                if not name.startswith(f".{HIDDEN}") and (held := maildir / name / sub).is_dir():
                    yield from held.iterdir()

    def is_there(self, user: str, number: int) -> bool:
        """Whether a user can see this message."""
        wanted = message_id(number).encode()
        while True:
            try:
                return any(wanted in path.read_bytes() for path in self.visible(user))
            except FileNotFoundError:
                continue  # it was renamed or taken out between two looks

    def left(self, users: Sequence[str]) -> int:
        """How many copies these users can see."""
        return sum(1 for user in users for _ in self.visible(user))


class Maildirs(Site):
    """Maildirs below one folder, without a server."""

    @contextmanager
    def post(self) -> Iterator[Deliver]:
        """Straight onto the disk."""

        def deliver(user: str, number: int, content: bytes) -> None:
            name = f"{int(time.time())}.M{number}P{os.getpid()}.bench"
            written = self.root / user / "tmp" / name
            written.write_bytes(content)
            os.rename(written, self.root / user / "new" / name)

        yield deliver


@dataclass(frozen=True)
class RealDovecot(Site):
    """A real Dovecot: mail comes by LMTP."""

    port: int = 0

    @contextmanager
    def post(self) -> Iterator[Deliver]:
        """By one LMTP connection."""
        with Lmtp(self.port) as line:
            yield lambda user, number, content: line.send([address(user)], content)


@contextmanager
def maildirs(home: Path, users: Sequence[str]) -> Iterator[Site]:
    """Empty Maildirs."""
    root = home / "mail"
    for user in users:
        for part in ("cur", "new", "tmp"):
            (root / user / part).mkdir(parents=True)
    options = {"root": str(root), "layout": "{user}", "address": "{user}@" + DOMAIN}
    yield Maildirs(root, SourceSettings("mail", "maildir", options))


@contextmanager
def real_dovecot(home: Path, users: Sequence[str]) -> Iterator[Site]:
    """A server that nobody has prepared for us, but for a master user and a hidden folder."""
    with dovecot(users=users, hidden=(HIDDEN,), passwd_file=True, auth_cache_size="10M") as server:
        for user in users:
            with server.client(user) as client:
                assert client.select("INBOX")[0] == "OK"
        told = imap_settings(server, home, mailboxes=list(users), log=str(server.log))
        yield RealDovecot(server.mail, told.sources[0], "Maildir", server.lmtp_port)


SITES = {"maildirs": maildirs, "dovecot": real_dovecot}


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

    site: str
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


def message_id(number: int) -> str:
    """The Message-ID of a message."""
    return f"<{number}@sender.example>"


def letter(number: int, cluster: int) -> bytes:
    """A message of its own that carries a cluster's URL."""
    return (
        f"From: Desk <desk{number}@sender.example>\r\nTo: undisclosed-recipients:;\r\n"
        f"Subject: Your mailbox {number}\r\nMessage-ID: {message_id(number)}\r\n"
        f"Date: Mon, 23 Nov 2026 09:00:00 +0000\r\n\r\n"
        f"Dear user {number},\r\nyour mailbox is almost full. Sign in to keep your messages:\r\n"
        f"{url(cluster)}\r\n"
    ).encode()


def postman(site: Site, letters: Sequence[Letter], told: multiprocessing.Queue[list[float]]) -> None:
    """Deliver, wait until it is gone, deliver the next; tell how long each was there (infinite: not gone)."""
    waited: list[float] = []
    with site.post() as deliver:
        for one in letters:
            time.sleep(one.pause)
            deliver(one.user, one.number, one.content)
            begun = time.perf_counter()
            while (there := site.is_there(one.user, one.number)) and time.perf_counter() - begun < GIVEN_UP:
                time.sleep(LOOK_SECONDS)
            waited.append(float("inf") if there else time.perf_counter() - begun)
    told.put(waited)


def arm(built: app.App, site: Site, users: Sequence[str], armed: int) -> None:
    """Deliver one copy for each cluster, read them, list the URLs, and remove them all."""
    with site.post() as deliver:
        for n in range(armed):
            deliver(users[n * len(users) // armed], n, letter(n, n))
    commands.set_policy(built.parts, unbraked(), ACTOR)
    worker = built.worker()

    async def work(parts: Parts) -> None:
        await sync_all(parts)
        commands.import_indicators(parts, "feed", _listed(armed), ACTOR)
        # Several pieces at once, so that a server and we do not wait in turns.
        await asyncio.gather(*(worker.drain() for _ in range(AT_ONCE)))

    built.run(work)


def _listed(armed: int) -> list[Indicator]:
    now = datetime.now(UTC)
    return [indicator(IndicatorKind.URL, url(n), source="feed", added_at=now) for n in range(armed)]


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


def play(kind: str, home: Path, armed: int, mailboxes: int, late: int) -> Figures:
    """Set everything up at a kind of site, in a folder that is clawback's home too, and measure."""
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
    with SITES[kind](home, users) as site:
        settings = Settings(
            home=str(home), organisation=OrganisationSettings((DOMAIN,)), sources=(site.source,)
        )
        with app.build(settings) as built:
            begun = time.perf_counter()
            arm(built, site, users, armed)
            setup = time.perf_counter() - begun
        with app.build(settings) as built:
            waited = _measured(built, site, letters)
            counted = accounted(built.store, armed)
        left = site.left(users)
    p50, p95 = statistics.median(waited), statistics.quantiles(waited, n=20)[-1]
    return Figures(kind, armed, mailboxes, late, p50, p95, max(waited), left, counted, setup)


def _measured(built: app.App, site: Site, letters: Sequence[Letter]) -> list[float]:
    clean = multiprocessing.get_context("spawn")
    told: multiprocessing.Queue[list[float]] = clean.Queue()
    man = clean.Process(target=postman, args=(site, letters, told))
    waited = built.run(lambda parts: watch(built, told, man))
    man.join()
    return waited


def show(figures: Figures) -> None:
    """The figures in words."""
    print(machine())
    f = figures
    print(f"{f.site}: {f.armed:,} armed clusters over {f.mailboxes:,} mailboxes (made in {f.setup:,.0f} s)")
    print(f"{f.late:,} late copies, one after another")
    print("  arrival to out of the mailbox:")
    print(f"    p50 {f.p50:.3f} s, p95 {f.p95:.3f} s, worst {f.worst:.3f} s (goal: p95 at most 2 s)")
    print(f"  left in the mailboxes {f.left}; in the accounts of their removals {f.accounted} of {f.late}")


def main() -> None:
    """Run the benchmark as the options say; ends with 1 when a copy was left or is in no account."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--site", choices=SITES, default="maildirs")
    parser.add_argument("--armed", type=int, default=10_000)
    parser.add_argument("--mailboxes", type=int, default=500)
    parser.add_argument("--late", type=int, default=300)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="late-") as folder:
        figures = play(options.site, Path(folder), options.armed, options.mailboxes, options.late)
    show(figures)
    if options.json:
        options.json.write_text(json.dumps({"machine": machine(), **asdict(figures)}, indent=2) + "\n")
    if figures.left or figures.accounted != figures.late:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
