"""Header blocks (RFC 5322 section 2.2, RFC 6532): fields with their offsets, whatever stands there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from clawback.message import encoded_words
from clawback.message.bounds import MAX_FIELD, MAX_FIELDS, MAX_HEAD, MAX_VALUE
from clawback.message.charset import guess
from clawback.message.defect import Defect
from clawback.message.message import Header

_BLANK_LINE = re.compile(rb"\n\r*\n")
_FIRST_LINE_BLANK = re.compile(rb"\r*\n")
_FOLD = re.compile(rb"\n(?![ \t])")
_BLANK_THEN_FIELD = re.compile(rb"[\r\n]{1,1000}(?=[!-9;-~]{1,76}[ \t]{0,20}:)")
_MBOX_LINE = re.compile(rb">?From (?![ \t]{0,20}:)")
_BOM = b"\xef\xbb\xbf"
_NAME = re.compile(rb"[!-9;-~]{1,200}[ \t]{0,20}")

_CERTAIN = frozenset(
    {"date", "from", "message-id", "mime-version", "received", "return-path", "subject", "to"}
)


@dataclass(frozen=True, slots=True)
class Field:
    """One header field: `key` is its name in lower case, `raw` what follows the colon, `offset` in bytes."""

    key: str
    name: str
    raw: bytes
    offset: int

    @property
    def text(self) -> str:
        """The value unfolded and as text, its encoded words not yet read."""
        raw = unfold(self.raw)
        text = raw.decode("ascii") if raw.isascii() else guess(raw)
        return text.replace("\0", "\ufffd") if "\0" in text else text

    @property
    def value(self) -> str:
        """The value as a person reads it, bounded."""
        return encoded_words.decode(self.text)[:MAX_VALUE].replace("\0", "\ufffd")


@dataclass(frozen=True, slots=True)
class Head:
    """A header block, where the body after it starts, and what was wrong."""

    fields: tuple[Field, ...]
    body_start: int
    defects: tuple[Defect, ...] = ()

    def first(self, key: str) -> Field | None:
        """The first field of that lower-case name."""
        return next((field for field in self.fields if field.key == key), None)

    def text(self, key: str) -> str:
        """The unfolded text of the first field of that name, "" if there is none."""
        field = self.first(key)
        return field.text if field else ""


def unfold(raw: bytes) -> bytes:
    """A field's value on one line, each fold one space."""
    if b"\n" in raw:
        raw = b" ".join([line.strip() for line in raw.split(b"\n")])
    return raw.replace(b"\r", b" ").strip() if b"\r" in raw else raw.strip()


def decode_headers(fields: Sequence[Field]) -> tuple[Header, ...]:
    """The fields as the headers of a `Message`."""
    return tuple([Header(field.name, field.value, field.offset) for field in fields])


def find_head(data: bytes) -> tuple[int, tuple[Defect, ...]]:
    """Where the header block of a message begins: behind a byte order mark, mbox's ``From `` line and,
    where a field follows them, blank lines."""
    start = len(_BOM) if data.startswith(_BOM) else 0
    if _MBOX_LINE.match(data, start):
        start = data.find(b"\n", start) + 1 or len(data)
    if not data.startswith((b"\r", b"\n"), start):
        return start, ()
    field = _BLANK_THEN_FIELD.match(data, start)
    return (field.end(), (Defect("leading_blank_line", "", start),)) if field else (start, ())


def read_head(data: bytes, start: int, end: int) -> Head:
    """The header block that begins at `start` and ends before `end` at the latest."""
    if blank := _FIRST_LINE_BLANK.match(data, start, end):
        return Head((), blank.end())
    if data.startswith(b"--", start):
        return Head((), start, (Defect("missing_blank_line", "", start),))
    # A line of two dashes ends a head too, so no search has to go beyond it.
    dashes = data.find(b"\n--", start, min(end, start + MAX_HEAD))
    window = dashes + 1 if dashes >= 0 else min(end, start + MAX_HEAD)
    blank = _BLANK_LINE.search(data, start, window)
    if blank:
        return _read_block(data[start : blank.start()], start, blank.end(), True)
    head = _read_block(data[start:window], start, window, False)
    if dashes >= 0:
        defect = Defect("missing_blank_line", "", window)
    elif window < end:
        defect = Defect("header_cut", f"header block longer than {MAX_HEAD} bytes", start)
    else:
        return head
    return Head(head.fields, head.body_start, (*head.defects, defect))


def _read_block(block: bytes, start: int, body_start: int, closed: bool) -> Head:
    fields: list[Field] = []
    defects: list[Defect] = []
    junk: tuple[int, int] | None = None
    offset = start
    for piece in _FOLD.split(block):
        here, offset = offset, offset + len(piece) + 1
        name, colon, raw = piece.partition(b":")
        if not colon or _NAME.fullmatch(name) is None:
            if piece.strip():
                junk = junk or (here, len(fields))
            continue
        if len(fields) >= MAX_FIELDS:
            defects.append(Defect("too_many_headers", f"more than {MAX_FIELDS} fields", here))
            break
        if len(raw) > MAX_FIELD:
            raw = raw[:MAX_FIELD]
            defects.append(Defect("header_cut", f"field longer than {MAX_FIELD} bytes", here))
        written = name.rstrip().decode("ascii")
        fields.append(Field(written.lower(), written, raw, here))
    return _after_junk(fields, defects, junk, body_start, closed)


def _certain(key: str) -> bool:
    return key in _CERTAIN or key.startswith("content-")


def _after_junk(
    fields: list[Field],
    defects: list[Defect],
    junk: tuple[int, int] | None,
    body_start: int,
    closed: bool,
) -> Head:
    """A line that is no field: skipped inside a block, the start of the body where no blank line follows
    or nothing but it comes first."""
    if junk is None:
        return Head(tuple(fields), body_start, tuple(defects))
    at, kept = junk
    if not closed or (kept == 0 and not any(_certain(field.key) for field in fields)):
        defects.append(Defect("missing_blank_line", "", at))
        return Head(tuple(fields[:kept]), at, tuple(defects))
    defects.append(Defect("bad_header", "a line that is no header field", at))
    return Head(tuple(fields), body_start, tuple(defects))
