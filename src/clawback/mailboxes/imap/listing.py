"""Listing: what is in each folder, or what changed since a cursor (RFC 7162)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from clawback.errors import Unavailable
from clawback.mailboxes.base import FolderListing
from clawback.mailboxes.imap.border import failure_of
from clawback.mailboxes.imap.folders import Standing, standing
from clawback.mailboxes.imap.grammar import Status, quoted, rows, selected, vanished
from clawback.mailboxes.imap.hands import native_id
from clawback.mailboxes.imap.session import Session
from clawback.mailboxes.imap.system import System
from clawback.mailboxes.imap.wire import Command, Reply

LAST_UID = 4_294_967_295
TOGETHER = 2_000
"""Copies listed in one exchange, where folders are small."""


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
    if "QRESYNC" not in session.capabilities or len(parts) != 4 or not all(p.isdecimal() for p in parts):
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


async def _listed(
    system: System, session: Session, mailbox: str, asked: Sequence[Asked]
) -> list[FolderListing]:
    commands: list[Command] = []
    for one in asked:
        # Not 1:*, which some servers end at the last copy that is there, so that it hides one that vanished.
        uids = f"1:{LAST_UID}" if one.since else "1:*"
        changed = f" (CHANGEDSINCE {one.since} VANISHED)" if one.since else ""
        commands += [
            Command.of(b"EXAMINE " + quoted(one.standing.raw)),
            Command.of(f"UID FETCH {uids} ({system.items}){changed}"),
        ]
    replies = await session.run(*commands)
    found = []
    for one, opened, fetched in zip(asked, replies[::2], replies[1::2], strict=True):
        listing = _listing(system, mailbox, one, opened, fetched)
        if listing:
            found.append(listing)
    return found


def _listing(
    system: System, mailbox: str, asked: Asked, opened: Reply, fetched: Reply
) -> FolderListing | None:
    """One folder; None when it was deleted meanwhile."""
    folder, status = asked.standing.folder, asked.standing.status
    if not opened.ok:
        failure = failure_of(opened, f"opening {folder} of {mailbox}")
        if opened.code == b"NONEXISTENT":
            return None
        raise failure
    if not fetched.ok and selected(opened).messages:
        raise failure_of(fetched, f"listing {folder} of {mailbox}")
    validity = selected(opened).uid_validity
    told = [row for row in rows(fetched).values() if row.size >= 0]
    copies = tuple(system.observed(mailbox, folder, validity, row) for row in told)
    if validity != status.uid_validity:
        raise Unavailable(f"the UIDs of {folder} of {mailbox} changed while it was listed")
    cursor = cursor_of(status)
    if not asked.since:
        return FolderListing(folder, cursor, copies)
    gone = frozenset(native_id(validity, uid) for uid in vanished(fetched))
    return FolderListing(folder, cursor, copies, gone)
