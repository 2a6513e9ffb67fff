"""Filters: the Sieve script and the forward file of a mailbox's owner, read and never run.

Owners write these files. Nothing is opened through a link, but for one case: the active script is often a
link beside the others, so a link is followed once if it stays below the directory that it stands in.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from clawback.errors import BadSettings
from clawback.mailboxes.maildir.border import failure_of
from clawback.mailboxes.maildir.directories import Directories
from clawback.mailboxes.maildir.folders import Spot
from clawback.mailboxes.maildir.layout import Layout
from clawback.message.forward_file import MAX_FORWARD_FILE, read_forward_file
from clawback.message.mail_rules import MAX_RULES, MailRule
from clawback.message.sieve import MAX_SCRIPT, read_sieve

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WORD = re.compile(r"\{(.*?)\}")
_KNOWN = frozenset({"home", "maildir", "user", "domain"})

Read = Callable[[bytes, str], tuple[MailRule, ...]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a kind of file lies: a path that knows ``{maildir}``, ``{home}`` (above it), ``{user}`` and
    ``{domain}``; how much of it is read, and how."""

    template: str
    most: int
    read: Read


def places(layout: Layout, sieve: str, forward: str) -> tuple[Place, ...]:
    """The places that the options name, none for "". Raises BadSettings for paths that cannot be."""
    found = []
    pairs = (
        ("sieve", sieve, MAX_SCRIPT, read_sieve),
        ("forward", forward, MAX_FORWARD_FILE, read_forward_file),
    )
    for option, template, most, read in pairs:
        if template:
            _check(layout, option, template)
            found.append(Place(template, most, read))
    return tuple(found)


def _check(layout: Layout, option: str, template: str) -> None:
    words = set(_WORD.findall(template))
    levels = template.split("/")
    if words - _KNOWN or any(level in (".", "..") for level in levels):
        raise BadSettings(
            f"option {option!r}: {template!r} knows {{maildir}}, {{home}}, {{user}}, {{domain}}"
        )
    if not template.startswith(("/", "{maildir}/", "{home}/")):
        raise BadSettings(f"option {option!r}: {template!r} must begin with /, {{maildir}}/ or {{home}}/")
    if "home" in words and layout.depth < 2:
        raise BadSettings(f"option {option!r}: no home lies above the Maildirs here; use {{maildir}}")


def rules_of(root: Path, layout: Layout, mailbox: str, where: Sequence[Place]) -> tuple[MailRule, ...]:
    """The rules in the files of a mailbox's owner; files that are not there have none.

    Raises Gone for a mailbox that cannot be ours, Unavailable when a file cannot be looked at.
    """
    found: list[MailRule] = []
    for place in where:
        base, parts = _path(root, layout, mailbox, place.template)
        try:
            with Directories(sync=False) as directories:
                raw = _content(directories, base, parts, place.most + 1)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise failure_of(error, f"reading {parts[-1]} of {mailbox}", reading=True) from error
        found += place.read(raw, parts[-1])
    return tuple(found[:MAX_RULES])


def _path(root: Path, layout: Layout, mailbox: str, template: str) -> tuple[Path, tuple[str, ...]]:
    """The directory to begin at, and the levels below it that are opened without following links."""
    own, words = layout.parts_of(mailbox), layout.words_of(mailbox)
    first, *levels = template.split("/")
    filled = tuple(_WORD.sub(lambda word: words.get(word[1], ""), level) for level in levels if level)
    if first == "{maildir}":
        return root, (*own, *filled)
    if first == "{home}":
        return root, (*own[:-1], *filled)
    return Path("/"), filled


def _content(directories: Directories, base: Path, parts: tuple[str, ...], most: int) -> bytes:
    above = directories.at(Spot(base, parts[:-1], len(parts)))
    try:
        return _read(above, parts[-1], most)
    except OSError:
        target = os.readlink(parts[-1], dir_fd=above) if _is_link(above, parts[-1]) else ""
        levels = tuple(level for level in target.split("/") if level)
        if not levels or target.startswith("/") or ".." in levels:
            raise
    below = (*parts[:-1], *levels)
    return _read(directories.at(Spot(base, below[:-1], len(below))), below[-1], most)


def _is_link(above: int, name: str) -> bool:
    return stat.S_ISLNK(os.stat(name, dir_fd=above, follow_symlinks=False).st_mode)


def _read(above: int, name: str, most: int) -> bytes:
    with open(os.open(name, _FLAGS, dir_fd=above), "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            return b""
        return stream.read(most)
