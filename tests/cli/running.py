"""The `clawback` program as a process, and its lines as they come."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAM = Path(sys.executable).with_name("clawback")
HANG = 60
"""Seconds after which something is broken, not slow."""


class Running:
    """The process, and its lines as they come."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._lines.put(line)

    def until(self, text: str) -> str:
        """The first line that holds a text."""
        while True:
            line = self._lines.get(timeout=HANG)
            if text in line:
                return line


@contextmanager
def program(*words: str) -> Iterator[Running]:
    """The program as it is installed, until the block ends."""
    with subprocess.Popen(
        [PROGRAM, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        start_new_session=True,
    ) as process:
        try:
            yield Running(process)
        finally:
            process.kill()
