"""Moving: pipelined IMAP. The server checks once more what it is about to move, in the same write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from clawback.errors import (
    CapabilityMissing,
    MailboxError,
    Refused,
    Unavailable,
)
from clawback.mailboxes.base import Failure, Move
from clawback.mailboxes.imap.border import failure_of
from clawback.mailboxes.imap.bulk import Answers, in_bulk
from clawback.mailboxes.imap.finding import either, guid_key
from clawback.mailboxes.imap.folders import made, opened, refused, unopened
from clawback.mailboxes.imap.grammar import Row, copied, rows, selected, set_of
from clawback.mailboxes.imap.hands import native_id, uid_of
from clawback.mailboxes.imap.reading import copy_at, described, stale
from clawback.mailboxes.imap.session import Session
from clawback.mailboxes.imap.system import System
from clawback.mailboxes.imap.wire import Command, Reply
from clawback.message.delivery import Observed

FEW = 20
"""Copies that are checked and moved in one write; more are moved after one look."""
MANY = 1_000
"""Copies of one MOVE."""

Asked = Sequence[tuple[int, Move]]


@dataclass(frozen=True, slots=True)
class Moved:
    """What one exchange did: the folder's UIDVALIDITY, what was there, and where each went."""

    validity: int
    before: dict[int, Row]
    goal_validity: int
    went: dict[int, int]


