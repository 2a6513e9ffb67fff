"""Long reckoning beside the engine: in a process of its own, at the lowest priority, that dies with us.

It is told what to do in one line, and answers in lines how far it has come, then what it found.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from tempfile import TemporaryDirectory
from typing import Protocol

import msgspec

from clawback.errors import Refused
from clawback.response.backtests import Score
from clawback.response.policy import Policy

MOST_BYTES = 256 * 1024 * 1024
"""The longest line that is read from the process."""


class Asked(msgspec.Struct, frozen=True):
    """What the process is asked: under which settings it works, and which policy over which mail.

    `folder` was made for it alone, is its TMPDIR, and goes with it.
    """

    folder: str
    settings: msgspec.Raw
    policy: Policy
    since: datetime
    until: datetime


class Told(msgspec.Struct, frozen=True, tag="told"):
    """How far the process has come."""

    stage: str
    done: int
    total: int


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    """What the process found, or why it could find nothing."""

    score: Score | None = None
    error: str = ""


Line = Told | Ended
_lines: msgspec.json.Decoder[Told | Ended] = msgspec.json.Decoder(Told | Ended)


class Aside(Protocol):
    """Goes through a stretch of the past beside everything else; ends when it is cancelled.

    Raises Refused with what went wrong there.
    """

    async def __call__(
        self, policy: Policy, since: datetime, until: datetime, told: Callable[[Told], None]
    ) -> Score: ...


@dataclass(frozen=True, slots=True)
class Beside:
    """The process: the command that starts it, and the settings that it is given as JSON."""

    command: Sequence[str]
    settings: bytes

    async def __call__(
        self, policy: Policy, since: datetime, until: datetime, told: Callable[[Told], None]
    ) -> Score:
        """Run it to its end."""
        # The folder is ours: what a process that was killed leaves behind goes with it.
        with TemporaryDirectory(prefix="clawback-") as folder:
            asked = Asked(folder, msgspec.Raw(self.settings), policy, since, until)
            child = await asyncio.create_subprocess_exec(
                *self.command,
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                limit=MOST_BYTES,
                env={**os.environ, "TMPDIR": folder},
                start_new_session=True,
            )
            try:
                return await _spoken(child, msgspec.json.encode(asked) + b"\n", told)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    child.kill()
                await child.wait()


async def _spoken(child: Process, asked: bytes, told: Callable[[Told], None]) -> Score:
    assert child.stdin is not None
    assert child.stdout is not None
    # Its input stays open: it ends by itself when that is closed, so also when we die.
    child.stdin.write(asked)
    with contextlib.suppress(ConnectionError):
        await child.stdin.drain()
    while line := await child.stdout.readline():
        match _line(line):
            case Told() as far:
                told(far)
            case Ended(score=None, error=error):
                raise Refused(error)
            case Ended(score=score) if score is not None:
                return score
    raise Refused(f"the process beside ended without a result ({await child.wait()})")


def _line(line: bytes) -> Line:
    try:
        return _lines.decode(line)
    except msgspec.MsgspecError as error:
        raise Refused(f"the process beside does not speak as we do: {error}") from None
