"""Mail addresses (RFC 5322 section 3.4, RFC 6532), read leniently."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import can_ada

from clawback.message import encoded_words
from clawback.message.bounds import MAX_ADDRESSES, MAX_SUBJECT

_LONGEST_ADDRESS = 320
"""64 characters, an at sign and 255 characters: RFC 5321 section 4.5.3.1."""

_QUOTED = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)"')
_ESCAPED = re.compile(r"\\(.)")
_COMMENT = re.compile(r"\([^()]*\)")
_RUN = re.compile(r'[^"<,;:(]+')
_PARENTHESIS = re.compile(r"\\.|[()]")
_Token = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Address:
    """One address: the display name as a person sees it, the address with its domain in lower case."""

    name: str
    address: str

    @property
    def domain(self) -> str:
        """The part after the last ``@``, in lower case and punycode where needed; empty if none."""
        return self.address.rpartition("@")[2].lower() if "@" in self.address else ""

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>" if self.name else self.address


def read_addresses(text: str) -> tuple[Address, ...]:
    """The addresses of an unfolded header whose encoded words are not yet read, at most 1,000.

    Groups are flattened; a name without address keeps an empty one; what nobody can read is left out.
    """
    found: list[Address] = []
    for mailbox in _mailboxes(text):
        address = _address(*mailbox)
        if address.name or address.address:
            found.append(address)
        if len(found) >= MAX_ADDRESSES:
            break
    return tuple(found)


def normal_address(written: str) -> str:
    """An address without spaces, brackets and quotes around it, its domain in lower case and punycode."""
    bare = "".join(written.split()).strip("<>\"',;")[: _LONGEST_ADDRESS * 2]
    if bare.startswith("@") and ":" in bare:
        # A source route of RFC 5321 appendix C.
        bare = bare.rpartition(":")[2]
    local, at, domain = bare.rpartition("@")
    if not at:
        return bare[:_LONGEST_ADDRESS]
    domain = domain.rstrip(".").lower()
    if not domain.isascii():
        domain = can_ada.idna_encode(domain.encode("utf-8", "replace").decode()).decode("ascii") or domain
    return f"{local}@{domain}"[:_LONGEST_ADDRESS]


def _mailboxes(text: str) -> Iterator[tuple[list[str], list[str], list[str]]]:
    """The words, the contents of angle brackets and the comments of each mailbox."""
    groups = ";" in text
    words: list[str] = []
    angles: list[str] = []
    comments: list[str] = []
    at = False
    for kind, value in _tokens(text):
        if kind == "word":
            words.append(value)
            at = at or "@" in value
        elif kind == "angle":
            angles.append(value)
        elif kind == "comment":
            comments.append(value)
        elif kind == ":":
            if groups and not angles:
                words.clear()
                at = False
            else:
                words.append(":")
        elif kind == "," and words and not angles and not at:
            # A comma inside a name that should have been quoted: Doe, John <john@example.com>
            words.append(",")
        else:
            yield words, angles, comments
            words, angles, comments, at = [], [], [], False
    yield words, angles, comments


def _has_at(words: list[str]) -> bool:
    return any("@" in word for word in words)


def _tokens(text: str) -> Iterator[_Token]:
    position, quotes = 0, True
    while position < len(text):
        char = text[position]
        if char == '"':
            quoted = _QUOTED.match(text, position) if quotes else None
            if quoted is None:
                # Never closed: no later quote is looked at again, or the cost would be quadratic.
                quotes, position = False, position + 1
                continue
            yield "word", _ESCAPED.sub(r"\1", quoted[1])
            position = quoted.end()
        elif char == "<":
            end = text.find(">", position)
            end = len(text) if end < 0 else end
            yield "angle", text[position + 1 : end]
            position = end + 1
        elif char == "(":
            end = _comment_end(text, position)
            yield "comment", text[position + 1 : end]
            position = end + 1
        elif char in ",;:":
            yield char, char
            position += 1
        else:
            run = _RUN.match(text, position)
            position = run.end() if run else position + 1
            yield from (("word", word) for word in (run[0].split() if run else ()))


def _comment_end(text: str, start: int) -> int:
    depth = 0
    for found in _PARENTHESIS.finditer(text, start):
        depth += {"(": 1, ")": -1}.get(found[0], 0)
        if depth == 0:
            return found.start()
    return len(text)


def _address(words: list[str], angles: list[str], comments: list[str]) -> Address:
    while words and words[-1] == ",":
        words.pop()
    chosen = next((angle for angle in reversed(angles) if "@" in angle), angles[-1] if angles else "")
    others = [f"<{angle}>" for angle in angles if angle is not chosen and angle.strip()]
    address = _COMMENT.sub("", chosen)
    if not address.strip() and _has_at(words):
        address, words = _pick(words)
    name = _joined([*words, *others]) or (_joined(comments) if comments else "")
    return Address(name[:MAX_SUBJECT], normal_address(encoded_words.decode(address)))


def _pick(words: list[str]) -> tuple[str, list[str]]:
    """The address among words without brackets; ``local @ domain`` may be spread over three of them."""
    at = next(index for index, word in enumerate(words) if "@" in word)
    first = at - 1 if words[at].startswith("@") and at else at
    last = at
    while last + 1 < len(words) and (words[last].endswith(("@", ".")) or words[last + 1].startswith(".")):
        last += 1
    return "".join(words[first : last + 1]), words[:first] + words[last + 1 :]


def _joined(words: list[str]) -> str:
    text = encoded_words.decode(" ".join(words)).replace(" ,", ",").replace(" :", ":")
    return " ".join(text.replace("\0", "\ufffd").split())
