"""Moving: pipelined IMAP. The server checks once more what it is about to move, in the same write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from clawback.errors import CapabilityMissing, HandleStale, MailboxError, Refused, Unavailable
from clawback.mailboxes.base import Failure, Move
from clawback.mailboxes.imap.border import failure_of, untried
from clawback.mailboxes.imap.bulk import Answers, in_bulk
from clawback.mailboxes.imap.expunging import expunge, take_back
from clawback.mailboxes.imap.finding import either, guid_key
from clawback.mailboxes.imap.folders import made, opened, refused, standing_of, unopened
from clawback.mailboxes.imap.grammar import Row, Status, copied, rows, selected
from clawback.mailboxes.imap.hands import native_id, uid_of
from clawback.mailboxes.imap.reading import copy_at, described, stale
from clawback.mailboxes.imap.session import Session
from clawback.mailboxes.imap.spelling import SET, set_of
from clawback.mailboxes.imap.system import System
from clawback.mailboxes.imap.wire import Command, Reply
from clawback.message.delivery import Observed

FEW = 20
"""Copies that are checked and moved in one write; more are moved after one look."""
LOOKS = 5
"""Tries to move several copies of which one leaves each time."""
NEW = 10_000
"""Copies that are new at the goal and looked through for those that were moved there, at most."""

Asked = Sequence[tuple[int, Move]]


@dataclass(frozen=True, slots=True)
class Way:
    """From where to where, in which mailbox, on which session."""

    session: Session
    mailbox: str
    origin: str
    goal: str

    @property
    def what(self) -> str:
        """What is done, for people."""
        return f"moving copies of {self.mailbox} to {self.goal}"


@dataclass(frozen=True, slots=True)
class Moved:
    """What one exchange did: the folder's UIDVALIDITY, what was there, and where each copy went.

    `failures` are those of copies that were there and are not proved to have gone; `torn` says that one of
    several left while they were moved, so that the others stayed.
    """

    validity: int
    before: dict[int, Row]
    goal_validity: int = 0
    went: Mapping[int, int] = field(default_factory=dict)
    failures: Mapping[int, Failure] = field(default_factory=dict)
    torn: bool = False


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
                for i in range(0, len(mine), SET):
                    chunk = mine[i : i + SET]
                    try:
                        answers |= await self._one_way(Way(session, mailbox, origin, goal), chunk)
                    except (MailboxError, Refused) as error:
                        answers |= {place: error for place, _ in chunk}
                        if session.broken:
                            left = [place for place, _ in asked if place not in answers]
                            return answers | dict.fromkeys(left, untried(error))
        return answers

    async def _one_way(self, way: Way, asked: Asked) -> dict[int, Observed | Failure]:
        if not any(uid_of(move.handle) for _, move in asked):
            await self._opened(way, way.origin)
            return {place: stale(move.handle) for place, move in asked}
        if way.origin == way.goal:
            return await self._stays(way, asked)
        answers: dict[int, Observed | Failure] = {}
        for _ in range(LOOKS):
            moved = await self._tried(way, asked)
            answers |= {place: self._answer(way, move, moved) for place, move in asked}
            if not moved.torn:
                break
            # Where one of several has just left, a server may leave all the others too.
            asked = [(place, move) for place, move in asked if not isinstance(answers[place], Observed)]
        return answers

    async def _tried(self, way: Way, asked: Asked) -> Moved:
        moved = None
        if len(asked) <= FEW and self._can_verify(way.session, asked):
            moved = await self._at_once(way, asked)
        return moved or await self._looked_at(way, asked)

    def _can_verify(self, session: Session, asked: Asked) -> bool:
        """Whether the server can check the copies itself, and tell where they went."""
        guids = bool(self._system.guid) and all(move.handle.version for _, move in asked)
        return guids and {"SEARCHRES", "MOVE", "UIDPLUS"} <= session.capabilities

    async def _opened(self, way: Way, folder: str, *, write: bool = False) -> Status:
        return await opened(way.session, self._system.names, way.mailbox, folder, write=write)

    async def _stays(self, way: Way, asked: Asked) -> dict[int, Observed | Failure]:
        status = await self._opened(way, way.origin)
        there = await described(self._system, way.session, _uids(asked))
        answers: dict[int, Observed | Failure] = {}
        for place, move in asked:
            row = copy_at(move.handle, status.uid_validity, there)
            here = self._observed(way, way.origin, status.uid_validity, row) if row else None
            answers[place] = here or stale(move.handle)
        return answers

    async def _at_once(self, way: Way, asked: Asked, *, again: bool = True) -> Moved | None:
        """Open, check by UID and GUID, describe and move in one write; what fits no more moves nothing.

        None when the server announces what it cannot do (RFC 5182), and has done nothing.
        """
        names, word, session = self._system.names, self._system.guid, way.session
        keys = [f"UID {u[1]} {guid_key(word, m.handle.version)}" for _, m in asked if (u := uid_of(m.handle))]
        commands = [
            Command.of(b"SELECT " + names.wire(way.mailbox, way.origin)),
            Command.of(f"UID SEARCH RETURN (SAVE) {either(keys)}"),
            Command.of(f"UID FETCH $ ({self._system.items})"),
            Command.of(b"UID MOVE $ " + names.wire(way.mailbox, way.goal)),
        ]
        with session.deed(way.what):
            select, search, fetch, move = replies = await session.run(*commands)
            _, went = copied(*replies)
            validity, before = selected(select).uid_validity, rows(fetch, move)
        if not select.ok:
            raise await unopened(session, names, way.mailbox, way.origin, select)
        if search.status == b"BAD" and not went:
            return None
        if not search.ok:
            raise failure_of(search, f"checking copies in {way.origin} of {way.mailbox}")
        if not before and not went:
            return Moved(validity, {})
        if again and not move.ok and not went and await self._made_goal(way, move):
            return await self._at_once(way, asked, again=False)
        return await self._moved(way, validity, before, replies)

    async def _looked_at(self, way: Way, asked: Asked) -> Moved:
        """Open, look, then move what is there."""
        plain = not {"MOVE", "UIDPLUS"} <= way.session.capabilities
        goal = Status()
        if plain:
            goal = await standing_of(way.session, self._system.names, way.mailbox, way.goal)
        status = await self._opened(way, way.origin, write=True)
        validity = status.uid_validity
        uids = [u[1] for u in (uid_of(m.handle) for _, m in asked) if u and u[0] == validity]
        there = await described(self._system, way.session, uids)
        before = {row.uid: row for _, m in asked if (row := copy_at(m.handle, validity, there))}
        if not before:
            return Moved(validity, {})
        reply = await self._take(way, list(before))
        if not reply.ok and not copied(reply)[1] and await self._made_goal(way, reply):
            await self._opened(way, way.origin, write=True)
            reply = await self._take(way, list(before))
        if plain:
            return await self._without_proof(way, validity, before, reply, goal)
        return await self._moved(way, validity, before, (reply,))

    async def _take(self, way: Way, uids: Sequence[int]) -> Reply:
        """MOVE (RFC 6851), or the first part of what it stands for."""
        can = way.session.capabilities
        if "MOVE" not in can and "UIDPLUS" not in can:
            raise CapabilityMissing("the server has neither MOVE nor UIDPLUS, so nothing can be moved safely")
        verb = "MOVE" if "MOVE" in can else "COPY"
        where = self._system.names.wire(way.mailbox, way.goal)
        with way.session.deed(way.what):
            (reply,) = await way.session.run(Command.of(f"UID {verb} {set_of(uids)} ".encode() + where))
            copied(reply)
        return reply

    async def _made_goal(self, way: Way, refusal: Reply) -> bool:
        """Whether the goal was missing and is there now. The origin is open, so it is not what is missing."""
        if refusal.code not in (b"TRYCREATE", b"NONEXISTENT"):
            return False
        await made(way.session, self._system.names, way.mailbox, way.goal)
        return True

    async def _moved(
        self, way: Way, validity: int, before: dict[int, Row], replies: Sequence[Reply]
    ) -> Moved:
        """What became of it. The server may tell of the move before it ends a command that came earlier."""
        goal_validity, went = copied(*replies)
        if not before.keys() >= went.keys():
            way.session.close()
            raise Unavailable(f"the server told of other moves in {way.mailbox} than were asked for")
        left = before.keys() - went.keys()
        if not left:
            return Moved(validity, before, goal_validity, went)
        if not replies[-1].ok:
            return await self._partly(way, Moved(validity, before, goal_validity, went), left, replies[-1])
        return Moved(validity, before, goal_validity, went, await self._still_there(way, left))

    async def _partly(self, way: Way, moved: Moved, left: Set[int], reply: Reply) -> Moved:
        """What was refused, beside what was moved all the same."""
        needed = {way.origin: "te", way.goal: "i"}
        try:
            failure = await refused(way.session, self._system.names, way.mailbox, reply, needed, way.what)
        except (MailboxError, Refused):
            failure = failure_of(reply, way.what)
        torn = reply.code == b"EXPUNGEISSUED" and len(moved.before) > 1
        return replace(moved, failures=dict.fromkeys(left, failure), torn=torn)

    async def _still_there(self, way: Way, uids: Set[int]) -> dict[int, Failure]:
        """The server said OK and did not tell where these went: have they left, or has it done nothing?"""
        try:
            with way.session.after(way.what):
                await self._opened(way, way.origin)
                there = await described(self._system, way.session, list(uids))
        except Unavailable as error:
            return dict.fromkeys(uids, error)
        stays = Unavailable(f"the server said that it moved a copy, and it is still in {way.origin}")
        return dict.fromkeys(there, stays)

    async def _without_proof(
        self, way: Way, validity: int, before: dict[int, Row], reply: Reply, goal: Status
    ) -> Moved:
        """The rest of a move by COPY, and what is known of a MOVE that does not tell where copies go."""
        goal_validity, went = copied(reply)
        if not went and reply.ok:
            with way.session.after(way.what):
                goal_validity, went = await self._found_again(way, before, goal)
        if not before.keys() >= went.keys():
            way.session.close()
            raise Unavailable(f"the server told of other copies in {way.mailbox} than were asked for")
        if "MOVE" not in way.session.capabilities:
            # Only what is proved to be at the goal may be expunged.
            await self._expunged(way, [before[uid] for uid in went], list(went.values()))
        left = before.keys() - went.keys()
        if not left:
            return Moved(validity, before, goal_validity, went)
        if not reply.ok:
            return await self._partly(way, Moved(validity, before, goal_validity, went), left, reply)
        return Moved(validity, before, goal_validity, went, await self._still_there(way, left))

    async def _expunged(self, way: Way, copied: Sequence[Row], at_goal: Sequence[int]) -> None:
        """The second half of a move by COPY. Where it is refused the first half is undone."""
        try:
            await self._opened(way, way.origin, write=True)
            await expunge(self._system, way.session, way.mailbox, way.origin, copied)
        except (MailboxError, Refused) as error:
            undone = await take_back(self._system, way.session, way.mailbox, way.goal, at_goal)
            if isinstance(error, HandleStale) or not undone:
                raise Unavailable(f"copies of {way.mailbox} may be in two folders: {error}") from error
            raise

    async def _found_again(
        self, way: Way, before: dict[int, Row], goal: Status
    ) -> tuple[int, dict[int, int]]:
        """Without COPYUID: what is new at the goal, by GUID, or else by size, date and order."""
        status = await self._opened(way, way.goal)
        first = goal.uid_next if goal.uid_validity == status.uid_validity else 1
        if status.uid_next - first > NEW:
            raise Unavailable(f"too much is new in {way.goal} to see what was moved there")
        there = await described(self._system, way.session, range(first, status.uid_next))
        waiting: dict[object, list[int]] = {}
        for uid in sorted(there):
            waiting.setdefault(_likeness(there[uid]), []).append(uid)
        went = {
            uid: waiting[_likeness(before[uid])].pop(0)
            for uid in sorted(before)
            if waiting.get(_likeness(before[uid]))
        }
        return status.uid_validity, went

    def _observed(self, way: Way, folder: str, validity: int, row: Row) -> Observed:
        return self._system.observed(way.mailbox, folder, validity, row)

    def _answer(self, way: Way, move: Move, moved: Moved) -> Observed | Failure:
        row = _moved_row(move, moved)
        if row is None:
            return stale(move.handle)
        if row.uid not in moved.went:
            return moved.failures.get(row.uid) or stale(move.handle)
        placed = self._observed(way, way.goal, moved.goal_validity, row)
        new = native_id(moved.goal_validity, moved.went[row.uid])
        return replace(placed, handle=replace(placed.handle, native_id=new))


def _moved_row(move: Move, moved: Moved) -> Row | None:
    """The row of the copy. One that went although its folder's UIDs are new was known by its GUID."""
    row = copy_at(move.handle, moved.validity, moved.before)
    known = uid_of(move.handle)
    if row is None and known and known[1] in moved.went:
        other = moved.before[known[1]]
        return other if move.handle.version and other.guid == move.handle.version else None
    return row


def _uids(asked: Asked) -> list[int]:
    return [uid[1] for uid in (uid_of(move.handle) for _, move in asked) if uid]


def _likeness(row: Row) -> object:
    return row.guid or (row.size, row.internal_date)
