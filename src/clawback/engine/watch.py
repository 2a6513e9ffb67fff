"""The watch: looks at every source, reconciles by sweeps, and works the queue until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from clawback.engine.commands import expire_due
from clawback.engine.ingest import REFUSALS, Synced, sync
from clawback.engine.looks import Looks
from clawback.engine.parts import Parts
from clawback.engine.pulse import Pulse
from clawback.engine.refresh import refresh_due
from clawback.engine.turns import Key
from clawback.engine.workflow import APART, URGENT, Worker
from clawback.errors import LoginFailed, MailboxError, Throttled, Unavailable
from clawback.mailboxes.base import Capability

LOGIN_PAUSE = timedelta(minutes=5)
"""Until a refused login is tried again; twice as long each time, for mail systems lock accounts."""
UNAVAILABLE_PAUSE = 60.0
"""Seconds between two tries of what does not answer, at most, unless sweeps are further apart."""
LONGEST_PAUSE = 3_600.0
"""Seconds between two tries of anything else, at most."""
BREATH = 0.25
"""A sweep rests at least this part of the time that it took."""


@dataclass(slots=True)
class Seen:
    """What the watch has taken in since it started, and what it could not reach.

    `swept_at` is when every mailbox that answers had been looked at, `sweep` how long that took. `waiting`
    counts mailboxes whose look is due, `unreachable` those that did not answer the last time; `stopped`
    has the sources that are left alone because they refuse our logins, and what they said.
    """

    total: Synced = field(default_factory=Synced)
    swept_at: datetime | None = None
    sweep: timedelta = timedelta()
    waiting: int = 0
    unreachable: int = 0
    stopped: dict[str, str] = field(default_factory=dict)
    troubles: deque[str] = field(default_factory=lambda: deque(maxlen=20))

    def lag(self, now: datetime) -> timedelta | None:
        """How old our last look at a mailbox may be at worst; None before the first sweep has ended."""
        return now - self.swept_at + self.sweep if self.swept_at else None


class Watch:
    """Watch, sweep, work.

    `sweep` is how often every mailbox is looked at even if no event came, `refused` how long a refused
    login is not tried again. Several mailboxes are looked at side by side. Some hands are kept for those
    with news, so that neither a first reading nor mailboxes that hang keep new mail waiting.
    """

    def __init__(
        self,
        parts: Parts,
        worker: Worker,
        sweep: timedelta = timedelta(seconds=60),
        *,
        refused: timedelta = LOGIN_PAUSE,
    ) -> None:
        self._parts = parts
        self._sweep = sweep.total_seconds()
        self._login_pause = refused.total_seconds()
        self._worker = worker
        self._hands = parts.pace.at_once
        self._kept = self._hands // 4
        self._looks = Looks(again=max(1, (self._hands - self._kept) // 2))
        self._mailboxes: dict[str, Sequence[str]] = {}
        self._probe: dict[str, Key] = {}
        self._swept: dict[str, tuple[datetime, timedelta]] = {}
        self._tries: Counter[Key] = Counter()
        self._refused: Counter[str] = Counter()
        self._work = asyncio.Event()
        self._urgent = asyncio.Event()
        self._apart = asyncio.Event()
        self._pulse = Pulse(parts)
        self.seen = Seen()

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set. A source that is down is tried again; a lost store ends the watch."""
        jobs = [self._read(news_only=n < self._kept) for n in range(self._hands)]
        jobs += [self._drain(self._worker, self._work), self._expire()]
        # What comes late waits for no long removal.
        jobs.append(self._drain(self._worker.only(URGENT), self._urgent))
        jobs.append(self._drain(self._worker.only(APART), self._apart))
        jobs.append(self._pulse.run(self._tries, self.seen.stopped))
        for source, connector in self._parts.connectors.items():
            jobs.append(self._sweeps(source))
            if Capability.WATCH in connector.capabilities():
                jobs.append(self._watch(source))
        tasks = [asyncio.create_task(job) for job in jobs]
        halt = asyncio.create_task(stop.wait())
        try:
            done, _ = await asyncio.wait([*tasks, halt], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {halt}:
                task.result()
        finally:
            for task in (*tasks, halt):
                task.cancel()
            await asyncio.gather(*tasks, halt, return_exceptions=True)
            self._looks.end()

    def touch(self, source: str, mailbox: str) -> None:
        """Ask for one mailbox to be looked at soon; asking twice is asking once."""
        self._pulse.news((source, mailbox))
        self._looks.news((source, mailbox))

    async def _watch(self, source: str) -> None:
        tries = 0
        while True:
            trouble: MailboxError = Unavailable("the events ended")
            self._pulse.listening(source)
            try:
                async for mailboxes in self._parts.connector(source).watch():
                    tries = 0
                    for mailbox in mailboxes:
                        self.touch(source, mailbox)
            except MailboxError as error:
                trouble = error
                self._trouble(source, f"{source}: {error}", error)
            self._pulse.broke_off(source)
            tries += 1
            await asyncio.sleep(self._pause(trouble, tries))

    async def _expire(self) -> None:
        while True:
            expire_due(self._parts)
            if refresh_due(self._parts):
                self._wake()
            await asyncio.sleep(self._sweep)

    async def _sweeps(self, source: str) -> None:
        tries = 0
        while True:
            begun, clock = self._parts.now(), asyncio.get_running_loop().time()
            pause = self._sweep
            try:
                await self._sweep_once(source)
                tries = 0
                if source not in self.seen.stopped:
                    self._pulse.swept(source, len(self._mailboxes[source]), self._parts.now() - begun)
            except MailboxError as error:
                self._trouble(source, f"{source}: {error}", error)
                tries += 1
                pause = max(pause, self._pause(error, tries))
            now = self._parts.now()
            self._swept[source] = now, now - begun
            self._tell_sweeps()
            self._wake()
            took = asyncio.get_running_loop().time() - clock
            await asyncio.sleep(max(pause - took, took * BREATH))

    async def _sweep_once(self, source: str) -> None:
        """Look at every mailbox of a source, unless its logins are refused."""
        if source in self.seen.stopped:
            return
        mailboxes = await self._parts.connector(source).mailboxes()
        self._mailboxes[source] = mailboxes
        if source not in self.seen.stopped:
            await self._looks.ended(self._looks.sweep((source, mailbox) for mailbox in mailboxes))

    def _tell_sweeps(self) -> None:
        if len(self._swept) == len(self._parts.connectors):
            self.seen.swept_at = min(ended for ended, _ in self._swept.values())
            self.seen.sweep = max(took for _, took in self._swept.values())

    async def _read(self, *, news_only: bool) -> None:
        while True:
            key = await self._looks.take(news_only=news_only)
            try:
                found = await sync(self._parts, *key, pressed=partial(self._looks.pressed, key))
            except MailboxError as error:
                self._looks.done(key)
                self._failed(key, error)
            else:
                self.seen.total += found
                self._looks.done(key)
                self._reached(key)
            self._count()
            self._wake()

    def _count(self) -> None:
        self.seen.waiting, self.seen.unreachable = self._looks.waiting, len(self._tries)

    def _trouble(self, source: str, told: str, error: MailboxError) -> None:
        self.seen.troubles.append(told)
        self._pulse.trouble(source, error)

    def _reached(self, key: Key) -> None:
        self._pulse.looked(key)
        self._tries.pop(key, None)
        self._refused.pop(key[0], None)
        if key[0] in self.seen.stopped:
            del self.seen.stopped[key[0]]
            self._looks.open(key[0])

    def _failed(self, key: Key, error: MailboxError) -> None:
        """Leave a mailbox alone for a while, and its whole source when that refuses our logins."""
        source, mailbox = key
        self._trouble(source, f"{source} {mailbox}: {error}", error)
        self._tries[key] += 1
        if not isinstance(error, LoginFailed):
            self._looks.put_off(key, self._pause(error, self._tries[key]))
            return
        if source in self.seen.stopped and key != self._probe.get(source):
            return  # it was in hand when its source was stopped
        self._refused[source] += 1
        if self._refused[source] < REFUSALS:
            self._looks.put_off(key, self._pause(error, self._tries[key]))
        else:
            self._stop(source, mailbox, error)

    def _stop(self, source: str, mailbox: str, error: LoginFailed) -> None:
        """Leave a source alone that refuses our logins, but for one mailbox now and then."""
        stops = self._refused[source] - REFUSALS + 1
        pause = self._pause(error, stops)
        self.seen.stopped[source] = str(error)
        self.seen.troubles.append(
            f"{source}: refuses our logins, so nothing is done there for {pause / 60:.0f} min: {error}"
        )
        self._looks.close(source)
        # Not always the same: there may be a login for each mailbox.
        mailboxes = self._mailboxes.get(source) or (mailbox,)
        self._probe[source] = source, mailboxes[stops % len(mailboxes)]
        self._looks.put_off(self._probe[source], pause)

    def _pause(self, error: MailboxError, tries: int) -> float:
        """Seconds to wait after so many failures one after another."""
        grown = 2.0 ** min(tries - 1, 20)
        if isinstance(error, LoginFailed):
            pause = self._login_pause * grown
        elif isinstance(error, Throttled):
            pause = max(grown, error.after)
        elif isinstance(error, Unavailable):
            pause = min(grown, max(self._sweep, UNAVAILABLE_PAUSE))  # soon after a long outage all is read
        else:
            pause = self._sweep * grown
        return min(pause, LONGEST_PAUSE)

    def _wake(self) -> None:
        self._work.set()
        self._urgent.set()
        self._apart.set()

    async def _drain(self, worker: Worker, work: asyncio.Event) -> None:
        while True:
            work.clear()
            await worker.drain()
            # Not wait_for, which in Python 3.11 may swallow that we are cancelled.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await work.wait()
