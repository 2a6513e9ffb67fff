"""Listing: what is in each folder, or what changed since a cursor (RFC 7162)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from clawback.errors import ProtocolViolation, Unavailable
from clawback.mailboxes.base import FolderListing
from clawback.mailboxes.imap.border import failure_of
from clawback.mailboxes.imap.folders import Standing, standing
from clawback.mailboxes.imap.grammar import Status, expunged, rows, selected, vanished
from clawback.mailboxes.imap.hands import native_id
from clawback.mailboxes.imap.session import Session
from clawback.mailboxes.imap.spelling import LAST, quoted_raw
from clawback.mailboxes.imap.system import System
from clawback.mailboxes.imap.wire import ROOM, Command, Reply
from clawback.message.delivery import Observed

TOGETHER = 2_000
"""Copies listed in one exchange, where folders are small."""
AT_ONCE = 5_000
"""Copies of one folder listed in one exchange."""
_CHANGED, _MOST_CHANGED = 1_000, 1 << 30
"""Bytes that may be told of each copy that changed, and of all of them."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A folder to be listed. `since` is the modification sequence that is known, 0 for all."""

    standing: Standing
    since: int


def cursor_of(status: Status) -> str:
    """What stands for a folder's state; "" where the server cannot tell all changes."""
    if not (status.modseq and status.uid_validity):
        return ""
    return f"{status.uid_validity}:{status.uid_next}:{status.modseq}:{status.messages}"


async def list_mailbox(system: System, mailbox: str, cursors: Mapping[str, str]) -> tuple[FolderListing, ...]:
    """Every folder: unchanged, changed since its cursor, or whole."""
    try:
        return await _list(system, mailbox, cursors)
    except ProtocolViolation:
        if not cursors:
            raise
    # What changed may be more than can be told; then all there is may be less.
    return await _list(system, mailbox, {})


async def _list(system: System, mailbox: str, cursors: Mapping[str, str]) -> tuple[FolderListing, ...]:
    async with system.session(mailbox) as session:
        found: list[FolderListing] = []
        asked: list[Asked] = []
        for folder in await standing(session, system.names, mailbox):
            cursor, known = cursor_of(folder.status), cursors.get(folder.folder, "")
            if cursor and cursor == known:
                found.append(FolderListing(folder.folder, cursor, None))
            elif not folder.status.messages and not known:
                found.append(FolderListing(folder.folder, cursor, ()))
            else:
                asked.append(Asked(folder, _since(session, known, folder.status)))
        for together in _groups(asked):
            found += await _listed(system, session, mailbox, together)
    return tuple(found)


def _since(session: Session, known: str, status: Status) -> int:
    parts = known.split(":")
    if not session.quick or len(parts) != 4 or not all(p.isdecimal() for p in parts):
        return 0
    return int(parts[2]) if int(parts[0]) == status.uid_validity else 0


def _groups(asked: Sequence[Asked]) -> Iterator[list[Asked]]:
    group: list[Asked] = []
    copies = 0
    for one in asked:
        weight = 1 if one.since else one.standing.status.messages
        if group and copies + weight > TOGETHER:
            yield group
            group, copies = [], 0
        group.append(one)
        copies += weight
    if group:
        yield group


class _Told:
    """What the server tells of one open folder, part by part."""

    def __init__(self, system: System, mailbox: str, asked: Asked, opened: Reply) -> None:
        self._system = system
        self._mailbox = mailbox
        self._folder = asked.standing.folder
        self._where = f"{self._folder} of {mailbox}"
        self.now = selected(opened)
        if self.now.uid_validity != asked.standing.status.uid_validity:
            raise Unavailable(f"the UIDs of {self._where} changed while it was listed")
        self.copies: dict[int, Observed] = {}
        self.gone: set[int] = set()
        self._left = expunged(opened)
        self._some_gone = False

    def add(self, fetched: Reply) -> None:
        """One answer to FETCH."""
        if not fetched.told and self.now.messages:
            raise failure_of(fetched, f"listing {self._where}")
        for uid, row in rows(fetched).items():
            if row.size >= 0:
                self.copies[uid] = self._system.observed(
                    self._mailbox, self._folder, self.now.uid_validity, row
                )
        self.gone |= vanished(fetched)
        self._left += expunged(fetched)
        self._some_gone |= not fetched.ok

    def check(self) -> None:
        """A copy that is not told of counts as gone, so each has to be told of or to have left meanwhile."""
        if len(self.copies) + self._left < self.now.messages and not self._some_gone:
            how_many = f"{len(self.copies):,} copies in {self._where}, not of {self.now.messages:,}"
            raise Unavailable(f"the server tells of {how_many}")


async def _listed(
    system: System, session: Session, mailbox: str, asked: Sequence[Asked]
) -> list[FolderListing]:
    if len(asked) == 1 and not asked[0].since:
        whole = await _whole(system, session, mailbox, asked[0])
        return [whole] if whole else []
    commands: list[Command] = []
    room = ROOM
    for one in asked:
        # Not 1:*, which some servers end at the last copy that is there, so that it hides one that vanished.
        uids = f"1:{LAST}" if one.since else "1:*"
        changed = f" (CHANGEDSINCE {one.since} VANISHED)" if one.since else ""
        commands += [_examine(one), Command.of(f"UID FETCH {uids} ({system.items}){changed}")]
        room += _CHANGED * one.standing.status.messages
    replies = await session.run(*commands, room=min(room, _MOST_CHANGED))
    found = []
    for one, opened, fetched in zip(asked, replies[::2], replies[1::2], strict=True):
        if told := _opened(system, mailbox, one, opened):
            told.add(fetched)
            found.append(_listing(one, told))
    return found


async def _whole(system: System, session: Session, mailbox: str, asked: Asked) -> FolderListing | None:
    """A whole folder, part by part, so that neither memory nor patience has to hold all of it.

    By numbers and not by UIDs: while one FETCH follows another no number may change (RFC 9051, 7.5.1).
    """
    (opened,) = await session.run(_examine(asked))
    told = _opened(system, mailbox, asked, opened)
    if told is None:
        return None
    for first in range(1, told.now.messages + 1, AT_ONCE):
        last = min(first + AT_ONCE - 1, told.now.messages)
        (fetched,) = await session.run(Command.of(f"FETCH {first}:{last} ({system.items})"))
        told.add(fetched)
    return _listing(asked, told)


def _examine(asked: Asked) -> Command:
    return Command.of(b"EXAMINE " + quoted_raw(asked.standing.raw))


def _opened(system: System, mailbox: str, asked: Asked, opened: Reply) -> _Told | None:
    """None when the folder was deleted meanwhile."""
    if opened.ok:
        return _Told(system, mailbox, asked, opened)
    if opened.code == b"NONEXISTENT":
        return None
    raise failure_of(opened, f"opening {asked.standing.folder} of {mailbox}")


def _listing(asked: Asked, told: _Told) -> FolderListing:
    folder, cursor = asked.standing.folder, cursor_of(asked.standing.status)
    if asked.since:
        gone = frozenset(native_id(told.now.uid_validity, uid) for uid in told.gone)
        return FolderListing(folder, cursor, tuple(told.copies.values()), gone)
    told.check()
    return FolderListing(folder, cursor, tuple(told.copies.values()))
