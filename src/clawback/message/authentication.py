"""Authentication-Results of the trusted hop (RFC 8601), with Defender's words kept at the border."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from clawback.message.trust import is_trusted

if TYPE_CHECKING:
    from clawback.message.message import Header, Organisation

MAX_RESULTS = 200
"""Results of one header; more are not read."""

_LONGEST = 16_384
_MICROSOFT = "protection.outlook.com"  # Exchange Online writes results without saying who it is
_PIECE = re.compile(r"\"(?:[^\"\\]++|\\.)*+\"|[()\\\";]|[^()\\\";]+")
_RESULT = re.compile(
    r"\s*+([A-Za-z][A-Za-z0-9_\-]{0,40})(?:\s*+/\s*+\d{1,4})?\s*+=\s*+([A-Za-z]{1,20})(?![^\s;])"
)
_PROPERTY = re.compile(
    r"(?<![^\s;])([a-zA-Z]{1,20}\.[a-zA-Z\-]{1,40})\s?=\s?(\"[^\"]{0,320}\"|[^\s;\"]{1,320})"
)
_SPF = re.compile(r"\s*+([A-Za-z]{1,20})\b")
_SPF_SENDER = re.compile(
    r"(?i)\benvelope-from=\"?<?([^\s;\">]{1,320})|\bdomain of (?:transitioning )?([^\s;]{1,320})"
)
_SPF_RECEIVER = re.compile(r"(?i)\breceiver=([^\s;]{1,255})|\(([A-Za-z0-9.\-]{1,255}): ")


@dataclass(frozen=True, slots=True)
class Authentication:
    """What the organisation's own border said about the sender.

    Each result is the lower-case RFC 8601 word (``pass``, ``fail``, ``softfail`` ...) or "" when the
    trusted hop said nothing. `dkim_domain` and `spf_domain` are the domains that were checked.
    `authserv_id` names who said it; "" means that no trusted hop was found.
    """

    authserv_id: str = ""
    spf: str = ""
    dkim: str = ""
    dmarc: str = ""
    composite: str = ""
    arc: str = ""
    spf_domain: str = ""
    dkim_domain: str = ""


def read_authentication(headers: Sequence[Header], organisation: Organisation) -> Authentication:
    """The results that the organisation's border wrote, read from its topmost block of headers.

    Authentication-Results of the first host that is trusted (with no trusted hops: of the topmost), then
    Received-SPF for a missing SPF result, and ARC-Authentication-Results where there is no other.
    """
    said = _believed(headers, "authentication-results", organisation)
    if not said:
        said = _believed(headers, "arc-authentication-results", organisation)[:1]
    found = Authentication(authserv_id=said[0].host if said else "")
    for one in said:
        for result in one.results:
            found = _with(found, result)
    return found if found.spf else _with_received_spf(found, headers, organisation)


@dataclass(frozen=True, slots=True)
class _Result:
    method: str
    word: str
    properties: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Said:
    """One header: who said it, and the results in it."""

    host: str
    results: tuple[_Result, ...]


def _believed(headers: Sequence[Header], name: str, organisation: Organisation) -> list[_Said]:
    """The first header of a believed host, and those of the same host down to the next Received header."""
    said: list[_Said] = []
    for header in headers:
        key = header.name.lower()
        if key == "received" and said:
            break
        if key != name:
            continue
        one = _read(header.value[:_LONGEST])
        if said:
            said += [one] if one.host == said[0].host else []
        elif not organisation.trusted_hops or is_trusted(one.host, organisation):
            said.append(one)
    return said


def _read(value: str) -> _Said:
    segments = _segments(value)
    first = segments[0] if segments else ""
    if re.match(r"\s*i\s?=\s?\d{1,3}\s*$", first):  # the instance of an ARC set
        segments = segments[1:]
        first = segments[0] if segments else ""
    words = first.split(None, 1)
    named = bool(words) and "=" not in words[0]
    host = words[0].lower().rstrip(".")[:255] if named else _MICROSOFT if segments else ""
    if named and len(words) > 1 and "=" in words[1]:
        segments[0] = words[1]  # a forgotten semicolon after the name
    return _Said(host, tuple(islice(_results(segments), MAX_RESULTS)))


def _results(segments: Sequence[str]) -> Iterator[_Result]:
    for segment in segments:
        if match := _RESULT.match(segment):
            properties = {name.lower(): value.strip('"') for name, value in _PROPERTY.findall(segment)}
            yield _Result(match[1].lower(), match[2].lower(), properties)


def _segments(value: str) -> list[str]:
    """The header at its semicolons, comments left out; comments that do not close count as text."""
    depth = 0
    segments = [""]
    for match in _PIECE.finditer(value):
        piece = match[0]
        if piece == "(":
            depth += 1
        elif piece == ")":
            depth = max(0, depth - 1)
        elif depth:
            continue
        elif piece == ";":
            segments.append("")
        else:
            segments[-1] += piece
    if depth:
        return value.replace("(", " ").replace(")", " ").split(";")
    return segments


def _with(found: Authentication, result: _Result) -> Authentication:
    """`found` with one more result: the first of a method counts, but any DKIM signature that passes wins."""
    word, properties = result.word, result.properties
    match result.method:
        case "spf" if not found.spf:
            domain = _domain(
                properties.get("smtp.mailfrom")
                or properties.get("smtp.mail")
                or properties.get("smtp.helo")
                or ""
            )
            return replace(found, spf=word, spf_domain=domain)
        case "dkim" if not found.dkim or (word == "pass" != found.dkim):
            domain = _domain(properties.get("header.d") or properties.get("header.i") or "")
            return replace(found, dkim=word, dkim_domain="" if domain == "none" else domain)
        case "dmarc" if not found.dmarc:
            return replace(found, dmarc=word)
        case "arc" if not found.arc:
            return replace(found, arc=word)
        case "compauth" if not found.composite:
            return replace(found, composite=word)
    return found


def _domain(text: str) -> str:
    return text.rpartition("@")[2].strip("<>").rstrip(".").lower()


def _with_received_spf(
    found: Authentication, headers: Sequence[Header], organisation: Organisation
) -> Authentication:
    for header in headers:
        if header.name.lower() != "received-spf":
            continue
        value = header.value[:_LONGEST]
        word, receiver, sender = _SPF.match(value), _SPF_RECEIVER.search(value), _SPF_SENDER.search(value)
        host = (receiver[1] or receiver[2]).lower() if receiver else ""
        if word and (not organisation.trusted_hops or is_trusted(host, organisation)):
            domain = _domain((sender[1] or sender[2]) if sender else "")
            who = found.authserv_id or host
            return replace(found, authserv_id=who, spf=word[1].lower(), spf_domain=domain)
    return found