class ImapHand:
    """Moves by IMAP, each mailbox in a session, only mailboxes that hold a copy."""

    def __init__(self, system: System) -> None:
        self._system = system

    def reason(self) -> str:
        """How it acts here."""
        can = self._system.capabilities
        if not {"MOVE", "UIDPLUS"} <= can:
            lacks = " and ".join(c for c in ("MOVE", "UIDPLUS") if c not in can)
            how = "by COPY, STORE and UID EXPUNGE" if "UIDPLUS" in can else "by MOVE, found again by GUID"
            return f"moves {how}, for the server has no {lacks}"
        one = "in one write" if "SEARCHRES" in can and self._system.guid else "after one look"
        many = self._system.options.connections
        return f"moves by IMAP, {many} mailboxes at once, each checked and moved {one}"

    async def move(self, moves: Sequence[Move]) -> Sequence[Observed | Failure]:
        """Take each copy to its folder."""
        return await in_bulk(moves, lambda m: m.handle.mailbox, self._of_mailbox)

    async def _of_mailbox(self, mailbox: str, asked: Asked) -> Answers[Observed]:
        ways: dict[tuple[str, str], list[tuple[int, Move]]] = {}
        for place, move in asked:
            ways.setdefault((move.handle.folder, move.folder), []).append((place, move))
        answers: dict[int, Observed | Failure] = {}
        async with self._system.session(mailbox) as session:
            for (origin, goal), mine in ways.items():
                for i in range(0, len(mine), MANY):
                    chunk = mine[i : i + MANY]
                    try:
                        answers |= await self._one_way(session, mailbox, origin, goal, chunk)
                    except (MailboxError, Refused) as error:
                        answers |= {place: error for place, _ in chunk}
                        if session.broken:
                            left = [place for place, _ in asked if place not in answers]
                            return answers | dict.fromkeys(left, error)
        return answers

    async def _one_way(
        self, session: Session, mailbox: str, origin: str, goal: str, asked: Asked
    ) -> dict[int, Observed | Failure]:
        known = [(place, uid_of(move.handle)) for place, move in asked]
        uids = {uid[1] for _, uid in known if uid}
        if not uids:
            await opened(session, self._system.names, mailbox, origin)
            return {place: stale(move.handle) for place, move in asked}
        if origin == goal:
            return await self._stays(session, mailbox, origin, asked)
        verified = "SEARCHRES" in session.capabilities and all(m.handle.version for _, m in asked)
        if verified and self._system.guid and len(asked) <= FEW and "MOVE" in session.capabilities:
            moved = await self._at_once(session, mailbox, origin, goal, asked)
        else:
            moved = await self._looked_at(session, mailbox, origin, goal, asked)
        return {place: self._answer(mailbox, goal, move, moved) for place, move in asked}

    async def _stays(
        self, session: Session, mailbox: str, folder: str, asked: Asked
    ) -> dict[int, Observed | Failure]:
        status = await opened(session, self._system.names, mailbox, folder)
        uids = [uid[1] for uid in (uid_of(m.handle) for _, m in asked) if uid]
        there = await described(self._system, session, uids)
        answers: dict[int, Observed | Failure] = {}
        for place, move in asked:
            row = copy_at(move.handle, status.uid_validity, there)
            here = self._system.observed(mailbox, folder, status.uid_validity, row) if row else None
            answers[place] = here or stale(move.handle)
        return answers

    async def _at_once(self, session: Session, mailbox: str, origin: str, goal: str, asked: Asked) -> Moved:
        """Open, check by UID and GUID, describe and move in one write; what fits no more moves nothing."""
        names, word = self._system.names, self._system.guid
        keys = [f"UID {u[1]} {guid_key(word, m.handle.version)}" for _, m in asked if (u := uid_of(m.handle))]
        commands = [
            Command.of(b"SELECT " + names.wire(mailbox, origin)),
            Command.of(f"UID SEARCH RETURN (SAVE) {either(keys)}"),
            Command.of(f"UID FETCH $ ({self._system.items})"),
            Command.of(b"UID MOVE $ " + names.wire(mailbox, goal)),
        ]
        select, search, fetch, move = await session.run(*commands)
        if not select.ok:
            raise await unopened(session, names, mailbox, origin, select)
        if not search.ok:
            raise failure_of(search, f"checking copies in {origin} of {mailbox}")
        before = rows(fetch, move)
        if not before:
            return Moved(selected(select).uid_validity, {}, 0, {})
        if not move.ok:
            await self._make_goal(session, mailbox, origin, goal, move)
            again = [*commands[:2], commands[3]]
            select, search, move = await session.run(*again)
        validity = selected(select).uid_validity
        return await self._moved(session, mailbox, (origin, goal), validity, before, (fetch, search, move))

    async def _looked_at(self, session: Session, mailbox: str, origin: str, goal: str, asked: Asked) -> Moved:
        """Open, look, then move what is there."""
        names = self._system.names
        status = await opened(session, names, mailbox, origin, write=True)
        validity = status.uid_validity
        uids = [u[1] for u in (uid_of(m.handle) for _, m in asked) if u and u[0] == validity]
        there = await described(self._system, session, uids)
        before = {row.uid: row for _, m in asked if (row := copy_at(m.handle, validity, there))}
        if not before:
            return Moved(validity, {}, 0, {})
        reply = await self._take(session, mailbox, origin, goal, list(before))
        if not reply.ok:
            await self._make_goal(session, mailbox, origin, goal, reply)
            await opened(session, names, mailbox, origin, write=True)
            reply = await self._take(session, mailbox, origin, goal, list(before))
        return await self._moved(session, mailbox, (origin, goal), validity, before, (reply,))

    async def _take(
        self, session: Session, mailbox: str, origin: str, goal: str, uids: Sequence[int]
    ) -> Reply:
        """MOVE (RFC 6851), or what it stands for."""
        where = self._system.names.wire(mailbox, goal)
        if "MOVE" in session.capabilities:
            (reply,) = await session.run(Command.of(f"UID MOVE {set_of(uids)} ".encode() + where))
            return reply
        if "UIDPLUS" not in session.capabilities:
            raise CapabilityMissing("the server has neither MOVE nor UIDPLUS, so nothing can be moved safely")
        (reply,) = await session.run(Command.of(f"UID COPY {set_of(uids)} ".encode() + where))
        if reply.ok:
            # Only what COPYUID proves to be copied may be expunged.
            _, went = copied(reply)
            await expunge(self._system, session, mailbox, origin, list(went))
        return reply

    async def _make_goal(
        self, session: Session, mailbox: str, origin: str, goal: str, refusal: Reply
    ) -> None:
        if refusal.code not in (b"TRYCREATE", b"NONEXISTENT"):
            raise await self._refused(session, mailbox, origin, goal, refusal)
        # The origin is open, so what is not there is the goal.
        await made(session, self._system.names, mailbox, goal)

    async def _refused(self, session: Session, mailbox: str, origin: str, goal: str, reply: Reply) -> Failure:
        needed, what = {origin: "te", goal: "i"}, f"moving copies of {mailbox} to {goal}"
        return await refused(session, self._system.names, mailbox, reply, needed, what)

    async def _moved(
        self,
        session: Session,
        mailbox: str,
        way: tuple[str, str],
        validity: int,
        before: dict[int, Row],
        replies: Sequence[Reply],
    ) -> Moved:
        """What became of it. The server may tell of the move before it ends a command that came earlier."""
        origin, goal = way
        if not replies[-1].ok:
            raise await self._refused(session, mailbox, origin, goal, replies[-1])
        goal_validity, went = copied(*replies)
        if not went and "UIDPLUS" not in session.capabilities:
            goal_validity, went = await self._found_again(session, mailbox, goal, before)
        if not before.keys() >= went.keys():
            raise Unavailable(f"the server told of other moves in {mailbox} than were asked for")
        return Moved(validity, before, goal_validity, went)

    async def _found_again(
        self, session: Session, mailbox: str, goal: str, before: dict[int, Row]
    ) -> tuple[int, dict[int, int]]:
        """Without COPYUID: the newest copies at the goal, by GUID, or else by size, date and order."""
        status = await opened(session, self._system.names, mailbox, goal)
        first = max(1, status.uid_next - 2 * len(before) - 50)
        there = await described(self._system, session, range(first, max(first + 1, status.uid_next)))
        waiting: dict[object, list[int]] = {}
        for uid in sorted(there, reverse=True):
            waiting.setdefault(_likeness(there[uid]), []).append(uid)
        went = {
            uid: waiting[_likeness(before[uid])].pop(0)
            for uid in sorted(before, reverse=True)
            if waiting.get(_likeness(before[uid]))
        }
        if len(went) < len(before):
            raise Unavailable(f"{len(before) - len(went)} copies of {mailbox} are not seen in {goal} yet")
        return status.uid_validity, went

    def _answer(self, mailbox: str, goal: str, move: Move, moved: Moved) -> Observed | Failure:
        row = copy_at(move.handle, moved.validity, moved.before)
        if row is None or row.uid not in moved.went:
            return stale(move.handle)
        placed = self._system.observed(mailbox, goal, moved.goal_validity, row)
        new = native_id(moved.goal_validity, moved.went[row.uid])
        return replace(placed, handle=replace(placed.handle, native_id=new))


def _likeness(row: Row) -> object:
    return row.guid or (row.size, row.internal_date)


async def expunge(system: System, session: Session, mailbox: str, folder: str, uids: Sequence[int]) -> None:
    """Expunge exactly these UIDs of the open folder (RFC 4315)."""
    if not uids:
        return
    if "UIDPLUS" not in session.capabilities:
        raise CapabilityMissing("the server has no UIDPLUS, so nothing can be expunged without other mail")
    replies = await session.run(
        Command.of(f"UID STORE {set_of(uids)} +FLAGS.SILENT (\\Deleted)"),
        Command.of(f"UID EXPUNGE {set_of(uids)}"),
    )
    for reply in replies:
        if not reply.ok:
            raise await refused(session, system.names, mailbox, reply, {folder: "te"}, "expunging copies")
