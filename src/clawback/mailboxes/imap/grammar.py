"""The grammar: what responses say, each kind as a value of its own (RFC 9051, section 9)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

from clawback.errors import ProtocolViolation
from clawback.mailboxes.imap.parsing import Value, number_of, values_after, word_of
from clawback.mailboxes.imap.spelling import LAST, name_of, raw_name, uids_of
from clawback.mailboxes.imap.wire import Reply, Response, code_of

_SYSTEM = {f.lower(): f for f in ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft")}
_IGNORED = frozenset({"\\recent"})
MOST = 200_000
"""UIDs in the sets of one answer at most."""
GUID = 255
"""Characters of a GUID at most."""
_LARGEST = 10**15
"""Bytes of one message at most; whoever tells of more tells nothing."""
_NUMBER = (1 << 63) - 1
_MONTHS = (b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec")
_DATE = re.compile(
    rb" ?([0-9]{1,2})-([a-z]{3})-([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) ([+-])([0-9]{2})([0-9]{2})\Z",
    re.IGNORECASE,
)


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
    """One folder of a LIST: its attributes in lower case, delimiter ("" for none), and name.

    `raw` is the name on the wire. One that no name can be made of, or that is written in another way than
    it should be, stays as it is in `name`.
    """

    attributes: frozenset[str]
    delimiter: str
    name: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Status:
    """What STATUS or SELECT tells: numbers, 0 where not told."""

    messages: int = 0
    uid_next: int = 0
    uid_validity: int = 0
    modseq: int = 0


_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


# What nearly every answer looks like, read in one go: value by value it takes longer than the server takes.
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
        if told := _fetched(response):
            uid = number_of(told.get(b"UID"), LAST)
            if uid:
                found[uid] = _row(found.get(uid, Row(uid, frozenset(), _NEVER, -1, "", None)), told)
    return found


def _usual(told: re.Match[bytes]) -> Row | None:
    uid, flags, date, size, guid, email = told.group("uid", "flags", "date", "size", "guid", "email")
    if uid is None or flags is None or date is None or size is None or (at := _date(date)) is None:
        return None
    if not 0 < int(uid) <= LAST:
        return None
    return Row(int(uid), _flags(flags), at, int(size), _plain_guid(guid or email or b""), None)


@lru_cache(maxsize=4_096)
def _flags(text: bytes) -> frozenset[str]:
    return flags_of(text.split())


@lru_cache(maxsize=4_096)
def _date(text: bytes) -> datetime | None:
    told = _DATE.match(text)
    if not told or (month := told[2].lower()) not in _MONTHS:
        return None
    day, year, hour, minute, second = (int(told[i]) for i in (1, 3, 4, 5, 6))
    east = timedelta(hours=int(told[8]), minutes=int(told[9]))
    try:
        zone = timezone(east if told[7] == b"+" else -east)
        at = datetime(year, _MONTHS.index(month) + 1, day, hour, minute, min(second, 59), tzinfo=zone)
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _fetched(response: Response) -> dict[bytes, Value]:
    """The items of a FETCH response by name; none for another response."""
    number, word, _ = _words(response)
    if word != b"FETCH" or not number.isdigit():
        return {}
    told = values_after(response, len(b"* ") + len(number) + len(b" FETCH "))
    if len(told) != 1 or not isinstance(told[0], tuple) or len(told[0]) % 2:
        raise ProtocolViolation("the server's FETCH cannot be read")
    names = [word_of(name).upper() for name in told[0][::2]]
    return dict(zip(names, told[0][1::2], strict=True))


def _row(known: Row, told: dict[bytes, Value]) -> Row:
    """What is known of a copy, with what is told of it now."""
    flags, date, content = told.get(b"FLAGS"), told.get(b"INTERNALDATE"), told.get(b"BODY[]")
    size = number_of(told.get(b"RFC822.SIZE"), _LARGEST)
    return Row(
        known.uid,
        flags_of(map(word_of, flags)) if isinstance(flags, tuple) else known.flags,
        (_date(date) if isinstance(date, bytes) else None) or known.internal_date,
        known.size if size is None else size,
        _guid(told) or known.guid,
        content if isinstance(content, bytes) else known.content,
    )


def _guid(told: dict[bytes, Value]) -> str:
    value = told.get(b"X-GUID") or told.get(b"EMAILID")
    if isinstance(value, tuple):
        value = value[0] if value else None
    return _plain_guid(value) if isinstance(value, bytes) else ""


def _plain_guid(value: bytes) -> str:
    """A GUID; "" for one that cannot be asked for again."""
    text = value.decode("latin-1")
    known = text.isascii() and text.isprintable() and len(text) <= GUID and text.upper() != "NIL"
    return text if known else ""


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
            gone.update(uids_of(rest.rsplit(b" ", 1)[-1], MOST - len(gone)))
    return frozenset(gone)


def expunged(*replies: Reply) -> int:
    """How many copies left the open folder, as the replies tell."""
    words = [_words(response)[1] for reply in replies for response in reply.untagged]
    return words.count(b"EXPUNGE") + sum(len(vanished(reply)) for reply in replies)


def listed(reply: Reply) -> list[Listed]:
    """The LIST responses before a tagged reply."""
    found = []
    for response in reply.untagged:
        _, word, _ = _words(response)
        if word == b"LIST" and (folder := _listed(_after(response, word))):
            found.append(folder)
    return found


def _listed(told: tuple[Value, ...]) -> Listed | None:
    if len(told) < 3 or not isinstance(told[0], tuple):
        raise ProtocolViolation("the server's LIST cannot be read")
    attributes = frozenset(_text(attribute).lower() for attribute in told[0])
    raw = raw_name(word_of(told[2]))
    return Listed(attributes, _text(told[1]), name_of(raw), raw) if raw else None


def statuses(reply: Reply) -> dict[bytes, Status]:
    """The STATUS responses before a tagged reply, by the folder's name on the wire."""
    found: dict[bytes, Status] = {}
    for response in reply.untagged:
        _, word, _ = _words(response)
        if word != b"STATUS":
            continue
        told = _after(response, word)
        if len(told) < 2 or not isinstance(told[1], tuple):
            raise ProtocolViolation("the server's STATUS cannot be read")
        names = [word_of(name).upper() for name in told[1][::2]]
        numbers = {n: number_of(v, _NUMBER) or 0 for n, v in zip(names, told[1][1::2], strict=False)}
        found[raw_name(word_of(told[0]))] = Status(
            *(numbers.get(key, 0) for key in (b"MESSAGES", b"UIDNEXT", b"UIDVALIDITY", b"HIGHESTMODSEQ"))
        )
    return found


