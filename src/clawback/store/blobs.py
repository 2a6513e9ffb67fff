"""Raw mail as files: compressed, named by the SHA-256 of what is in them, written once."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import zstandard

from clawback.errors import BadParameter, Corrupt, NotFound, ReadOnly, StoreUnavailable

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_LEVEL = 3
_READ_ONLY = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


class Blobs:
    """A folder of blobs. A blob is either whole and on disk or not there; putting it twice is free."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, content: bytes) -> str:
        """Keep the bytes; answers their SHA-256 in hex. On disk before it returns.

        Raises StoreUnavailable (full or broken disk) or ReadOnly.
        """
        sha256 = hashlib.sha256(content).hexdigest()
        path = self._path(sha256)
        with _border(path):
            if not path.exists():
                self._write(path, zstandard.ZstdCompressor(level=_LEVEL).compress(content))
        return sha256

    def get(self, sha256: str) -> bytes:
        """The bytes; raises NotFound, or Corrupt when they are no longer those that were put."""
        path = self._path(sha256)
        with _border(path):
            try:
                packed = path.read_bytes()
            except FileNotFoundError:
                raise NotFound(f"no raw message {sha256} is kept") from None
        try:
            content = zstandard.ZstdDecompressor().decompress(packed)
        except zstandard.ZstdError as error:
            raise Corrupt(f"the kept raw message {sha256} cannot be unpacked: {error}") from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise Corrupt(f"the kept raw message {sha256} has other bytes than were put there")
        return content

    def has(self, sha256: str) -> bool:
        """Whether the bytes with that hash are kept."""
        return self._path(sha256).exists()

    def delete(self, sha256: str) -> None:
        """Forget the bytes; fine when they are not there."""
        path = self._path(sha256)
        with _border(path):
            path.unlink(missing_ok=True)

    def _path(self, sha256: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise BadParameter("a raw message is named by 64 lower-case hex digits")
        return self._root / sha256[:2] / f"{sha256}.zst"

    def _write(self, path: Path, packed: bytes) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(packed)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _border(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        kind = ReadOnly if error.errno in _READ_ONLY else StoreUnavailable
        raise kind(f"{path.parent}: {error.strerror}") from error
