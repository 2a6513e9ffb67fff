"""Content-Transfer-Encodings undone (RFC 2045 section 6), damaged ones as far as they go."""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass

from clawback.message.bounds import MAX_NAME

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_SPACE = b" \t\r\n\v\f"
_NOT_BASE64 = bytes(set(range(256)) - set(_ALPHABET))
_PADDING = re.compile(rb"=[=\s]{0,100}")
_BLANKS_AFTER_SOFT_BREAK = re.compile(rb"=[ \t]{1,998}(?=\r?\n)")
_SOFT_BREAK_BY_CR = re.compile(rb"=\r(?!\n)")
_BAD_ESCAPE = re.compile(rb"=(?![0-9A-Fa-f]{2}|\r?\n|\Z)")
_BEGIN = re.compile(rb"(?m:^)begin [0-7]{3,4} ([^\r\n]{1,255})\r?\n")
_PLAIN = frozenset({"", "7bit", "8bit", "binary", "7-bit", "8-bit", "none"})
_UU = frozenset({"uuencode", "x-uuencode", "x-uue", "uue"})


@dataclass(frozen=True, slots=True)
class UuencodedFile:
    """A file written into text by uuencode (POSIX); `start` and `end` are bytes of the text around it."""

    name: str
    content: bytes
    start: int
    end: int


def undo_encoding(data: bytes, encoding: str) -> tuple[bytes, str]:
    """(decoded bytes, defect code or "") of a body by its lower-case Content-Transfer-Encoding."""
    if encoding in _PLAIN:
        return data, ""
    if encoding == "base64":
        return undo_base64(data)
    if encoding == "quoted-printable":
        return undo_quoted_printable(data)
    if encoding in _UU:
        found = find_uuencoded(data)
        return (found.content, "") if found else (data, "bad_uuencode")
    return data, "unknown_encoding"


def undo_base64(data: bytes) -> tuple[bytes, str]:
    """Base64 with strange bytes left out, missing padding forgiven and joined pieces read one by one."""
    padding = data.find(b"=")
    clean = data[:padding] if padding >= 0 else data
    rest = data[padding:].lstrip(b"=" + _SPACE) if padding >= 0 else b""
    body = clean.translate(None, _SPACE)
    strange = len(body.translate(None, _ALPHABET))
    content, cut = _groups(body.translate(None, _NOT_BASE64) if strange else body)
    if not rest:
        return content, "bad_base64" if strange or cut else ""
    return content + _joined_pieces(rest), "bad_base64"


def _groups(body: bytes) -> tuple[bytes, bool]:
    """Decode letters of the alphabet alone; whether the last group was too short to mean a byte."""
    short = len(body) % 4 == 1
    if short:
        body = body[:-1]
    return binascii.a2b_base64(body + b"==="[: -len(body) % 4]), short


def _joined_pieces(rest: bytes) -> bytes:
    """What stands behind the padding: further base64 as long as it is nothing else (a list's footer)."""
    found: list[bytes] = []
    for piece in _PADDING.split(rest):
        body = piece.translate(None, _SPACE)
        if body.translate(None, _ALPHABET):
            break
        found.append(_groups(body)[0])
    return b"".join(found)


def undo_quoted_printable(data: bytes) -> tuple[bytes, str]:
    """Quoted-printable; escapes that are none stay as written."""
    if b"= " in data or b"=\t" in data:
        data = _BLANKS_AFTER_SOFT_BREAK.sub(b"=", data)
    if data.count(b"=\r") != data.count(b"=\r\n"):
        # binascii would drop everything up to the next line feed.
        data = _SOFT_BREAK_BY_CR.sub(b"", data)
    return binascii.a2b_qp(data), "bad_quoted_printable" if _BAD_ESCAPE.search(data) else ""


def find_uuencoded(data: bytes, start: int = 0) -> UuencodedFile | None:
    """The first uuencoded file that begins at or after `start`."""
    begin = _BEGIN.search(data, start)
    if begin is None:
        return None
    content: list[bytes] = []
    position, left = begin.end(), len(data)
    while position < len(data) and left > 0:
        end = data.find(b"\n", position)
        following = end + 1 if end >= 0 else len(data)
        line = data[position : following - 1 if end >= 0 else following].rstrip(b"\r")
        if line.strip() not in {b"", b"`", b"end"}:
            piece = _uu_line(line)
            if piece is None:
                break
            content.append(piece)
            # Short lines are filled with zeros: without a bound two bytes become 45.
            left -= len(piece)
        position = following
        if line == b"end":
            break
    name = begin[1].decode("utf-8", "replace").strip()[:MAX_NAME]
    return UuencodedFile(name, b"".join(content), begin.start(), position)


def _uu_line(line: bytes) -> bytes | None:
    """One line's bytes; trailing rubbish of wrong encoders is cut by the line's own count."""
    wanted = (((line[0] - 32) & 63) * 4 + 5) // 3
    if not 32 <= line[0] <= 96:
        return None
    try:
        return binascii.a2b_uu(line[: wanted + 1])
    except binascii.Error:
        return None
