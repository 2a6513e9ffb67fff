"""The Received chain (RFC 5321 section 4.4): the way a message came, newest hop first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from clawback.message.dates import read_date
from clawback.message.received_syntax import LONGEST, Clause, canonical_ip, is_public, peer_ip, read_clauses
from clawback.message.trust import is_own_host, is_trusted

if TYPE_CHECKING:
    from clawback.message.message import Header, Organisation

MAX_HOPS = 100

_LOOKED_UP = re.compile(
    r"(?:[^@\s\[]{1,64}@)?([A-Za-z0-9_\-]+(?:\.[A-Za-z0-9_\-]+)+\.?)\s\[[^\]]{2,50}\](?! \(may be forged)"
)
_GREETED = re.compile(r"(?i)\b(?:helo|ehlo)[= ]([A-Za-z0-9_.\-]{1,255})")
_NOBODY = frozenset({"unknown", "unverified"})
_MICROSOFT = (".outlook.com", ".office365.com", ".exchangelabs.com")
_MICROSOFT_INSIDE = "2603:10"  # addresses of Exchange Online's own machines
_NOTED = (
    ("x-sender-ip", re.compile(r"\[?([0-9a-fA-F:.]{2,45})")),
    ("x-forefront-antispam-report", re.compile(r"\bCIP:([0-9a-fA-F:.]{2,45})(?=;|$)")),
    (
        "authentication-results",
        re.compile(r"(?i)(?:sender ip is |remote-ip=|client-ip=)\[?([0-9a-f:.]{2,45})"),
    ),
    ("received-spf", re.compile(r"(?i)client-ip=\[?([0-9a-f:.]{2,45})")),
    ("x-originating-ip", re.compile(r"\[?([0-9a-fA-F:.]{2,45})")),
)


@dataclass(frozen=True, slots=True)
class Hop:
    """One Received header: who gave it (`from_host`, `from_ip`), who took it (`by_host`), how and when."""

    from_host: str = ""
    from_ip: str = ""
    by_host: str = ""
    protocol: str = ""
    recipient: str = ""
    at: datetime | None = None


def read_hops(headers: Sequence[Header]) -> tuple[Hop, ...]:
    """The Received chain, newest hop first, at most 100 hops; what a header does not tell stays ""."""
    written = (header.value for header in headers if header.name.lower() == "received")
    return tuple(_hop(value) for value in islice(written, MAX_HOPS))


def _hop(value: str) -> Hop:
    value = value[:LONGEST]
    chain, _, date = value.rpartition(";")
    clauses = read_clauses(chain or value)
    giver = clauses.get("from", Clause())
    return Hop(
        from_host=_giver(giver),
        from_ip=peer_ip(giver),
        by_host=_host(clauses.get("by", Clause()).first),
        protocol=" ".join(clauses.get("with", Clause()).words)[:60],
        recipient=clauses.get("for", Clause()).first.strip("<>;,")[:320],
        at=read_date(date) if chain else None,
    )


def _giver(giver: Clause) -> str:
    """The name that a look-up of the address gave; where there is none, the name in the greeting."""
    for comment in giver.comments:
        if (found := _LOOKED_UP.match(comment)) and found[1].lower() not in _NOBODY:
            return _host(found[1])
    named = _host(giver.first)
    if named and named not in _NOBODY and not canonical_ip(named):
        return named
    for comment in giver.comments:
        if greeted := _GREETED.search(comment):
            return _host(greeted[1])
    return named


def _host(word: str) -> str:
    return word.strip("[]<>;,").rstrip(".").lower()[:255]


def sending_ip(hops: Sequence[Hop], headers: Sequence[Header], organisation: Organisation) -> str:
    """The address that handed the message to the organisation's border, in canonical form; "" if unknown.

    That is the newest hop from a public address to an own host. With no own hosts known it is the newest
    public address at all, the inner hops of Exchange Online aside. Only where no hop tells are the headers
    asked in which mail systems note it.
    """
    for number, hop in enumerate(hops):
        if is_public(hop.from_ip) and not _is_inside(hop, hops[number + 1 :], organisation):
            return hop.from_ip
    public = (hop.from_ip for hop in hops if is_public(hop.from_ip))
    return next(_noted(headers), "") or next(public, "")


def _noted(headers: Sequence[Header]) -> Iterator[str]:
    for name, pattern in _NOTED:
        for header in headers:
            if header.name.lower() == name:
                found = (canonical_ip(match[1]) for match in pattern.finditer(header.value[:LONGEST]))
                yield from (one for one in found if one)


def _is_inside(hop: Hop, older: Sequence[Hop], organisation: Organisation) -> bool:
    """Whether a hop stays within the organisation, or outside of it before it is reached.

    A greeting can claim an own name, so such a hop only counts as inner if the own host added its line, too.
    """
    if hop.by_host.endswith(_MICROSOFT) and hop.from_ip.startswith(_MICROSOFT_INSIDE):
        return True
    if organisation.trusted_hops and not is_trusted(hop.by_host, organisation):
        return any(is_trusted(one.by_host, organisation) for one in older)
    if not is_own_host(hop.from_host, organisation):
        return False
    return bool(older) and is_own_host(older[0].by_host, organisation)
