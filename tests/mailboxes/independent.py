"""A reader of whole mailboxes by Python's own imaplib, which shares nothing with the connector."""

from __future__ import annotations

import imaplib
import re
from collections import Counter
from dataclasses import dataclass

_LISTED = re.compile(rb'\(([^)]*)\) (?:"(.)"|NIL) (.+)', re.DOTALL)
_ITEMS = re.compile(rb'UID ([0-9]+) FLAGS \(([^)]*)\) INTERNALDATE "([^"]*)" X-GUID ([^ )]+)')


@dataclass(frozen=True, order=True)
class Seen:
    """One copy: what may not change, and its UID with the UIDVALIDITY of its folder."""

    folder: str
    content: bytes
    flags: tuple[str, ...]
    date: str
    guid: str
    uid: int
    validity: int


def everything(client: imaplib.IMAP4) -> list[Seen]:
    """Every copy of every folder that this client may open, sorted."""
    found: list[Seen] = []
    for raw in folders(client):
        status, _ = client.select(raw.decode("latin-1"), readonly=True)
        assert status == "OK", raw
        (validity,) = client.response("UIDVALIDITY")[1]
        assert isinstance(validity, bytes), raw
        found += _copies(client, raw.decode("latin-1").strip('"'), int(validity))
    return sorted(found)


def folders(client: imaplib.IMAP4) -> list[bytes]:
    """The folders as they stand on the wire, in quotes."""
    names = []
    for line in client.list()[1]:
        told = b"".join(line) if isinstance(line, tuple) else line
        if not told:
            continue
        found = _LISTED.fullmatch(told)
        assert found, told
        if b"\\Noselect" not in found[1] and b"\\NonExistent" not in found[1]:
            names.append(found[3] if found[3][:1] == b'"' else b'"' + found[3] + b'"')
    return names


def _copies(client: imaplib.IMAP4, folder: str, validity: int) -> list[Seen]:
    _, uids = client.uid("SEARCH", "ALL")
    found = []
    for i in range(0, len(numbers := uids[0].split()), 200):
        chosen = b",".join(numbers[i : i + 200]).decode()
        _, told = client.uid("FETCH", chosen, "(UID FLAGS INTERNALDATE X-GUID BODY.PEEK[])")
        for line in told:
            if isinstance(line, tuple):
                items = _ITEMS.search(line[0])
                assert items, line[0]
                flags = sorted({flag.decode().lower() for flag in items[2].split()} - {"\\recent"})
                date, guid = items[3].decode(), items[4].decode()
                found.append(Seen(folder, line[1], tuple(flags), date, guid, int(items[1]), validity))
    assert len(found) == len(numbers)
    return found


def where(copies: list[Seen]) -> Counter[tuple[bytes, str]]:
    """How often each content lies in each folder."""
    return Counter((copy.content, copy.folder) for copy in copies)
