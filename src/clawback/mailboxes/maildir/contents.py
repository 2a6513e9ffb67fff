"""What lies in one folder: its files by sub-directory, and the copies they are."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from clawback.mailboxes.maildir import keywords, names
from clawback.mailboxes.maildir.directories import Directories
from clawback.mailboxes.maildir.folders import Spot
from clawback.message.delivery import DeliveryLocation, Handle, Observed


@dataclass(frozen=True, slots=True)
class Home:
    """What all copies of one folder have in common."""

    source: str
    mailbox: str
    folder: str
    location: DeliveryLocation


@dataclass(frozen=True, slots=True)
class Found:
    """One file: in which sub-directory, under which name."""

    sub: str
    name: str


def files(directories: Directories, spot: Spot) -> Iterator[Found]:
    """The files of a folder as one pass over its directories sees them, those in ``cur`` first."""
    for sub in names.SUBS:
        try:
            directory = directories.at(spot, sub)
        except FileNotFoundError:
            continue
        with os.scandir(directory) as entries:
            found = sorted(e.name for e in entries if e.name[0] != "." and e.is_file(follow_symlinks=False))
        yield from (Found(sub, name) for name in found)


def by_native_id(found: Iterator[Found]) -> dict[str, Found]:
    """Files by what tells them apart: the base name, or where that stands twice, the whole name."""
    files_of: dict[str, Found] = {}
    for file in found:
        base = names.split(file.name)[0]
        files_of[f"{file.sub}/{file.name}" if base in files_of else base] = file
    return files_of


def file_stat(directory: int, name: str) -> os.stat_result:
    """The stat of a file. Raises FileNotFoundError for what is no regular file."""
    found = os.stat(name, dir_fd=directory, follow_symlinks=False)
    if not stat.S_ISREG(found.st_mode):
        raise FileNotFoundError(2, "not a regular file", name)
    return found


def flags_of(info: str, named: Mapping[str, str]) -> frozenset[str]:
    """The flags and keywords of an info, in a folder that names its letters so."""
    flags = names.system_flags(info)
    letters = names.keyword_letters(info)
    return flags.union(keywords.name_of(letter, named) for letter in letters) if letters else flags


def observed(
    home: Home, native_id: str, file: Found, found: os.stat_result, flags: frozenset[str]
) -> Observed:
    """The copy that a file is; its size is what its name states, else its length."""
    size = names.size_in(file.name)
    return Observed(
        Handle(home.source, home.mailbox, home.folder, native_id, f"{file.sub}/{names.split(file.name)[1]}"),
        home.location,
        found.st_size if size is None else size,
        flags,
        names.internal_date(found.st_mtime_ns),
    )


class Names:
    """The keywords of one folder, read once and only when a file has letters."""

    def __init__(self, directories: Directories, spot: Spot) -> None:
        self._directories = directories
        self._spot = spot
        self._read: Mapping[str, str] | None = None

    def flags(self, info: str) -> frozenset[str]:
        """The flags and keywords of an info."""
        return flags_of(info, self.all() if names.keyword_letters(info) else {})

    def all(self) -> Mapping[str, str]:
        """Letter to name."""
        if self._read is None:
            self._read = keywords.read(self._directories.at(self._spot))
        return self._read
