"""Reading: the bytes of copies, within a bound on how much is held at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from clawback.errors import CapabilityMissing, HandleStale, MailboxError, Refused, Unavailable
from clawback.mailboxes.base import Failure, RawMessage
from clawback.mailboxes.imap.border import Lost, failure_of
from clawback.mailboxes.imap.bulk import Answers
from clawback.mailboxes.imap.folders import opened
from clawback.mailboxes.imap.grammar import Row, Status, rows
from clawback.mailboxes.imap.hands import uid_of
from clawback.mailboxes.imap.session import Session
from clawback.mailboxes.imap.spelling import SET, set_of, sets_of
from clawback.mailboxes.imap.system import System
from clawback.mailboxes.imap.wire import ROOM, Command
from clawback.message.delivery import Handle

TOGETHER = 8 << 20
"""Bytes asked for in one exchange."""
LOSSES = 10
"""Sessions that one reading may cost."""


async def fetch(system: System, mailbox: str, asked: Sequence[tuple[int, Handle]]) -> Answers[RawMessage]:
    """The bytes of each copy of a mailbox.

    Servers hang up on whoever reads a copy that they cannot read themselves (a broken disk). So after a loss
    the copies that were being read are read one by one, and only the one at fault goes without its bytes.
    """
    reader = _Reader(system, mailbox)
    left = list(asked)
    for _ in range(LOSSES):
        try:
            async with system.session(mailbox) as session:
                await reader.read(session, left)
        except (MailboxError, Refused) as error:
            if not reader.goes_on_after(error):
                break
        left = reader.left(asked)
        if not left:
            break
    return reader.answers | {place: reader.trouble for place, _ in reader.left(asked)}


class _Reader:
    """Reads copies of one mailbox, over the loss of a session."""

    def __init__(self, system: System, mailbox: str) -> None:
        self._system = system
        self._mailbox = mailbox
        self._reading: list[int] = []
        self._alone: set[int] = set()
        self.answers: dict[int, RawMessage | Failure] = {}
        self.trouble: Failure = Unavailable(f"copies of {mailbox} were not read")

    async def read(self, session: Session, asked: Sequence[tuple[int, Handle]]) -> None:
        """Answer all copies; one that is at fault, or whose folder is, gets its failure."""
        for folder, mine in by_folder(asked).items():
            try:
                await self._from_folder(session, folder, mine)
            except (MailboxError, Refused) as error:
                if session.broken:
                    raise
                self.answers |= {place: error for place, _ in self.left(mine)}

    def left(self, asked: Sequence[tuple[int, Handle]]) -> list[tuple[int, Handle]]:
        """Those that have no answer yet."""
        return [(place, handle) for place, handle in asked if place not in self.answers]

    def goes_on_after(self, error: Failure) -> bool:
        """Whether to try again: only when a copy that was being read may have cost the connection."""
        self.trouble = error
        if not (isinstance(error, Lost) and self._reading):
            return False
        self._failed(error)
        return True

    async def _from_folder(self, session: Session, folder: str, asked: Sequence[tuple[int, Handle]]) -> None:
        status = await opened(session, self._system.names, self._mailbox, folder)
        here = valid(h for _, h in asked if is_here(h, status.uid_validity))
        there = await described(self._system, session, here)
        wanted: dict[int, list[int]] = {}
        for place, handle in asked:
            row = copy_at(handle, status.uid_validity, there)
            if row is None:
                self.answers[place] = stale(handle)
            elif row.size > self._system.options.server.largest:
                self.answers[place] = CapabilityMissing(f"the copy has {row.size:,} bytes, more than is read")
            else:
                wanted.setdefault(row.uid, []).append(place)
        for chunk in self._chunks([there[uid] for uid in wanted], wanted):
            await self._read(session, folder, status, {row: wanted[row.uid] for row in chunk})
        for place, handle in asked:
            if place not in self._alone:
                self.answers.setdefault(place, stale(handle))

    def _chunks(self, rows: Sequence[Row], wanted: dict[int, list[int]]) -> Iterator[list[Row]]:
        alone = [row for row in rows if not self._alone.isdisjoint(wanted[row.uid])]
        yield from chunks(row for row in rows if self._alone.isdisjoint(wanted[row.uid]))
        yield from ([row] for row in alone)

    async def _read(self, session: Session, folder: str, status: Status, asked: dict[Row, list[int]]) -> None:
        self._reading = [place for places in asked.values() for place in places]
        try:
            contents = await bodies(session, list(asked))
        except MailboxError as error:
            if session.broken:
                raise
            self._failed(error)
            contents = {}
        self._reading = []
        for row, places in asked.items():
            if row.uid in contents:
                raw = RawMessage(
                    self._system.observed(self._mailbox, folder, status.uid_validity, row), contents[row.uid]
                )
                self.answers |= dict.fromkeys(places, raw)

    def _failed(self, error: MailboxError) -> None:
        """One copy has its failure; which one of several is at fault has to be found out."""
        if len(self._reading) == 1 or self._alone.issuperset(self._reading):
            self.answers |= dict.fromkeys(self._reading, error)
        else:
            self._alone.update(self._reading)
        self._reading = []


def by_folder(asked: Iterable[tuple[int, Handle]]) -> dict[str, list[tuple[int, Handle]]]:
    """The handles of each folder."""
    folders: dict[str, list[tuple[int, Handle]]] = {}
    for place, handle in asked:
        folders.setdefault(handle.folder, []).append((place, handle))
    return folders


def chunks(asked: Iterable[Row]) -> Iterator[list[Row]]:
    """Copies whose bodies may be fetched in one exchange."""
    chunk: list[Row] = []
    size = 0
    for row in asked:
        if chunk and (size + row.size > TOGETHER or len(chunk) >= SET):
            yield chunk
            chunk, size = [], 0
        chunk.append(row)
        size += max(row.size, 0)
    if chunk:
        yield chunk


async def described(system: System, session: Session, uids: Sequence[int]) -> dict[int, Row]:
    """What there is to tell of these UIDs of the open folder; those that are not there are left out."""
    commands = [Command.of(f"UID FETCH {uid_set} ({system.items})") for uid_set in sets_of(uids)]
    replies = await session.run(*commands) if commands else []
    for reply in replies:
        if not reply.told:
            raise failure_of(reply, "looking at copies")
    asked = set(uids)
    return {uid: row for uid, row in rows(*replies).items() if uid in asked and row.size >= 0}


async def bodies(session: Session, asked: Sequence[Row]) -> dict[int, bytes]:
    """The whole bytes of these copies of the open folder; of those that left meanwhile there are none.

    Raises Unavailable when the server has a copy and does not give it.
    """
    # Some servers tell sizes that are not quite true.
    room = ROOM + 2 * sum(row.size for row in asked)
    command = Command.of(f"UID FETCH {set_of(row.uid for row in asked)} (UID BODY.PEEK[])")
    (reply,) = await session.run(command, room=room)
    if not reply.told:
        raise failure_of(reply, "reading copies")
    told = rows(reply)
    found: dict[int, bytes] = {}
    for row in asked:
        if row.uid in told:
            content = told[row.uid].content
            if content is None and row.size:
                raise Unavailable(f"the server does not give the {row.size:,} bytes of a copy")
            found[row.uid] = content or b""
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
