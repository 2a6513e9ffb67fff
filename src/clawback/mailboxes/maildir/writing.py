"""Deleting copies for good, and putting back copies from their bytes."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from datetime import datetime

from clawback.errors import HandleStale
from clawback.mailboxes.maildir import keywords, names
from clawback.mailboxes.maildir.contents import Found, Home, Names, file_stat, observed
from clawback.mailboxes.maildir.directories import Directories
from clawback.mailboxes.maildir.folders import Spot
from clawback.mailboxes.maildir.making import make_folder
from clawback.mailboxes.maildir.renaming import rename
from clawback.mailboxes.maildir.searching import Search
from clawback.message.delivery import Handle, Observed

_MAKE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_TRIES = 4


class Deleter:
    """Deletes copies of one folder."""

    def __init__(self, directories: Directories, spot: Spot, home: Home) -> None:
        self._directories = directories
        self._spot = spot
        self._home = home
        self._search = Search(directories, spot)
        self._names = Names(directories, spot)

    def delete(self, handle: Handle) -> Observed:
        """Delete one copy; answers it as it was. Raises HandleStale when it is no longer in the folder."""
        file = self._search.named(handle)
        for _ in range(_TRIES):
            try:
                return self._delete(handle, file)
            except FileNotFoundError:
                file = self._search.other_than(handle, file)
        raise HandleStale(f"the copy in {handle.folder} of {handle.mailbox} changes its name all the time")

    def _delete(self, handle: Handle, file: Found) -> Observed:
        directory = self._directories.at(self._spot, file.sub)
        found = file_stat(directory, file.name)
        flags = self._names.flags(names.split(file.name)[1])
        os.unlink(file.name, dir_fd=directory)
        self._directories.touch(directory)
        return observed(self._home, handle.native_id, file, found, flags)


def append(
    directories: Directories, spot: Spot, home: Home, content: bytes, flags: Iterable[str], date: datetime
) -> Observed:
    """Put bytes into a folder's ``cur`` as one new file, whole or not at all."""
    make_folder(directories, spot)
    here, tmp, cur = (directories.at(spot, *below, make=True) for below in ((), ("tmp",), ("cur",)))
    words = sorted({flag for flag in flags if not flag.startswith("\\")})
    info = names.info_of(flags, keywords.letters_for(here, words))
    base = names.fresh(len(content))
    _write(tmp, base, content, date, os.fstat(here))
    try:
        rename(base, base + info, tmp, cur)
    except OSError:
        os.unlink(base, dir_fd=tmp)
        raise
    directories.touch(cur)
    kept = Names(directories, spot).flags(info)
    return observed(home, base, Found("cur", base + info), file_stat(cur, base + info), kept)


def _write(tmp: int, name: str, content: bytes, date: datetime, like: os.stat_result) -> None:
    """A whole, durable file in ``tmp`` that belongs to the folder's owner."""
    fd = os.open(name, _MAKE, 0o600, dir_fd=tmp)
    try:
        with open(fd, "wb") as file:
            file.write(content)
            file.flush()
            if os.geteuid() == 0:
                os.fchown(fd, like.st_uid, like.st_gid)
            os.utime(fd, ns=(time.time_ns(), names.mtime_ns(date)))
            os.fsync(fd)
    except OSError:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=tmp)
        raise
