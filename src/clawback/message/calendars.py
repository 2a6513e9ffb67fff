"""Calendar and contact files (RFC 5545, RFC 6350): the links of their properties."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from itertools import islice

from clawback.message.bounds import MAX_LINKS, MAX_TEXT
from clawback.message.charset import decode_text
from clawback.message.contents import Budget, Contents, Member, Place
from clawback.message.defect import Defect
from clawback.message.html import read_html
from clawback.message.link import Link, LinkLocation
from clawback.message.text_links import find_in_text

MAX_PROPERTIES = 20_000

_FOLD = re.compile(r"\r?\n[ \t]")
_NAME = re.compile(r"(?:[\w\-]{1,60}\.)?([\w\-]{1,60})(?=[;:])")
_PARAMETERS = re.compile(
    r"(?:;[\w\-]{1,60}=(?:\"[^\"\n]*+\"|[^\";:,\n]*+)(?:,(?:\"[^\"\n]*+\"|[^\";:,\n]*+))*+)*+:"
)
_ESCAPED = re.compile(r"\\([\\;,nN])")
_SILENT = frozenset(
    ["UID", "DTSTAMP", "PRODID", "TZURL", "TZID", "DTSTART", "DTEND", "ORGANIZER", "ATTENDEE", "RRULE"]
)


def read_calendar(content: bytes, place: Place, budget: Budget) -> Contents:
    """The links of a calendar's or contact's properties, as ``ics.url``, ``ics.description`` and so on."""
    text, _ = decode_text(content[:MAX_TEXT], "")
    links: list[Link] = []
    members: list[Member] = []
    cut = Defect("text_cut", f"{place.container}: longer than {MAX_TEXT} bytes")
    for name, parameters, value in islice(_properties(text), MAX_PROPERTIES):
        if len(links) > MAX_LINKS:
            break
        if "BASE64" in parameters and name in {"ATTACH", "PHOTO", "LOGO"}:
            members += _attached(name, parameters, value)
        elif name == "X-ALT-DESC" or ("TEXT/HTML" in parameters and name != "ATTACH"):
            links += _markup_links(_plain(value), place)
        elif name not in _SILENT and "." in value:
            links += place.links(find_in_text(_plain(value), MAX_LINKS), f"ics.{name.lower()}")
    return Contents(
        links=tuple(links[:MAX_LINKS]),
        members=tuple(members),
        defects=(cut,) if len(content) > MAX_TEXT else (),
    )


def _markup_links(markup: str, place: Place) -> tuple[Link, ...]:
    location = LinkLocation.ATTACHMENT
    return read_html(markup, location=location, part=place.part, container=place.container).links


def _properties(text: str) -> Iterator[tuple[str, str, str]]:
    """(name, parameters, value), names and parameters in upper case, folds undone."""
    for line in _FOLD.sub("", text).splitlines():
        name = _NAME.match(line)
        if name is None:
            continue
        parameters = _PARAMETERS.match(line, name.end())
        at = parameters.end() if parameters else line.find(":") + 1
        yield name[1].upper(), line[name.end() : at].upper(), line[at:]


def _plain(value: str) -> str:
    return _ESCAPED.sub(lambda match: "\n" if match[1] in "nN" else match[1], value)


def _attached(name: str, parameters: str, value: str) -> Iterator[Member]:
    written = re.search(r"(?:X-)?FILENAME=\"?([^\";:]{1,255})", parameters)
    try:
        data = binascii.a2b_base64(value)
    except (binascii.Error, ValueError):
        return
    yield Member(written[1].lower() if written else name.lower(), data, size=len(data))
