"""The words and comments of trace headers (RFC 5322 section 3.6.7), whatever program wrote them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

LONGEST = 4_000
"""Characters of one header that are read."""

_PIECE = re.compile(r"[()\\]|[^()\\\s]+|\s+")
_KEYWORDS = frozenset({"from", "by", "via", "with", "id", "for"})
_BRACKETED = re.compile(r"\[(?:IPv6:)?([0-9a-fA-F:.]{2,45})(?:%\w{1,20})?\]")
_BARE = re.compile(r"(?:^|[\s=])((?:\d{1,3}\.){3}\d{1,3}|[0-9a-fA-F]{0,4}:[0-9a-fA-F:.]{2,43})(?=[\s:;,)]|$)")
_GREETING = re.compile(r"(?i)\b(?:helo|ehlo|ident)[= ]\S{1,255}")


@dataclass(slots=True)
class Clause:
    """What follows one keyword: its words, and the comments among them without their brackets."""

    words: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)

    @property
    def first(self) -> str:
        """The first word, "" if there is none."""
        return self.words[0] if self.words else ""


def read_clauses(text: str) -> dict[str, Clause]:
    """The clauses of a Received header by their keyword in lower case; the first of each counts."""
    clauses: dict[str, Clause] = {}
    current = Clause()
    for is_comment, token in _tokens(text[:LONGEST]):
        if is_comment:
            current.comments.append(token)
        elif token.lower() in _KEYWORDS:
            current = Clause()
            clauses.setdefault(token.lower(), current)
        else:
            current.words.append(token)
    return clauses


def _tokens(text: str) -> Iterator[tuple[bool, str]]:
    """(is it a comment, text); comments may nest, and one that is never closed ends with the header."""
    depth = 0
    comment: list[str] = []
    for match in _PIECE.finditer(text):
        piece = match[0]
        if piece == "(":
            depth += 1
            if depth > 1:
                comment.append(piece)
        elif piece == ")" and depth:
            depth -= 1
            if depth:
                comment.append(piece)
            else:
                yield True, "".join(comment)
                comment = []
        elif depth:
            comment.append(piece)
        elif not piece.isspace():
            yield False, piece
    if comment:
        yield True, "".join(comment)


def ip_in(text: str) -> str:
    """The first IP address in `text` in canonical form, one in square brackets before others; "" if none."""
    for pattern in (_BRACKETED, _BARE):
        for match in pattern.finditer(text[:LONGEST]):
            if found := canonical_ip(match[1]):
                return found
    return ""


def peer_ip(clause: Clause) -> str:
    """The address a program saw, not the one that the other side claimed in its greeting."""
    for comment in clause.comments:
        if found := ip_in(_GREETING.sub("", comment)):
            return found
    return ip_in(" ".join(clause.words[:4]))


@lru_cache(maxsize=8_192)
def canonical_ip(text: str) -> str:
    """An address in canonical form, IPv4 inside IPv6 as IPv4; "" if it is none."""
    try:
        address = ip_address(text)
    except ValueError:
        return ""
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(address)


@lru_cache(maxsize=8_192)
def is_public(address: str) -> bool:
    """Whether a canonical address belongs to the open internet."""
    try:
        return ip_address(address).is_global
    except ValueError:
        return False
