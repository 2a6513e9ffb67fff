"""Text from mail, made safe to show: no terminal escape, no hidden or reordering character survives."""

from __future__ import annotations

import re

# What a terminal obeys, or a reader cannot see: C0, DEL and C1 controls (ECMA-48), soft hyphen, the
# bidirectional controls (UAX 9), line and paragraph separators, zero-width and invisible operators,
# fillers drawn as nothing, interlinear annotations, lone surrogates (not encodable), tag characters.
# ZWNJ and ZWJ (U+200C, U+200D) stay: Persian and emoji need them, and they reorder nothing.
_ALWAYS = (
    "\x7f-\x9f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_UNSAFE = re.compile(f"[\x00-\x1f{_ALWAYS}]")
_UNSAFE_IN_JSON = re.compile(f"[{_ALWAYS}]")
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def printable(text: str) -> str:
    r"""The text on one line, every unsafe character written as an escape such as ``\x1b`` or ``\u202e``."""
    return _UNSAFE.sub(_escape, text)


def printable_json(document: str) -> str:
    r"""A JSON document that means the same, every unsafe character in its strings written as ``\uXXXX``."""
    return _UNSAFE_IN_JSON.sub(_escape_in_json, document)


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if character in _NAMED:
        return _NAMED[character]
    point = ord(character)
    if point <= 0xFF:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point <= 0xFFFF else f"\\U{point:08x}"


def _escape_in_json(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
