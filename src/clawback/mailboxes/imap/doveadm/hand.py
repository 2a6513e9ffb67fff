"""The hand that moves copies by `doveadm batch`, for many users in one call.

Within one user's context it tells how the goal stands, which of the copies are there, moves them, and
tells what is new at the goal: a receipt for each copy. Whatever does not come out plainly is looked at
again for that user alone, because only there the exit code speaks of one user.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from clawback.errors import CapabilityMissing, HandleStale, Unavailable
from clawback.mailboxes.base import Failure, Move
from clawback.mailboxes.folder_names import INBOX
from clawback.mailboxes.imap.doveadm import query
from clawback.mailboxes.imap.doveadm.answer import read_look
from clawback.mailboxes.imap.doveadm.border import NOT_FOUND, UNKNOWN_USER, USAGE
from clawback.mailboxes.imap.doveadm.folders import Folders
from clawback.mailboxes.imap.doveadm.ledger import Ledger, Place
from clawback.mailboxes.imap.doveadm.many import Many
from clawback.mailboxes.imap.doveadm.parcels import (
    MOST,
    Asked,
    FolderState,
    Parcel,
    chunks,
    is_fit_folder,
    is_fit_guid,
    is_fit_user,
    is_folder_guid,
    split,
    turns,
)
from clawback.mailboxes.imap.doveadm.process import Command, Outcome
from clawback.mailboxes.imap.hands import uid_of
from clawback.message.delivery import Observed

Name = Callable[[str, str], str]
"""The server's name of a mailbox's folder: with its namespace's prefix and separator, in Unicode."""
_LAST_UID = 4_294_967_295
_BUDGET, _REMOTE_BUDGET = 400_000, 80_000
"""Bytes of one call's words; the shell at the other end of ssh takes at most 128 KiB."""


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether doveadm can be used here, and a sentence for people about it."""

    usable: bool
    why: str


class DoveadmHand:
    """Moves copies on a Dovecot 2.3 host, whatever its mailbox format.

    `command` is run with more words, never through a shell: ``("doveadm",)``, ``("sudo", "-n",
    "doveadm")``, ``("ssh", "mailhost", "doveadm")``; at most `processes` at once, each for at most
    `timeout` seconds. Never moves on a UID alone: a handle without a GUID is refused.
    """

    def __init__(
        self,
        source: str,
        user_of: Callable[[str], str],
        location_of: Place,
        command: tuple[str, ...] = ("doveadm",),
        processes: int = 4,
        timeout: float = 60.0,
        name_of: Name = lambda _mailbox, folder: folder,
    ) -> None:
        self._source = source
        self._user_of = user_of
        self._location_of = location_of
        self._name_of = name_of
        self._command = Command(command, processes, timeout)
        self._budget = _REMOTE_BUDGET if self._command.remote else _BUDGET
        self._folders = Folders()
        self._many = Many(self._command, self._folders)
        self._busy: set[str] = set()
        self._freed = asyncio.Event()

    def reason(self) -> str:
        """How it acts and why it is used here."""
        command, at_once = " ".join(self._command.words), self._command.processes
        return f"moves by {command}, up to {MOST} mailboxes that hold a copy in each of {at_once} processes"

    async def available(self, mailbox: str, goal: str = "") -> Availability:
        """Try it on one mailbox, changing nothing; `goal` is a folder that copies shall go to, if any."""
        user, name = self._user_of(mailbox), self._name_of(mailbox, goal)
        if not is_fit_user(user) or (goal and not is_fit_folder(name)):
            return Availability(False, f"{user!r} or {name!r} cannot be named to doveadm")
        try:
            outcome = await self._command.run(query.batch(["-u", user], *query.trial(name)))
        except (CapabilityMissing, Unavailable) as error:
            return Availability(False, str(error))
        known, _, _ = read_look(outcome.output, Parcel(user, INBOX, name or INBOX, ()))
        if outcome.code == NOT_FOUND and INBOX in known and name in known:
            return Availability(False, f"doveadm may not open {name}: its mail_plugins should not hold acl")
        if INBOX in known and outcome.code in (0, NOT_FOUND):
            return Availability(True, f"doveadm opens the mailbox of {user}, and knows batch")
        return Availability(False, _why_not(outcome, user))

    def know(self, mailbox: str, folder: str, uid_validity: int, uid_next: int, guid: str) -> None:
        """Take over what a listing saw of a folder, to spare a question; `guid` is its X-GUID."""
        if not is_folder_guid(guid):
            return
        user = self._user_of(mailbox)
        self._folders.keep(user, self._name_of(mailbox, folder), FolderState(guid, uid_validity, uid_next))

    async def move(self, moves: Sequence[Move]) -> Sequence[Observed | Failure]:
        """Take each copy to its folder, several mailboxes at once, each mailbox in one process at a time."""
        ledger = Ledger(self._source, self._location_of)
        for turn in turns(self._parcels(moves, ledger)):
            calls = iter(chunks(turn, self._command.processes, self._budget, self._many.slow))
            # As many as can run, so that a small request that comes later does not wait for all of this one.
            async with asyncio.TaskGroup() as group:
                for _ in range(self._command.processes):
                    group.create_task(self._work(calls, ledger))
        return ledger.answers(len(moves))

    def _parcels(self, moves: Sequence[Move], ledger: Ledger) -> list[Parcel]:
        ways: dict[tuple[str, str, str], list[Asked]] = {}
        for place, move in enumerate(moves):
            try:
                way, asked = self._asked(place, move)
            except (CapabilityMissing, HandleStale) as refusal:
                ledger.answer(place, refusal)
            else:
                ways.setdefault(way, []).append(asked)
        return [
            part for way, copies in ways.items() for part in split(Parcel(*way, tuple(copies)), self._budget)
        ]

    def _asked(self, place: int, move: Move) -> tuple[tuple[str, str, str], Asked]:
        handle, mailbox = move.handle, move.handle.mailbox
        user = self._user_of(mailbox)
        origin, goal = self._name_of(mailbox, handle.folder), self._name_of(mailbox, move.folder)
        if not (is_fit_user(user) and is_fit_folder(origin) and is_fit_folder(goal)):
            raise CapabilityMissing(f"{user!r}, {origin!r} or {goal!r} cannot be named to doveadm")
        if not is_fit_guid(handle.version):
            raise CapabilityMissing(f"a copy in {handle.folder} of {mailbox} has no GUID to be known by")
        known = uid_of(handle)
        if known is None or not 0 < known[1] <= _LAST_UID:
            raise HandleStale(f"no copy in {handle.folder} of {mailbox} is called {handle.native_id!r}")
        return (user, origin, goal), Asked(place, handle, move.folder, *known)

    async def _work(self, calls: Iterable[list[Parcel]], ledger: Ledger) -> None:
        for parcels in calls:
            async with self._held({parcel.user for parcel in parcels}):
                try:
                    await self._many.serve(parcels, ledger)
                except (CapabilityMissing, Unavailable) as error:
                    for parcel in parcels:
                        ledger.fail(parcel, error)

    @asynccontextmanager
    async def _held(self, users: set[str]) -> AsyncIterator[None]:
        """Keep mailboxes from other requests: what is new at a goal is known by nobody else moving there."""
        while users & self._busy:
            await self._freed.wait()
        self._busy |= users
        try:
            yield
        finally:
            self._busy -= users
            self._freed.set()
            self._freed = asyncio.Event()


def _why_not(outcome: Outcome, user: str) -> str:
    told = f": {outcome.complaint}" if outcome.complaint else ""
    if outcome.code == USAGE:
        return f"this doveadm has no batch (Dovecot 2.4 took it out){told}"
    if outcome.code == UNKNOWN_USER:
        return f"Dovecot knows no user {user}"
    return f"doveadm cannot open the mailbox of {user} (exit code {outcome.code}){told}"
