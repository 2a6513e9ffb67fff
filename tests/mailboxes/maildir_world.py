"""What owners, mail servers and administrators do to a tree of Maildirs, written without clawback's code."""

from __future__ import annotations

import base64
import itertools
import os
import shutil
import time
from collections.abc import Collection
from datetime import datetime
from pathlib import Path

from clawback.message.delivery import Handle

NOBODY_UID = 65534
_FLAGS = {"\\Draft": "D", "\\Flagged": "F", "\\Answered": "R", "\\Seen": "S", "\\Deleted": "T"}
_NUMBERS = itertools.count(1)


def utf7(name: str) -> str:
    """A level of a folder's name, as Dovecot writes it on disk."""
    out = ""
    for wide, chars in itertools.groupby(name, lambda c: not 0x20 <= ord(c) <= 0x7E):
        text = "".join(chars)
        coded = base64.b64encode(text.encode("utf-16-be")).decode().rstrip("=").replace("/", ",")
        out += f"&{coded}-" if wide else text.replace("&", "&-")
    return out


class MaildirWorld:
    """A root of Maildirs by the layout ``{user}/Maildir``."""

    def __init__(self, root: Path, users: Collection[str]) -> None:
        self.root = root
        for user in users:
            for sub in ("cur", "new", "tmp"):
                self.maildir(f"{user}@example.org").joinpath(sub).mkdir(parents=True)

    def maildir(self, mailbox: str) -> Path:
        """The Maildir of a mailbox."""
        return self.root / mailbox.partition("@")[0] / "Maildir"

    def folder(self, mailbox: str, folder: str) -> Path:
        """The directory of a folder; made if it is missing."""
        maildir = self.maildir(mailbox)
        path = maildir if folder == "INBOX" else maildir / f".{'.'.join(map(utf7, folder.split('/')))}"
        for sub in ("cur", "new", "tmp"):
            path.joinpath(sub).mkdir(parents=True, exist_ok=True)
        return path

    def deliver(
        self, mailbox: str, content: bytes, folder: str, flags: Collection[str], date: datetime
    ) -> Path:
        """A file in ``new``, or with flags in ``cur``."""
        path = self.folder(mailbox, folder)
        name = f"{int(date.timestamp())}.M{next(_NUMBERS)}P1.mx,S={len(content)}"
        sub = "cur" if flags else "new"
        info = self.info(path, flags) if flags else ""
        temporary, final = path / "tmp" / name, path / sub / (name + info)
        temporary.write_bytes(content)
        temporary.chmod(0o644)
        os.utime(temporary, (time.time(), date.timestamp()))
        temporary.rename(final)
        return final

    def info(self, folder: Path, flags: Collection[str]) -> str:
        """The info of a file with these flags and keywords, which the folder learns."""
        file = folder / "dovecot-keywords"
        words = [line.partition(" ")[2] for line in file.read_text().splitlines()] if file.exists() else []
        letters = [_FLAGS[f] for f in flags if f in _FLAGS]
        for keyword in sorted(f for f in flags if f not in _FLAGS):
            if keyword not in words:
                words.append(keyword)
                file.write_text("".join(f"{i} {word}\n" for i, word in enumerate(words)))
            letters.append("abcdefghijklmnopqrstuvwxyz"[words.index(keyword)])
        return ":2," + "".join(sorted(letters))

    def file(self, handle: Handle) -> Path:
        """The file that a handle means, whatever its flags are now."""
        folder = self.folder(handle.mailbox, handle.folder)
        found = [p for s in ("cur", "new") for p in (folder / s).iterdir()]
        (path,) = (p for p in found if p.name.partition(":")[0] == handle.native_id)
        return path

    def flag(self, handle: Handle, flags: Collection[str]) -> Path:
        """Another name in ``cur``."""
        path = self.file(handle)
        folder = path.parent.parent
        return path.rename(folder / "cur" / (handle.native_id + self.info(folder, flags)))

    def keywords(self, path: Path) -> list[str]:
        """The flags and keywords of a file, read the long way round."""
        letters = path.name.partition(":2,")[2]
        file = path.parent.parent / "dovecot-keywords"
        words = dict(line.split(" ") for line in file.read_text().splitlines()) if file.exists() else {}
        flags = [flag for flag, letter in _FLAGS.items() if letter in letters]
        return flags + [words[str(ord(x) - ord("a"))] for x in letters if x.islower()]

    def move(self, handle: Handle, folder: str) -> Path:
        """As Dovecot does: another base name, the same time."""
        path = self.file(handle)
        to = self.folder(handle.mailbox, folder)
        size = path.stat().st_size
        name = f"{int(time.time())}.M{next(_NUMBERS)}P2.mx,S={size}{self.info(to, self.keywords(path))}"
        return path.rename(to / "cur" / name)

    def delete(self, handle: Handle) -> None:
        """The file is gone."""
        self.file(handle).unlink()

    def make_read_only(self, mailbox: str) -> bool:
        """Take the right to write from everybody; root, who needs none, becomes nobody."""
        for path in [self.root, *self.root.rglob("*")]:
            if path.is_dir():
                path.chmod(0o777)
        for path in self.maildir(mailbox).rglob("*"):
            if path.is_dir():
                path.chmod(0o555)
        if os.geteuid() == 0:
            os.seteuid(NOBODY_UID)
        return True

    def restore(self) -> None:
        """Be root again, and remove everything."""
        os.seteuid(os.getuid())
        for path in [self.root, *self.root.rglob("*")]:
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)
        shutil.rmtree(self.root)

    def remove(self, mailbox: str) -> None:
        """The whole user is gone."""
        shutil.rmtree(self.maildir(mailbox).parent)

    def state(self, mailbox: str) -> object:
        """Every file of messages with its bytes, time, mode and owner, and the names of keywords."""
        maildir = self.maildir(mailbox)
        state: dict[str, object] = {}
        for path in sorted(p for p in maildir.rglob("*") if p.is_file()):
            found = path.stat()
            state[str(path.relative_to(maildir))] = (
                path.read_bytes(),
                found.st_mtime_ns if path.name != "dovecot-keywords" else 0,
                (found.st_mode, found.st_uid, found.st_gid),
            )
        return state

    def settle(self) -> None:
        """Let every directory be an hour older, so that cursors trust their times."""
        for path in [self.root, *self.root.rglob("*")]:
            if path.is_dir() or path.name == "dovecot-keywords":
                an_hour_ago = path.stat().st_mtime - 3600
                os.utime(path, (an_hour_ago, an_hour_ago))
