"""File systems: making all that was changed on one durable at once, by syncfs(2)."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable

_LIBRARY = ctypes.CDLL(None, use_errno=True)
_SYNCFS: Callable[[int], int] | None = getattr(_LIBRARY, "syncfs", None)


def can_sync() -> bool:
    """Whether this machine can."""
    return _SYNCFS is not None


def sync(fd: int) -> None:
    """Make the whole file system of an open file durable. Raises OSError when a write was lost."""
    if _SYNCFS is None or _SYNCFS(fd) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
