"""Parsing: a response as nested values (RFC 9051, section 9), whatever its atoms hold.

A parser of our own, because imapclient's takes the bracket of a folder called ``a[b``, which Dovecot and
Cyrus send as an atom, for the beginning of something else, and an atom ``NIL`` or ``0123`` for no word.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from clawback.errors import ProtocolViolation
from clawback.mailboxes.imap.wire import Response

Value: TypeAlias = "bytes | tuple[Value, ...] | None"
"""A word or string, NIL, or a list."""
DEPTH = 50
"""Lists in lists at most."""
VALUES = 1_000_000
"""Values of one response at most."""
_TOKEN = re.compile(
    rb'[ \t]*(?:(?P<open>\()|(?P<close>\))|"(?P<string>(?:[^"\\]|\\.)*)"|(?P<literal>~?\{[0-9]{1,20}\+?\}\Z)'
    rb'|(?P<atom>[^ \t()"]+))',
    re.DOTALL,
)
_BLANK = re.compile(rb"[ \t]*\Z")
_ESCAPED = re.compile(rb'\\(["\\])')


def values_after(response: Response, skipped: int) -> tuple[Value, ...]:
    """What a response tells after its first words, so many bytes of its first line.

    Raises ProtocolViolation for what is no list of values, or too deep, or too long.
    """
    stack: list[list[Value]] = [[]]
    left = VALUES
    for number, piece in enumerate(response):
        line, literal = piece if isinstance(piece, tuple) else (piece, None)
        at = skipped if number == 0 else 0
        while not _BLANK.match(line, at):
            found = _TOKEN.match(line, at)
            left -= 1
            if not found or left < 0 or len(stack) > DEPTH:
                raise ProtocolViolation(f"the server's answer cannot be read: {line[:60]!r}")
            at = found.end()
            _take(stack, found, literal)
    if len(stack) != 1:
        raise ProtocolViolation("the server's answer ends in the middle of a list")
    return tuple(stack[0])


def _take(stack: list[list[Value]], found: re.Match[bytes], literal: bytes | None) -> None:
    match found.lastgroup:
        case "open":
            stack.append([])
        case "close":
            if len(stack) == 1:
                raise ProtocolViolation("the server's answer ends a list that it has not begun")
            inner = tuple(stack.pop())
            stack[-1].append(inner)
        case "string":
            stack[-1].append(_ESCAPED.sub(rb"\1", found["string"]))
        case "literal":
            stack[-1].append(found["literal"] if literal is None else literal)
        case _:
            stack[-1].append(None if found["atom"].upper() == b"NIL" else found["atom"])


def word_of(value: Value) -> bytes:
    """A value that can only be a word, which may be ``NIL``. Raises ProtocolViolation for a list."""
    if isinstance(value, tuple):
        raise ProtocolViolation("the server sends a list where a word belongs")
    return b"NIL" if value is None else value


def number_of(value: Value, most: int) -> int | None:
    """A value that can only be a number; None for what is none, or too high."""
    if not isinstance(value, bytes) or not value.isdigit() or len(value) > 20:
        return None
    return number if (number := int(value)) <= most else None
