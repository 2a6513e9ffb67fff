"""RTF as Outlook compresses it ([MS-OXRTFCP]): LZFu, bounded."""

from __future__ import annotations

import struct

_LZFU, _STORED = 0x75465A4C, 0x414C454D
_HEADER = struct.Struct("<4I")
_START = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern "
    b"\\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0"
    b"\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
_WINDOW = 4_096


def decompress_rtf(data: bytes, limit: int) -> bytes:
    """The RTF in `data`, at most `limit` bytes; what was read before an error; b"" if it is no such thing."""
    if len(data) < _HEADER.size:
        return b""
    _, raw_size, kind, _ = _HEADER.unpack_from(data)
    limit = min(limit, raw_size)
    if kind == _STORED:
        return data[_HEADER.size : _HEADER.size + limit]
    return bytes(_expand(data, limit)) if kind == _LZFU else b""


def _expand(data: bytes, limit: int) -> bytearray:
    """The output with the initial dictionary in front of it serves as the window."""
    out = bytearray(_START)
    stop = limit + len(_START)
    position = _HEADER.size
    while position < len(data) and len(out) < stop:
        control = data[position]
        position += 1
        for bit in range(8):
            if position >= len(data) or len(out) >= stop:
                break
            if not control >> bit & 1:
                out.append(data[position])
                position += 1
                continue
            token = int.from_bytes(data[position : position + 2], "big")
            position += 2
            back = (len(out) - (token >> 4)) % _WINDOW
            if back == 0:
                return out[len(_START) : stop]
            _copy(out, len(out) - back, (token & 0xF) + 2)
    return out[len(_START) : stop]


def _copy(out: bytearray, start: int, length: int) -> None:
    """A reference may overlap what it makes; before the dictionary stand spaces that nobody refers to."""
    for index in range(start, start + length):
        out.append(out[index] if index >= 0 else 0x20)
