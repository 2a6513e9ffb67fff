"""A progress bar for people; nothing where nobody watches."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

PATIENCE = 0.4
"""Seconds that a stage may take before it gets a bar: what is done at once needs none."""
WINDOW = 30.0
"""Seconds of the past from which the speed of now is told."""
SAMPLE = 0.25
"""Seconds between two looks at how far a stage has come."""


class Pacer:
    """How fast one stage goes, from how far it had come when."""

    def __init__(self, now: float) -> None:
        self._seen: deque[tuple[float, int, int]] = deque([(now, 0, 0)])

    def see(self, now: float, done: int, messages: int) -> None:
        """Take a look, unless the last one was just now."""
        if now - self._seen[-1][0] >= SAMPLE:
            self._seen.append((now, done, messages))
        while len(self._seen) > 2 and now - self._seen[0][0] > WINDOW:
            self._seen.popleft()

    def say(self, stage: str, done: int, total: int, messages: int, now: float) -> str:
        """The line that people read: how far, how fast, how much longer."""
        begun, then, read = self._seen[0]
        seconds = max(now - begun, SAMPLE)
        per_second = (messages - read if messages else done - then) / seconds
        words = f"{stage} {done:,}" + (f" of {total:,}" if total else "")
        words += f", {messages:,} messages" if messages else ""
        words += f", {per_second:,.0f}/s" if per_second >= 1 else ""
        if total and done > then:
            words += f", about {span((total - done) * seconds / (done - then))} left"
        return words


def span(seconds: float) -> str:
    """A time to come, in words no finer than anybody can know it."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5_400 else f"{seconds / 3_600:.1f} h"


class Bar:
    """Shows one line for each stage of long work on a terminal; use as the engine's `progress`.

    A line appears when its stage has taken a while and goes away when it is done.
    """

    def __init__(
        self, stream: TextIO, patience: float = PATIENCE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console = Console(file=stream)
        self._patience = patience
        self._clock = clock
        self._begun: dict[str, tuple[float, Pacer]] = {}
        self._tasks: dict[str, TaskID] = {}
        self._progress: Progress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def __call__(self, stage: str, done: int, total: int, messages: int = 0) -> None:
        """Told by the engine how far a stage has come; `total` is 0 when nobody knows."""
        if not self._console.is_terminal:
            return
        now = self._clock()
        if stage not in self._begun:
            self._begun[stage] = now, Pacer(now)
        begun, pacer = self._begun[stage]
        pacer.see(now, done, messages)
        if total and done >= total:
            self._end(stage)
        elif stage in self._tasks or now - begun >= self._patience:
            self._show(stage, pacer.say(stage, done, total, messages, now), done, total)

    def _show(self, stage: str, words: str, done: int, total: int) -> None:
        bar = self._progress or _progress(self._console)
        if stage in self._tasks:
            bar.update(self._tasks[stage], description=words, completed=done, total=total or None)
        else:
            self._tasks[stage] = bar.add_task(words, completed=done, total=total or None)
        if self._progress is None:
            self._progress = bar
            bar.start()

    def _end(self, stage: str) -> None:
        del self._begun[stage]
        task = self._tasks.pop(stage, None)
        if self._progress and task is not None:
            self._progress.remove_task(task)
        if not self._tasks:
            self._close()

    def _close(self) -> None:
        if self._progress:
            self._progress.stop()
        self._progress = None
        self._tasks.clear()


def _progress(console: Console) -> Progress:
    return Progress(
        BarColumn(bar_width=20),
        TextColumn("{task.description}", markup=False),
        console=console,
        transient=True,
    )
