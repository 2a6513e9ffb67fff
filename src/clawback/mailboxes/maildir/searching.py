"""Laying the hand on the file of a handle, even when its owner has changed its flags meanwhile."""

from __future__ import annotations

from clawback.errors import HandleStale
from clawback.mailboxes.maildir import names
from clawback.mailboxes.maildir.contents import Found, by_native_id, files
from clawback.mailboxes.maildir.directories import Directories
from clawback.mailboxes.maildir.folders import Spot
from clawback.message.delivery import Handle


class Search:
    """The files of one folder, looked through once and again only when that was too early."""

    def __init__(self, directories: Directories, spot: Spot) -> None:
        self._directories = directories
        self._spot = spot
        self._files: dict[str, Found] | None = None

    def named(self, handle: Handle) -> Found:
        """The file as the handle has it."""
        return Found(*names.located(handle))

    def other_than(self, handle: Handle, tried: Found) -> Found:
        """The same file under the name it has now. Raises HandleStale when it is not in the folder."""
        for again in (False, True):
            if self._files is None or again:
                self._files = by_native_id(files(self._directories, self._spot))
            found = self._files.get(handle.native_id)
            if found and found != tried:
                return found
        raise HandleStale(f"the copy is no longer in {handle.folder} of {handle.mailbox}")
