"""Expunging: exactly the copies that are meant, never what their owner has marked as deleted (RFC 4315)."""

from __future__ import annotations

import contextlib
from collections.abc import Collection

from clawback.errors import CapabilityMissing, MailboxError, Refused
from clawback.mailboxes.imap.folders import opened, refused
from clawback.mailboxes.imap.grammar import Row, rows
from clawback.mailboxes.imap.reading import described
from clawback.mailboxes.imap.session import Session
from clawback.mailboxes.imap.spelling import set_of
from clawback.mailboxes.imap.system import System
from clawback.mailboxes.imap.wire import Command

_DELETED = "\\Deleted"


async def expunge(
    system: System, session: Session, mailbox: str, folder: str, asked: Collection[Row]
) -> frozenset[int]:
    """Expunge at most `SET` copies of the open folder; answers the UIDs of those that were still there.

    Where that is refused no copy stays marked as deleted that was not.
    """
    if not asked:
        return frozenset()
    if "UIDPLUS" not in session.capabilities:
        raise CapabilityMissing("the server has no UIDPLUS, so nothing can be expunged without other mail")
    uids, what = set_of(row.uid for row in asked), f"expunging copies of {mailbox}"
    with session.deed(what):
        # Not all in one write: Dovecot expunges before it tells of what came between.
        (store,) = await session.run(Command.of(f"UID STORE {uids} +FLAGS.SILENT ({_DELETED})"))
        fetch, end = await session.run(
            Command.of(f"UID FETCH {uids} (UID FLAGS)"), Command.of(f"UID EXPUNGE {uids}")
        )
        there = {uid for uid, row in rows(fetch).items() if _DELETED in row.flags}
    for reply in (store, fetch, end):
        if not reply.told:
            await _unmark(session, [row.uid for row in asked if _DELETED not in row.flags])
            raise await refused(session, system.names, mailbox, reply, {folder: "te"}, what)
    return frozenset(there & {row.uid for row in asked})


async def _unmark(session: Session, uids: Collection[int]) -> None:
    with contextlib.suppress(MailboxError):
        if uids:
            await session.run(Command.of(f"UID STORE {set_of(uids)} -FLAGS.SILENT ({_DELETED})"))


async def take_back(system: System, session: Session, mailbox: str, goal: str, uids: Collection[int]) -> bool:
    """Undo what a move by COPY has done when its origin cannot be expunged. False when there are two now."""
    try:
        await opened(session, system.names, mailbox, goal, write=True)
        there = await described(system, session, list(uids))
        gone = await expunge(system, session, mailbox, goal, there.values())
    except (MailboxError, Refused):
        return False
    return gone == frozenset(uids)
