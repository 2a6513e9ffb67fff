"""TNEF, Outlook's winmail.dat ([MS-OXTNEF]): the files in it and the links of the body it carries.

Read here and not by a library: the known one follows counts of the file into endless loops, copies the
rest of the file for each attribute, and cuts zero bytes off files, so that their hashes are wrong.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from clawback.message.bounds import MAX_LINKS, MAX_TEXT
from clawback.message.charset import decode_text
from clawback.message.compressed_rtf import decompress_rtf
from clawback.message.contents import Budget, Contents, Member, Place
from clawback.message.defect import Defect
from clawback.message.html import read_html
from clawback.message.link import Link, LinkLocation
from clawback.message.mapi import (
    ATTACH_DATA,
    ATTACH_MIME,
    BODY,
    HTML,
    LONG_NAME,
    RTF,
    SHORT_NAME,
    mapi_properties,
)
from clawback.message.text_files import text_of_rtf
from clawback.message.text_links import find_in_text

MAX_ATTRIBUTES = 10_000

_ATTRIBUTE = struct.Struct("<B2HL")
_BODY, _ATTACH_DATA, _ATTACH_TITLE = 0x800C, 0x800F, 0x8010
_ATTACH_STARTS, _MAPI, _ATTACH_MAPI, _CODEPAGE = 0x9002, 0x9003, 0x9005, 0x9007
_EMBEDDED_MESSAGE = bytes.fromhex("0703020000000000c000000000000046")


@dataclass(slots=True)
class _File:
    name: str = ""
    long_name: str = ""
    kind: str = ""
    data: bytes = b""


@dataclass(slots=True)
class _Content:
    files: list[_File] = field(default_factory=list)
    bodies: dict[int, bytes] = field(default_factory=dict)
    charset: str = "windows-1252"


def read_tnef(content: bytes, place: Place, budget: Budget) -> Contents:
    """The files of a winmail.dat, and the links of its bodies as ``tnef.text``, ``tnef:a.href`` and so on."""
    found = _Content()
    whole = True
    for count, (name, data) in enumerate(_attributes(content)):
        if count >= MAX_ATTRIBUTES or len(found.files) > budget.members:
            whole = False
            break
        _take(name, data, found)
    reached = not content[6:] or found.files or found.bodies
    bad = () if reached and whole else (Defect("bad_tnef", place.container),)
    members = tuple(
        Member(one.long_name or one.name, _unwrapped(one.data), one.kind, len(one.data))
        for one in found.files
        if one.data or one.name
    )
    return Contents(links=_links(found, place, budget), members=members, wrappers=("tnef",), defects=bad)


def _unwrapped(data: bytes) -> bytes:
    """An attached item is a TNEF stream behind the id of its interface."""
    return data[16:] if data.startswith(_EMBEDDED_MESSAGE) else data


def _attributes(content: bytes) -> Iterator[tuple[int, bytes]]:
    position = 6
    while position + _ATTRIBUTE.size + 2 <= len(content):
        level, name, _, length = _ATTRIBUTE.unpack_from(content, position)
        if level not in (1, 2):
            return
        start = position + _ATTRIBUTE.size
        yield name, content[start : start + length]
        position = start + length + 2


def _take(name: int, data: bytes, found: _Content) -> None:
    if name == _ATTACH_STARTS:
        found.files.append(_File())
    elif name == _CODEPAGE and len(data) >= 4:
        found.charset = f"cp{int.from_bytes(data[:4], 'little')}"
    elif name == _BODY:
        found.bodies.setdefault(BODY, data)
    elif name == _MAPI:
        for key, value in mapi_properties(data):
            if key in (BODY, HTML, RTF):
                found.bodies.setdefault(key, value)
    elif name in (_ATTACH_DATA, _ATTACH_TITLE, _ATTACH_MAPI):
        if not found.files:
            found.files.append(_File())
        _take_attached(name, data, found.files[-1], found.charset)


def _take_attached(name: int, data: bytes, file: _File, charset: str) -> None:
    if name == _ATTACH_DATA:
        file.data = data
    elif name == _ATTACH_TITLE:
        file.name = _name(data, charset)
    else:
        for key, value in mapi_properties(data):
            if key == ATTACH_DATA and not file.data:
                file.data = value
            elif key == LONG_NAME:
                file.long_name = _name(value, charset)
            elif key == SHORT_NAME and not file.name:
                file.name = _name(value, charset)
            elif key == ATTACH_MIME:
                file.kind = _name(value, charset).lower()


def _name(data: bytes, charset: str) -> str:
    text, _ = decode_text(data[:1_020], _charset(data, charset))
    return text.split("\0", 1)[0]


def _charset(data: bytes, charset: str) -> str:
    """MAPI has two kinds of strings; the one in UTF-16 shows by its zero bytes."""
    return "utf-16-le" if b"\0" in data[1:2] or (data[3:4] == b"\0" and len(data) > 4) else charset


def _links(found: _Content, place: Place, budget: Budget) -> tuple[Link, ...]:
    links: list[Link] = []
    for key, data in found.bodies.items():
        body = data[:MAX_TEXT]
        if key == RTF:
            body = decompress_rtf(data, min(MAX_TEXT, budget.inflated))
            budget.inflated -= len(body)
        links += body_links(key, body, _charset(body, found.charset), place)
    return tuple(links[:MAX_LINKS])


def body_links(key: int, data: bytes, charset: str, place: Place) -> tuple[Link, ...]:
    """The links of one body by its MAPI property: plain, HTML, or RTF already decompressed."""
    if key == HTML:
        markup, _ = decode_text(data, "" if charset != "utf-16-le" else charset, markup=True)
        return read_html(
            markup, location=LinkLocation.ATTACHMENT, part=place.part, container=place.container
        ).links
    text = text_of_rtf(data.decode("latin-1")) if key == RTF else decode_text(data, charset)[0]
    source = "rtf.text" if key == RTF else "tnef.text"
    return place.links(find_in_text(text, MAX_LINKS), source)
