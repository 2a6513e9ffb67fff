"""What lies in a tree, to the byte: for comparing before and after."""

from __future__ import annotations

import os
import stat
from hashlib import sha256
from pathlib import Path

VAULT = ".clawback"
"""The folder in which clawback keeps what it has taken out; it is not looked into."""


def checksums(root: Path) -> dict[str, tuple[str, int, int]]:
    """Every file below `root` by its relative path: SHA-256, mtime in ns, permission bits."""
    found: dict[str, tuple[str, int, int]] = {}
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name != VAULT)
        for name in files:
            path = Path(folder, name)
            status = path.lstat()
            content = path.read_bytes() if stat.S_ISREG(status.st_mode) else b""
            key = path.relative_to(root).as_posix()
            found[key] = (sha256(content).hexdigest(), status.st_mtime_ns, stat.S_IMODE(status.st_mode))
    return found
