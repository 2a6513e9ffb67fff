"""Seeing mail arrive in a log that the mail system writes anyway: whose mailbox each new line speaks of.

A log can never hold up a delivery, and it waits for us by itself. But it may be rotated away, cut, or written
by somebody else: what it says is a hint to look at a mailbox, never a ledger. Sweeps make up for the rest.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import time
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path

from clawback.errors import Unavailable
from clawback.mailboxes.mail_log_lines import LONGEST_LINE, parse

MailboxOf = Callable[[str], str | None]
"""The mailbox of a user as the mail system calls them, by name or address; None for somebody unknown."""

PAUSE = 0.02
"""Seconds between two looks. A look that finds nothing costs a few microseconds, and needs no inotify, which
has limits, and does not tell of what another machine writes."""

_PATIENCE = 5.0
_AT_ONCE = 64 * 1024
_FURTHEST_BEHIND = 64 * 1024 * 1024
_LINGER = 60.0
_MOST_TAILS = 4


class MailLog:
    """Follows one log file from its end. One follower at a time; it goes on where the last one ended.

    `mailbox_of` names the mailbox of a user or an address. An address with a detail (``ann+news@...``) that
    is unknown is asked for once more without it.
    """

    def __init__(
        self, path: Path, mailbox_of: MailboxOf, *, patience: float = _PATIENCE, pause: float = PAUSE
    ) -> None:
        self._path = path
        self._mailbox_of = mailbox_of
        self._patience = patience
        self._pause = pause
        self._tails: list[_Tail] = []
        self._from_start = False
        self._stop = asyncio.Event()

    async def follow(self) -> AsyncIterator[frozenset[str]]:
        """Endless, until `close`: the mailboxes touched since the last answer.

        Raises Unavailable while the file cannot be read, and when it is not there for `patience` seconds.
        """
        patient_until = time.monotonic() + self._patience
        while not self._stop.is_set():
            lines = self._read()
            if not self._tails and time.monotonic() > patient_until:
                raise Unavailable(_absent(self._path))
            behind = any(tail.behind for tail in self._tails)
            if touched := frozenset(mailboxes_of(_users(lines), self._mailbox_of)):
                yield touched
            await self._rest(0 if behind else self._pause)

    def check(self) -> None:
        """Raises Unavailable, with the way out, when the log is not there or may not be read."""
        if (descriptor := _open(self._path)) is None:
            raise Unavailable(_absent(self._path))
        os.close(descriptor)

    async def close(self) -> None:
        """End the follower and let go of the file."""
        self._stop.set()
        for tail in self._tails:
            tail.close()
        self._tails.clear()

    async def _rest(self, seconds: float) -> None:
        # Not wait_for, which in Python 3.11 may swallow that we are cancelled.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()

    def _read(self) -> list[bytes]:
        """Whole lines that are new; of a file that was renamed too, for its writers may not know it yet."""
        newer = self._newer()
        lines = [line for tail in self._tails for line in tail.lines()]
        if newer is not None:
            self._tails.append(newer)
        for tail in self._tails[:-1]:
            if tail.quiet_for > _LINGER or len(self._tails) > _MOST_TAILS:
                tail.close()
                self._tails.remove(tail)
        return lines

    def _newer(self) -> _Tail | None:
        """The file that has the path now, when it is another than before."""
        if self._tails and self._tails[-1].is_at(self._path):
            return None
        descriptor = _open(self._path)
        # A file that comes after another, or after none, is new from its first line.
        from_start, self._from_start = self._from_start, True
        return None if descriptor is None else _Tail(descriptor, from_start=from_start)


class _Tail:
    """One open log file, and how far it has been read."""

    def __init__(self, descriptor: int, *, from_start: bool) -> None:
        state = os.fstat(descriptor)
        self._descriptor = descriptor
        self._identity = (state.st_dev, state.st_ino)
        self._position = 0 if from_start else state.st_size
        # In the middle of a line there is no telling what it says.
        self._skipping = not from_start and not self._after_line_end()
        self._half = b""
        self._filled = False
        self._grown_at = time.monotonic()

    @property
    def behind(self) -> bool:
        """Whether there was more to read than was read at once."""
        return self._filled

    @property
    def quiet_for(self) -> float:
        """Seconds since it has grown."""
        return time.monotonic() - self._grown_at

    def is_at(self, path: Path) -> bool:
        """Whether it still has that path."""
        try:
            state = os.stat(path)
        except FileNotFoundError:
            # Renamed, and nothing in its place yet: whoever writes still has this one.
            return True
        except OSError as error:
            raise _unavailable(path, error) from error
        return (state.st_dev, state.st_ino) == self._identity

    def lines(self) -> list[bytes]:
        """The next lines that are whole, without their ends; [] when there is nothing new."""
        try:
            self._find_place()
            read = os.pread(self._descriptor, _AT_ONCE, self._position)
        except OSError as error:
            raise Unavailable(f"The mail log cannot be read: {error.strerror}.") from error
        self._filled = len(read) == _AT_ONCE
        if not read:
            return []
        self._position += len(read)
        self._grown_at = time.monotonic()
        return self._split(read)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)

    def _after_line_end(self) -> bool:
        return self._position == 0 or os.pread(self._descriptor, 1, self._position - 1) == b"\n"

    def _find_place(self) -> None:
        size = os.fstat(self._descriptor).st_size
        if size < self._position:
            # Cut, as logrotate's copytruncate does: what is there now is new.
            self._position, self._half, self._skipping = 0, b"", False
        elif size > self._position + _FURTHEST_BEHIND:
            self._position, self._half, self._skipping = size - _FURTHEST_BEHIND, b"", True

    def _split(self, read: bytes) -> list[bytes]:
        lines = (self._half + read).split(b"\n")
        self._half = lines.pop()
        if self._skipping and lines:
            del lines[0]
            self._skipping = False
        if len(self._half) > LONGEST_LINE:
            self._skipping = True
        if self._skipping:
            self._half = b""
        return lines


def mailboxes_of(users: Iterable[str], mailbox_of: MailboxOf) -> set[str]:
    """The mailboxes of users that are known, each asked for by name, then without a detail (RFC 5233)."""
    found = set()
    for user in users:
        mailbox = mailbox_of(user)
        if mailbox is None and "+" in user:
            local, at, domain = user.partition("@")
            mailbox = mailbox_of(local.partition("+")[0] + at + domain)
        if mailbox is not None:
            found.add(mailbox)
    return found


def _users(lines: list[bytes]) -> set[str]:
    return {seen.user for line in lines if (seen := parse(line))}


def _open(path: Path) -> int | None:
    """The file, to be read; None when there is none."""
    try:
        # Not blocking, for a pipe would wait for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unavailable(path, error) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Unavailable(f"{path} is not a file: name the file in which the mail system logs deliveries.")
    return descriptor


def _absent(path: Path) -> str:
    return (
        f"There is no mail log {path}: name the file in which the mail system logs deliveries "
        "(Dovecot's info_log_path, or where syslog puts mail)."
    )


def _unavailable(path: Path, error: OSError) -> Unavailable:
    if isinstance(error, PermissionError):
        return Unavailable(
            f"The mail log {path} may not be read by this user: make them a member of the file's group "
            "(often adm), and see that logrotate keeps group and mode."
        )
    return Unavailable(f"The mail log {path} cannot be read: {error.strerror}.")
