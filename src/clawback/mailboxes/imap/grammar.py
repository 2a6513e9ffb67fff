"""The grammar: what responses say, as values (RFC 9051, section 9; the lexer is imapclient's)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from imapclient.datetime_util import parse_to_datetime
from imapclient.exceptions import ProtocolError
from imapclient.imap_utf7 import decode as decode_utf7
from imapclient.imap_utf7 import encode as encode_utf7
from imapclient.response_parser import parse_fetch_response, parse_response

from clawback.errors import ProtocolViolation
from clawback.mailboxes.imap.wire import Reply, Response, code_of

_SYSTEM = {f.lower(): f for f in ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft")}
_IGNORED = frozenset({"\\recent"})
_SET = re.compile(rb"[0-9]{1,10}(:[0-9]{1,10})?(,[0-9]{1,10}(:[0-9]{1,10})?)*\Z")
MOST = 2_000_000
"""Numbers in one set at most."""
NAME = 1_000
"""Characters of a folder's name at most."""
GUID = 255


@dataclass(frozen=True, slots=True)
class Row:
    """What FETCH tells of one copy; what was not told has its empty value. `size` is RFC822.SIZE in bytes."""

    uid: int
    flags: frozenset[str]
    internal_date: datetime
    size: int
    guid: str
    content: bytes | None


@dataclass(frozen=True, slots=True)
class Listed:
    """One folder of a LIST: its attributes in lower case, delimiter ("" for none), and decoded name."""

    attributes: frozenset[str]
    delimiter: str
    name: str


@dataclass(frozen=True, slots=True)
class Status:
    """What STATUS tells: numbers, 0 where not told."""

    messages: int = 0
    uid_next: int = 0
    uid_validity: int = 0
    modseq: int = 0


_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


# What nearly every answer looks like, read in one go: imapclient's parser takes ten times as long, which is
# more than the server takes. All else goes through that parser.
_USUAL = re.compile(
    rb"\* [0-9]{1,10} FETCH \((?:(?:UID (?P<uid>[0-9]{1,10})|FLAGS \((?P<flags>[^(){}\"]*)\)"
    rb'|INTERNALDATE "(?P<date>[^"]{1,40})"|RFC822\.SIZE (?P<size>[0-9]{1,15})'
    rb"|X-GUID (?P<guid>[^ (){}\"]{1,255})|EMAILID \((?P<email>[^ (){}\"]{1,255})\)"
    rb"|MODSEQ \([0-9]{1,20}\)) ?)+\)\Z"
)


def rows(*replies: Reply) -> dict[int, Row]:
    """The FETCH responses before tagged replies, by UID. Several for one copy are joined."""
    found: dict[int, Row] = {}
    for response in (response for reply in replies for response in reply.untagged):
        if isinstance(response[0], bytes) and len(response) == 1 and (usual := _USUAL.match(response[0])):
            row = _usual(usual)
            if row is not None and row.uid not in found:
                found[row.uid] = row
                continue
        for plain in _fetches(response):
            uid = plain.get(b"UID")
            if isinstance(uid, int):
                found[uid] = _row(found.get(uid, Row(uid, frozenset(), _NEVER, -1, "", None)), plain)
    return found


def _usual(told: re.Match[bytes]) -> Row | None:
    uid, flags, date, size, guid, email = told.group("uid", "flags", "date", "size", "guid", "email")
    if uid is None or flags is None or date is None or size is None or (at := _date(date)) is None:
        return None
    return Row(
        int(uid), _flags(flags), at, int(size), (guid or email or b"").decode("ascii", "replace"), None
    )


@lru_cache(maxsize=4_096)
def _flags(text: bytes) -> frozenset[str]:
    return flags_of(text.split())


@lru_cache(maxsize=4_096)
def _date(text: bytes) -> datetime | None:
    try:
        at: datetime = parse_to_datetime(text, normalise=False)
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _fetches(response: Response) -> Iterable[dict[bytes, Any]]:
    number, word, _ = _words(response)
    if word != b"FETCH" or not number.isdigit():
        return ()
    head, *rest = response
    try:
        # imapclient wants what follows the star and without the word FETCH.
        pieces = [_without_fetch(head), *rest]
        found: dict[int, dict[bytes, Any]] = parse_fetch_response(
            pieces, normalise_times=False, uid_is_key=False
        )
    except (ProtocolError, ValueError, TypeError, IndexError, RecursionError, OverflowError) as error:
        raise ProtocolViolation(f"the server's FETCH cannot be read: {error}") from error
    return found.values()


