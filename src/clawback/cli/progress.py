"""A progress bar for people; nothing where nobody watches."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

PATIENCE = 0.4
"""Seconds that a stage may take before it gets a bar: what is done at once needs none."""


class Bar:
    """Shows one line for each stage of long work on a terminal; use as the engine's `progress`.

    A line appears when its stage has taken a while and goes away when it is done.
    """

    def __init__(self, stream: TextIO, patience: float = PATIENCE) -> None:
        self._console = Console(file=stream)
        self._patience = patience
        self._begun: dict[str, float] = {}
        self._tasks: dict[str, TaskID] = {}
        self._progress: Progress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Told by the engine how far a stage has come; `total` is 0 when nobody knows."""
        if not self._console.is_terminal:
            return
        begun = self._begun.setdefault(stage, time.monotonic())
        if total and done >= total:
            self._end(stage)
        elif stage in self._tasks or time.monotonic() - begun >= self._patience:
            self._show(stage, done, total)

    def _show(self, stage: str, done: int, total: int) -> None:
        bar = self._progress or _progress(self._console)
        if stage in self._tasks:
            bar.update(self._tasks[stage], completed=done, total=total or None)
        else:
            self._tasks[stage] = bar.add_task(stage, completed=done, total=total or None)
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
        TextColumn("   {task.description}", markup=False),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
        console=console,
        transient=True,
    )
