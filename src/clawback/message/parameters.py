"""Values with parameters, such as Content-Type (RFC 2045 section 5.1, RFC 2231), read leniently."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from clawback.message import encoded_words
from clawback.message.bounds import MAX_PARAMETERS
from clawback.message.charset import decode_text

_QUOTED = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)"')
_ESCAPED = re.compile(r"\\(.)")
_UNQUOTED = re.compile(r"[^;]*")
_COMMENT = re.compile(r"\([^()]*\)")
_FREE = frozenset({"name", "filename"})
_LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Parametric:
    """A value in lower case and its parameters, their names in lower case without RFC 2231 marks."""

    value: str = ""
    parameters: dict[str, str] = field(default_factory=dict)


def read_parameters(text: str) -> Parametric:
    """Read ``text/plain; charset=utf-8``; a repeated parameter keeps its first value."""
    semicolon = text.find(";")
    main = _COMMENT.sub("", text if semicolon < 0 else text[:semicolon])
    words = main.split(None, 1)
    value = "".join(main.split()).lower() if "=" not in main else words[0].lower()
    start = 0 if "=" in main else semicolon
    if "=" in value:
        value, start = "", 0
    return Parametric(value, _collect(text, start)) if "=" in text else Parametric(value)


def _collect(text: str, start: int) -> dict[str, str]:
    plain: dict[str, str] = {}
    sections: dict[str, dict[int, tuple[bool, str]]] = {}
    for count, (name, value) in enumerate(_written(text, max(start, 0))):
        if count >= MAX_PARAMETERS:
            break
        base, star, rest = name.partition("*")
        if not star:
            plain.setdefault(name, encoded_words.decode(value))
            continue
        number = rest.rstrip("*")
        index = int(number) if number.isascii() and number.isdecimal() and len(number) < 5 else 0
        sections.setdefault(base, {}).setdefault(index, (rest.endswith("*") or not rest, value))
    return plain | {base: _joined(parts) for base, parts in sections.items()}


def _written(text: str, start: int) -> Iterator[tuple[str, str]]:
    """(name, value) as they stand, found from each equals sign outwards."""
    position = start
    while (equals := text.find("=", position)) >= 0:
        before = text[max(position, equals - _LONGEST_NAME) : equals].replace(";", " ").split()
        value, position = _value_at(text, equals + 1, before[-1].lower() if before else "")
        if before:
            yield before[-1].lower(), value


def _value_at(text: str, start: int, name: str) -> tuple[str, int]:
    while start < len(text) and text[start] in " \t":
        start += 1
    if quoted := _QUOTED.match(text, start):
        value = quoted[1]
        return (_ESCAPED.sub(r"\1", value) if "\\" in value else value), quoted.end()
    unquoted = _UNQUOTED.match(text, start)
    value = unquoted[0].strip() if unquoted else ""
    end = unquoted.end() if unquoted else start
    if name not in _FREE and (words := value.split(None, 1)):
        # A forgotten semicolon or a comment: the rest may hold the next parameter.
        return words[0].strip('"'), start + len(words[0])
    return value.strip('"'), end


def _joined(sections: dict[int, tuple[bool, str]]) -> str:
    """RFC 2231: the sections in order, percent signs undone where marked, one charset over all."""
    label, data = "", b""
    for order, index in enumerate(sorted(sections)):
        marked, value = sections[index]
        if marked and order == 0 and value.count("'") >= 2:
            label, _, value = value.split("'", 2)
        elif marked and label and value.startswith(f"{label}'"):
            value = value[len(label) + 1 :]
        data += unquote_to_bytes(value) if marked else value.encode()
    return encoded_words.decode(decode_text(data, label or "utf-8")[0])
