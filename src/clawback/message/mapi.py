"""Lists of MAPI properties as TNEF carries them ([MS-OXTNEF] section 2.1.3.4)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

BODY, HTML, RTF = 0x1000, 0x1013, 0x1009
ATTACH_DATA, LONG_NAME, SHORT_NAME, ATTACH_MIME = 0x3701, 0x3707, 0x3704, 0x370E
MAX_PROPERTIES = 5_000

_FIXED = {2: 4, 3: 4, 4: 4, 0xA: 4, 0xB: 4, 5: 8, 6: 8, 7: 8, 0x14: 8, 0x40: 8, 0x48: 16}
_VARIABLE = frozenset({0x1E, 0x1F, 0x0D, 0x102})
_MANY, _NAMED = 0x1000, 0x8000


def mapi_properties(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(property id, first value) of the list, until it ends or makes no sense any more."""
    if len(data) < 4:
        return
    count = int.from_bytes(data[:4], "little")
    position = 4
    for _ in range(min(count, MAX_PROPERTIES)):
        if position + 4 > len(data):
            return
        kind, key = struct.unpack_from("<2H", data, position)
        position = _behind_name(data, position + 4) if key >= _NAMED else position + 4
        value, position = _value(data, position, kind)
        if position < 0:
            return
        yield key, value


def _behind_name(data: bytes, position: int) -> int:
    """Skip the GUID, and the number or the padded name after it."""
    if _number(data, position + 16) == 0:
        return position + 24
    return position + 24 + _padded(_number(data, position + 20))


def _value(data: bytes, position: int, kind: int) -> tuple[bytes, int]:
    """(first value, position after all values); the position is -1 when they cannot be skipped."""
    many = bool(kind & _MANY)
    kind &= ~_MANY
    if kind in _VARIABLE:
        values, position = _number(data, position), position + 4
        first = b""
        for index in range(min(values, MAX_PROPERTIES)):
            if position + 4 > len(data):
                return first, -1
            length = _number(data, position)
            if index == 0:
                first = data[position + 4 : position + 4 + length]
            position += 4 + _padded(length)
        return first, position
    size = _FIXED.get(kind, -1)
    if size < 0:
        return b"", -1
    if not many:
        return data[position : position + size], position + size
    values = _number(data, position)
    return b"", position + 4 + _padded(values * (2 if kind in (2, 0xB) else size))


def _number(data: bytes, position: int) -> int:
    return int.from_bytes(data[position : position + 4], "little")


def _padded(length: int) -> int:
    return length + -length % 4
