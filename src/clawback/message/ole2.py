"""Office documents before 2007, Outlook items and installers: compound files, searched for URLs."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from clawback.message.bounds import MAX_LINKS
from clawback.message.compound_file import CompoundFile, Node
from clawback.message.compressed_rtf import decompress_rtf
from clawback.message.contents import Budget, Contents, Member, Place
from clawback.message.defect import Defect
from clawback.message.file_types import OLE2
from clawback.message.link import Link
from clawback.message.mapi import BODY, HTML, RTF
from clawback.message.strings import find_in_bytes
from clawback.message.tnef import body_links

MAX_STREAM = 16 * 1024 * 1024

_TYPES = {
    "EncryptedPackage": "application/x-ms-office-encrypted",
    "WordDocument": "application/msword",
    "Workbook": "application/vnd.ms-excel",
    "Book": "application/vnd.ms-excel",
    "PowerPoint Document": "application/vnd.ms-powerpoint",
    "__properties_version1.0": "application/vnd.ms-outlook",
    "VisioDocument": "application/vnd.visio",
    "\u4840\u3b3f\u43f2\u4438\u45b1": "application/x-msi",
}
_MSG = "application/vnd.ms-outlook"
_PROPERTY = re.compile(
    r"(?:(__attach_version1\.0_#[0-9A-Fa-f]{8})/)?__substg1\.0_([0-9A-Fa-f]{4})([0-9A-Fa-f]{4})"
)
_UNICODE = "001F"
_ENCRYPTED_TOKEN = b"\xdf\xc4\xd1\xf3"


def read_ole2(content: bytes, place: Place, budget: Budget) -> Contents:
    """The links written in a compound file's streams, and the files embedded in it."""
    file = CompoundFile(content)
    if not file.nodes:
        found = place.links(find_in_bytes(content, MAX_LINKS), "office.text")
        return Contents(links=found, defects=(Defect("bad_compound_file", place.container),))
    kind = next((name for node in file.nodes if (name := _TYPES.get(node.path))), OLE2)
    streams = {node.path: data for node in file.nodes if (data := _read(file, node, budget))}
    if kind == _MSG:
        links, members = _outlook_item(streams, place, budget)
    else:
        links = [
            link
            for data in streams.values()
            for link in place.links(find_in_bytes(data, 1_000), "office.text")
        ]
        members = list(_embedded(streams))
    return Contents(
        links=tuple(links[:MAX_LINKS]),
        members=tuple(members),
        encrypted="EncryptedPackage" in streams or _is_encrypted(streams),
        true_type=kind,
    )


def _read(file: CompoundFile, node: Node, budget: Budget) -> bytes:
    data = file.read(node, min(MAX_STREAM, budget.scanned))
    budget.scanned -= len(data)
    return data


def _is_encrypted(streams: dict[str, bytes]) -> bool:
    """By the flag of a Word file, the record of a workbook, the token of a presentation."""
    word = streams.get("WordDocument", b"")
    if len(word) > 11 and word[11] & 1:
        return True
    user = streams.get("Current User", b"")
    if user[12:16] == _ENCRYPTED_TOKEN or "EncryptedSummary" in streams:
        return True
    return _has_file_pass(streams.get("Workbook") or streams.get("Book") or b"")


def _has_file_pass(workbook: bytes) -> bool:
    position = 0
    for _ in range(20):
        if position + 4 > len(workbook):
            return False
        record, size = struct.unpack_from("<2H", workbook, position)
        if record == 0x2F:
            return True
        position += 4 + size
    return False


def _embedded(streams: dict[str, bytes]) -> Iterator[Member]:
    for path, data in streams.items():
        name = path.rpartition("/")[2]
        if name == "\x01Ole10Native":
            yield from _packaged(data)
        elif name == "Package" and data.startswith(b"PK"):
            yield Member("Package", data, size=len(data))


def _packaged(data: bytes) -> Iterator[Member]:
    """A file wrapped by the OLE packager: label, name, path, then its size and bytes."""
    parts = data[6 : 6 + 2_048].split(b"\0", 2)
    if len(parts) < 3:
        return
    position = 6 + len(parts[0]) + len(parts[1]) + 2 + 4
    position += 4 + int.from_bytes(data[position : position + 4], "little")
    size = int.from_bytes(data[position : position + 4], "little")
    inner = data[position + 4 : position + 4 + size]
    if inner:
        yield Member(parts[0].decode("latin-1")[:255], inner, size=len(inner))


def _outlook_item(streams: dict[str, bytes], place: Place, budget: Budget) -> tuple[list[Link], list[Member]]:
    links: list[Link] = []
    files: dict[str, dict[int, tuple[bytes, str]]] = {}
    for path, data in streams.items():
        match = _PROPERTY.fullmatch(path)
        if match is None:
            continue
        key, charset = int(match[2], 16), "utf-16-le" if match[3].upper() == _UNICODE else "windows-1252"
        if match[1]:
            files.setdefault(match[1], {})[key] = (data, charset)
        elif key in (BODY, HTML, RTF):
            body = decompress_rtf(data, budget.inflated) if key == RTF else data
            links += body_links(key, body, charset, place)
    return links, [_attached(properties) for properties in files.values() if 0x3701 in properties]


def _attached(properties: dict[int, tuple[bytes, str]]) -> Member:
    data = properties[0x3701][0]
    raw, charset = properties.get(0x3707) or properties.get(0x3704) or (b"", "utf-8")
    kind, kind_charset = properties.get(0x370E, (b"", "utf-8"))
    name = raw.decode(charset, "replace").strip("\0")
    return Member(name, data, kind.decode(kind_charset, "replace").strip("\0").lower(), len(data))
