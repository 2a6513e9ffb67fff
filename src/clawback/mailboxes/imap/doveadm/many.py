"""Many users in one call, and each of them alone where the call does not tell plainly what became of him."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from clawback.errors import CapabilityMissing, Unavailable
from clawback.mailboxes.imap.doveadm import query
from clawback.mailboxes.imap.doveadm.answer import Shown, read_move, read_remains, read_states
from clawback.mailboxes.imap.doveadm.border import USAGE
from clawback.mailboxes.imap.doveadm.folders import Folders
from clawback.mailboxes.imap.doveadm.ledger import Ledger
from clawback.mailboxes.imap.doveadm.parcels import FolderState, Parcel, Ready, told_apart
from clawback.mailboxes.imap.doveadm.process import Command, Outcome
from clawback.mailboxes.imap.doveadm.single import Single

_MOST_SLOW = 10_000
_EACH = ("-F", "-")
"""For each user of the input, one a line."""


class Many:
    """Serves parcels of different users that go the same way.

    `slow` are users for whom a call did not come to its end, whom others had better not wait for.
    """

    def __init__(self, command: Command, folders: Folders) -> None:
        self._command = command
        self._folders = folders
        self.slow: dict[str, None] = {}

    async def serve(self, parcels: Sequence[Parcel], ledger: Ledger) -> None:
        """Answer every copy. Raises Unavailable or CapabilityMissing, the answer of what has none then."""
        single = Single(self._command, self._folders, ledger)
        ready: list[Ready] = []
        alone: list[Parcel] = []
        if parcels[0].origin != parcels[0].goal:
            await self._learn([parcel for parcel in parcels if not self._folders.suffice(parcel)])
        for parcel in parcels:
            one = self._ready(parcel, ledger)
            if one is None:
                alone.append(parcel)
            elif one.parcel.copies:
                ready.append(one)
        for part in told_apart(ready):
            await self._together(part, single, ledger)
        for parcel in alone:
            await self._alone(single, parcel, None)

    def _ready(self, parcel: Parcel, ledger: Ledger) -> Ready | None:
        """None for a parcel of which too little is known, or whose receipts could be mixed up."""
        origin = self._folders.get(parcel.user, parcel.origin)
        goal = self._folders.get(parcel.user, parcel.goal)
        if origin is None or goal is None or origin.guid == goal.guid or parcel.has_twins:
            return None
        for copy in parcel.copies:
            if copy.uid_validity != origin.uid_validity:
                ledger.stale(copy)
        return Ready(ledger.rest(parcel) or replace(parcel, copies=()), origin, goal)

    async def _learn(self, parcels: Sequence[Parcel]) -> None:
        """See how the folders of these users stand; make the goal for those who have only the origin."""
        if not parcels:
            return
        for parcel in parcels:
            self._folders.forget(parcel)
        origin, goal = parcels[0].origin, parcels[0].goal
        users = [parcel.user for parcel in parcels]
        await self._seen(users, query.learn(_EACH, origin, goal))
        missing = [u for u in users if self._folders.get(u, origin) and not self._folders.get(u, goal)]
        if missing:
            await self._seen(missing, query.batch(_EACH, *query.create(goal)))

    async def _seen(self, users: Sequence[str], words: Sequence[str]) -> None:
        outcome = await self._command.run(words, users)
        if outcome.code is None or outcome.code < 0:
            raise self._lost(users, outcome)
        for user, name, state in read_states(outcome.output):
            self._folders.keep(user, name, state)

    async def _together(self, part: Sequence[Ready], single: Single, ledger: Ledger) -> None:
        while part:
            users = [ready.parcel.user for ready in part]
            outcome = await self._command.run(query.batch(_EACH, *query.move(part)), users)
            if outcome.code == USAGE:
                raise CapabilityMissing(f"doveadm does not take what it is asked: {outcome.complaint}")
            shown = read_move(outcome.output, part)
            for ready in part:
                if one := shown.get(ready.parcel.user):
                    self._received(ready.parcel, one, ledger)
            left = [ready for ready in part if ledger.rest(ready.parcel)]
            if outcome.code is None or outcome.code < 0:
                raise self._lost([ready.parcel.user for ready in left], outcome)
            ahead = _not_reached(part, shown, outcome)
            if outcome.code == 0:
                await self._look_for([r for r in left if r.parcel.user in shown], ledger)
            # It may have ended at the first of them, who has his turn now.
            part = ahead[1:]
            later = {ready.parcel.user for ready in part}
            for ready in left:
                if ready.parcel.user not in later and ledger.rest(ready.parcel):
                    before = shown.get(ready.parcel.user)
                    await self._alone(single, ready.parcel, before.goal if before else None)

    def _received(self, parcel: Parcel, shown: Shown, ledger: Ledger) -> None:
        self.slow.pop(parcel.user, None)
        self._folders.keep(parcel.user, parcel.goal, shown.after)
        ledger.receive(parcel, shown.goal, parcel.names, shown.new)

    async def _look_for(self, left: Sequence[Ready], ledger: Ledger) -> None:
        """Copies without a receipt that are not at their origin either: somebody was faster."""
        if not left:
            return
        users = [ready.parcel.user for ready in left]
        outcome = await self._command.run(query.remains(_EACH, left), users)
        remain = read_remains(outcome.output) if outcome.code == 0 else None
        if remain is None:
            return
        for ready in left:
            for copy in ready.parcel.copies:
                if (ready.parcel.user, copy.uid, copy.guid) not in remain:
                    ledger.stale(copy)

    async def _alone(self, single: Single, parcel: Parcel, since: FolderState | None) -> None:
        if not await single.settle(parcel, since):
            self._remember_slow([parcel.user])
            raise Unavailable(f"Dovecot did not answer when it was asked for {parcel.user}")
        self.slow.pop(parcel.user, None)

    def _lost(self, users: Sequence[str], outcome: Outcome) -> Unavailable:
        if outcome.code is None:
            self._remember_slow(users)
            return Unavailable(f"doveadm, asked for {len(users)} mailboxes: {outcome.complaint}")
        return Unavailable(f"doveadm was ended by signal {-outcome.code}")

    def _remember_slow(self, users: Sequence[str]) -> None:
        self.slow.update(dict.fromkeys(users))
        for user in list(self.slow)[:-_MOST_SLOW]:
            del self.slow[user]


def _not_reached(part: Sequence[Ready], shown: Mapping[str, Shown], outcome: Outcome) -> Sequence[Ready]:
    """Those to whom a call that failed did not come, if it ended there; it began at the first."""
    if outcome.code == 0:
        return []
    reached = [number for number, ready in enumerate(part) if ready.parcel.user in shown]
    return part[reached[-1] + 1 :] if reached else part
