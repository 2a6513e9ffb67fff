"""Deleting for good, and putting back from bytes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from clawback.errors import MailboxError, ProtocolViolation, Refused, Unavailable
from clawback.mailboxes.base import Failure
from clawback.mailboxes.imap.border import failure_of
from clawback.mailboxes.imap.bulk import Answers
from clawback.mailboxes.imap.folders import made, opened, standing
from clawback.mailboxes.imap.hands import uid_of
from clawback.mailboxes.imap.moving import expunge
from clawback.mailboxes.imap.reading import copy_at, described, stale
from clawback.mailboxes.imap.session import Session
from clawback.mailboxes.imap.system import System
from clawback.mailboxes.imap.wire import Command
from clawback.message.delivery import Handle, Observed

_NO_FOLDER = (b"TRYCREATE", b"NONEXISTENT", b"")
"""What a server says when there is no such folder; Cyrus says nothing."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


async def delete(system: System, mailbox: str, asked: Sequence[tuple[int, Handle]]) -> Answers[Observed]:
    """Expunge each copy of a mailbox; answers it as it was before."""
    folders: dict[str, list[tuple[int, Handle]]] = {}
    for place, handle in asked:
        folders.setdefault(handle.folder, []).append((place, handle))
    answers: dict[int, Observed | Failure] = {}
    async with system.session(mailbox) as session:
        for folder, mine in folders.items():
            try:
                answers |= await _from_folder(system, session, mailbox, folder, mine)
            except (MailboxError, Refused) as error:
                if session.broken:
                    raise
                answers |= {place: error for place, _ in mine}
    return answers


async def _from_folder(
    system: System, session: Session, mailbox: str, folder: str, asked: Sequence[tuple[int, Handle]]
) -> dict[int, Observed | Failure]:
    status = await opened(session, system.names, mailbox, folder, write=True)
    validity = status.uid_validity
    uids = [u[1] for u in (uid_of(handle) for _, handle in asked) if u and u[0] == validity]
    there = await described(system, session, uids)
    rows = {place: copy_at(handle, validity, there) for place, handle in asked}
    going = [row.uid for row in rows.values() if row]
    await expunge(system, session, mailbox, folder, going)
    left = await described(system, session, going)
    answers: dict[int, Observed | Failure] = {}
    for place, handle in asked:
        row = rows[place]
        if row is None:
            answers[place] = stale(handle)
        elif row.uid in left:
            answers[place] = Unavailable(f"the copy is still in {folder} of {mailbox} after it was expunged")
        else:
            answers[place] = system.observed(mailbox, folder, validity, row)
    return answers


async def append(
    system: System, mailbox: str, folder: str, content: bytes, flags: frozenset[str], date: datetime
) -> Observed:
    """Append a copy with its flags and time; answers it as the server then shows it."""
    words = " ".join(sorted(flags))
    if not words.isascii() or any(c in words for c in '\r\n(){%*"'):
        raise ProtocolViolation("the flags to append with are no flags")
    async with system.session(mailbox) as session:
        where = system.names.wire(mailbox, folder)
        head = b"APPEND " + where + f' ({words}) "{imap_time(date)}" '.encode()
        command = Command((head, content, b""))
        (reply,) = await session.run(command)
        if not reply.ok and reply.code in _NO_FOLDER:
            await standing(session, system.names, mailbox)
            if folder not in system.names.known(mailbox):
                await made(session, system.names, mailbox, folder)
            (reply,) = await session.run(command)
        if not reply.ok:
            raise failure_of(reply, f"appending to {folder} of {mailbox}")
        return await _appended(system, session, mailbox, folder, reply.arguments.split())


async def _appended(
    system: System, session: Session, mailbox: str, folder: str, told: Sequence[bytes]
) -> Observed:
    """The copy that APPENDUID (RFC 4315) names, or else the newest of the folder."""
    status = await opened(session, system.names, mailbox, folder)
    named = len(told) == 2 and all(word.isdigit() and len(word) <= 10 for word in told)
    uid = int(told[1]) if named else status.uid_next - 1
    there = await described(system, session, [uid])
    if uid not in there or (named and int(told[0]) != status.uid_validity):
        raise Unavailable(f"the copy appended to {folder} of {mailbox} is not seen there")
    return system.observed(mailbox, folder, status.uid_validity, there[uid])


def imap_time(at: datetime) -> str:
    """A time as APPEND wants it, in its own zone or UTC; English months whatever the locale."""
    zone = at.strftime("%z") or "+0000"
    return f"{at.day:02d}-{_MONTHS[at.month - 1]}-{at.year:04d} {at:%H:%M:%S} {zone[:5]}"
