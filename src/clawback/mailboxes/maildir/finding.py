"""Finding copies in one mailbox: at the handle, else by native id, else by their bytes."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Mapping

from clawback.errors import Unavailable
from clawback.mailboxes import folder_names
from clawback.mailboxes.base import Wanted
from clawback.mailboxes.maildir import names
from clawback.mailboxes.maildir.contents import Found, Home, Names, by_native_id, file_stat, files, observed
from clawback.mailboxes.maildir.directories import Directories
from clawback.mailboxes.maildir.folders import Spot
from clawback.mailboxes.maildir.listing import mtimes_of
from clawback.message.delivery import Observed

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LOOKS = 4
Folders = Mapping[str, Spot]
Entry = tuple[str, str, Found]
"""Folder, native id, file."""


class Finder:
    """Looks through one mailbox. `spot_of` gives the place of any folder, `all_folders` those there are."""

    def __init__(
        self,
        directories: Directories,
        source: str,
        mailbox: str,
        spot_of: Callable[[str], Spot],
        all_folders: Callable[[], Folders],
    ) -> None:
        self._directories = directories
        self._source = source
        self._mailbox = mailbox
        self._spot_of = spot_of
        self._all_folders = all_folders
        self._ids: dict[str, dict[str, Found]] = {}
        self._names: dict[str, Names] = {}
        self._whole: Whole | None = None

    def find(self, wanted: Wanted) -> tuple[Observed, ...]:
        """Every place where the copy is now. Raises Unavailable when the mailbox never holds still."""
        at_handle = self._at_handle(wanted)
        if at_handle:
            return (at_handle,)
        places = self._places(wanted, self._whole or self._look())
        if not places:
            # Only a fresh look can say that a copy is nowhere.
            places = self._places(wanted, whole := self._look())
            if not places and not whole.steady:
                raise Unavailable(f"the mailbox {self._mailbox} changes while it is looked through")
        return places

    def _places(self, wanted: Wanted, whole: Whole) -> tuple[Observed, ...]:
        entries = whole.named(wanted) or whole.holding(wanted)
        return tuple(filter(None, (self._observed(entry) for entry in entries)))

    def _at_handle(self, wanted: Wanted) -> Observed | None:
        handle = wanted.handle
        seen = self._observed((handle.folder, handle.native_id, Found(*names.located(handle))), wanted.size)
        if seen:
            return seen
        spot = self._spot_of(handle.folder)
        if handle.folder not in self._ids:
            self._ids[handle.folder] = by_native_id(files(self._directories, spot))
        file = self._ids[handle.folder].get(handle.native_id)
        return self._observed((handle.folder, handle.native_id, file), wanted.size) if file else None

    def _observed(self, entry: Entry, size: int = -1) -> Observed | None:
        folder, native_id, file = entry
        spot = self._spot_of(folder)
        try:
            found = file_stat(self._directories.at(spot, file.sub), file.name)
        except FileNotFoundError:
            return None
        if size >= 0 and size not in (found.st_size, names.size_in(file.name)):
            return None
        home = Home(self._source, self._mailbox, folder, folder_names.location_of(folder))
        named = self._names.setdefault(folder, Names(self._directories, spot))
        flags = named.flags(names.split(file.name)[1])
        return observed(home, native_id, file, found, flags)

    def _look(self) -> Whole:
        for _ in range(_LOOKS):
            folders = self._all_folders()
            before = {folder: mtimes_of(self._directories, spot) for folder, spot in folders.items()}
            whole = Whole(self._directories, folders)
            after = {folder: mtimes_of(self._directories, s) for folder, s in self._all_folders().items()}
            whole.steady = before == after
            if whole.steady:
                break
        self._whole = whole
        return whole


class Whole:
    """All files of a mailbox as one look saw them; `steady` unless it was changed at the same time."""

    def __init__(self, directories: Directories, folders: Folders) -> None:
        self._directories = directories
        self._folders = folders
        self._by_size: dict[int, list[Entry]] | None = None
        self._digests: dict[Entry, str] = {}
        self.steady = True
        self._entries = [
            (folder, native_id, file)
            for folder, spot in folders.items()
            for native_id, file in by_native_id(files(directories, spot)).items()
        ]
        self._by_id: dict[str, list[Entry]] = defaultdict(list)
        for entry in self._entries:
            self._by_id[entry[1]].append(entry)

    def named(self, wanted: Wanted) -> list[Entry]:
        """The files with the native id of the wanted copy, if their bytes are the same too."""
        return [
            e for e in self._by_id.get(wanted.handle.native_id, ()) if self._digest(e) == wanted.raw_sha256
        ]

    def holding(self, wanted: Wanted) -> list[Entry]:
        """The files with the bytes of the wanted copy."""
        if self._by_size is None:
            self._by_size = defaultdict(list)
            for entry in self._entries:
                self._by_size[self._size(entry)].append(entry)
        return [e for e in self._by_size.get(wanted.size, ()) if self._digest(e) == wanted.raw_sha256]

    def _size(self, entry: Entry) -> int:
        folder, _, file = entry
        try:
            return file_stat(self._directories.at(self._folders[folder], file.sub), file.name).st_size
        except FileNotFoundError:
            return -1

    def _digest(self, entry: Entry) -> str:
        if entry not in self._digests:
            self._digests[entry] = self._hash(entry)
        return self._digests[entry]

    def _hash(self, entry: Entry) -> str:
        folder, _, file = entry
        try:
            fd = os.open(file.name, _FLAGS, dir_fd=self._directories.at(self._folders[folder], file.sub))
        except FileNotFoundError:
            return ""
        with open(fd, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
