"""Expunging: exactly the copies that are meant, never what their owner has marked as deleted (RFC 4315)."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

from clawback.errors import CapabilityMissing, MailboxError, Refused
from clawback.mailboxes.imap.folders import opened, refused
from clawback.mailboxes.imap.grammar import rows
from clawback.mailboxes.imap.session import Session
from clawback.mailboxes.imap.spelling import sets_of
from clawback.mailboxes.imap.system import System
from clawback.mailboxes.imap.wire import Command

_DELETED = "\\Deleted"


async def expunge(
    system: System, session: Session, mailbox: str, folder: str, uids: Sequence[int]
) -> frozenset[int]:
    """Expunge these UIDs of the open folder; answers those that were still there right before."""
    if not uids:
        return frozenset()
    if "UIDPLUS" not in session.capabilities:
        raise CapabilityMissing("the server has no UIDPLUS, so nothing can be expunged without other mail")
    there: set[int] = set()
    for uid_set in sets_of(uids):
        what = f"expunging copies of {mailbox}"
        with session.deed(what):
            # Not all in one write: Dovecot expunges before it tells of what came between.
            (store,) = await session.run(Command.of(f"UID STORE {uid_set} +FLAGS.SILENT ({_DELETED})"))
            fetch, end = await session.run(
                Command.of(f"UID FETCH {uid_set} (UID FLAGS)"), Command.of(f"UID EXPUNGE {uid_set}")
            )
            there |= {uid for uid, row in rows(fetch).items() if _DELETED in row.flags}
        for reply in (store, fetch, end):
            if not reply.told:
                raise await refused(session, system.names, mailbox, reply, {folder: "te"}, what)
    return frozenset(there & set(uids))


async def take_back(
    system: System, session: Session, mailbox: str, way: tuple[str, str], went: Mapping[int, int]
) -> None:
    """Undo what a move by COPY has done when its origin cannot be expunged: nothing may be there twice."""
    origin, goal = way
    with contextlib.suppress(MailboxError, Refused):
        await opened(session, system.names, mailbox, origin, write=True)
        await session.run(
            *(Command.of(f"UID STORE {uids} -FLAGS.SILENT ({_DELETED})") for uids in sets_of(went))
        )
    with contextlib.suppress(MailboxError, Refused):
        await opened(session, system.names, mailbox, goal, write=True)
        await expunge(system, session, mailbox, goal, list(went.values()))
