"""The portal as a child process of `clawback up`: started with it, told of in its lines, ended with it."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable

PROGRAM = (sys.executable, "-P", "-m", "clawback")
"""This program again. Without -P a file in the folder that we are started in could take a library's place."""
END_SECONDS = 15
"""How long the child may take to end."""


@contextlib.asynccontextmanager
async def portal(settings_file: str, say: Callable[[str], None]) -> AsyncIterator[None]:
    """Serve the portal meanwhile. When it ends by itself, that is said, and the watch goes on."""
    command = (*PROGRAM, "--settings", settings_file, "serve", "--bound")
    child = await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, stderr=PIPE, start_new_session=True
    )
    tellers = [asyncio.create_task(_tell(stream, say)) for stream in (child.stdout, child.stderr)]
    ended = asyncio.create_task(_tell_end(child, say))
    try:
        yield
    finally:
        ended.cancel()
        await _end(child)
        await asyncio.gather(*tellers, ended, return_exceptions=True)


async def _tell(stream: asyncio.StreamReader | None, say: Callable[[str], None]) -> None:
    while stream and (line := await _line(stream)):
        say(line.decode("utf-8", "replace").rstrip())


async def _line(stream: asyncio.StreamReader) -> bytes:
    try:
        return await stream.readline()
    except ValueError:  # a line too long for the buffer, which is thrown away
        return b"(a line too long to tell)\n"


async def _tell_end(child: Process, say: Callable[[str], None]) -> None:
    code = await child.wait()
    say(f"the portal has ended ({code}); mail is watched as before")


async def _end(child: Process) -> None:
    """Close its input, which ends it; what hangs is killed."""
    if child.stdin is not None:
        child.stdin.close()
    try:
        async with asyncio.timeout(END_SECONDS):
            await child.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()
