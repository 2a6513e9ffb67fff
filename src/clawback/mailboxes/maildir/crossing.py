"""Taking a file to another file system: copied, made durable, put in place, then removed here.

A crash in between leaves either only the original, or the original and a complete twin; doing it again
finds the twin by its base name and bytes, and only the last step is left to do.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from dataclasses import dataclass

from clawback.errors import Unavailable
from clawback.mailboxes.maildir import names
from clawback.mailboxes.maildir.renaming import rename

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MAKE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK = 1 << 20
_SUFFIXES = 100
_ABANDONED = 36 * 3600
"""Seconds after which a file in ``tmp`` belongs to nobody, as the author of Maildir has it."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """Three open directories: where the file is, where its twin grows, where that belongs."""

    source: int
    temporary: int
    target: int


def carry_over(old: str, wanted: str, crossing: Crossing) -> str:
    """Take the file `old` across; answers the name it got, `wanted` unless that was taken.

    Raises FileNotFoundError when the original got another name meanwhile: then no twin is left.
    """
    name = _twin(old, wanted, crossing)
    if name is None:
        _sweep(crossing.temporary)
        name = _put(_copy(old, crossing), wanted, crossing)
    elif name != wanted:
        rename(name, wanted, crossing.target, crossing.target)
        name = wanted
    os.fsync(crossing.target)
    try:
        os.unlink(old, dir_fd=crossing.source)
    except FileNotFoundError:
        os.unlink(name, dir_fd=crossing.target)
        raise
    return name


def _twin(old: str, wanted: str, crossing: Crossing) -> str | None:
    """The complete copy that an earlier try left, whatever flags the original has got since."""
    base = names.split(wanted)[0]
    with os.scandir(crossing.target) as entries:
        candidates = [e.name for e in entries if names.split(e.name)[0] == base]
    return next((n for n in candidates if _same(old, n, crossing)), None)


def _same(old: str, new: str, crossing: Crossing) -> bool:
    with (
        open(os.open(old, _READ, dir_fd=crossing.source), "rb") as here,
        open(os.open(new, _READ, dir_fd=crossing.target), "rb") as there,
    ):
        if os.fstat(here.fileno()).st_size != os.fstat(there.fileno()).st_size:
            return False
        while block := here.read(_CHUNK):
            if block != there.read(_CHUNK):
                return False
        return True


def _copy(old: str, crossing: Crossing) -> str:
    """A durable copy in ``tmp``, with the owner, mode and mtime of the original."""
    temporary = f"{time.time_ns()}.{os.getpid()}.{secrets.token_hex(8)}"
    with open(os.open(old, _READ, dir_fd=crossing.source), "rb") as here:
        like = os.fstat(here.fileno())
        try:
            fd = os.open(temporary, _MAKE, like.st_mode & 0o777, dir_fd=crossing.temporary)
            with open(fd, "wb") as there:
                shutil.copyfileobj(here, there, _CHUNK)
                there.flush()
                if os.geteuid() == 0:
                    os.fchown(fd, like.st_uid, like.st_gid)
                os.utime(fd, ns=(like.st_atime_ns, like.st_mtime_ns))
                os.fsync(fd)
        except OSError:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=crossing.temporary)
            raise
    return temporary


def _put(temporary: str, wanted: str, crossing: Crossing) -> str:
    name = wanted
    for number in range(1, _SUFFIXES):
        try:
            rename(temporary, name, crossing.temporary, crossing.target)
            return name
        except FileExistsError:
            name = names.suffixed(wanted, number)
    os.unlink(temporary, dir_fd=crossing.temporary)
    raise Unavailable(f"too many files are called like {wanted}")


def _sweep(temporary: int) -> None:
    """Remove what a crash long ago left behind."""
    with os.scandir(temporary) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError, IsADirectoryError):
                if time.time() - entry.stat(follow_symlinks=False).st_ctime > _ABANDONED:
                    os.unlink(entry.name, dir_fd=temporary)
