"""ZIP archives (APPNOTE.TXT 6.3.10) on bytes: listed and inflated within bounds, damaged ones too."""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

MAX_ENTRIES = 10_000
MAX_NAME = 255

_STORED, _DEFLATED, _BZIP2, _LZMA, _AES = 0, 8, 12, 14, 99
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_UNKNOWN32 = 0xFFFFFFFF
_LARGEST_COMMENT = 0xFFFF


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the archive; `size` is what the archive claims, `offset` that of its local header."""

    name: str
    method: int
    compressed: int
    size: int
    offset: int
    encrypted: bool

    @property
    def is_folder(self) -> bool:
        """Whether it stands for a folder."""
        return self.name.endswith("/")


def list_entries(content: bytes) -> tuple[Entry, ...]:
    """The archive's entries by its central directory; by its local headers where that is missing.

    A second archive put before the one that the directory names is listed, too: programs differ in which
    of the two they open. At most 10,000 entries.
    """
    entries = list(islice(_central(content), MAX_ENTRIES))
    first = min((entry.offset for entry in entries), default=len(content))
    if first > 0 and content.startswith(b"PK\3\4"):
        entries += islice(_local(content, first), MAX_ENTRIES - len(entries))
    return tuple(entries)


def _central(content: bytes) -> Iterator[Entry]:
    end = content.rfind(b"PK\5\6", max(0, len(content) - _LARGEST_COMMENT - _END.size))
    if end < 0 or end + _END.size > len(content):
        return
    _, _, _, _, _, size, offset, _ = _END.unpack_from(content, end)
    stop = end
    if _UNKNOWN32 in (offset, size):
        size, offset, stop = _zip64_end(content, end) or (size, offset, stop)
    start = stop - size
    if start < 0 or content[start : start + 4] != b"PK\1\2":
        start = offset
    shift = start - offset
    position = start
    while position + _CENTRAL.size <= len(content) and content.startswith(b"PK\1\2", position):
        entry, position = _central_entry(content, position, shift)
        yield entry


def _zip64_end(content: bytes, end: int) -> tuple[int, int, int] | None:
    at = content.rfind(b"PK\6\6", max(0, end - 20 - _END64.size - 4_096), end)
    if at < 0 or at + _END64.size > len(content):
        return None
    *_, size, offset = _END64.unpack_from(content, at)
    return size, offset, at


def _central_entry(content: bytes, position: int, shift: int) -> tuple[Entry, int]:
    fields = _CENTRAL.unpack_from(content, position)
    flags, method, compressed, size = fields[3], fields[4], fields[8], fields[9]
    name_length, extra_length, comment_length, offset = fields[10], fields[11], fields[12], fields[16]
    name_at = position + _CENTRAL.size
    extra_at = name_at + name_length
    after = extra_at + extra_length + comment_length
    if _UNKNOWN32 in (compressed, size, offset):
        extra = content[extra_at : extra_at + extra_length]
        size, compressed, offset = _zip64_sizes(extra, size, compressed, offset)
    name = _name(content[name_at:extra_at])
    return Entry(name, method, compressed, size, max(0, offset + shift), bool(flags & 1)), after


def _zip64_sizes(extra: bytes, size: int, compressed: int, offset: int) -> tuple[int, int, int]:
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, position)
        if kind == 1:
            count = min(length, len(extra) - position - 4) // 8
            values = iter(struct.unpack_from(f"<{count}Q", extra, position + 4))
            known = [next(values, n) if n == _UNKNOWN32 else n for n in (size, compressed, offset)]
            return known[0], known[1], known[2]
        position += 4 + length
    return size, compressed, offset


def _local(content: bytes, stop: int) -> Iterator[Entry]:
    """Entries by their local headers; one whose size stands behind its data ends where the next begins."""
    position = content.find(b"PK\3\4", 0, stop)
    while position >= 0 and position + _LOCAL.size <= stop:
        _, _, flags, method, _, _, _, compressed, size, name_length, extra_length = _LOCAL.unpack_from(
            content, position
        )
        data_at = position + _LOCAL.size + name_length + extra_length
        following = content.find(b"PK\3\4", data_at + (0 if flags & 8 else min(compressed, stop)), stop)
        if flags & 8 or data_at + compressed > stop:
            compressed = max(0, (following if following >= 0 else stop) - data_at)
        name = _name(content[position + _LOCAL.size : position + _LOCAL.size + name_length])
        yield Entry(name, method, compressed, size, position, bool(flags & 1))
        position = following


def _name(raw: bytes) -> str:
    raw = raw[: 4 * MAX_NAME]
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        name = raw.decode("cp437")
    return name.replace("\\", "/").replace("\0", "")[-MAX_NAME:]


def inflate(content: bytes, entry: Entry, limit: int) -> tuple[bytes, str]:
    """(the entry's bytes, at most `limit`; "" or the code of what was wrong)."""
    if entry.offset + _LOCAL.size > len(content) or not content.startswith(b"PK\3\4", entry.offset):
        return b"", "bad_archive"
    name_length, extra_length = struct.unpack_from("<2H", content, entry.offset + 26)
    start = entry.offset + _LOCAL.size + name_length + extra_length
    return decompress(content[start : start + entry.compressed], entry.method, limit)


def decompress(data: bytes, method: int, limit: int) -> tuple[bytes, str]:
    """Undo one ZIP compression method, at most `limit` bytes."""
    if method == _STORED:
        return data[:limit], "archive_too_large" if len(data) > limit else ""
    if method not in (_DEFLATED, _BZIP2, _LZMA):
        return b"", "archive_not_opened"
    try:
        return _undo(data, method, limit)
    except (zlib.error, OSError, lzma.LZMAError, EOFError, ValueError, MemoryError):
        return b"", "bad_archive"


def _undo(data: bytes, method: int, limit: int) -> tuple[bytes, str]:
    if method == _DEFLATED:
        inflater = zlib.decompressobj(-15)
        found = inflater.decompress(data, limit + 1)
        whole = inflater.eof
    elif method == _BZIP2:
        unpacker = bz2.BZ2Decompressor()
        found = unpacker.decompress(data, limit + 1)
        whole = unpacker.eof
    else:
        found, whole = _undo_lzma(data, limit)
    if len(found) > limit:
        return found[:limit], "archive_too_large"
    return found, "" if whole else "archive_cut"


def _undo_lzma(data: bytes, limit: int) -> tuple[bytes, bool]:
    """Method 14: a version, the length of the properties, the properties, then raw LZMA1."""
    size = int.from_bytes(data[2:4], "little")
    if size != 5 or len(data) < 9 or data[4] >= 225:
        raise ValueError("no LZMA properties")
    rest, lc = divmod(data[4], 9)
    pb, lp = divmod(rest, 5)
    dictionary = min(int.from_bytes(data[5:9], "little"), MAX_DICTIONARY)
    chain = [{"id": lzma.FILTER_LZMA1, "dict_size": dictionary, "lc": lc, "lp": lp, "pb": pb}]
    unpacker = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=chain)
    found = unpacker.decompress(data[9:], limit + 1)
    return found, True


MAX_DICTIONARY = 64 * 1024 * 1024