def _without_fetch(head: bytes | tuple[bytes, bytes]) -> bytes | tuple[bytes, bytes]:
    line, literal = head if isinstance(head, tuple) else (head, None)
    number, _, rest = line[2:].split(b" ", 2)
    text = number + b" " + rest
    return text if literal is None else (text, literal)


def _row(known: Row, plain: dict[bytes, Any]) -> Row:
    """What is known of a copy, with what is told of it now."""
    date, size, content = plain.get(b"INTERNALDATE"), plain.get(b"RFC822.SIZE"), plain.get(b"BODY[]")
    if b"BODY[]" in plain and content is None:
        content = b""
    flags = plain.get(b"FLAGS")
    return Row(
        known.uid,
        flags_of(f for f in flags if isinstance(f, bytes)) if isinstance(flags, tuple) else known.flags,
        date.astimezone(UTC) if isinstance(date, datetime) else known.internal_date,
        size if isinstance(size, int) else known.size,
        _guid(plain) or known.guid,
        content if isinstance(content, bytes) else known.content,
    )


def _guid(plain: dict[bytes, Any]) -> str:
    value = plain.get(b"X-GUID") or plain.get(b"EMAILID")
    if isinstance(value, tuple) and value:
        value = value[0]
    if isinstance(value, int):
        return str(value)
    return value.decode("ascii", "replace")[:GUID] if isinstance(value, bytes) else ""


def flags_of(flags: Iterable[bytes]) -> frozenset[str]:
    """Flags and keywords as text, system flags in their usual spelling, without those of the session."""
    words = (flag.decode("utf-8", "replace") for flag in flags)
    return frozenset(_SYSTEM.get(word.lower(), word) for word in words if word.lower() not in _IGNORED)


def vanished(reply: Reply) -> frozenset[int]:
    """The UIDs that VANISHED responses name (RFC 7162), the earlier ones and the new ones."""
    gone: set[int] = set()
    for response in reply.untagged:
        _, word, rest = _words(response)
        if word == b"VANISHED":
            gone.update(uids_of(rest.rsplit(b" ", 1)[-1]))
    return frozenset(gone)


def listed(reply: Reply) -> list[Listed]:
    """The LIST responses before a tagged reply."""
    found = []
    for response in reply.untagged:
        _, word, _ = _words(response)
        if word == b"LIST" and (folder := _listed(_parsed(response, b"LIST"))):
            found.append(folder)
    return found


def _listed(words: tuple[Any, ...]) -> Listed | None:
    if len(words) < 3 or not isinstance(words[0], tuple):
        raise ProtocolViolation("the server's LIST cannot be read")
    attributes = frozenset(a.decode("ascii", "replace").lower() for a in words[0] if isinstance(a, bytes))
    delimiter = words[1].decode("ascii", "replace") if isinstance(words[1], bytes) else ""
    name = name_of(words[2])
    return Listed(attributes, delimiter, name) if name else None


def statuses(reply: Reply) -> dict[str, Status]:
    """The STATUS responses before a tagged reply, by decoded folder name."""
    found: dict[str, Status] = {}
    for response in reply.untagged:
        _, word, _ = _words(response)
        if word != b"STATUS":
            continue
        words = _parsed(response, b"STATUS")
        if len(words) < 2 or not isinstance(words[1], tuple):
            raise ProtocolViolation("the server's STATUS cannot be read")
        pairs = dict(zip(words[1][::2], words[1][1::2], strict=False))
        found[name_of(words[0])] = Status(
            *(
                value if isinstance(value := pairs.get(key), int) else 0
                for key in (b"MESSAGES", b"UIDNEXT", b"UIDVALIDITY", b"HIGHESTMODSEQ")
            )
        )
    return found


def namespaces(reply: Reply) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """One's own and others' namespaces (RFC 2342), each with prefix and delimiter."""
    for response in reply.untagged:
        _, word, _ = _words(response)
        if word == b"NAMESPACE":
            groups = [_namespace(group) for group in _parsed(response, b"NAMESPACE")]
            return groups[0] if groups else [], [space for group in groups[1:] for space in group]
    return [], []


def _namespace(group: object) -> list[tuple[str, str]]:
    spaces = [space for space in group if isinstance(space, tuple)] if isinstance(group, tuple) else []
    return [
        (name_of(space[0]), space[1].decode("ascii", "replace") if isinstance(space[1], bytes) else "")
        for space in spaces
        if len(space) >= 2
    ]