def namespaces(reply: Reply) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """One's own and others' namespaces (RFC 2342), each with prefix and delimiter."""
    for response in reply.untagged:
        _, word, _ = _words(response)
        if word == b"NAMESPACE":
            groups = [_namespace(group) for group in _after(response, word)]
            return groups[0] if groups else [], [space for group in groups[1:] for space in group]
    return [], []


def _namespace(group: Value) -> list[tuple[str, str]]:
    spaces = [space for space in group if isinstance(space, tuple)] if isinstance(group, tuple) else []
    return [
        (name_of(word_of(space[0])) if space[0] else "", _text(space[1]))
        for space in spaces
        if len(space) >= 2
    ]


def selected(reply: Reply) -> Status:
    """What SELECT or EXAMINE tells about the folder. Raises ProtocolViolation when its UIDs mean nothing."""
    numbers: dict[bytes, int] = {}
    messages = 0
    for response in reply.untagged:
        number, word, _ = _words(response)
        if word == b"EXISTS" and number.isdigit():
            messages = int(number[:10])
        code, arguments = code_of(response)
        if arguments.isdigit() and len(arguments) <= 20:
            numbers[code] = int(arguments)
    validity = numbers.get(b"UIDVALIDITY", 0)
    if reply.ok and not 0 < validity <= LAST:
        raise ProtocolViolation("the server does not tell the UIDVALIDITY of a folder")
    return Status(messages, numbers.get(b"UIDNEXT", 0), validity, numbers.get(b"HIGHESTMODSEQ", 0))


def copied(*replies: Reply) -> tuple[int, dict[int, int]]:
    """The goal's UIDVALIDITY, and old UID to new UID, from COPYUID (RFC 4315), wherever it stands.

    Raises ProtocolViolation for one that does not tell of each copy one new place of its own.
    """
    codes = [(reply.code, reply.arguments) for reply in replies]
    codes += [code_of(response) for reply in replies for response in reply.untagged]
    validities: set[int] = set()
    pairs: dict[int, int] = {}
    for arguments in dict.fromkeys(arguments for code, arguments in codes if code == b"COPYUID"):
        words = arguments.split()
        if len(words) != 3 or not words[0].isdigit() or not 0 < int(words[0][:11]) <= LAST:
            raise ProtocolViolation("the server's COPYUID cannot be read")
        left = MOST - len(pairs)
        old, new = uids_of(words[1], left), uids_of(words[2], left)
        told = dict(zip(old, new, strict=False))
        if len(old) != len(new) or len(told) != len(old) or told.keys() & pairs.keys():
            raise ProtocolViolation("the server's COPYUID does not pair the copies")
        validities.add(int(words[0]))
        pairs |= told
    if len(validities) > 1 or len(set(pairs.values())) != len(pairs):
        raise ProtocolViolation("the server's COPYUID names one place for two copies")
    return max(validities, default=0), pairs


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
        if word == b"MYRIGHTS" and len(told := _after(response, word)) >= 2:
            return frozenset(_text(told[1]))
    return frozenset()


def _words(response: Response) -> tuple[bytes, bytes, bytes]:
    """The number or nothing, the word in capitals, and the rest of the first line of a response."""
    line = response[0] if isinstance(response[0], bytes) else response[0][0]
    words = line[2:].split(b" ", 2)
    if words[0].isdigit():
        return words[0], words[1].upper() if len(words) > 1 else b"", words[2] if len(words) > 2 else b""
    return b"", words[0].upper(), line[2 + len(words[0]) + 1 :]


def _after(response: Response, word: bytes) -> tuple[Value, ...]:
    return values_after(response, len(b"* ") + len(word) + len(b" "))


def _text(value: Value) -> str:
    return value.decode("ascii", "replace") if isinstance(value, bytes) else ""
