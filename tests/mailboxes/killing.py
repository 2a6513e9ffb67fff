"""Run as a program: kill a move or an append of the Maildir connector in every state, then do it again.

A state is what lies on the disk before a line of the connector runs; lines that find the same on the disk
need only one kill, for nothing else outlives it. Afterwards there must be one copy, whole, where it
should be. Prints for each piece of work its name, its lines, and how many kill points were visited.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from tests.mailboxes.maildir_world import MaildirWorld

from clawback.mailboxes.base import Move, Wanted
from clawback.mailboxes.maildir import MaildirConnector
from clawback.mailboxes.maildir.moving import Rename
from clawback.mailboxes.maildir.renaming import rename
from clawback.message.delivery import Handle, Observed

ANN, INBOX, VAULT = "ann@example.org", "INBOX", "soft_deleted/INBOX"
CONTENT = b"Subject: one\r\n\r\n" + b"x" * 100
FLAGS = frozenset({"\\Seen", "Mine"})
DATE = datetime(2024, 2, 29, 12, 30, 15, tzinfo=UTC)
WATCHED = os.path.join("mailboxes", "maildir") + os.sep


def crossing(old: str, new: str, source: int, target: int) -> None:
    """A rename between two file systems."""
    raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))


class Steps:
    """Traces the lines of the connector and calls `before` with the number of each."""

    def __init__(self, before: Callable[[int], None]) -> None:
        self._before = before
        self._line = 0

    def __call__(self, frame: FrameType, event: str, arg: object) -> Steps | None:
        if WATCHED not in frame.f_code.co_filename:
            return None
        if event == "line":
            self._line += 1
            self._before(self._line)
        return self


def in_child(work: Callable[[], object], before: Callable[[int], None]) -> bool:
    """Run the work in a process of its own; whether that was killed on its way."""
    pid = os.fork()
    if pid == 0:
        sys.settrace(Steps(before))
        work()
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert code in (0, 9), code
    return code == 9


def die_at(line: int) -> Callable[[int], None]:
    """Ends the process before that line."""

    def before(number: int) -> None:
        if number == line:
            os._exit(9)

    return before


def states(root: Path, notes: Path) -> Callable[[int], None]:
    """Notes the number of every line before which the disk looks new."""
    last: list[object] = []

    def before(number: int) -> None:
        found = [(p, p.lstat().st_size, p.lstat().st_mtime_ns, p.lstat().st_ino) for p in root.rglob("*")]
        with notes.open("a") as file:
            file.write(f"{number} {int(found != last)}\n")
        last[:] = found

    return before


def places(maildir: MaildirConnector, handle: Handle) -> tuple[Observed, ...]:
    """Where the copy is."""
    digest = hashlib.sha256(CONTENT).hexdigest()
    (found,) = asyncio.run(maildir.find([Wanted(handle, digest, len(CONTENT))]))
    assert isinstance(found, tuple), repr(found)
    return found


def everything(maildir: MaildirConnector) -> list[Observed]:
    """Every copy of the mailbox."""
    return [copy for folder in asyncio.run(maildir.list(ANN, {})) for copy in folder.copies or ()]


def one_move(world: MaildirWorld, maildir: MaildirConnector, before: Callable[[int], None]) -> bool:
    """Kill a move, look, and go on."""
    world.deliver(ANN, CONTENT, INBOX, FLAGS, DATE)
    (copy,) = everything(maildir)
    cut = in_child(lambda: maildir._move([Move(copy.handle, VAULT)]), before)
    (place,) = places(maildir, copy.handle)
    if place.handle.folder != VAULT:
        (answer,) = asyncio.run(maildir.move([Move(place.handle, VAULT)]))
        assert isinstance(answer, Observed), repr(answer)
    (after,) = everything(maildir)
    assert (after.handle.folder, after.handle.native_id) == (VAULT, copy.handle.native_id)
    assert (after.flags, after.internal_date) == (FLAGS, copy.internal_date)
    return cut


def one_append(world: MaildirWorld, maildir: MaildirConnector, before: Callable[[int], None]) -> bool:
    """Kill an append, look, and go on."""
    cut = in_child(lambda: maildir._append(ANN, INBOX, CONTENT, FLAGS, DATE), before)
    if not places(maildir, Handle("maildir", ANN, INBOX, "gone", "cur/")):
        asyncio.run(maildir.append(ANN, INBOX, CONTENT, FLAGS, DATE))
    (after,) = everything(maildir)
    assert (after.flags, after.internal_date, after.size) == (FLAGS, DATE, len(CONTENT))
    return cut


def visit(
    name: str,
    work: Callable[[MaildirWorld, MaildirConnector, Callable[[int], None]], bool],
    by: Rename,
) -> None:
    """Do the work once to see its states, then kill it in each of them."""
    with tempfile.TemporaryDirectory() as folder:
        notes = Path(folder, "notes")
        root = Path(folder, "0")
        work(MaildirWorld(root, ("ann",)), MaildirConnector("maildir", root, rename=by), states(root, notes))
        lines = [line.split() for line in notes.read_text().splitlines()]
        points = [int(number) for number, new in lines if new == "1"]
        for point in points:
            root = Path(folder, str(point))
            maildir = MaildirConnector("maildir", root, rename=by)
            assert work(MaildirWorld(root, ("ann",)), maildir, die_at(point)), point
    print(name, len(lines), len(points))


if __name__ == "__main__":
    visit("rename", one_move, rename)
    visit("crossing", one_move, crossing)
    visit("append", one_append, rename)
