"""Files that are made for one answer and sent in blocks; nothing of them stays on the disk."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from litestar.response import Stream

BLOCK = 64 * 1024


def sent(write: Callable[[Path], object], name: str, media_type: str) -> Stream:
    """The file that `write` makes, as a download of that name, which must be one of ours."""
    with tempfile.TemporaryDirectory(prefix="clawback-export-") as folder:
        path = Path(folder, f"export{Path(name).suffix}")
        write(path)
        blocks = _Blocks(path)  # it stays readable when its name is gone
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Stream(blocks, media_type=media_type, headers=headers)


class _Blocks(Iterator[bytes]):
    """The blocks of a file, which is let go at its end, or when nobody wants them any more.

    By its descriptor: an answer to HEAD, and one whose reader has gone, is never begun, and a file object
    would be found unclosed.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def __next__(self) -> bytes:
        block = os.read(self._descriptor, BLOCK) if self._descriptor >= 0 else b""
        if not block:
            self._close()
            raise StopIteration
        return block

    def __del__(self) -> None:
        self._close()

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
