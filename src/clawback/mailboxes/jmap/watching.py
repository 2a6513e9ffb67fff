"""Seeing what changes: the server's push where it has one, and always a round of asking every account."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence, Set

from clawback.errors import MailboxError, Refused
from clawback.mailboxes.jmap.accounts import Account, Accounts, Server
from clawback.mailboxes.jmap.calls import Group, ask
from clawback.mailboxes.jmap.events import EventReader
from clawback.mailboxes.jmap.line import Line
from clawback.mailboxes.jmap.shapes import EMAIL, Got, StateChange, read

MOST_PUSHES = 100
"""Credentials for which a connection is kept open; with more of them, asking has to do."""
_PING = 60
_SILENCE = 3.0 * _PING
_PAUSE = 30.0
_STATE = {"ids": [], "properties": EMAIL}
_Touched = asyncio.Queue[frozenset[str] | None]


class Watcher:
    """Tells which mailboxes changed; at first, all of them, for nobody knows what happened before."""

    def __init__(self, line: Line, accounts: Accounts) -> None:
        self._line = line
        self._accounts = accounts
        self._states: dict[str, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def watch(self) -> AsyncIterator[frozenset[str]]:
        """Endless, until `close`. Raises what keeps us from all accounts."""
        touched: _Touched = asyncio.Queue()
        rounds = asyncio.create_task(self._rounds(touched))
        tasks = {rounds, asyncio.create_task(self._pushes(touched))}
        self._tasks |= tasks
        rounds.add_done_callback(lambda _: touched.put_nowait(None))
        try:
            while True:
                told = [await touched.get()]
                while not touched.empty():
                    told.append(touched.get_nowait())
                if found := frozenset(name for names in told if names for name in names):
                    yield found
                if None in told:
                    break
            if not rounds.cancelled():
                rounds.result()
        finally:
            self._tasks -= tasks
            await _ended(tasks)

    async def close(self) -> None:
        """End every watch, also one that nobody listens to any more."""
        await _ended(self._tasks)

    async def _rounds(self, touched: _Touched) -> None:
        """Ask every account for its state, again and again, the requests of a round evenly spread over it."""
        while True:
            mailboxes = await self._accounts.mailboxes()
            found = await self._accounts.find(mailboxes)
            accounts = [account for account in found.values() if isinstance(account, Account)]
            await self._forget(set(mailboxes), touched)
            parts = list(_parts(accounts))
            for part in parts:
                turn = asyncio.create_task(asyncio.sleep(self._line.options.poll / len(parts)))
                try:
                    await self._ask(part, touched)
                    await turn
                finally:
                    turn.cancel()
            if not parts:
                await asyncio.sleep(self._line.options.poll)

    async def _forget(self, mailboxes: Set[str], touched: _Touched) -> None:
        """Mailboxes that are there no more have changed too."""
        gone = frozenset(self._states.keys() - mailboxes)
        for mailbox in gone:
            del self._states[mailbox]
        if gone:
            await touched.put(gone)

    async def _ask(self, accounts: Sequence[Account], touched: _Touched) -> None:
        groups = [Group(a, [("Email/get", _STATE)], f"asking {a.mailbox} for news") for a in accounts]
        changed: set[str] = set()
        for account, answers in zip(accounts, await ask(self._line, groups), strict=True):
            if isinstance(answers, MailboxError | Refused):
                raise answers
            with contextlib.suppress(MailboxError, Refused):
                state = answers[0].read(Got).state
                if self._states.get(account.mailbox) != state:
                    self._states[account.mailbox] = state
                    changed.add(account.mailbox)
        if changed:
            await touched.put(frozenset(changed))

    async def _pushes(self, touched: _Touched) -> None:
        """Listen to every server, as long as there are few enough."""
        await self._accounts.find(await self._accounts.mailboxes())
        servers = self._accounts.servers()
        if len(servers) <= MOST_PUSHES:
            await asyncio.gather(*(self._listen(server, touched) for server in servers))

    async def _listen(self, server: Server, touched: _Touched) -> None:
        """Hear what one server pushes, and connect anew when that ends; return when it has nothing for us."""
        if not server.session.event_source_url:
            return
        while True:
            with contextlib.suppress(MailboxError, Refused):
                if not await self._hear(server, touched):
                    return
            await asyncio.sleep(_PAUSE)

    async def _hear(self, server: Server, touched: _Touched) -> bool:
        """Hear one answer to its end; False when there is none."""
        template = server.session.event_source_url
        url = server.url(template, types="Email,Mailbox", closeafter="no", ping=str(_PING))
        async with self._line.events(self._line.checked(url), server.credential) as stream:
            if stream is None:
                return False
            reader = EventReader()
            while True:
                async with asyncio.timeout(_SILENCE):
                    piece = await stream.readany()
                if not piece:
                    return True
                for event in reader.feed(piece):
                    await self._heard(server, event, touched)

    async def _heard(self, server: Server, event: bytes, touched: _Touched) -> None:
        """A push names the accounts that changed; a ping names none."""
        changed = read(event, StateChange, "a push").changed
        names = self._accounts.names(server)
        mailboxes = frozenset(names[key] for key in changed if key in names)
        if mailboxes:
            await touched.put(mailboxes)


async def _ended(tasks: Set[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _parts(accounts: Sequence[Account]) -> Iterator[Sequence[Account]]:
    """As many accounts as one request takes."""
    size = max(1, accounts[0].server.core.max_calls_in_request) if accounts else 1
    return (accounts[i : i + size] for i in range(0, len(accounts), size))