def selected(reply: Reply) -> Status:
    """What SELECT or EXAMINE tells about the folder."""
    numbers: dict[bytes, int] = {}
    messages = 0
    for response in reply.untagged:
        number, word, _ = _words(response)
        if word == b"EXISTS" and number.isdigit():
            messages = int(number[:10])
        code, arguments = code_of(response)
        if arguments.isdigit() and len(arguments) <= 20:
            numbers[code] = int(arguments)
    return Status(
        messages,
        numbers.get(b"UIDNEXT", 0),
        numbers.get(b"UIDVALIDITY", 0),
        numbers.get(b"HIGHESTMODSEQ", 0),
    )


def copied(*replies: Reply) -> tuple[int, dict[int, int]]:
    """The goal's UIDVALIDITY, and old UID to new UID, from COPYUID (RFC 4315), wherever it stands."""
    codes = [(reply.code, reply.arguments) for reply in replies]
    codes += [code_of(response) for reply in replies for response in reply.untagged]
    validity = 0
    pairs: dict[int, int] = {}
    for code, arguments in codes:
        words = arguments.split()
        if code != b"COPYUID" or len(words) != 3 or not words[0].isdigit():
            continue
        old, new = uids_of(words[1]), uids_of(words[2])
        if len(old) != len(new):
            raise ProtocolViolation("the server's COPYUID names more copies on one side")
        validity = int(words[0][:10])
        pairs.update(zip(old, new, strict=True))
    return validity, pairs


def searched(reply: Reply) -> list[int]:
    """The UIDs that SEARCH found."""
    found: list[int] = []
    for response in reply.untagged:
        _, word, rest = _words(response)
        if word == b"SEARCH":
            found += [int(w) for w in rest.split() if w.isdigit() and len(w) <= 10]
    return found


def rights(reply: Reply) -> frozenset[str]:
    """The letters of MYRIGHTS (RFC 4314)."""
    for response in reply.untagged:
        _, word, _ = _words(response)
        if word == b"MYRIGHTS" and len(told := _parsed(response, b"MYRIGHTS")) >= 2:
            return frozenset(told[1].decode("ascii", "replace") if isinstance(told[1], bytes) else "")
    return frozenset()


def uids_of(text: bytes) -> list[int]:
    """The numbers of a set, in its order. Raises ProtocolViolation for what is no set, or too big."""
    if not _SET.match(text):
        raise ProtocolViolation(f"the server sends no set of UIDs: {text[:40]!r}")
    found: list[int] = []
    for part in text.split(b","):
        first, _, last = part.partition(b":")
        start, end = int(first), int(last or first)
        if abs(end - start) > MOST or len(found) > MOST:
            raise ProtocolViolation("the server sends a set of UIDs without end")
        found.extend(range(start, end + 1) if start <= end else range(start, end - 1, -1))
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


def name_of(value: object) -> str:
    """A folder's name as people wrote it ("" for one that is none, or too long)."""
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, bytes):
        return ""
    try:
        name = decode_utf7(value)
    except (UnicodeError, ValueError):
        name = value.decode("utf-8", "surrogateescape")
    return name if len(name) <= NAME else ""


def quoted(name: str) -> bytes:
    """A folder's name on the wire: modified UTF-7 in quotes. Raises ProtocolViolation for a line break."""
    raw: bytes = encode_utf7(name)
    if b"\r" in raw or b"\n" in raw or b"\0" in raw:
        raise ProtocolViolation("no folder can have a line break in its name")
    return b'"' + raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def _words(response: Response) -> tuple[bytes, bytes, bytes]:
    """The number or nothing, the word in capitals, and the rest of the first line of a response."""
    line = response[0] if isinstance(response[0], bytes) else response[0][0]
    words = line[2:].split(b" ", 2)
    if words[0].isdigit():
        return words[0], words[1].upper() if len(words) > 1 else b"", words[2] if len(words) > 2 else b""
    return b"", words[0].upper(), line[2 + len(words[0]) + 1 :]


def _parsed(response: Response, word: bytes) -> tuple[Any, ...]:
    head, *rest = response
    line, literal = head if isinstance(head, tuple) else (head, None)
    text = line[2 + len(word) + 1 :]
    pieces: Sequence[bytes | tuple[bytes, bytes]] = [text if literal is None else (text, literal), *rest]
    try:
        return tuple(parse_response(list(pieces)))
    except (ProtocolError, ValueError, TypeError, IndexError, RecursionError) as error:
        raise ProtocolViolation(f"the server's {word.decode()} cannot be read: {error}") from error
