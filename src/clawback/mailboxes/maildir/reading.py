"""Reading copies."""

from __future__ import annotations

import os
import stat

from clawback.errors import CapabilityMissing, HandleStale
from clawback.mailboxes.base import RawMessage
from clawback.mailboxes.maildir import names
from clawback.mailboxes.maildir.contents import Found, Home, Names, observed
from clawback.mailboxes.maildir.directories import Directories
from clawback.mailboxes.maildir.folders import Spot
from clawback.mailboxes.maildir.searching import Search
from clawback.message.delivery import Handle

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_TRIES = 4


class Reader:
    """Reads copies of one folder, each up to `largest` bytes."""

    def __init__(self, directories: Directories, spot: Spot, home: Home, largest: int) -> None:
        self._directories = directories
        self._spot = spot
        self._home = home
        self._largest = largest
        self._search = Search(directories, spot)
        self._names = Names(directories, spot)

    def read(self, handle: Handle) -> RawMessage:
        """The bytes of a copy. Raises HandleStale, and CapabilityMissing for one that is too large."""
        file = self._search.named(handle)
        for _ in range(_TRIES):
            try:
                return self._open(handle, file)
            except FileNotFoundError:
                file = self._search.other_than(handle, file)
        raise HandleStale(f"the copy in {handle.folder} of {handle.mailbox} changes its name all the time")

    def _open(self, handle: Handle, file: Found) -> RawMessage:
        fd = os.open(file.name, _FLAGS, dir_fd=self._directories.at(self._spot, file.sub))
        with open(fd, "rb") as stream:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode):
                raise HandleStale("what the handle points at is no message")
            content = stream.read(self._largest + 1) if found.st_size <= self._largest else b""
        if found.st_size > self._largest or len(content) > self._largest:
            raise CapabilityMissing(f"the copy has {found.st_size:,} bytes; the limit is {self._largest:,}")
        flags = self._names.flags(names.split(file.name)[1])
        return RawMessage(observed(self._home, handle.native_id, file, found, flags), content)
