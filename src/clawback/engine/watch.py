"""The watch: looks at every source, reconciles by sweeps, and works the queue until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from clawback.engine.commands import expire_due
from clawback.engine.ingest import Synced, sync
from clawback.engine.parts import Parts
from clawback.engine.workflow import URGENT, Worker
from clawback.errors import MailboxError, Throttled, Unavailable
from clawback.mailboxes.base import Capability


@dataclass(slots=True)
class Seen:
    """What the watch has taken in since it started, and what it could not reach.

    `swept_at` is when every mailbox had been looked at, `sweep` how long that took: the lag at worst.
    """

    total: Synced = field(default_factory=Synced)
    swept_at: datetime | None = None
    sweep: timedelta = timedelta()
    troubles: deque[str] = field(default_factory=lambda: deque(maxlen=20))


class Watch:
    """Watch, sweep, work. `sweep` is how often every mailbox is looked at even if no event came."""

    def __init__(self, parts: Parts, worker: Worker, sweep: timedelta = timedelta(seconds=60)) -> None:
        self._parts = parts
        self._sweep = sweep.total_seconds()
        self._worker = worker
        self._touched: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self._waiting: set[tuple[str, str]] = set()
        self._work = asyncio.Event()
        self._urgent = asyncio.Event()
        self.seen = Seen()

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set. A source that is down is tried again; a lost store ends the watch."""
        urgent = self._worker.only(URGENT)
        jobs = [self._read(), self._drain(self._worker, self._work), self._sweeps()]
        jobs.append(self._drain(urgent, self._urgent))  # what comes late waits for no long removal
        jobs += [
            self._watch(source)
            for source, connector in self._parts.connectors.items()
            if Capability.WATCH in connector.capabilities()
        ]
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

    def touch(self, source: str, mailbox: str) -> None:
        """Ask for one mailbox to be looked at soon; asking twice is asking once."""
        if (source, mailbox) not in self._waiting:
            self._waiting.add((source, mailbox))
            self._touched.put_nowait((source, mailbox))

    async def _watch(self, source: str) -> None:
        while True:
            pause = 1.0
            try:
                async for mailboxes in self._parts.connector(source).watch():
                    for mailbox in mailboxes:
                        self.touch(source, mailbox)
            except MailboxError as error:
                self.seen.troubles.append(f"{source}: {error}")
                if not isinstance(error, Unavailable | Throttled):
                    pause = self._sweep  # a login that fails every second would be locked
            await asyncio.sleep(pause)

    async def _sweeps(self) -> None:
        while True:
            begun = self._parts.now()
            expire_due(self._parts)
            for source, connector in self._parts.connectors.items():
                try:
                    for mailbox in await connector.mailboxes():
                        self.touch(source, mailbox)
                except MailboxError as error:
                    self.seen.troubles.append(f"{source}: {error}")
            self._wake()
            await self._touched.join()
            self.seen.swept_at = self._parts.now()
            self.seen.sweep = self.seen.swept_at - begun
            await asyncio.sleep(self._sweep)

    async def _read(self) -> None:
        while True:
            source, mailbox = await self._touched.get()
            self._waiting.discard((source, mailbox))
            try:
                self.seen.total += await sync(self._parts, source, mailbox)
            except MailboxError as error:
                self.seen.troubles.append(f"{source} {mailbox}: {error}")
            finally:
                self._touched.task_done()
            self._wake()

    def _wake(self) -> None:
        self._work.set()
        self._urgent.set()

    async def _drain(self, worker: Worker, work: asyncio.Event) -> None:
        while True:
            work.clear()
            await worker.drain()
            # Not wait_for, which in Python 3.11 may swallow that we are cancelled.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await work.wait()
