"""Moving copies of one folder to another by renaming their files.

Nothing about a file changes but its directory: sub-directory, name, mtime and owner stay, so that a move
back is exact. Only keyword letters are translated where the two folders name them differently.
"""

from __future__ import annotations

import errno
from typing import Protocol

from clawback.errors import HandleStale, Unavailable
from clawback.mailboxes.maildir import keywords, names
from clawback.mailboxes.maildir.contents import Found, Home, Names, file_stat, observed
from clawback.mailboxes.maildir.crossing import Crossing, carry_over
from clawback.mailboxes.maildir.directories import Directories
from clawback.mailboxes.maildir.folders import Spot
from clawback.mailboxes.maildir.making import make_folder
from clawback.mailboxes.maildir.renaming import rename
from clawback.mailboxes.maildir.searching import Search
from clawback.message.delivery import Handle, Observed

_TRIES = 4
_SUFFIXES = 100


class Rename(Protocol):
    """How a file gets from one open directory to another; a crossing of file systems raises EXDEV."""

    def __call__(self, old: str, new: str, source: int, target: int) -> None: ...


class Mover:
    """Moves copies from `source` to `target`, where they are at `home`."""

    def __init__(
        self, directories: Directories, source: Spot, target: Spot, home: Home, by: Rename = rename
    ) -> None:
        self._directories = directories
        self._source = source
        self._target = target
        self._stays = source == target
        self._home = home
        self._rename = by
        self._search = Search(directories, source)
        self._names = Names(directories, source)
        self._ready: dict[str, tuple[int, int]] = {}
        self._translation: keywords.Translation | None = None

    def move(self, handle: Handle) -> Observed:
        """Move one copy. Raises HandleStale when it is no longer in the folder, OSError as it comes."""
        file = self._search.named(handle)
        for _ in range(_TRIES):
            try:
                return self._move(handle, file)
            except FileNotFoundError:
                file = self._search.other_than(handle, file)
        raise HandleStale(f"the copy in {handle.folder} of {handle.mailbox} changes its name all the time")

    def _move(self, handle: Handle, file: Found) -> Observed:
        found = file_stat(self._directories.at(self._source, file.sub), file.name)
        base, info = names.split(file.name)
        if self._stays:
            return observed(self._home, handle.native_id, file, found, self._names.flags(info))
        source, target = self._ready.get(file.sub) or self._make_ready(file.sub)
        letters = names.keyword_letters(info)
        wanted = base + names.with_keywords(info, self._translated(letters)) if letters else file.name
        name = self._rename_to(file, wanted, source, target)
        return observed(
            self._home, names.split(name)[0], Found(file.sub, name), found, self._names.flags(info)
        )

    def _make_ready(self, sub: str) -> tuple[int, int]:
        """The sub-directory here and there, made where it is missing."""
        make_folder(self._directories, self._target)
        source = self._directories.at(self._source, sub)
        target = self._directories.at(self._target, sub, make=True)
        self._directories.touch(source)
        self._directories.touch(target)
        self._ready[sub] = source, target
        return source, target

    def _translated(self, letters: str) -> str:
        if self._translation is None:
            target = self._directories.at(self._target)
            self._translation = keywords.Translation(self._names.all(), target, private=self._target.vault)
        return self._translation.of(letters)

    def _rename_to(self, file: Found, wanted: str, source: int, target: int) -> str:
        """Give the file its place there, under another unique name should that be taken."""
        name = wanted
        for number in range(1, _SUFFIXES):
            try:
                self._rename(file.name, name, source, target)
                return name
            except FileExistsError:
                name = names.suffixed(wanted, number)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                temporary = self._directories.at(self._target, "tmp", make=True)
                return carry_over(file.name, wanted, Crossing(source, temporary, target))
        raise Unavailable(f"too many files are called like {wanted} in {self._home.folder}")
