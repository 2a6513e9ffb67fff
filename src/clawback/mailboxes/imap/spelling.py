"""Spelling: sets of UIDs and names of folders as they stand on the wire (RFC 9051, sections 5.1 and 9)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from imapclient.imap_utf7 import decode as decode_utf7
from imapclient.imap_utf7 import encode as encode_utf7

from clawback.errors import HandleStale, ProtocolViolation

LAST = 4_294_967_295
"""The highest UID and UIDVALIDITY (nz-number)."""
SET = 500
"""UIDs in one command at most."""
NAME = 10_000
"""Bytes of a folder's name at most."""
_SET = re.compile(rb"[0-9]{1,10}(:[0-9]{1,10})?(,[0-9]{1,10}(:[0-9]{1,10})?)*\Z")


def uids_of(text: bytes, most: int) -> list[int]:
    """The numbers of a set, in its order. Raises ProtocolViolation for what is no set, or too big."""
    if not _SET.match(text):
        raise ProtocolViolation(f"the server sends no set of UIDs: {text[:40]!r}")
    found: list[int] = []
    for part in text.split(b","):
        one, _, other = part.partition(b":")
        # 4:2 is 2:4 (RFC 9051, section 9: seq-range).
        start, end = sorted((int(one), int(other or one)))
        if not 0 < start <= end <= LAST:
            raise ProtocolViolation(f"the server sends UIDs that cannot be: {part[:40]!r}")
        if end - start >= most - len(found):
            raise ProtocolViolation("the server sends a set of UIDs without end")
        found.extend(range(start, end + 1))
    return found


def set_of(uids: Iterable[int]) -> str:
    """UIDs as a set, neighbours joined."""
    parts: list[list[int]] = []
    for uid in sorted(set(uids)):
        if parts and uid == parts[-1][1] + 1:
            parts[-1][1] = uid
        else:
            parts.append([uid, uid])
    return ",".join(f"{a}" if a == b else f"{a}:{b}" for a, b in parts)


def sets_of(uids: Iterable[int], most: int = SET) -> Iterator[str]:
    """UIDs as sets of at most so many, as long as a command may be (RFC 7162, section 4)."""
    rest = sorted(set(uids))
    for i in range(0, len(rest), most):
        yield set_of(rest[i : i + most])


def name_of(raw: bytes) -> str:
    """A folder's name as people wrote it; one that is spelled wrongly stays as it is.

    Raises ProtocolViolation for one that is longer than a name can be.
    """
    if len(raw) > NAME:
        raise ProtocolViolation(f"the server names a folder of {len(raw):,} bytes")
    try:
        name = str(decode_utf7(raw))
        return name if encode_utf7(name) == raw else raw.decode("ascii", "backslashreplace")
    except ValueError:
        return raw.decode("ascii", "backslashreplace")


def raw_name(told: bytes) -> bytes:
    """A folder's name on the wire, in one spelling where there are several."""
    return b"INBOX" if told.upper() == b"INBOX" else told


def quoted(name: str) -> bytes:
    """A folder's name on the wire: modified UTF-7 in quotes. Raises HandleStale for what is no name."""
    try:
        return quoted_raw(encode_utf7(name))
    except UnicodeEncodeError:
        raise HandleStale(f"no folder can be called {name!r}") from None


def quoted_raw(raw: bytes) -> bytes:
    """A name in quotes. Raises ProtocolViolation for a line break."""
    if b"\r" in raw or b"\n" in raw or b"\0" in raw:
        raise ProtocolViolation("no folder can have a line break in its name")
    return b'"' + raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
