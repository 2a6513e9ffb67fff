"""PDF files by their bytes (ISO 32000-1): strings of actions, also in compressed object streams.

This finds what a damaged file hides from a library, and tells whether the file is safe to hand to one.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from clawback.message.contents import Budget

MAX_STRINGS = 5_000
MAX_STREAMS = 5_000
MAX_STREAM = 16 * 1024 * 1024
MAX_PIXELS = 100_000_000

_ACTION = re.compile(rb"/(URI|F|JS|Base|UF)[ \t\r\n]{0,20}(?=[(<][^<])")
_LITERAL = re.compile(rb"\(((?:[^()\\]++|\\.|\((?:[^()\\]++|\\.)*+\))*+)\)", re.DOTALL)
_HEX = re.compile(rb"<([0-9a-fA-F\s]{0,8192})>")
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|(\r\n|[\r\n])|(.))", re.DOTALL)
_PLAIN = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_LONGEST_STRING = 8_192
_STREAM = re.compile(rb"(?<!end)stream\r?\n")
_LONGEST_DICTIONARY = 2_048
_SIDE = re.compile(rb"/(?:Width|Height)\s{0,9}(\d{1,12})")
_NOT_READ = (b"/Subtype/Image", b"/Subtype /Image", b"/DCTDecode", b"/JPXDecode")


@dataclass(frozen=True, slots=True)
class Scan:
    """(action key, string) pairs, and whether pages may be parsed and drawn without fear."""

    strings: tuple[tuple[str, str], ...] = ()
    has_images: bool = False
    too_large: bool = False


def scan_pdf(content: bytes, budget: Budget) -> Scan:
    """Look over the bytes of a PDF file, inflating what is not an image at the budget's cost."""
    has_images = any(mark in content for mark in _NOT_READ[:2])
    strings = list(islice(_strings(content), MAX_STRINGS))
    too_large = has_images and _has_huge_image(content)
    for count, (dictionary, start, end) in enumerate(_streams(content)):
        if count >= MAX_STREAMS:
            too_large = True
            break
        data, code = _inflated(content, dictionary, start, end, budget)
        if b"/ObjStm" in dictionary:
            strings += islice(_strings(data), MAX_STRINGS - len(strings))
        if code:
            too_large = True
            break
    return Scan(tuple(strings), has_images, too_large)


def _streams(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(dictionary, start, end) of each compressed stream that is no image."""
    floor = 0
    for match in _STREAM.finditer(content):
        start = match.end()
        if start < floor:
            continue
        dictionary = content[max(floor, match.start() - _LONGEST_DICTIONARY) : match.start()]
        dictionary = dictionary[dictionary.rfind(b"obj") + 1 :]
        end = content.find(b"endstream", start)
        floor = end if end >= 0 else len(content)
        packed = b"Decode" in dictionary or b"/Fl" in dictionary
        if packed and not any(mark in dictionary for mark in _NOT_READ):
            yield dictionary, start, floor


def _inflated(content: bytes, dictionary: bytes, start: int, end: int, budget: Budget) -> tuple[bytes, bool]:
    """The stream's bytes, and whether a bound was met. Twofold compression is taken for a bomb."""
    if (
        dictionary.count(b"/FlateDecode") + dictionary.count(b"/LZWDecode") > 1
        and b"/DecodeParms" not in dictionary
    ):
        return b"", True
    if b"/LZWDecode" in dictionary:
        return b"", end - start > budget.inflated // 1_000
    if b"/Fl" not in dictionary:
        return b"", False
    limit = min(MAX_STREAM, budget.inflated)
    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(content[start:end], limit + 1)
    except zlib.error:
        return b"", False
    budget.inflated -= min(len(data), limit)
    return data[:limit], len(data) > limit


def _has_huge_image(content: bytes) -> bool:
    sides = (int(match[1]) for match in islice(_SIDE.finditer(content), 10_000))
    return max(sides, default=0) ** 2 > MAX_PIXELS


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
