"""Keywords: the letters a to z in a file's info, named by the folder's ``dovecot-keywords`` file.

Each line of the file is ``index name``, index 0 being the letter a. Dovecot replaces the file while it
holds the folder's ``dovecot-uidlist.lock``, re-reads it when its mtime (in whole seconds) differs, and calls
a letter without a name ``unknown-<index>``. Names are equal without regard to case. The vault's folders
have such a file too, so that keywords keep their names even if the folder of origin vanishes.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterator, Mapping

from clawback.errors import CapabilityMissing, Unavailable

FILE = "dovecot-keywords"
_LOCK = "dovecot-uidlist.lock"
_LOCK_WAIT = 3.0
_LOCK_STALE = 120.0
_LARGEST = 65536
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def read(directory: int) -> dict[str, str]:
    """Letter to name, as the folder's file has it; empty without a file."""
    try:
        fd = os.open(FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
    except FileNotFoundError:
        return {}
    with open(fd, "rb") as file:
        return parse(file.read(_LARGEST))


def parse(content: bytes) -> dict[str, str]:
    """The names in a ``dovecot-keywords`` file; lines that make no sense are passed over."""
    names: dict[str, str] = {}
    for line in content.decode("utf-8", "surrogateescape").split("\n"):
        index, _, name = line.partition(" ")
        if name and index.isdecimal() and index.isascii() and len(index) < 3 and int(index) < len(_LETTERS):
            names[_LETTERS[int(index)]] = name
    return names


def name_of(letter: str, names: Mapping[str, str]) -> str:
    """The keyword that a letter stands for."""
    return names.get(letter) or f"unknown-{_LETTERS.index(letter)}"


class Translation:
    """Letters of one folder into letters of another by their names; new names are added to the other.

    With `private` the other folder is the vault's: there each letter keeps itself if it can, named or not,
    so that there and back is exact. In an owner's folder a new name takes the first free letter, as
    Dovecot has it, and a letter without a name needs none unless it would get another meaning.
    """

    def __init__(self, source: Mapping[str, str], target: int, *, private: bool = False) -> None:
        self._source = source
        self._target = target
        self._private = private
        self._names: Mapping[str, str] | None = None
        self._done: dict[str, str] = {}

    def of(self, letters: str) -> str:
        """The same keywords in the target's letters. Raises CapabilityMissing when it has no letter left."""
        if any(letter not in self._done for letter in letters):
            self._learn(letters)
        return "".join(self._done[letter] for letter in letters)

    def _learn(self, letters: str) -> None:
        wanted = {letter: name_of(letter, self._source) for letter in letters if letter not in self._done}
        if self._names is None:
            self._names = read(self._target)
        found, missing = _match(wanted, self._names, self._private)
        if missing:
            with lock(self._target):
                names = read(self._target)
                found, missing = _match(wanted, names, self._private)
                added = _choose(missing, names, self._private)
                self._names = names | {letter: missing[old] for old, letter in added.items()}
                if added:
                    write(self._target, self._names)
                found |= added
        self._done |= found


def letters_for(directory: int, keywords: list[str]) -> str:
    """The letters for keywords in a folder, naming new ones where needed."""
    if not keywords:
        return ""
    numbered = dict(enumerate(keywords[: len(_LETTERS) + 1]))
    if len(numbered) > len(_LETTERS):
        raise CapabilityMissing(f"a Maildir keeps {len(_LETTERS)} keywords, not {len(keywords)}")
    source = {_LETTERS[i]: name for i, name in numbered.items()}
    return Translation(source, directory).of("".join(source))


def _match(
    wanted: Mapping[str, str], names: Mapping[str, str], private: bool
) -> tuple[dict[str, str], dict[str, str]]:
    """Letters whose keyword the target knows, and those it must learn."""
    by_name = {name.casefold(): letter for letter, name in names.items()}
    found: dict[str, str] = {}
    missing: dict[str, str] = {}
    for letter, name in wanted.items():
        nameless = not private and letter not in names and name == name_of(letter, {})
        target = letter if nameless else by_name.get(name.casefold())
        if target:
            found[letter] = target
        else:
            missing[letter] = name
    return found, missing


def _choose(missing: Mapping[str, str], names: Mapping[str, str], own: bool) -> dict[str, str]:
    """A free letter for each missing name; with `own`, its own one first."""
    chosen: dict[str, str] = {}
    by_name: dict[str, str] = {}
    for letter, name in missing.items():
        taken = {*names, *chosen.values()}
        if name.casefold() in by_name:
            chosen[letter] = by_name[name.casefold()]
            continue
        free = letter if own and letter not in taken else next((x for x in _LETTERS if x not in taken), "")
        if not free:
            raise CapabilityMissing(f"the folder has no letter left for the keyword {name!r}")
        chosen[letter] = by_name[name.casefold()] = free
    return chosen


def write(directory: int, names: Mapping[str, str]) -> None:
    """Replace the folder's file in one step; its mtime grows by whole seconds, or Dovecot would not look."""
    lines = "".join(f"{_LETTERS.index(letter)} {names[letter]}\n" for letter in sorted(names))
    temporary = f"{FILE}.clawback.{os.getpid()}.{time.time_ns()}"
    like = _stat(FILE, directory) or os.fstat(directory)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(temporary, flags, like.st_mode & 0o666, dir_fd=directory)
    try:
        with open(fd, "wb") as file:
            file.write(lines.encode("utf-8", "surrogateescape"))
            file.flush()
            if os.geteuid() == 0:
                os.fchown(fd, like.st_uid, like.st_gid)
            before = _stat(FILE, directory)
            if before:
                later = max(time.time(), int(before.st_mtime) + 1)
                os.utime(fd, (later, later))
            os.fsync(fd)
        os.rename(temporary, FILE, src_dir_fd=directory, dst_dir_fd=directory)
    except OSError:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=directory)
        raise


def _stat(name: str, directory: int) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def lock(directory: int, wait: float = _LOCK_WAIT) -> Iterator[None]:
    """Hold the lock under which Dovecot changes the file. Raises Unavailable if it stays taken."""
    until = time.monotonic() + wait
    while not _taken(directory):
        if time.monotonic() > until:
            raise Unavailable(f"{_LOCK} is held by somebody else")
        time.sleep(0.02)
    try:
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(_LOCK, dir_fd=directory)


def _taken(directory: int) -> bool:
    """Try to take the lock, which from its first moment says whose it is."""
    temporary = f"{_LOCK}.clawback.{os.getpid()}.{time.time_ns()}"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=directory)
    try:
        with open(fd, "wb") as file:
            file.write(f"{os.getpid()}:{socket.gethostname()}".encode())
        os.link(temporary, _LOCK, src_dir_fd=directory, dst_dir_fd=directory)
        return True
    except FileExistsError:
        if _abandoned(directory):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(_LOCK, dir_fd=directory)
        return False
    finally:
        os.unlink(temporary, dir_fd=directory)


def _abandoned(directory: int) -> bool:
    """Whether a lock is too old, or belongs to a process of this host that is no more, as Dovecot has it."""
    try:
        with open(os.open(_LOCK, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory), "rb") as file:
            held = os.fstat(file.fileno())
            pid, _, host = file.read(300).decode("utf-8", "replace").partition(":")
    except FileNotFoundError:
        return False
    if time.time() - held.st_mtime > _LOCK_STALE:
        return True
    return host == socket.gethostname() and pid.isdecimal() and _is_dead(int(pid[:9]))


def _is_dead(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
