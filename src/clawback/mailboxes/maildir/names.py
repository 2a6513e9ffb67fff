"""File names of a Maildir: the unique base, and the info with flags that follows it.

``1700000000.M1P2.host,S=4711:2,FSab``: base up to the colon, then version 2 of the info with flags
(upper case, in ASCII order) and letters for keywords. Some systems write ``;2,`` or ``!2,`` where a file
name may hold no colon. Source: the Maildir page of its author, and Dovecot's Maildir documentation.
"""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import count

from clawback.errors import ProtocolViolation
from clawback.message.delivery import Handle

SUBS = ("cur", "new")
_FLAGS = {"D": "\\Draft", "F": "\\Flagged", "R": "\\Answered", "S": "\\Seen", "T": "\\Deleted"}
_LETTERS = {flag: letter for letter, flag in _FLAGS.items()}
_SIZE = re.compile(r",S=([0-9]{1,15})(?=[,:;!]|$)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(9999, 12, 31, tzinfo=UTC)
_LATEST_NS = (_LATEST - _EPOCH) // timedelta(microseconds=1) * 1000
_EARLIEST_NS = -62_135_596_800 * 10**9
_COUNTER = count()


def split(name: str) -> tuple[str, str]:
    """The base and the info of a file name; the info starts with its separator, or is ""."""
    at = name.find(":")
    if at < 0:
        at = max(name.rfind(";2,"), name.rfind("!2,"))
    return (name[:at], name[at:]) if at > 0 else (name, "")


def letters(info: str) -> str:
    """The flag and keyword letters of an info."""
    return info[3:] if info[1:3] == "2," else ""


def keyword_letters(info: str) -> str:
    """The letters of an info that stand for keywords."""
    found = letters(info)
    if not found or found.isupper():
        return ""
    return "".join(letter for letter in found if "a" <= letter <= "z")


@lru_cache(maxsize=4096)
def system_flags(info: str) -> frozenset[str]:
    """The IMAP system flags of an info."""
    return frozenset(_FLAGS[letter] for letter in letters(info) if letter in _FLAGS)


def with_keywords(info: str, keywords: str) -> str:
    """The info with other keyword letters; everything else about it stays."""
    kept = [letter for letter in letters(info) if not "a" <= letter <= "z"]
    return info[:3] + "".join(sorted({*kept, *keywords}))


def info_of(flags: Iterable[str], keywords: str) -> str:
    """The info of a new file. Flags without a letter are left out; keywords come as letters."""
    return ":2," + "".join(sorted({*(_LETTERS[f] for f in flags if f in _LETTERS), *keywords}))


def size_in(name: str) -> int | None:
    """The size that a file name states."""
    found = _SIZE.search(name)
    return int(found[1]) if found else None


def located(handle: Handle) -> tuple[str, str]:
    """The sub-directory and file name a handle points at."""
    if "/" in handle.native_id:
        sub, _, name = handle.native_id.partition("/")
    else:
        sub, _, info = handle.version.partition("/")
        name = handle.native_id + info
    if sub not in SUBS or not name or "/" in name or "\0" in name or name.startswith("."):
        raise ProtocolViolation(f"no file of a Maildir is called {sub}/{name}")
    return sub, name


def suffixed(name: str, number: int) -> str:
    """Another unique name for a file whose own name is taken."""
    base, info = split(name)
    head, comma, rest = base.partition(",")
    return f"{head}_{number}{comma}{rest}{info}"


def fresh(size: int) -> str:
    """A base name that no other file has, stating its size."""
    host = socket.gethostname().replace("/", "\\057").replace(":", "\\072").replace(",", "\\054")
    now = time.time_ns()
    unique = f"M{now // 1000 % 1_000_000:06}P{os.getpid()}Q{next(_COUNTER)}"
    return f"{now // 10**9}.{unique}.{host or 'localhost'},S={size}"


def internal_date(mtime_ns: int) -> datetime:
    """The INTERNALDATE that a file's mtime stands for, as Dovecot has it."""
    bounded = min(max(mtime_ns, _EARLIEST_NS), _LATEST_NS)
    return _EPOCH + timedelta(microseconds=bounded // 1000)


def mtime_ns(date: datetime) -> int:
    """The mtime that stands for an INTERNALDATE."""
    return (date - _EPOCH) // timedelta(microseconds=1) * 1000
