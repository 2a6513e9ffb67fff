"""Running doveadm: so many at once, so long, and never through a shell of ours."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import IO

from clawback.errors import CapabilityMissing, Unavailable

GRACE = 2.0
"""Seconds in which a process that shall end can bring what it does to a good end."""
LONGEST_OUTPUT = 16 * 1024 * 1024
LONGEST_COMPLAINT = 300
_TAIL = 4_096
_READ = 65_536


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a process ended. `code` is None when it had to be ended; `complaint` is for people only."""

    code: int | None
    output: bytes = b""
    complaint: str = ""


class Command:
    """A command that can be run with more words, at most `processes` times at once.

    Through ssh the words pass a shell on the other host, so they are quoted for it.
    """

    def __init__(self, words: Sequence[str], processes: int, timeout: float) -> None:
        self.words = tuple(words)
        self.remote = any(PurePath(word).name == "ssh" for word in words)
        self.processes = processes
        self._timeout = timeout
        self._slots = asyncio.Semaphore(processes)
        self._endings: set[asyncio.Task[None]] = set()

    async def run(self, words: Sequence[str], lines: Sequence[str] = ()) -> Outcome:
        """Run it once; `lines` is its input. A cancelled run leaves no process.

        Raises CapabilityMissing when there is no such program, Unavailable when it cannot be started now.
        """
        more = [shlex.quote(word) for word in words] if self.remote else words
        async with self._slots:
            with contextlib.ExitStack() as files, tempfile.TemporaryFile() as given:
                # A file, which the process reads whenever it likes: nobody has to feed a pipe.
                given.write("".join(f"{line}\n" for line in lines).encode())
                given.seek(0)
                output, to_output = _pipe(files)
                complaints, to_complaints = _pipe(files)
                process = await _started([*self.words, *more], given, to_output, to_complaints)
                try:
                    to_output.close()
                    to_complaints.close()
                    return await self._followed(process, output, complaints)
                finally:
                    await self._end(process)

    async def _followed(
        self, process: asyncio.subprocess.Process, output: IO[bytes], complaints: IO[bytes]
    ) -> Outcome:
        told, complained = bytearray(), bytearray()
        try:
            async with asyncio.timeout(self._timeout):
                await asyncio.gather(_read(output, told), _read_tail(complaints, complained))
                code = await process.wait()
        except TimeoutError:
            return Outcome(None, bytes(told), f"no answer in {self._timeout:g} seconds")
        if len(told) > LONGEST_OUTPUT:
            return Outcome(None, b"", f"an answer of over {LONGEST_OUTPUT} bytes")
        return Outcome(code, bytes(told), _last_line(complained))

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        if process.returncode is None:
            # A task of its own, for whoever waits here may be cancelled a second time.
            ending = asyncio.ensure_future(_ended(process))
            self._endings.add(ending)
            ending.add_done_callback(self._endings.discard)
            await asyncio.shield(ending)


def _pipe(files: contextlib.ExitStack) -> tuple[IO[bytes], IO[bytes]]:
    reading, writing = os.pipe()
    return files.enter_context(open(reading, "rb", 0)), files.enter_context(open(writing, "wb", 0))


async def _started(
    words: Sequence[str], given: IO[bytes], output: IO[bytes], complaints: IO[bytes]
) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(*words, stdin=given, stdout=output, stderr=complaints)
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        raise CapabilityMissing(f"{words[0]} cannot be run: {error.strerror}") from error
    except OSError as error:
        raise Unavailable(f"{words[0]} cannot be run now: {error.strerror}") from error


async def _read(source: IO[bytes], told: bytearray) -> None:
    """All of it, unless it is too much: then nobody reads on, and the process stops."""
    async with _reader(source) as reader:
        while len(told) <= LONGEST_OUTPUT and (some := await reader.read(_READ)):
            told += some


async def _read_tail(source: IO[bytes], told: bytearray) -> None:
    """The end of it, however much it is: a line is told for each copy where mail_log is on."""
    async with _reader(source) as reader:
        while some := await reader.read(_READ):
            told += some
            del told[:-_TAIL]


@contextlib.asynccontextmanager
async def _reader(source: IO[bytes]) -> AsyncIterator[asyncio.StreamReader]:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), source)
    try:
        yield reader
    finally:
        transport.close()


def _last_line(complained: bytearray) -> str:
    lines = complained.decode("utf-8", "replace").strip().splitlines()
    last = lines[-1] if lines else ""
    return "".join(c if c.isprintable() else "?" for c in last)[:LONGEST_COMPLAINT]


async def _ended(process: asyncio.subprocess.Process) -> None:
    try:
        if _signalled(process.terminate):
            async with asyncio.timeout(GRACE):
                await process.wait()
    except TimeoutError:
        pass
    finally:
        if process.returncode is None and _signalled(process.kill):
            await process.wait()


def _signalled(send: Callable[[], None]) -> bool:
    """Whether it was ours to end; what sudo runs as somebody else stops when nobody reads it any more."""
    try:
        send()
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return True
