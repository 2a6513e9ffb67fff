"""What a reader of one kind of file is told, and what it gives back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

from clawback.message.bounds import MAX_LINKS
from clawback.message.defect import Defect
from clawback.message.link import Link, LinkLocation
from clawback.message.url import make_link


@dataclass(slots=True)
class Budget:
    """How much of one message's files may still be read; each reader takes from it.

    Counts, and `inflated` in bytes. One budget serves one message with everything nested in it.
    """

    members: int = 500
    inflated: int = 64 * 1024 * 1024
    images: int = 50
    pages: int = 20
    rendered: int = 4
    messages: int = 100
    scanned: int = 128 * 1024 * 1024
    links: int = MAX_LINKS
    depth: int = 0

    def inflatable(self, compressed: int) -> int:
        """How many bytes `compressed` bytes may become: a ratio, with a floor for small files."""
        return min(self.inflated, max(MIN_INFLATED, compressed * MAX_RATIO))


MAX_DEPTH = 4
"""Archives inside archives."""

MAX_RATIO = 200
"""Inflated over compressed; text packs up to about 100 times."""

MIN_INFLATED = 1024 * 1024
"""What any compressed file may become, whatever its ratio."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file stands: its name, the MIME part it came in, and the names on the way to it."""

    name: str
    part: str
    container: str

    def links(
        self,
        written: Iterable[str],
        source: str,
        *,
        base: str = "",
        text: str = "",
        location: LinkLocation = LinkLocation.ATTACHMENT,
    ) -> tuple[Link, ...]:
        """The links among `written`, as found in this file."""
        made = (
            make_link(
                one,
                location=location,
                source=source,
                part=self.part,
                text=text,
                container=self.container,
                base=base,
            )
            for one in written
        )
        return tuple(islice((link for link in made if link), MAX_LINKS))


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside a file. `closed` when its bytes could not be had: then only name and `size` are known."""

    name: str
    content: bytes = field(default=b"", repr=False)
    declared_type: str = ""
    size: int = 0
    closed: bool = False
    encrypted: bool = False


@dataclass(frozen=True, slots=True)
class Contents:
    """What stood in one file. `images` are looked at for QR codes only and are no files of their own;
    `messages` are (name, raw message); `true_type` is set when the reader knows better."""

    links: tuple[Link, ...] = ()
    members: tuple[Member, ...] = ()
    images: tuple[bytes, ...] = ()
    messages: tuple[tuple[str, bytes], ...] = ()
    wrappers: tuple[str, ...] = ()
    defects: tuple[Defect, ...] = ()
    encrypted: bool = False
    true_type: str = ""
