"""Reading raw mail away from the engine's own process.

Mail is hostile: parsing runs in workers that have a memory limit and can be killed. A message that
kills its worker or takes too long is not lost: it becomes a message with a defect that says so.
"""

from __future__ import annotations

import multiprocessing
import resource
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Future, TimeoutError
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from pebble import ProcessExpired, ProcessPool

from clawback import ids
from clawback.analysis.features import Features, extract
from clawback.analysis.submitted import Submitted, submitted
from clawback.message.defect import Defect
from clawback.message.message import Message, Organisation
from clawback.message.parse import parse
from clawback.message.trace import Step

MEMORY_LIMIT = 3 << 30
"""Bytes of address space a worker may have."""
TASK = 25
"""Messages a worker gets at once."""
SECONDS = 10.0
"""What one message may take, alone in a worker."""
_MISTAKES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What a mistake in our parser would raise: one message that finds it must not stop all intake."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one raw message is: the message as the store remembers it, its features, its copy's trace."""

    message: Message
    features: Features
    trace: tuple[Step, ...] = ()


class Reader(Protocol):
    """Turns raw messages into readings, in order, one for each. Several threads may call it at once."""

    def read(self, raws: Sequence[bytes]) -> list[Reading]: ...

    def read_report(self, raw: bytes) -> Submitted: ...

    def close(self) -> None: ...


def read_one(raw: bytes, organisation: Organisation) -> Reading:
    """Parse one message and extract its features."""
    message = parse(raw, organisation)
    return Reading(message.slim(), extract(message), message.trace)


class InlineReader:
    """Reads in this process: for tests and for tools that look at one file."""

    def __init__(self, organisation: Organisation) -> None:
        self._organisation = organisation
        self._alone = threading.Lock()

    def read(self, raws: Sequence[bytes]) -> list[Reading]:
        """Read each message here and now; one caller at a time, for PDFium takes no two in one process."""
        with self._alone:
            return [read_one(raw, self._organisation) for raw in raws]

    def read_report(self, raw: bytes) -> Submitted:
        """Read a user's report here and now."""
        with self._alone:
            return submitted(raw, self._organisation)

    def close(self) -> None:
        """Nothing to let go of."""


class PoolReader:
    """Reads in worker processes that are killed when a message goes too far: over `seconds`, or memory."""

    def __init__(self, organisation: Organisation, workers: int, seconds: float = SECONDS) -> None:
        self._organisation = organisation
        self._workers = workers
        self._seconds = seconds
        self._started: ProcessPool | None = None
        self._starting = threading.RLock()

    @property
    def _pool(self) -> ProcessPool:
        """The workers, started with the first mail there is to read."""
        if self._started is None:
            self._started = ProcessPool(
                max_workers=self._workers, max_tasks=400, initializer=_settle_in, context=_clean_context()
            )
        return self._started

    def read(self, raws: Sequence[bytes]) -> list[Reading]:
        """Read in parallel; a chunk whose worker died is read again one message at a time."""
        chunks = [raws[i : i + TASK] for i in range(0, len(raws), TASK)]
        waiting = [self._start(chunk, self._seconds + len(chunk)) for chunk in chunks]
        readings: list[Reading] = []
        for chunk, future in zip(chunks, waiting, strict=True):
            readings.extend(self._harvest(chunk, future))
        return readings

    def read_report(self, raw: bytes) -> Submitted:
        """Read a user's report; one that no worker survives says nothing."""
        with self._starting:
            try:
                future = self._schedule_report(raw)
            except RuntimeError:
                self.close()
                future = self._schedule_report(raw)
        try:
            return future.result()
        except (BrokenExecutor, CancelledError, TimeoutError, ProcessExpired, MemoryError, *_MISTAKES):
            return Submitted()

    def _schedule_report(self, raw: bytes) -> Future[Submitted]:
        arguments = (raw, self._organisation)
        scheduled: Future[Submitted] = self._pool.schedule(submitted, args=arguments, timeout=self._seconds)
        return scheduled

    def close(self) -> None:
        """End the workers."""
        with self._starting:
            if self._started is None:
                return
            self._started.stop()  # type: ignore[no-untyped-call]  # pebble leaves this one unannotated
            self._started.join()
            self._started = None

    def _start(self, raws: Sequence[bytes], seconds: float) -> Future[list[Reading]]:
        arguments = (list(raws), self._organisation)
        with self._starting:
            try:
                future: Future[list[Reading]] = self._pool.schedule(
                    _read_chunk, args=arguments, timeout=seconds
                )
            except RuntimeError:
                # Somebody killed a worker that had nothing to do, and the pool gave itself up.
                self.close()
                future = self._pool.schedule(_read_chunk, args=arguments, timeout=seconds)
            return future

    def _harvest(
        self, raws: Sequence[bytes], future: Future[list[Reading]], again: bool = True
    ) -> list[Reading]:
        try:
            return future.result()
        except (BrokenExecutor, CancelledError) as error:
            # The pool gave itself up, or another thread saw that it had and made a new one.
            if again:
                return self._harvest(raws, self._start(raws, self._seconds + len(raws)), again=False)
            if len(raws) == 1:
                return [unreadable(raws[0], type(error).__name__)]
        except (TimeoutError, ProcessExpired, MemoryError, *_MISTAKES) as error:
            if len(raws) == 1:
                return [unreadable(raws[0], type(error).__name__)]
        return [self._harvest([raw], self._start([raw], self._seconds))[0] for raw in raws]


def _clean_context() -> multiprocessing.context.BaseContext:
    """Workers are forked from a server that has imported the reader and done nothing else.

    A fork of this process would inherit locks and thread pools (of MinHash, of PDFium) without the
    threads that belong to them, and die or hang at their first use.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def _read_chunk(raws: list[bytes], organisation: Organisation) -> list[Reading]:
    return [read_one(raw, organisation) for raw in raws]


def _settle_in() -> None:
    """Bound this worker's memory; what ends its parent by a signal is the parent's to tell it."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))


def unreadable(raw: bytes, why: str) -> Reading:
    """The reading of a message that no worker survived: its bytes are known by their hash, no more."""
    message = Message(
        id=ids.make("msg", raw),
        raw_sha256=sha256(raw).hexdigest(),
        size=len(raw),
        defects=(Defect("reader_killed", f"reading was stopped: {why}"),),
    )
    return Reading(message, extract(message))
