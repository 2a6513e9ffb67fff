"""PDF files by their bytes (ISO 32000-1): strings of actions, also in compressed object streams.

This finds what a damaged file hides from a library, and tells whether the file is safe to hand to one.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from clawback.message.contents import Budget

MAX_STRINGS = 5_000
MAX_STREAMS = 5_000
MAX_STREAM = 8 * 1024 * 1024
MAX_SIDE = 20_000
MAX_SHOWN = 50_000
MAX_REPEATED = 10_000

_ACTION = re.compile(rb"/(URI|F|JS|Base|UF)[ \t\r\n]{0,20}(?=[(<][^<])")
_LITERAL = re.compile(rb"\(((?:[^()\\]++|\\.|\((?:[^()\\]++|\\.)*+\))*+)\)", re.DOTALL)
_HEX = re.compile(rb"<([0-9a-fA-F\s]{0,8192})>")
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|(\r\n|[\r\n])|(.))", re.DOTALL)
_PLAIN = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_LONGEST_STRING = 8_192
_STREAM = re.compile(rb"(?<!end)stream\r?\n")
_LONGEST_DICTIONARY = 2_048
_SIDE = re.compile(rb"/(?:Width|Height)\s{0,9}(\d{1,12})")
_DRAW = re.compile(rb"\bDo\b")
_PICTURES = (b"/Subtype/Image", b"/Subtype /Image", b"/DCTDecode", b"/JPXDecode")
_COSTLY = re.compile(rb"/(?:PatternType|ShadingType)\s{0,9}1\b|/Type3\b")  # tiles, functions, glyphs as pages
_SMALL_PICTURE = 100_000
_LARGEST_LZW = 65_536
_LARGEST_ASCII = 4 * 1024 * 1024


@dataclass(slots=True)
class Scan:
    """What the bytes told: (action key, string) pairs, and what a library may be trusted with.

    `too_large` when the file inflates to more than the bounds; `too_wordy` when its pages show more
    strings than can be laid out in time; `drawable` when nothing in it makes drawing a page expensive.
    """

    strings: list[tuple[str, str]] = field(default_factory=list)
    too_large: bool = False
    too_wordy: bool = False
    drawable: bool = True


def scan_pdf(content: bytes, budget: Budget) -> Scan:
    """Look over the bytes of a PDF file, inflating its streams at the budget's cost."""
    scan = Scan(list(islice(_strings(content), MAX_STRINGS)))
    scan.drawable = not _COSTLY.search(content) and not _has_huge_image(content)
    shown, repeated = 0, 1
    for count, (dictionary, start, end) in enumerate(_streams(content)):
        data, within = _inflated(content, dictionary, start, end, budget)
        if not within or count >= MAX_STREAMS:
            scan.too_large = True
            break
        if b"/ObjStm" in dictionary:
            scan.strings += islice(_strings(data), MAX_STRINGS - len(scan.strings))
            scan.drawable = scan.drawable and not _COSTLY.search(data)
        elif data:
            shown += data.count(b"Tj") + data.count(b"TJ")
            # Each form may draw the next several times, so that their numbers multiply.
            repeated *= max(1, len(_DRAW.findall(data))) if b"Form" in dictionary else 1
    scan.too_wordy = shown > MAX_SHOWN
    scan.too_large = scan.too_large or repeated > MAX_REPEATED
    return scan


def _streams(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(dictionary, start, end) of each stream."""
    floor = 0
    for match in _STREAM.finditer(content):
        start = match.end()
        if start < floor:
            continue
        dictionary = content[max(floor, match.start() - _LONGEST_DICTIONARY) : match.start()]
        dictionary = dictionary[dictionary.rfind(b"obj") + 1 :]
        end = content.find(b"endstream", start)
        floor = end if end >= 0 else len(content)
        yield dictionary, start, floor


def _inflated(content: bytes, dictionary: bytes, start: int, end: int, budget: Budget) -> tuple[bytes, bool]:
    """The stream's bytes, and whether they are within bounds. Twofold compression is taken for a bomb.

    A large picture is not inflated, since its size is bounded by its sides; a small one is, because any
    stream can call itself a picture.
    """
    if any(mark in dictionary for mark in _PICTURES) and end - start > _SMALL_PICTURE:
        return b"", True
    if dictionary.count(b"/FlateDecode") + dictionary.count(b"/LZWDecode") > dictionary.count(b"/ObjStm") + 1:
        return b"", False
    if b"/LZWDecode" in dictionary:
        return b"", end - start <= _LARGEST_LZW
    data = content[start:end]
    if b"/ASCII" in dictionary:
        data = _undo_ascii(data[:_LARGEST_ASCII], dictionary)
    if len(data) < 2 or data[0] & 0x0F != 8 or (data[0] << 8 | data[1]) % 31:
        return (data, True) if len(data) <= MAX_STREAM else (b"", False)
    limit = min(MAX_STREAM, budget.inflated)
    try:
        found = zlib.decompressobj().decompress(data, limit + 1)
    except zlib.error:
        return b"", True
    budget.inflated -= min(len(found), limit)
    return found[:limit], len(found) <= limit


def _undo_ascii(data: bytes, dictionary: bytes) -> bytes:
    try:
        if b"/ASCII85Decode" in dictionary:
            return base64.a85decode(b"".join(data.split()).partition(b"~>")[0])
        return bytes.fromhex(b"".join(data.partition(b">")[0].split()).decode("ascii", "replace"))
    except ValueError:
        return b""


def _has_huge_image(content: bytes) -> bool:
    sides = (int(match[1]) for match in islice(_SIDE.finditer(content), 10_000))
    return max(sides, default=0) > MAX_SIDE


def _strings(data: bytes) -> Iterator[tuple[str, str]]:
    for match in _ACTION.finditer(data):
        window = data[match.end() : match.end() + _LONGEST_STRING]
        raw = _literal(window) if window[:1] == b"(" else _hex(window)
        if raw:
            yield match[1].decode("ascii"), _text(raw)


def _literal(window: bytes) -> bytes:
    match = _LITERAL.match(window)
    return _ESCAPE.sub(_unescaped, match[1]) if match else b""


def _unescaped(match: re.Match[bytes]) -> bytes:
    if match[1]:
        return bytes([int(match[1], 8) & 0xFF])
    return b"" if match[2] else _PLAIN.get(match[3], match[3])


def _hex(window: bytes) -> bytes:
    match = _HEX.match(window)
    digits = b"".join(match[1].split()) if match else b""
    return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii"))


def _text(raw: bytes) -> str:
    if raw[:2] in (b"\xfe\xff", b"\xff\xfe"):
        return raw.decode("utf-16", "replace")
    return raw.decode("utf-8", "replace")
