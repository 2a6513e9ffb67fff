"""Folders: which there are in a mailbox, with their standing; making one; opening one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from clawback.errors import Gone, HandleStale, ReadOnly, Unavailable
from clawback.mailboxes.base import Failure
from clawback.mailboxes.imap.border import failure_of
from clawback.mailboxes.imap.grammar import (
    Listed,
    Status,
    listed,
    namespaces,
    rights,
    selected,
    statuses,
)
from clawback.mailboxes.imap.naming import Names, Space
from clawback.mailboxes.imap.session import Session
from clawback.mailboxes.imap.spelling import quoted_raw
from clawback.mailboxes.imap.wire import Command, Reply, Response

_PIPELINED = 200
"""STATUS commands in one write."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One folder: the name we use, the server's on the wire, and what STATUS tells."""

    folder: str
    raw: bytes
    status: Status


def items(session: Session) -> str:
    """The STATUS items that this server can tell."""
    modseq = " HIGHESTMODSEQ" if "CONDSTORE" in session.capabilities else ""
    return f"(MESSAGES UIDNEXT UIDVALIDITY{modseq})"


async def standing(session: Session, names: Names, mailbox: str) -> list[Standing]:
    """Every folder of a mailbox that holds mail. Raises Gone when an administrator sees none."""
    reply = await _list(session, names, mailbox)
    folders = names.learn(mailbox, listed(reply))
    if not folders:
        raise Gone(f"the mailbox {mailbox} does not exist")
    told = statuses(reply)
    missing = [folder.raw for folder in folders.values() if folder.raw not in told]
    told |= await _statuses(session, missing)
    return [Standing(name, f.raw, told[f.raw]) for name, f in folders.items() if f.raw in told]


async def _list(session: Session, names: Names, mailbox: str) -> Reply:
    patterns = b" ".join(names.patterns(mailbox))
    can = session.capabilities
    returned = ["SPECIAL-USE"] if {"SPECIAL-USE", "LIST-EXTENDED"} <= can else []
    returned += [f"STATUS {items(session)}"] if "LIST-STATUS" in can else []
    if returned:
        options = f"RETURN ({' '.join(returned)})".encode()
        commands = [Command.of(b'LIST "" (' + patterns + b") " + options)]
    else:
        commands = [Command.of(b'LIST "" ' + pattern) for pattern in names.patterns(mailbox)]
    await session.leave_folder()
    replies = await session.run(*commands)
    untagged: tuple[Response, ...] = ()
    for reply in replies:
        if not reply.ok:
            raise failure_of(reply, "listing folders")
        untagged += reply.untagged
    return Reply(b"OK", b"", b"", b"", untagged)


async def _statuses(session: Session, raws: list[bytes]) -> Mapping[bytes, Status]:
    """STATUS of folders; one that cannot be asked about (deleted meanwhile) is left out."""
    told: dict[bytes, Status] = {}
    for i in range(0, len(raws), _PIPELINED):
        asked = [
            Command.of(b"STATUS " + quoted_raw(raw) + b" " + items(session).encode())
            for raw in raws[i:][:_PIPELINED]
        ]
        for reply in await session.run(*asked):
            told |= statuses(reply)
            if not reply.ok and isinstance(
                failure := failure_of(reply, "asking about a folder"), Unavailable
            ):
                raise failure
    return told


async def look(session: Session, names: Names, mailbox: str) -> None:
    """Learn the folders of a mailbox, if it was not listed before."""
    if not names.knows(mailbox):
        names.learn(mailbox, listed(await _list(session, names, mailbox)))


async def opened(session: Session, names: Names, mailbox: str, folder: str, *, write: bool = False) -> Status:
    """Open a folder. Raises HandleStale when it is not there any more, ReadOnly when it may not be opened."""
    verb = b"SELECT " if write else b"EXAMINE "
    (reply,) = await session.run(Command.of(verb + names.wire(mailbox, folder)))
    if not reply.ok:
        raise await unopened(session, names, mailbox, folder, reply)
    if write and reply.code == b"READ-ONLY":
        raise ReadOnly(f"the folder {folder} of {mailbox} may not be changed")
    return selected(reply)


async def unopened(session: Session, names: Names, mailbox: str, folder: str, reply: Reply) -> Failure:
    """Why a folder could not be opened; without a reason, the server is asked if there is such a folder."""
    failure = failure_of(reply, f"opening {folder} of {mailbox}")
    if not isinstance(failure, Unavailable) or reply.code:
        return failure
    names.forget(mailbox)
    there = names.learn(mailbox, listed(await _list(session, names, mailbox)))
    if not there:
        return Gone(f"the mailbox {mailbox} does not exist")
    if folder not in there:
        return HandleStale(f"the folder {folder} of {mailbox} does not exist any more")
    return ReadOnly(str(failure))


async def standing_of(session: Session, names: Names, mailbox: str, folder: str) -> Status:
    """How one folder stands; that of an empty one when it is not there."""
    await session.leave_folder()
    raw = names.wire(mailbox, folder)
    (reply,) = await session.run(Command.of(b"STATUS " + raw + b" " + items(session).encode()))
    return next(iter(statuses(reply).values()), Status()) if reply.ok else Status()


async def refused(
    session: Session, names: Names, mailbox: str, reply: Reply, needed: Mapping[str, str], what: str
) -> Failure:
    """Why something was not done; where no reason is given, our rights are looked at (RFC 4314).

    `needed` maps folders to the letters of the rights that it takes.
    """
    failure = failure_of(reply, what)
    if not isinstance(failure, Unavailable) or reply.code or "ACL" not in session.capabilities:
        return failure
    asked = [Command.of(b"MYRIGHTS " + names.wire(mailbox, folder)) for folder in needed]
    for (folder, letters), told in zip(needed.items(), await session.run(*asked), strict=True):
        if told.ok and not rights(told) >= frozenset(letters):
            return ReadOnly(f"the rights on {folder} of {mailbox} are not enough for {what}")
    return failure


async def made(session: Session, names: Names, mailbox: str, folder: str) -> None:
    """Make a folder; that it exists already is fine."""
    (reply,) = await session.run(Command.of(b"CREATE " + names.wire(mailbox, folder)))
    if not reply.ok and reply.code != b"ALREADYEXISTS":
        names.forget(mailbox)
        there = names.learn(mailbox, listed(await _list(session, names, mailbox)))
        if folder not in there:
            raise failure_of(reply, f"making the folder {folder} in {mailbox}")
        return
    names.forget(mailbox)


async def space_of(session: Session) -> Space:
    """The namespaces of this server."""
    if "NAMESPACE" not in session.capabilities:
        reply = await session.one('LIST "" ""', "asking for the delimiter")
        found: list[Listed] = listed(reply)
        return Space("", found[0].delimiter if found else "/")
    return spaces(await session.one("NAMESPACE", "asking for the namespaces"))


def spaces(reply: Reply) -> Space:
    """What a NAMESPACE response tells."""
    personal, others = namespaces(reply)
    prefix, delimiter = personal[0] if personal else ("", "/")
    return Space(prefix, delimiter, tuple(p for p, _ in others if p and p != prefix))
