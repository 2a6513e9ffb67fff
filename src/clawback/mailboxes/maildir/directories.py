"""Directories kept open while one bulk of work runs.

Every level below a base is opened without following a link, so that an owner who swaps a directory
for a link cannot lead a privileged clawback elsewhere. Keeping them open makes a rename cost little more
than the bare system call, and lets all touched directories be made durable together at the end.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from clawback.mailboxes.maildir import file_systems
from clawback.mailboxes.maildir.folders import Spot

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MOST = 200
_AT_ONCE = 16
_PRIVATE = 0o700
_Key = tuple[Path, tuple[str, ...]]


class Directories:
    """Open directories by (base, levels). With `sync`, what was touched is durable after `settle`.

    Where many directories are touched, whole file systems are made durable instead, once each.
    """

    def __init__(self, *, sync: bool) -> None:
        self._sync = sync
        self._open: dict[_Key, int] = {}
        self._touched: set[int] = set()
        self._owed: dict[int, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.settle()

    def at(self, spot: Spot, *below: str, make: bool = False) -> int:
        """The open directory of a folder, or one below it; made where missing if `make`."""
        return self._at(spot.base, (*spot.parts, *below), make, spot.given)

    def _at(self, base: Path, parts: tuple[str, ...], make: bool, given: int) -> int:
        found = self._open.get((base, parts))
        if found is not None:
            return found
        if not parts:
            return self._keep((base, ()), self._base(base, make and not given))
        above = self._at(base, parts[:-1], make, given)
        try:
            here = os.open(parts[-1], _FLAGS, dir_fd=above)
        except FileNotFoundError:
            if not make or len(parts) <= given:
                raise
            self._make(above, parts[-1], private=not given)
            here = os.open(parts[-1], _FLAGS, dir_fd=above)
        return self._keep((base, parts), here)

    def _base(self, base: Path, make: bool) -> int:
        if make and not base.is_dir():
            base.parent.mkdir(parents=True, exist_ok=True)
            base.mkdir(_PRIVATE, exist_ok=True)
        return os.open(base, _FLAGS & ~os.O_NOFOLLOW)

    def _keep(self, key: _Key, fd: int) -> int:
        self._open[key] = fd
        return fd

    def _make(self, above: int, name: str, *, private: bool) -> None:
        """Make a directory: private in the vault, elsewhere with the owner and mode of the one above."""
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, _PRIVATE, dir_fd=above)
            if not private:
                like = os.fstat(above)
                os.chmod(name, like.st_mode & 0o7777, dir_fd=above)
                give(above, name, like)
        self.touch(above)

    def touch(self, fd: int) -> None:
        """Note that a directory was changed."""
        self._touched.add(fd)

    def relieve(self) -> None:
        """Let go if many directories are open. Only between two pieces of work: it closes them all.

        What was touched becomes durable with the next `settle`.
        """
        if len(self._open) < _MOST:
            return
        if self._sync and not file_systems.can_sync():
            self.settle()
            return
        if self._sync:
            self._owe()
        self._close()

    def settle(self) -> None:
        """Make all changes durable and let go of everything."""
        try:
            if self._sync and self._owed:
                self._owe()
                for fd in self._owed.values():
                    file_systems.sync(fd)
            elif self._sync and self._touched:
                _make_durable(self._touched)
        finally:
            for fd in self._owed.values():
                os.close(fd)
            self._owed = {}
            self._close()

    def _owe(self) -> None:
        """Keep one directory of each file system that was touched."""
        for fd in self._touched:
            device = os.fstat(fd).st_dev
            if device not in self._owed:
                self._owed[device] = os.dup(fd)

    def _close(self) -> None:
        opened, self._open, self._touched = self._open, {}, set()
        for fd in opened.values():
            os.close(fd)


def _make_durable(touched: Collection[int]) -> None:
    """Sync directories, many at once: then the disk merges their flushes (10 to 40 times faster on ext4)."""
    with ThreadPoolExecutor(min(_AT_ONCE, len(touched))) as threads:
        for _ in threads.map(os.fsync, touched):
            pass


def give(directory: int, name: str, like: os.stat_result) -> None:
    """Give a file to the owner of another; without the right to, it stays ours."""
    if (like.st_uid, like.st_gid) != (os.geteuid(), os.getegid()):
        with contextlib.suppress(PermissionError):
            os.chown(name, like.st_uid, like.st_gid, dir_fd=directory, follow_symlinks=False)
