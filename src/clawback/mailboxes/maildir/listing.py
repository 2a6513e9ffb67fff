"""Listing a mailbox: every folder with its copies, unchanged ones spared by their cursors.

A cursor is made of the mtimes of ``new``, ``cur`` and ``dovecot-keywords`` and of the time it was made
at. Mtimes move in steps of some milliseconds (or 2 s), so a folder touched shortly before its cursor was
made is looked at again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from clawback.mailboxes import folder_names
from clawback.mailboxes.base import FolderListing
from clawback.mailboxes.maildir import keywords, names
from clawback.mailboxes.maildir.contents import Home, Names, by_native_id, file_stat, files, observed
from clawback.mailboxes.maildir.directories import Directories
from clawback.mailboxes.maildir.folders import Spot
from clawback.message.delivery import Observed

_SETTLED = 2 * 10**9
_LOOKS = 10
_PAUSE = 0.005
Mtimes = tuple[int, int, int]


def list_folder(
    directories: Directories, spot: Spot, source: str, mailbox: str, folder: str, cursor: str
) -> FolderListing | None:
    """One folder as it is now; None when it has vanished."""
    home = Home(source, mailbox, folder, folder_names.location_of(folder))
    for look in range(_LOOKS):
        made_at = time.time_ns()
        mtimes = mtimes_of(directories, spot)
        if mtimes is None:
            return None
        if _unchanged(cursor, mtimes):
            return FolderListing(folder, cursor, None)
        copies = tuple(_copies(directories, spot, home))
        # A file renamed while its directory is read may be seen twice or not at all.
        if look == _LOOKS - 1 or mtimes_of(directories, spot) == mtimes:
            return FolderListing(folder, _cursor(mtimes, made_at), copies)
        time.sleep(look * _PAUSE)
    return None


def mtimes_of(directories: Directories, spot: Spot) -> Mtimes | None:
    """When the folder's parts were last changed (0: there is no such part); None for no folder."""
    try:
        here = directories.at(spot)
    except FileNotFoundError:
        return None
    new, cur, named = (_mtime(here, name) for name in ("new", "cur", keywords.FILE))
    return None if new == cur == 0 else (new, cur, named)


def _mtime(directory: int, name: str) -> int:
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False).st_mtime_ns
    except FileNotFoundError:
        return 0


def _cursor(mtimes: Mtimes, made_at: int) -> str:
    return f"{mtimes[0]}.{mtimes[1]}.{mtimes[2]}@{made_at}"


def _unchanged(cursor: str, mtimes: Mtimes) -> bool:
    stated, _, made_at = cursor.partition("@")
    if not made_at.isdecimal() or stated != f"{mtimes[0]}.{mtimes[1]}.{mtimes[2]}":
        return False
    return max(mtimes) < int(made_at) - _SETTLED


def _copies(directories: Directories, spot: Spot, home: Home) -> Iterator[Observed]:
    named = Names(directories, spot)
    for native_id, file in by_native_id(files(directories, spot)).items():
        try:
            found = file_stat(directories.at(spot, file.sub), file.name)
        except FileNotFoundError:
            continue
        yield observed(home, native_id, file, found, named.flags(names.split(file.name)[1]))
