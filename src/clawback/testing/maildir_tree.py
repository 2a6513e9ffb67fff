"""Maildir++ as Dovecot writes it: folders, file names, flags, keywords, and delivery through ``tmp/``."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

INBOX = "INBOX"
CONTRACTS = "Verträge"
FOLDERS = ("Sent", "Trash", "Junk", "Archive", "Projects/2026", CONTRACTS)
"""The folders of every mailbox beside the inbox, levels parted by ``/``."""

KEYWORDS = ("$Forwarded", "$Label1", "NonJunk", "Rückfrage")
"""What the letters a, b, c, d in file names stand for in the folders that have keywords."""
KEYWORDS_FILE = "dovecot-keywords"

_HOST = "mx"


@dataclass(frozen=True, slots=True)
class Copy:
    """One file: whose mailbox, which folder, where, and the SHA-256 of its bytes."""

    user: str
    folder: str
    path: Path
    sha256: str


def modified_utf7(name: str) -> str:
    """A folder's name as it stands in a Maildir++ tree (RFC 3501, 5.1.3)."""
    out: list[str] = []
    waiting = ""
    for letter in [*name, ""]:
        if letter and not " " <= letter <= "~":
            waiting += letter
            continue
        if waiting:
            coded = base64.b64encode(waiting.encode("utf-16-be")).decode().rstrip("=").replace("/", ",")
            out.append(f"&{coded}-")
            waiting = ""
        out.append("&-" if letter == "&" else letter)
    return "".join(out)


def folder_path(maildir: Path, folder: str) -> Path:
    """Where a folder lies: ``Projects/2026`` is ``.Projects.2026``."""
    if folder == INBOX:
        return maildir
    return maildir / ("." + ".".join(modified_utf7(level) for level in folder.split("/")))


def make_maildir(maildir: Path, folders: Sequence[str] = FOLDERS) -> None:
    """Make a mailbox with its folders, empty."""
    for folder in (INBOX, *folders):
        place = folder_path(maildir, folder)
        for part in ("cur", "new", "tmp"):
            (place / part).mkdir(parents=True, exist_ok=True, mode=0o700)
        if folder != INBOX:
            (place / "maildirfolder").touch(mode=0o600)
    names = "".join(f"{'.'.join(modified_utf7(level) for level in f.split('/'))}\n" for f in folders)
    (maildir / "subscriptions").write_text(names, "ascii")


def write_keywords(maildir: Path, folder: str) -> None:
    """Give a folder Dovecot's list of keywords."""
    lines = "".join(f"{number} {word}\n" for number, word in enumerate(KEYWORDS))
    (folder_path(maildir, folder) / KEYWORDS_FILE).write_text(lines, "utf-8")


def unique_name(moment: datetime, number: int, size: int) -> str:
    """The base name of a delivery; `number` tells deliveries of one moment apart."""
    seconds = int(moment.timestamp())
    return f"{seconds}.M{moment.microsecond:06d}P{number + 2000}.{_HOST},S={size},W={size + size // 40}"


def put(
    maildir: Path, folder: str, name: str, content: bytes, moment: datetime, flags: str | None = None
) -> Path:
    """Write a copy where it lies now: in ``cur`` with `flags` (letters), in ``new`` without (None)."""
    place = folder_path(maildir, folder)
    path = place / "new" / name if flags is None else place / "cur" / f"{name}:2,{''.join(sorted(flags))}"
    _write(path, content, moment)
    return path


def deliver(maildir: Path, name: str, content: bytes, moment: datetime) -> Path:
    """Deliver into the inbox as a mail delivery agent does: whole in ``tmp``, then renamed into ``new``."""
    temporary = maildir / "tmp" / name
    _write(temporary, content, moment)
    path = maildir / "new" / name
    temporary.rename(path)
    return path


def _write(path: Path, content: bytes, moment: datetime) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        nanoseconds = int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1_000
        os.utime(descriptor, ns=(nanoseconds, nanoseconds))


def copy_of(user: str, folder: str, path: Path, content: bytes) -> Copy:
    """The record of a copy just written."""
    return Copy(user, folder, path, sha256(content).hexdigest())
