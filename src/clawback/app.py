"""Builds everything from settings: the only place that knows all rooms."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import socket
import sys
import threading
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec

from clawback import plugins
from clawback.engine.aside import Asked, Beside, Ended, Line, Told
from clawback.engine.backtest import backtest
from clawback.engine.pace import Pace
from clawback.engine.parts import Bodies, Parts, Progress, silent
from clawback.engine.reading import InlineReader, PoolReader, Reader
from clawback.engine.reporting import Reporting
from clawback.engine.telling import Telling
from clawback.engine.watch import Watch
from clawback.engine.workflow import Worker
from clawback.errors import BadSettings, ClawbackError
from clawback.intel.warninglists import ShippedWarnings
from clawback.mailboxes.stand_in import StandIn
from clawback.message.message import Organisation
from clawback.message.reports import ReportedAs
from clawback.response.backtest import Backtest
from clawback.response.backtests import scored
from clawback.response.feedback import NAMES
from clawback.response.policy import Policy
from clawback.response.submissions import ReportPlace, SubmissionResult
from clawback.settings import Settings
from clawback.store import JobState, Store

T = TypeVar("T")
THREADS_EACH = 4
"""Threads for each mailbox that is worked on at once."""


@dataclass(frozen=True, slots=True)
class App:
    """A running clawback: its settings and the engine's parts. Use as a context manager."""

    settings: Settings
    parts: Parts

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.parts.reader.close()
        self.parts.store.close()

    @property
    def store(self) -> Store:
        """The store, for looking things up."""
        return self.parts.store

    def worker(self) -> Worker:
        """A taker of queued work, named after this process."""
        _free_dead_leases(self.store)
        return Worker(self.parts, f"{socket.gethostname()}:{os.getpid()}")

    def watch(self) -> Watch:
        """The watch over every source, which sweeps and works too."""
        sweep = timedelta(seconds=self.settings.work.sweep_seconds)
        return Watch(self.parts, self.worker(), sweep)

    def telling(self) -> Telling:
        """Who tells the sinks what happens, named after this process."""
        return Telling(self.parts, f"{socket.gethostname()}:{os.getpid()}")

    def backtest(self, policy: Policy, past: timedelta) -> Backtest:
        """What this policy would have done with the mail of the past so far back; nothing is touched."""
        until = self.parts.now()
        return self.backtest_between(policy, until - past, until)

    def backtest_between(self, policy: Policy, since: datetime, until: datetime) -> Backtest:
        """What this policy would have done with the mail that came from `since` to before `until`."""
        return asyncio.run(backtest(self.parts, StandIn, policy, since, until))

    def run(self, work: Callable[[Parts], Coroutine[Any, Any, T]]) -> T:
        """Run one piece of asynchronous work to its end and let go of every connection."""

        async def whole() -> T:
            # What waits for disks and for readers must leave threads to what has news.
            threads = ThreadPoolExecutor(THREADS_EACH * self.settings.work.mailboxes_at_once)
            asyncio.get_running_loop().set_default_executor(threads)
            try:
                return await work(self.parts)
            finally:
                for connector in self.parts.connectors.values():
                    await connector.close()

        return asyncio.run(whole())


def ease_collector() -> None:
    """Let Python look for cycles less often: our nouns have none, and a large cluster has a million."""
    gc.set_threshold(50_000, 20, 50)


def build(settings: Settings, *, progress: Progress = silent, inline: bool = False) -> App:
    """Put the parts together and bring the store's schema up to date.

    `inline` reads mail in this process instead of in workers that can be killed.
    """
    ease_collector()
    settings.data_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    store = Store.open(settings.store_url, settings.data_folder / "blobs")
    store.migrate()
    home = Path(settings.home)
    connectors = {
        source.name: plugins.connector(source.kind, source.name, source.options, home)
        for source in settings.sources
    }
    parts = Parts(
        store=store,
        connectors=connectors,
        reader=_reader(settings, inline),
        bodies=Bodies(settings.store.bodies),
        progress=progress,
        pace=Pace(settings.work.mailboxes_at_once, settings.work.messages_per_second),
        warnings=ShippedWarnings(_lowered(settings.organisation.domains)),
        reporting=_reporting(settings),
        sinks=plugins.tellers(msgspec.structs.asdict(settings.webhooks), Path(settings.home)),
        aside=Beside(BESIDE, msgspec.json.encode(settings)),
    )
    return App(settings, parts)


