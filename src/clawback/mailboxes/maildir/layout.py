"""Where below the root each mailbox lies, and whose it is."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from clawback.errors import BadSettings, Gone

_WORDS = re.compile(r"\{(.*?)\}")


class Layout:
    """A path such as ``{domain}/{user}/Maildir`` and an address such as ``{user}@{domain}``, both ways."""

    def __init__(self, layout: str, address: str) -> None:
        self._levels = tuple(layout.strip("/").split("/"))
        self._address = address
        self._check(layout)
        self._patterns = tuple(_pattern(level) for level in self._levels)
        self._owner = _pattern(address, "[^/\0]+")
        self.parts_of = lru_cache(maxsize=65536)(self._parts_of)

    def _check(self, layout: str) -> None:
        if any(level in ("", ".", "..") for level in self._levels):
            raise BadSettings(f"layout {layout!r} must be a path below the root")
        used, owner = set(_WORDS.findall(layout)), set(_WORDS.findall(self._address))
        strange = (used | owner) - {"user", "domain"}
        if strange or "user" not in used:
            raise BadSettings(
                f"layout {layout!r} and address {self._address!r} know {{user}} and {{domain}} only"
            )
        if used != owner:
            raise BadSettings(f"layout {layout!r} and address {self._address!r} must name the same things")

    @property
    def depth(self) -> int:
        """Levels between the root and a Maildir."""
        return len(self._levels)

    def _parts_of(self, mailbox: str) -> tuple[str, ...]:
        """The levels below the root at which a mailbox lies. Raises Gone when it can be none of ours."""
        found = self._owner.fullmatch(mailbox)
        words = found.groupdict() if found else {}
        parts = tuple(_fill(level, words) for level in self._levels) if found else ()
        if not parts or any(map(_escapes, self._levels, parts)):
            raise Gone(f"{mailbox!r} is no mailbox of this source")
        return parts

    def words_of(self, mailbox: str) -> dict[str, str]:
        """What ``{user}`` and ``{domain}`` are in a mailbox's address; empty when it is none of ours."""
        found = self._owner.fullmatch(mailbox)
        return found.groupdict() if found else {}

    def discover(self, root: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Every mailbox (address, levels below the root) that exists; links are not followed."""
        for mailbox, parts in self.levels(root):
            if mailbox and _is_maildir(os.path.join(root, *parts)):
                yield mailbox, parts

    def levels(self, root: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Every directory on the way to a mailbox ("") and every place of one (address), the root first."""
        yield from self._walk(root, (), {})

    def fits(self, level: int, name: str) -> bool:
        """Whether a directory so many levels below the root may be on the way to a mailbox."""
        if level >= len(self._levels):
            return False
        return bool(self._patterns[level].fullmatch(name)) and not _escapes(self._levels[level], name)

    def _walk(
        self, root: Path, parts: tuple[str, ...], known: dict[str, str]
    ) -> Iterator[tuple[str, tuple[str, ...]]]:
        if len(parts) == self.depth:
            mailbox = _fill(self._address, known)
            if self._is_ours(mailbox, parts):
                yield mailbox, parts
            return
        yield "", parts
        level, pattern = self._levels[len(parts)], self._patterns[len(parts)]
        for name in _folders(os.path.join(root, *parts)):
            words = _agreeing(pattern, name, known)
            if words is not None and not _escapes(level, name):
                yield from self._walk(root, (*parts, name), known | words)

    def _is_ours(self, mailbox: str, parts: tuple[str, ...]) -> bool:
        found = self._owner.fullmatch(mailbox)
        return bool(found) and self.parts_of(mailbox) == parts


def _pattern(template: str, word: str = "[^/\0]+") -> re.Pattern[str]:
    """A template as a pattern; a word that stands twice must be the same twice."""
    out: list[str] = []
    seen: set[str] = set()
    for i, piece in enumerate(_WORDS.split(template)):
        if i % 2 == 0:
            out.append(re.escape(piece))
        else:
            out.append(f"(?P={piece})" if piece in seen else f"(?P<{piece}>{word})")
            seen.add(piece)
    return re.compile("".join(out), re.DOTALL)


def _agreeing(pattern: re.Pattern[str], name: str, known: dict[str, str]) -> dict[str, str] | None:
    found = pattern.fullmatch(name)
    if not found or any(known.get(word, value) != value for word, value in found.groupdict().items()):
        return None
    return found.groupdict()


def _fill(template: str, words: dict[str, str]) -> str:
    return _WORDS.sub(lambda word: words[word[1]], template)


def _escapes(level: str, part: str) -> bool:
    """Whether a name that fills a level would hide (as the vault does) or leave its directory."""
    return "/" in part or "\0" in part or (part != level and part.startswith("."))


def _folders(path: str) -> list[str]:
    """The real directories in a directory, sorted; what cannot be seen is not there."""
    try:
        with os.scandir(path) as entries:
            return sorted(e.name for e in entries if e.is_dir(follow_symlinks=False))
    except (PermissionError, FileNotFoundError, NotADirectoryError):
        return []


def _is_maildir(path: str) -> bool:
    cur = os.path.join(path, "cur")
    return os.path.isdir(cur) and not os.path.islink(cur)
