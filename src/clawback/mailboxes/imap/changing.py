"""Deleting for good, and putting back from bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from clawback.errors import MailboxError, ProtocolViolation, Refused, Unavailable
from clawback.mailboxes.base import Failure
from clawback.mailboxes.imap.border import failure_of, untried
from clawback.mailboxes.imap.bulk import Answers
from clawback.mailboxes.imap.expunging import expunge
from clawback.mailboxes.imap.folders import made, opened, standing, standing_of
from clawback.mailboxes.imap.grammar import Row, Status
from clawback.mailboxes.imap.hands import uid_of
from clawback.mailboxes.imap.reading import bodies, chunks, copy_at, described, stale
from clawback.mailboxes.imap.session import Session
from clawback.mailboxes.imap.spelling import SET
from clawback.mailboxes.imap.system import System
from clawback.mailboxes.imap.wire import Command, Reply
from clawback.message.delivery import Handle, Observed

_NO_FOLDER = (b"TRYCREATE", b"NONEXISTENT", b"")
"""What a server says when there is no such folder; Cyrus says nothing."""
NEW = 1_000
"""Copies that are new in a folder and looked through for one that was appended, at most."""
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
                answers |= {place: error for place, _ in mine}
            if session.broken:
                break
    rest = [place for place, _ in asked if place not in answers]
    return answers | dict.fromkeys(rest, untried(_last(answers)))


def _last(answers: Mapping[int, Observed | Failure]) -> Failure:
    failures = [answer for answer in answers.values() if not isinstance(answer, Observed)]
    return failures[-1] if failures else Unavailable("the session broke off")


async def _from_folder(
    system: System, session: Session, mailbox: str, folder: str, asked: Sequence[tuple[int, Handle]]
) -> dict[int, Observed | Failure]:
    status = await opened(session, system.names, mailbox, folder, write=True)
    validity = status.uid_validity
    uids = [u[1] for u in (uid_of(handle) for _, handle in asked) if u and u[0] == validity]
    there = await described(system, session, uids)
    answers: dict[int, Observed | Failure] = {}
    going: dict[int, list[int]] = {}
    for place, handle in asked:
        if row := copy_at(handle, validity, there):
            going.setdefault(row.uid, []).append(place)
        else:
            answers[place] = stale(handle)
    handles, rest = dict(asked), list(going)
    for i in range(0, len(rest), SET):
        chunk = rest[i : i + SET]
        try:
            gone = await _expunged(system, session, mailbox, folder, [there[uid] for uid in chunk])
        except (MailboxError, Refused) as error:
            answers |= {place: error for uid in chunk for place in going[uid]}
            if session.broken:
                break
            continue
        for uid in chunk:
            seen = system.observed(mailbox, folder, validity, there[uid])
            for place in going[uid]:
                answers[place] = seen if uid in gone else stale(handles[place])
    return answers


async def _expunged(
    system: System, session: Session, mailbox: str, folder: str, asked: Sequence[Row]
) -> frozenset[int]:
    """Those of some copies that are gone by our doing."""
    ours = await expunge(system, session, mailbox, folder, asked)
    with session.after(f"expunging copies of {mailbox}"):
        left = await described(system, session, [row.uid for row in asked])
    if left:
        raise Unavailable(f"{len(left):,} copies are still in {folder} of {mailbox} after they were expunged")
    return ours


async def append(
    system: System, mailbox: str, folder: str, content: bytes, flags: frozenset[str], date: datetime
) -> Observed:
    """Append a copy with its flags and time; answers it as the server then shows it."""
    words = " ".join(sorted(flags))
    if not words.isascii() or any(c in words for c in '\r\n(){%*"'):
        raise ProtocolViolation("the flags to append with are no flags")
    async with system.session(mailbox) as session:
        before = await standing_of(session, system.names, mailbox, folder)
        reply = await _sent(session, system, mailbox, folder, words, date, content)
        if not reply.ok and reply.code in _NO_FOLDER:
            await standing(session, system.names, mailbox)
            if folder not in system.names.known(mailbox):
                await made(session, system.names, mailbox, folder)
            reply = await _sent(session, system, mailbox, folder, words, date, content)
        if not reply.ok:
            raise failure_of(reply, f"appending to {folder} of {mailbox}")
        with session.after(f"appending to {folder} of {mailbox}"):
            status = await opened(session, system.names, mailbox, folder)
            row = await _appended(system, session, status, before, reply, content)
    if row is None:
        raise Unavailable(f"the copy appended to {folder} of {mailbox} is not seen there")
    return system.observed(mailbox, folder, status.uid_validity, row)


async def _sent(
    session: Session, system: System, mailbox: str, folder: str, flags: str, date: datetime, content: bytes
) -> Reply:
    where = system.names.wire(mailbox, folder)
    head = b"APPEND " + where + f' ({flags}) "{imap_time(date)}" '.encode()
    with session.deed(f"appending to {folder} of {mailbox}"):
        (reply,) = await session.run(Command((head, content, b"")))
    return reply


async def _appended(
    system: System, session: Session, status: Status, before: Status, reply: Reply, content: bytes
) -> Row | None:
    """The copy that APPENDUID (RFC 4315) names, or else the one among the new that has these bytes."""
    told = reply.arguments.split() if reply.code == b"APPENDUID" else []
    if told:
        named = len(told) == 2 and all(word.isdigit() and len(word) <= 10 for word in told)
        if not named or int(told[0]) != status.uid_validity:
            return None
        there = await described(system, session, [int(told[1])])
        return there.get(int(told[1]))
    first = before.uid_next if before.uid_validity == status.uid_validity else 1
    new = range(max(first, status.uid_next - NEW, 1), status.uid_next)
    there = await described(system, session, list(new))
    same_size = [row for row in there.values() if row.size == len(content)]
    for chunk in chunks(same_size):
        read = await bodies(session, chunk)
        for row in chunk:
            if read.get(row.uid) == content:
                return row
    return None


def imap_time(at: datetime) -> str:
    """A time as APPEND wants it, in its own zone or UTC; English months whatever the locale."""
    zone = at.strftime("%z") or "+0000"
    return f"{at.day:02d}-{_MONTHS[at.month - 1]}-{at.year:04d} {at:%H:%M:%S} {zone[:5]}"
