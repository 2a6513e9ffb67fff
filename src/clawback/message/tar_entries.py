"""TAR archives (POSIX.1-1988 ustar, GNU long names, pax paths) on bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator

_BLOCK = 512
_REGULAR = frozenset(b"\x000 7")
_PAX_PATH = re.compile(rb"(?:^|\n)\d{1,9} path=([^\n]{1,4096})\n")
_MAX_LONG_NAME = 4_096


def tar_files(content: bytes) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of each regular file, until the archive ends or makes no sense any more."""
    position, long_name = 0, b""
    while position + _BLOCK <= len(content):
        header = content[position : position + _BLOCK]
        size = _number(header[124:136])
        if not header[0] or size < 0:
            return
        kind, data_at = header[156], position + _BLOCK
        position = data_at + -(-size // _BLOCK) * _BLOCK
        if kind == ord("L"):
            long_name = content[data_at : data_at + min(size, _MAX_LONG_NAME)].rstrip(b"\0")
        elif kind == ord("x"):
            path = _PAX_PATH.search(content[data_at : data_at + min(size, 16 * _MAX_LONG_NAME)])
            long_name = path[1] if path else b""
        else:
            if kind in _REGULAR:
                name = long_name or _short_name(header)
                yield name.decode("utf-8", "replace"), content[data_at : data_at + size]
            long_name = b""


def _short_name(header: bytes) -> bytes:
    name = header[:100].split(b"\0", 1)[0]
    prefix = header[345:500].split(b"\0", 1)[0] if header[257:263] == b"ustar\0" else b""
    return prefix + b"/" + name if prefix else name


def _number(field: bytes) -> int:
    """Octal digits, or base 256 where the first bit is set; -1 if it is neither."""
    if field[0] & 0x80:
        return int.from_bytes(field[1:], "big") if field[0] == 0x80 else -1
    digits = field.strip(b" \0")
    return int(digits, 8) if digits and not digits.strip(b"01234567") else (0 if not digits else -1)
