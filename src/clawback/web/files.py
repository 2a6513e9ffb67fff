"""Files that are made for one answer and sent in blocks; nothing of them stays on the disk."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from litestar.response import Stream

BLOCK = 64 * 1024


def sent(write: Callable[[Path], object], name: str, media_type: str) -> Stream:
    """The file that `write` makes, as a download of that name, which must be one of ours."""
    with tempfile.TemporaryDirectory(prefix="clawback-export-") as folder:
        path = Path(folder, f"export{Path(name).suffix}")
        write(path)
        file = path.open("rb")  # it stays readable when its name is gone
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Stream(_blocks(file), media_type=media_type, headers=headers)


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while block := file.read(BLOCK):
            yield block
