"""OneNote sections ([MS-ONESTORE]): the files embedded in them, and the URLs written there."""

from __future__ import annotations

from collections.abc import Iterator

from clawback.message.bounds import MAX_LINKS
from clawback.message.contents import Budget, Contents, Member, Place
from clawback.message.strings import find_in_bytes

MAX_FILES = 50

_FILE = bytes.fromhex("e716e3bd65261145a4c48d4d0b7a9eac")  # the GUID before each embedded file
_HEAD = 36


def read_onenote(content: bytes, place: Place, budget: Budget) -> Contents:
    """The files embedded in a OneNote section, and its links."""
    members = tuple(_files(content))
    return Contents(links=place.links(find_in_bytes(content, MAX_LINKS), "onenote.text"), members=members)


def _files(content: bytes) -> Iterator[Member]:
    position = 0
    for number in range(1, MAX_FILES + 1):
        position = content.find(_FILE, position)
        if position < 0:
            return
        size = int.from_bytes(content[position + 16 : position + 24], "little")
        start = position + _HEAD
        data = content[start : start + size]
        yield Member(f"embedded-{number}", data, size=len(data))
        position = start + len(data)
