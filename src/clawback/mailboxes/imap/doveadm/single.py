"""One user alone: look, decide, move, and look again at what did not come out plainly."""

from __future__ import annotations

from clawback.errors import Unavailable
from clawback.mailboxes.imap.doveadm import query
from clawback.mailboxes.imap.doveadm.answer import read_look, read_move, read_states
from clawback.mailboxes.imap.doveadm.border import NOT_FOUND, failure_of
from clawback.mailboxes.imap.doveadm.folders import Folders
from clawback.mailboxes.imap.doveadm.ledger import Ledger
from clawback.mailboxes.imap.doveadm.parcels import FolderState, Parcel, Ready
from clawback.mailboxes.imap.doveadm.process import Command, Outcome


class Single:
    """The slow way, in which the exit code tells what is the matter with one user."""

    def __init__(self, command: Command, folders: Folders, ledger: Ledger) -> None:
        self._command = command
        self._folders = folders
        self._ledger = ledger

    async def settle(self, parcel: Parcel, since: FolderState | None) -> bool:
        """Answer every copy of a parcel; False when Dovecot did not answer us.

        `since` is how the goal stood before somebody tried to move the parcel; None when nobody did.
        """
        try:
            origin = await self._look(parcel, since)
            rest = self._ledger.rest(parcel)
            if origin and rest:
                goal = self._folders.get(rest.user, rest.goal) or await self._made(rest)
                if goal:
                    await self._moved(Ready(rest, origin, goal))
        except Unavailable as silence:
            self._ledger.fail(parcel, silence)
            return False
        return True

    async def _look(self, parcel: Parcel, since: FolderState | None) -> FolderState | None:
        """Answer what needs no move any more; the origin, when there is something left to move.

        Raises Unavailable.
        """
        outcome = await self._run(parcel, *query.look(parcel, since))
        states, copies, whole = read_look(outcome.output, parcel)
        origin, goal = states.get(parcel.origin), states.get(parcel.goal)
        self._folders.forget(parcel)
        for name, state in states.items():
            self._folders.keep(parcel.user, name, state)
        if origin is None and outcome.code == NOT_FOUND:
            for copy in parcel.copies:
                self._ledger.stale(copy)
            return None
        here = {(copy.uid, copy.guid) for copy in copies if origin and copy.folder_guid == origin.guid}
        over: frozenset[str] = frozenset()
        if since:
            left = parcel.names - here
            over = self._ledger.receive(parcel, since, left, copies)
        if origin is None or not whole or outcome.code not in (0, NOT_FOUND):
            failure = failure_of(outcome, parcel.user, f"looking at copies in {parcel.origin}")
            self._ledger.fail(parcel, failure)
            if origin is None and isinstance(failure, Unavailable):
                raise failure
            return None
        for copy in parcel.copies:
            if copy.uid_validity != origin.uid_validity or (copy.uid, copy.guid) not in here:
                self._ledger.stale(copy)
            elif copy.guid in over:
                both = f"the copy is in {parcel.goal} of {copy.handle.mailbox}, and still in {parcel.origin}"
                self._ledger.answer(copy.place, Unavailable(both))
        if goal and goal.guid == origin.guid:
            self._ledger.stay(parcel, origin, copies)
        return origin

    async def _made(self, parcel: Parcel) -> FolderState | None:
        outcome = await self._run(parcel, *query.create(parcel.goal))
        for _, name, state in read_states(outcome.output):
            if name == parcel.goal:
                self._folders.keep(parcel.user, name, state)
                return state
        self._ledger.fail(parcel, failure_of(outcome, parcel.user, f"making the folder {parcel.goal}"))
        return None

    async def _moved(self, ready: Ready) -> None:
        parcel = ready.parcel
        outcome = await self._run(parcel, *query.move([ready]))
        shown = read_move(outcome.output, [ready]).get(parcel.user)
        if shown:
            # All of them lay there a moment ago.
            self._ledger.receive(parcel, shown.goal, parcel.names, shown.new)
            self._folders.keep(parcel.user, parcel.goal, shown.after)
        if self._ledger.rest(parcel) and await self._look(parcel, shown.goal if shown else ready.goal):
            self._ledger.fail(parcel, failure_of(outcome, parcel.user, f"moving copies to {parcel.goal}"))

    async def _run(self, parcel: Parcel, *commands: list[str]) -> Outcome:
        outcome = await self._command.run(query.batch(["-u", parcel.user], *commands))
        if outcome.code is None:
            raise Unavailable(f"doveadm, asked for {parcel.user}: {outcome.complaint}")
        return outcome