BESIDE = (sys.executable, "-P", "-c", "from clawback.app import beside; beside()")
"""The command of the process beside; -P, so that nothing in the folder that we are started in is imported."""
_NICE = 19


def beside() -> None:
    """The process beside: goes through the past at the lowest priority, until its parent is gone."""
    os.nice(_NICE)
    asked = msgspec.json.decode(sys.stdin.buffer.readline(), type=Asked)
    threading.Thread(target=_end_with_parent, args=(asked.folder,), daemon=True).start()

    def told(stage: str, done: int, total: int, messages: int = 0) -> None:
        _say(Told(stage, done, total))

    try:
        settings = msgspec.json.decode(asked.settings, type=Settings)
        with build(settings, progress=told, inline=True) as app:
            found = app.backtest_between(asked.policy, asked.since, asked.until)
    except ClawbackError as error:
        _say(Ended(error=str(error)))
    else:
        _say(Ended(score=scored(found)))


def _say(line: Line) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
    sys.stdout.buffer.flush()


def _end_with_parent(folder: str) -> None:
    """End when nobody wants the result any more, and leave nothing behind in the folder made for us."""
    sys.stdin.buffer.read()
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def _free_dead_leases(store: Store) -> None:
    """After a crash, take up at once what a dead process of this machine had leased."""
    with store.read() as unit:
        leased, _ = unit.jobs.list(state=JobState.LEASED, limit=1_000)
    dead = [job for job in leased if _is_dead(job.worker)]
    if dead:
        with store.write() as unit:
            for job in dead:
                unit.jobs.abandon(job)


def _is_dead(worker: str) -> bool:
    host, _, pid = worker.rpartition(":")
    if host != socket.gethostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _reporting(settings: Settings) -> Reporting:
    """Where users report mail, and who tells them the result."""
    own = _lowered(settings.organisation.domains)
    places = tuple(
        ReportPlace(
            source=place.source,
            mailbox=place.mailbox.lower(),
            folder=place.folder or "*",
            domains=_lowered(place.domains) or own,
            anyone=place.anyone,
            reported_as=ReportedAs(place.reported_as),
            age=timedelta(days=place.days),
            kept=place.keep,
        )
        for place in settings.reports
    )
    told, home = settings.feedback, Path(settings.home)
    return Reporting(
        places,
        own.union(*(place.domains for place in places)),
        plugins.postman(msgspec.structs.asdict(told), home) if told.host else None,
        timedelta(minutes=told.clean_after_minutes),
        _templates(Path(home, told.templates)) if told.templates else {},
    )


def _lowered(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name.lower() for name in names)


def _templates(folder: Path) -> dict[SubmissionResult, str]:
    """The templates of one's own; outcomes that have none keep ours."""
    found: dict[SubmissionResult, str] = {}
    for result, name in NAMES.items():
        try:
            found[result] = (folder / name).read_text("utf-8")
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError) as error:
            raise BadSettings(f"the template {folder / name} cannot be read: {error}") from None
    if not found:
        raise BadSettings(f"there is no template in {folder}: name one {', '.join(NAMES.values())}")
    return found


def _reader(settings: Settings, inline: bool) -> Reader:
    organisation = Organisation(
        _lowered(settings.organisation.domains),
        _lowered(settings.organisation.trusted_hops),
    )
    if inline:
        return InlineReader(organisation)
    return PoolReader(organisation, settings.work.readers or os.cpu_count() or 1)
