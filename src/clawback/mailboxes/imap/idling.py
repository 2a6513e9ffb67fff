"""Idling: a connection for each mailbox, on which the server speaks by itself (RFC 2177, RFC 5465)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from clawback.errors import LoginFailed, MailboxError, Throttled, Unavailable
from clawback.mailboxes.imap.session import Session, open_session
from clawback.mailboxes.imap.system import System
from clawback.mailboxes.imap.wire import Command

RENEW = 20 * 60.0
"""Seconds after which idling is begun anew (the standard allows 29 minutes)."""
PAUSE = 5.0
"""Seconds before a lost connection is opened again; doubled each time, up to ten minutes."""
LONGEST = 600.0
OPENING = 8
"""Connections opened at once."""
_NOTIFY = "NOTIFY SET (personal (MessageNew MessageExpunge FlagChange MailboxName))"


class Idler:
    """Watches mailboxes by a connection each, up to a number; the others are left to the sweeps."""

    def __init__(self, system: System) -> None:
        self._system = system
        # Not a queue: a server may speak faster than anybody looks.
        self._touched: set[str] = set()
        self._news = asyncio.Event()
        self._closed = False
        self._opening = asyncio.Semaphore(OPENING)

    async def follow(self) -> AsyncIterator[frozenset[str]]:
        """The mailboxes touched since the last answer, until closed."""
        mailboxes = (await self._system.mailboxes())[: self._system.options.watching.idle]
        tasks = [asyncio.create_task(self._keep(mailbox)) for mailbox in mailboxes]
        try:
            while await self._news.wait() and not self._closed:
                touched = frozenset(self._touched)
                self._touched.clear()
                self._news.clear()
                yield touched
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """End the watch."""
        self._closed = True
        self._news.set()

    def _touch(self, mailbox: str) -> None:
        self._touched.add(mailbox)
        self._news.set()

    async def _keep(self, mailbox: str) -> None:
        """Watch one mailbox for ever; after a loss it may have changed, so it is looked at again."""
        pause = PAUSE
        while True:
            try:
                async with self._opening:
                    session = await self._open(mailbox)
                try:
                    self._touch(mailbox)
                    pause = PAUSE
                    await self._listen(session, mailbox)
                finally:
                    session.close()
            except Throttled as error:
                pause = max(pause, error.after)
            except LoginFailed:
                pause = LONGEST
            except MailboxError:
                pass
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST)

    async def _open(self, mailbox: str) -> Session:
        options = self._system.options
        return await open_session(options.server, options.login, mailbox, self._system.names.user(mailbox))

    async def _listen(self, session: Session, mailbox: str) -> None:
        inbox = self._system.names.wire(mailbox, "INBOX")
        await session.one(b"EXAMINE " + inbox, f"opening the INBOX of {mailbox}")
        if "NOTIFY" in session.capabilities:
            await session.run(Command.of(_NOTIFY))
        if "IDLE" not in session.capabilities:
            raise Unavailable("the server has no IDLE")
        session.connection.patience = 2 * RENEW
        while True:
            tag = session.connection.start(Command.of("IDLE"))
            try:
                async with asyncio.timeout(RENEW):
                    await self._until_quiet(session, mailbox, tag)
            except TimeoutError:
                session.connection.write(b"DONE")
                await _ended(session, tag)

    async def _until_quiet(self, session: Session, mailbox: str, tag: bytes) -> None:
        while True:
            line, _ = await _patient(session.connection.response())
            if line.startswith(tag + b" "):
                raise Unavailable("the server does not let anybody idle any more")
            if line[:2] == b"* " and b" OK " not in line[:6].upper():
                self._touch(mailbox)


async def _patient(answer: Coroutine[Any, Any, tuple[bytes, object]]) -> tuple[bytes, object]:
    try:
        return await answer
    except (OSError, EOFError) as error:
        raise Unavailable(f"the connection was lost: {error}") from error


async def _ended(session: Session, tag: bytes) -> None:
    while True:
        line, _ = await _patient(session.connection.response())
        if line.startswith(tag + b" "):
            return
