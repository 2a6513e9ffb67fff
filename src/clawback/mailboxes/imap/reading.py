"""Reading: the bytes of copies, within a bound on how much is held at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from clawback.errors import CapabilityMissing, HandleStale, MailboxError, ProtocolViolation, Refused
from clawback.mailboxes.base import Failure, RawMessage
from clawback.mailboxes.imap.border import failure_of
from clawback.mailboxes.imap.bulk import Answers
from clawback.mailboxes.imap.folders import opened
from clawback.mailboxes.imap.grammar import Row, rows, set_of
from clawback.mailboxes.imap.hands import uid_of
from clawback.mailboxes.imap.session import Session
from clawback.mailboxes.imap.system import System
from clawback.mailboxes.imap.wire import Command
from clawback.message.delivery import Handle

TOGETHER = 8 << 20
"""Bytes asked for in one exchange."""


async def fetch(system: System, mailbox: str, asked: Sequence[tuple[int, Handle]]) -> Answers[RawMessage]:
    """The bytes of each copy of a mailbox."""
    folders: dict[str, list[tuple[int, Handle]]] = {}
    for place, handle in asked:
        folders.setdefault(handle.folder, []).append((place, handle))
    answers: dict[int, RawMessage | Failure] = {}
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
) -> dict[int, RawMessage | Failure]:
    status = await opened(session, system.names, mailbox, folder)
    there = await described(system, session, valid(h for _, h in asked if is_here(h, status.uid_validity)))
    answers: dict[int, RawMessage | Failure] = {}
    wanted: dict[int, tuple[int, Row]] = {}
    for place, handle in asked:
        row = copy_at(handle, status.uid_validity, there)
        if row is None:
            answers[place] = stale(handle)
        elif row.size > system.options.server.largest:
            answers[place] = CapabilityMissing(f"the copy has {row.size:,} bytes, more than is read")
        else:
            wanted[place] = (row.uid, row)
    for chunk in chunks(dict(wanted.values()).values()):
        contents = await bodies(session, [row.uid for row in chunk])
        for place, (uid, row) in wanted.items():
            if uid in contents:
                content = contents[uid]
                answers[place] = RawMessage(
                    system.observed(mailbox, folder, status.uid_validity, row), content
                )
    for place, handle in asked:
        answers.setdefault(place, stale(handle))
    return answers


def chunks(asked: Iterable[Row]) -> Iterator[list[Row]]:
    """Copies whose bodies may be fetched in one exchange."""
    chunk: list[Row] = []
    size = 0
    for row in asked:
        if chunk and size + row.size > TOGETHER:
            yield chunk
            chunk, size = [], 0
        chunk.append(row)
        size += max(row.size, 0)
    if chunk:
        yield chunk


async def described(system: System, session: Session, uids: Sequence[int]) -> dict[int, Row]:
    """What there is to tell of these UIDs of the open folder; those that are not there are left out."""
    if not uids:
        return {}
    (reply,) = await session.run(Command.of(f"UID FETCH {set_of(uids)} ({system.items})"))
    if not reply.ok:
        raise failure_of(reply, "looking at copies")
    asked = set(uids)
    return {uid: row for uid, row in rows(reply).items() if uid in asked and row.size >= 0}


async def bodies(session: Session, uids: Sequence[int]) -> dict[int, bytes]:
    """The whole bytes of these UIDs of the open folder."""
    (reply,) = await session.run(Command.of(f"UID FETCH {set_of(uids)} (UID BODY.PEEK[])"))
    if not reply.ok:
        raise failure_of(reply, "reading copies")
    asked = set(uids)
    found = {uid: row.content for uid, row in rows(reply).items() if row.content is not None}
    if not asked.issuperset(found):
        raise ProtocolViolation("the server sends messages that were not asked for")
    return found


def is_here(handle: Handle, validity: int) -> bool:
    """Whether a handle still speaks of the open folder."""
    known = uid_of(handle)
    return known is not None and known[0] == validity


def valid(handles: Iterable[Handle]) -> list[int]:
    """The UIDs of handles."""
    return [known[1] for known in map(uid_of, handles) if known]


def copy_at(handle: Handle, validity: int, there: dict[int, Row]) -> Row | None:
    """The row of a handle's copy, if it is there and, where both are known, has the same GUID."""
    known = uid_of(handle)
    if known is None or known[0] != validity:
        return None
    row = there.get(known[1])
    if row is None or (handle.version and row.guid and row.guid != handle.version):
        return None
    return row


def stale(handle: Handle) -> HandleStale:
    """That a copy is not where its handle says."""
    return HandleStale(f"the copy is no longer in {handle.folder} of {handle.mailbox}")
