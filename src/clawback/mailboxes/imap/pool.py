"""The pool: sessions that are kept for a while, at most so many at once, one for a mailbox at a time."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from clawback.errors import Throttled
from clawback.mailboxes.imap.options import Access, Options
from clawback.mailboxes.imap.session import Session, open_session


class Pool:
    """Sessions by whom they were opened for; an administrator's sessions serve every mailbox.

    Work on one mailbox is done in its order: a mailbox is in one hand at a time.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._idle: OrderedDict[int, tuple[str, Session]] = OrderedDict()
        self._slots = asyncio.Semaphore(max(1, options.connections))
        self._turns: dict[str, tuple[asyncio.Lock, int]] = {}
        self._closed = False

    @asynccontextmanager
    async def session(self, mailbox: str, user: str) -> AsyncIterator[Session]:
        """A session that may open this mailbox, for as long as the block runs."""
        async with self._turn(mailbox), self._slots:
            key = "" if self._options.login.access is Access.ADMIN else mailbox
            session = await self._reuse(key) or await self._open(mailbox, user)
            try:
                yield session
            finally:
                if session.alive and not self._closed:
                    self._idle[id(session)] = (key, session)
                else:
                    session.close()

    async def close(self) -> None:
        """Say goodbye on every idle session; those at work are closed when their work ends."""
        self._closed = True
        await self._leave_idle()

    @asynccontextmanager
    async def _turn(self, mailbox: str) -> AsyncIterator[None]:
        lock, waiting = self._turns.get(mailbox, (asyncio.Lock(), 0))
        self._turns[mailbox] = (lock, waiting + 1)
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._turns[mailbox]
            if waiting == 1:
                del self._turns[mailbox]
            else:
                self._turns[mailbox] = (lock, waiting - 1)

    async def _reuse(self, key: str) -> Session | None:
        while kept := next((n for n, (owner, _) in reversed(self._idle.items()) if owner == key), None):
            _, session = self._idle.pop(kept)
            if session.alive and await session.connection.is_quiet():
                return session
            session.close()
        return None

    async def _open(self, mailbox: str, user: str) -> Session:
        """Open one more; idle ones of others make room for it, the one longest unused first."""
        while self._idle and len(self._idle) >= max(1, self._options.connections // 2):
            _, (_, oldest) = self._idle.popitem(last=False)
            await oldest.leave()
        options = self._options
        try:
            return await open_session(options.server, options.login, mailbox, user)
        except Throttled:
            # Those that idle may be what fills the server's limit.
            if not self._idle:
                raise
        await self._leave_idle()
        return await open_session(options.server, options.login, mailbox, user)

    async def _leave_idle(self) -> None:
        idle = [session for _, session in self._idle.values()]
        self._idle.clear()
        await asyncio.gather(*(session.leave() for session in idle))
