"""Renaming that never overwrites."""

from __future__ import annotations

import ctypes
import errno
import os

_NOREPLACE = 1
_LIBC = ctypes.CDLL(None, use_errno=True)
_RENAMEAT2 = getattr(_LIBC, "renameat2", None)
_NOT_HERE = frozenset({errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP})
if _RENAMEAT2 is not None:
    _RENAMEAT2.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    _RENAMEAT2.restype = ctypes.c_int


def rename(old: str, new: str, source: int, target: int) -> None:
    """Rename `old` in one open directory to `new` in another. Raises FileExistsError, FileNotFoundError, ...

    Linux refuses to overwrite in the same step (renameat2); where a file system cannot, a look before has
    to do, which is enough for names that are unique by construction.
    """
    if _RENAMEAT2 is not None:
        old_name, new_name = os.fsencode(old), os.fsencode(new)
        if _RENAMEAT2(source, old_name, target, new_name, _NOREPLACE) == 0:
            return
        code = ctypes.get_errno()
        if code not in _NOT_HERE:
            raise OSError(code, os.strerror(code), old)
    look_then_rename(old, new, source, target)


def look_then_rename(old: str, new: str, source: int, target: int) -> None:
    """The same for systems without renameat2."""
    try:
        os.stat(new, dir_fd=target, follow_symlinks=False)
    except FileNotFoundError:
        os.rename(old, new, src_dir_fd=source, dst_dir_fd=target)
    else:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), new)
