"""The words that doveadm is asked with. Nothing is run here.

Dovecot's GUID of a copy outlives moves and may stand in many mailboxes, so a copy is named by three
things: the GUID of its folder, its UID, and its own GUID. `doveadm batch` asks many users the same
question, and this name can mean one copy of one user only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain

from clawback.mailboxes.folder_names import INBOX
from clawback.mailboxes.imap.doveadm.parcels import Asked, FolderState, Parcel, Ready

FEW_GUIDS = 8
"""Up to so many copies are looked for by GUID at the goal; of more, all that is new there is looked at."""
_STATUS = "uidnext uidvalidity guid"
_REMAINS = "uid guid"
# The UID comes twice: where doveadm leaves out a value that it could not read, the two do not agree.
_COPY = "mailbox-guid uid guid flags date.received.unixtime size.virtual uid"
# No folder or user has such a name, so it never stands for one of the words between.
_SEPARATOR = "\x1f"
_BRANCHES = 16
_NEAR = 20


def batch(who: Sequence[str], *commands: Sequence[str]) -> list[str]:
    """Several commands for each user, one after the other, until one fails."""
    return ["-f", "json", "batch", *who, *chain.from_iterable([_SEPARATOR, *c] for c in commands)]


def status(folder: str) -> list[str]:
    """How a folder stands; fails when it is not there."""
    return ["mailbox", "status", "--", _STATUS, folder]


def learn(who: Sequence[str], origin: str, goal: str) -> list[str]:
    """How both folders of each user stand."""
    return ["-f", "json", "mailbox", "status", *who, "--", _STATUS, origin, goal]


def create(folder: str) -> list[list[str]]:
    """Make a folder, and tell how it stands."""
    return [["mailbox", "create", "--", folder], status(folder)]


def trial(goal: str) -> list[list[str]]:
    """How the INBOX stands; and if there is a goal, how that stands, and to move nothing at all to it."""
    nobody = ["mailbox", INBOX, "uid", "4294967295", "guid", "clawback asks whether it may"]
    return [status(INBOX), *([status(goal), ["move", "--", goal, *nobody]] if goal else [])]


def look(parcel: Parcel, goal: FolderState | None) -> list[list[str]]:
    """What there is of one user's parcel, at its origin and, from a known state on, at its goal."""
    commands = [status(parcel.origin), ["fetch", "--", _COPY, *_at_origin(parcel)]]
    if parcel.goal != parcel.origin:
        commands.append(status(parcel.goal))
        if goal:
            commands.append(["fetch", "--", _COPY, "mailbox", parcel.goal, *_new(parcel, goal)])
    return commands


def move(parcels: Sequence[Ready]) -> list[list[str]]:
    """Move the parcels of several users, who all have the same names of both folders.

    First the state of the goal, which fails when it is not there; last what is new at the goal.
    """
    goal = parcels[0].parcel.goal
    return [
        status(goal),
        ["move", "--", goal, *_at_origins(parcels)],
        ["fetch", "--", _COPY, "mailbox", goal, *_news(parcels)],
    ]


def remains(who: Sequence[str], parcels: Sequence[Ready]) -> list[str]:
    """Which copies are at their origin still, even where that is not the folder that we knew.

    It tells of copies with the UID and GUID of somebody else's too.
    """
    copies = {(copy.uid, copy.guid): copy for ready in parcels for copy in ready.parcel.copies}
    asked = _at_origin(replace(parcels[0].parcel, copies=tuple(copies.values())))
    return ["-f", "json", "fetch", *who, "--", _REMAINS, *asked]


def _at_origins(parcels: Sequence[Ready]) -> list[str]:
    copies = [copy for ready in parcels for copy in ready.parcel.copies]
    exact = [["mailbox-guid", ready.origin.guid, *_exactly(ready.parcel.copies)] for ready in parcels]
    return ["mailbox", parcels[0].parcel.origin, "uid", _uids(copies), *_any_of(exact)]


def _news(parcels: Sequence[Ready]) -> list[str]:
    """What is new at the goals: one number for all where that is near the truth for each.

    It takes Dovecot longer to compare a folder's GUID with those of all others than to tell of a few
    copies more.
    """
    numbers = [ready.goal.uid_next for ready in parcels]
    first = ["uid", f"{min(numbers)}:*"]
    if max(numbers) - min(numbers) <= _NEAR and len(parcels) > 1:
        return first
    return [*first, *_any_of([_new(ready.parcel, ready.goal) for ready in parcels])]


def _at_origin(parcel: Parcel) -> list[str]:
    return ["mailbox", parcel.origin, "uid", _uids(parcel.copies), *_exactly(parcel.copies)]


def _new(parcel: Parcel, goal: FolderState) -> list[str]:
    guids = dict.fromkeys(copy.guid for copy in parcel.copies)
    by_guid = _any_of([["guid", guid] for guid in guids]) if len(guids) <= FEW_GUIDS else []
    return ["mailbox-guid", goal.guid, "uid", f"{goal.uid_next}:*", *by_guid]


def _exactly(copies: Sequence[Asked]) -> list[str]:
    """Each copy by its UID and its GUID together; many as a tree, so that few words are tried for each."""
    if len(copies) <= _BRANCHES:
        return _any_of([["uid", str(copy.uid), "guid", copy.guid] for copy in copies])
    step = -(-len(copies) // _BRANCHES)
    parts = [copies[i : i + step] for i in range(0, len(copies), step)]
    return _any_of([["uid", _uids(part), *_exactly(part)] for part in parts])


def _any_of(branches: Sequence[Sequence[str]]) -> list[str]:
    words = ["("]
    for number, branch in enumerate(branches):
        words += ["or"] * bool(number) + ["(", *branch, ")"]
    return [*words, ")"]


def _uids(copies: Iterable[Asked]) -> str:
    return ",".join(str(uid) for uid in sorted({copy.uid for copy in copies}))
