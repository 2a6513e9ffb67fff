"""Commands of the administrator, run for what they print: within bounds, and nothing of them left behind."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Printed:
    """What a command printed, and its exit code. With `cut` it printed too much, and was ended."""

    content: bytes
    code: int
    cut: bool = False


def output_of(command: Sequence[str], home: Path | None, *, most: int, seconds: float) -> Printed:
    """Run a command without a shell, from `home` on, and read what it prints, up to `most` bytes.

    Its own complaints are thrown away: they may hold a secret. Raises TimeoutError when it takes longer than
    `seconds`, OSError or ValueError when it cannot be run.
    """
    until = time.monotonic() + seconds
    process = subprocess.Popen(  # noqa: S603  # the administrator's own words, and no shell
        command,
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    with process:
        try:
            assert process.stdout is not None
            content = _read(process.stdout, most, until)
            if len(content) > most:
                return Printed(content[:most], 0, cut=True)
            return Printed(content, process.wait(max(0.0, until - time.monotonic())))
        except subprocess.TimeoutExpired as error:
            raise TimeoutError from error
        finally:
            _end(process)


def _read(pipe: IO[bytes], most: int, until: float) -> bytes:
    content = bytearray()
    while len(content) <= most:
        ready, _, _ = select.select([pipe], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            raise TimeoutError
        chunk = os.read(pipe.fileno(), _CHUNK)
        if not chunk:
            break
        content += chunk
    return bytes(content)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing of a command behind that has not ended by itself, nor of what it has started.

    While nobody has waited for it nobody else has its number, even when it is dead and its children are not.
    """
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
