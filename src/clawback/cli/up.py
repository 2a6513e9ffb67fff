"""`clawback up`: watch, judge, act, and say so in one line for each thing that happens."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.status import Status
from rich.text import Text

from clawback.cli.brake import breaker_line, breaker_now
from clawback.cli.happenings import happenings
from clawback.cli.portal_child import portal
from clawback.cli.printable import printable
from clawback.cli.session import Session
from clawback.errors import MailboxError

if TYPE_CHECKING:
    from clawback.app import App
    from clawback.engine.parts import Parts
    from clawback.engine.watch import Seen, Watch

LOOK_SECONDS = 0.5
LATE_SWEEPS = 3
"""A sweep that is this many times overdue is told."""


@click.command()
@click.option("--no-portal", is_flag=True, help="Do not serve the portal and the API.")
@click.pass_obj
def up(session: Session, no_portal: bool) -> None:
    """Watch every mailbox, judge what arrives, act; until Ctrl-C.

    Serves the portal and the API meanwhile, at the address that it prints. The first start makes the first
    administrator, and prints the password once.

    Prints a line for each thing that happens. A queue of work survives a restart: whatever was cut short
    is looked at and finished.
    """
    stay_up(session, with_portal=not no_portal)


def stay_up(session: Session, *, with_portal: bool = True) -> None:
    """What `clawback up` does, for whoever has a session."""
    from clawback.engine.parts import silent

    with session.app(progress=silent) as app:
        shown = session.serve is not None and with_portal
        app.run(lambda parts: _serve(app, parts, with_portal=shown))


async def _serve(app: App, parts: Parts, *, with_portal: bool) -> None:
    from clawback.engine.day_figures import keep_counted

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    watch = app.watch()
    teller = Teller(app, watch)
    teller.begin(await _watched(parts))
    beside = portal(app.settings.file, teller.say) if with_portal else contextlib.nullcontext()
    async with beside:
        jobs = (watch.run(stop), teller.run(stop), app.telling().run(stop), keep_counted(parts, stop))
        tasks = [asyncio.create_task(job) for job in jobs]
        try:
            for first in asyncio.as_completed(tasks):
                await first
                stop.set()
        finally:
            stop.set()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    teller.end()


async def _watched(parts: Parts) -> str:
    """How many mailboxes each source has."""
    found = []
    for name, connector in parts.connectors.items():
        try:
            found.append(f"{len(await connector.mailboxes()):,} mailboxes of {name}")
        except MailboxError as error:
            found.append(f"{name} ({error})")
    return ", ".join(found) or "nothing: no sources are set (see `clawback init`)"


class Teller:
    """Says what happens: the audit log as it grows, troubles of sources once each, and the sweeps' lag."""

    def __init__(self, app: App, watch: Watch) -> None:
        self._app = app
        self._watch = watch
        self._console = Console(highlight=False)
        self._status = Status("", console=self._console)
        self._troubles: set[str] = set()
        self._begun = app.parts.now()
        self._swept = False
        self._late = False
        self._seq = 0

    def begin(self, watched: str) -> None:
        """Say what is watched."""
        with self._app.store.read() as unit:
            self._seq = unit.audit.count()
            waiting = unit.jobs.waiting()
        every = self._app.settings.work.sweep_seconds
        self.say(f"watching {watched}; each is swept every {every} s as well; Ctrl-C ends it")
        if (breaker := breaker_now(self._app.parts)).open:
            self.say(f"the breaker is {breaker_line(breaker)}")
        if waiting:
            self.say(f"{waiting} pieces of work were waiting and go on")
        if self._console.is_terminal:
            self._status.start()

    async def run(self, stop: asyncio.Event) -> None:
        """Tell until `stop` is set, and then what is left."""
        ending = asyncio.create_task(stop.wait())
        try:
            while not ending.done():
                await asyncio.wait({ending}, timeout=LOOK_SECONDS)
                self._tell()
        finally:
            ending.cancel()

    def end(self) -> None:
        """Say that it is over, and when every mailbox was looked at last."""
        self._status.stop()
        swept = self._watch.seen.swept_at
        last = f"the last sweep ended {swept:%H:%M:%S}" if swept else "not every mailbox was looked at"
        self.say(f"stopped; {last}; queued work goes on with the next start")

    def say(self, text: str, at: datetime | None = None) -> None:
        """One line with its time of day (UTC)."""
        stamp = f"{at or self._app.parts.now():%H:%M:%S}"
        self._console.print(Text.assemble((stamp, "dim"), "  ", printable(text)), soft_wrap=True)

    def _tell(self) -> None:
        with self._app.store.read() as unit:
            rows = unit.audit.list(after_seq=self._seq, limit=1_000)
            told = [(row.at, line) for row in rows for line in happenings(unit, row)]
            waiting = unit.jobs.waiting()
        self._seq = rows[-1].seq if rows else self._seq
        for at, line in told:
            self.say(line, at)
        for trouble in list(self._watch.seen.troubles):
            if trouble not in self._troubles:
                self._troubles.add(trouble)
                self.say(f"trouble: {trouble} (tried again; told once)")
        self._tell_lag(waiting)

    def _tell_lag(self, waiting: int) -> None:
        seen, now = self._watch.seen, self._app.parts.now()
        if seen.swept_at and not self._swept:
            self._swept = True
            new, took = seen.total.new, seen.sweep.total_seconds()
            self.say(f"first sweep done in {took:.1f} s: {new:,} new copies read; waiting for mail")
        ago = now - (seen.swept_at or self._begun)
        late = ago - seen.sweep > timedelta(seconds=LATE_SWEEPS * self._app.settings.work.sweep_seconds)
        if late and not self._late:
            self.say(f"late: not every mailbox was looked at for {ago.total_seconds():.0f} s")
        self._late = late
        self._status.update(Text(lag(seen, now, waiting), "dim"))


def lag(seen: Seen, now: datetime, work: int) -> str:
    """How far behind the watch is, for the line at the bottom; `work` counts pieces of queued work."""
    age = seen.lag(now)
    if age is None:
        said = ["first sweep"]
    else:
        said = [f"every mailbox was looked at in the last {age.total_seconds():.0f} s"]
        said.append(f"the sweep took {seen.sweep.total_seconds():.1f} s")
    said += [f"{seen.waiting:,} mailboxes wait to be looked at"] * bool(seen.waiting)
    said += [f"{seen.unreachable:,} do not answer"] * bool(seen.unreachable)
    said += [f"stopped: {', '.join(sorted(seen.stopped))}"] * bool(seen.stopped)
    said += [f"{work:,} pieces of work wait"] * bool(work)
    return ", ".join(said)
