"""Compressed single files (gzip, bzip2, xz), inflated within bounds."""

from __future__ import annotations

import bz2
import lzma
import zlib
from typing import Protocol

_MEMORY = 128 * 1024 * 1024  # what an xz stream may ask for its dictionary
_STREAMS = 64  # streams joined in one file


class _Unpacker(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = ...) -> bytes: ...


def _unpacker(kind: str) -> _Unpacker:
    if kind == "gzip":
        return zlib.decompressobj(31)
    if kind == "zlib":
        return zlib.decompressobj(15)
    return bz2.BZ2Decompressor() if kind == "bzip2" else lzma.LZMADecompressor(memlimit=_MEMORY)


def unpack(data: bytes, kind: str, limit: int) -> tuple[bytes, str]:
    """(the inflated bytes, at most `limit`; "" or the code of what was wrong).

    `kind` is gzip, zlib, bzip2, or anything else for xz and lzma. What was read before an error is kept.
    """
    pieces: list[bytes] = []
    room = limit + 1
    for _ in range(_STREAMS):
        unpacker = _unpacker(kind)
        try:
            piece = unpacker.decompress(data, room)
        except (zlib.error, OSError, lzma.LZMAError, EOFError, ValueError, MemoryError):
            return b"".join(pieces)[:limit], "" if pieces else "bad_archive"
        pieces.append(piece)
        room -= len(piece)
        if room <= 0:
            return b"".join(pieces)[:limit], "archive_too_large"
        if not unpacker.eof:
            return b"".join(pieces), "archive_cut"
        data = unpacker.unused_data.lstrip(b"\0")
        if not data:
            break
    return b"".join(pieces), ""
