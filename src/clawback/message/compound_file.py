"""Compound files (OLE2, [MS-CFB]) on bytes: their streams by path, within bounds."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass

MAX_ENTRIES = 4_000

_FREE = 0xFFFFFFFA  # this and everything above is no sector
_ENTRY = 128
_STORAGE, _STREAM, _ROOT = 1, 2, 5


@dataclass(frozen=True, slots=True)
class Node:
    """One directory entry: its path of names joined with ``/``, the first sector and the size."""

    path: str
    start: int
    size: int

    @property
    def name(self) -> str:
        """The last name of the path."""
        return self.path.rpartition("/")[2]


class CompoundFile:
    """A compound file: `nodes` are its streams; broken tables give fewer of them, never an error."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        header = content[:512].ljust(512, b"\0")
        shift = int.from_bytes(header[30:32], "little")
        self._sector = 1 << shift if shift in (9, 12) else 512
        self._sectors = max(0, -(-len(content) // self._sector) - 1)
        self._cutoff = min(int.from_bytes(header[56:60], "little"), 4_096)
        self._table = self._read_table(header)
        directory = self._chain(int.from_bytes(header[48:52], "little"), MAX_ENTRIES * _ENTRY)
        self._raw = [directory[at : at + _ENTRY] for at in range(0, len(directory) - _ENTRY + 1, _ENTRY)]
        small = self._chain(int.from_bytes(header[60:64], "little"), len(content))
        self._small_table = _numbers(small)
        self._small = b""
        self.nodes = tuple(self._streams())

    def _read_table(self, header: bytes) -> array[int]:
        """The FAT: its sectors are listed in the header and in a chain of further lists."""
        listed = list(struct.unpack_from("<109L", header, 76))
        following = int.from_bytes(header[68:72], "little")
        per_sector = self._sector // 4
        for _ in range(min(self._sectors, 1_000)):
            if following >= self._sectors:
                break
            numbers = _numbers(self._sector_at(following))
            listed += numbers[: per_sector - 1]
            following = numbers[-1] if numbers else _FREE
        wanted = -(-self._sectors // per_sector)
        good = [number for number in listed if number < self._sectors][:wanted]
        return _numbers(b"".join(map(self._sector_at, good)))

    def _sector_at(self, number: int) -> bytes:
        start = (number + 1) * self._sector
        return self._content[start : start + self._sector]

    def _chain(self, start: int, limit: int) -> bytes:
        """The sectors from `start` on, until the chain ends, returns to itself, or `limit` is reached."""
        pieces: list[bytes] = []
        seen = bytearray(self._sectors)
        number = start
        while number < self._sectors and not seen[number] and len(pieces) * self._sector < limit:
            seen[number] = 1
            pieces.append(self._sector_at(number))
            number = self._table[number] if number < len(self._table) else _FREE
        return b"".join(pieces)

    def _streams(self) -> Iterator[Node]:
        """Walk the tree of names without recursion; each entry once."""
        if not self._raw:
            return
        root = self._raw[0]
        self._small = self._chain(_number(root, 116), min(_number(root, 120), len(self._content)))
        seen = {0}
        pending = [(_number(root, 76), "")]
        while pending:
            index, folder = pending.pop()
            if index >= len(self._raw) or index in seen:
                continue
            seen.add(index)
            entry = self._raw[index]
            length = max(0, min(int.from_bytes(entry[64:66], "little"), 64) - 2)
            path = folder + entry[:length].decode("utf-16-le", "replace").replace("/", "_")
            pending += [(_number(entry, 68), folder), (_number(entry, 72), folder)]
            if entry[66] == _STORAGE:
                pending.append((_number(entry, 76), path[-1_000:] + "/"))
            elif entry[66] == _STREAM:
                yield Node(path, _number(entry, 116), _number(entry, 120))

    def read(self, node: Node, limit: int) -> bytes:
        """A stream's bytes, at most `limit`."""
        size = min(node.size, limit, len(self._content))
        if node.size >= self._cutoff:
            return self._chain(node.start, size)[:size]
        pieces: list[bytes] = []
        number = node.start
        for _ in range(-(-size // 64)):
            if number >= len(self._small_table):
                break
            pieces.append(self._small[number * 64 : number * 64 + 64])
            number = self._small_table[number]
        return b"".join(pieces)[:size]


def _number(entry: bytes, at: int) -> int:
    return int.from_bytes(entry[at : at + 4], "little")


def _numbers(data: bytes) -> array[int]:
    return array("I", data[: len(data) & ~3])
