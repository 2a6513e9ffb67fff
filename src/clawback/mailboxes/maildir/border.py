"""Errors of the file system, mapped once to what the caller should do next."""

from __future__ import annotations

import errno

from clawback.errors import (
    CapabilityMissing,
    HandleStale,
    MailboxError,
    ProtocolViolation,
    ReadOnly,
    Refused,
    Unavailable,
)

_MAY_NOT = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_NOT_A_FOLDER = frozenset({errno.ELOOP, errno.ENOTDIR, errno.EISDIR})


def failure_of(error: OSError, doing: str, *, reading: bool = False) -> MailboxError | Refused:
    """The failure that an error of the file system means; `reading` tells looking from changing.

    Not being allowed to change is ReadOnly; not being allowed to look is Unavailable, because an
    administrator can heal it and nothing was seen meanwhile.
    """
    why = f"{doing}: {error.strerror or error}"
    code = error.errno
    if code in _MAY_NOT:
        return Unavailable(why) if reading else ReadOnly(why)
    if code in _NOT_A_FOLDER:
        return ProtocolViolation(f"{why} (clawback never follows symbolic links)")
    if code == errno.ENOENT:
        return HandleStale(why)
    if code == errno.ENAMETOOLONG:
        return CapabilityMissing(why)
    return Unavailable(why)
