"""Watching: the server's log, its pushes and idle connections in one stream of hints, never a ledger."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

from clawback.errors import BadSettings, MailboxError, UserError
from clawback.mailboxes.imap.idling import Idler
from clawback.mailboxes.imap.system import System
from clawback.mailboxes.mail_log import MailLog
from clawback.mailboxes.push import Push


class Follower(Protocol):
    """One source of hints."""

    def follow(self) -> AsyncIterator[frozenset[str]]:
        """The mailboxes touched since the last answer, until closed."""

    async def close(self) -> None:
        """End it."""


class Watcher:
    """All ways that are set; connections that idle only where there is no other."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._followers: list[Follower] = []
        self._closed = asyncio.Event()

    async def follow(self) -> AsyncIterator[frozenset[str]]:
        """The mailboxes touched since the last answer. Raises what stops one of the ways."""
        await self._system.mailboxes()
        if not self._followers:
            self._followers = followers(self._system)
        told: asyncio.Queue[frozenset[str] | MailboxError | UserError | None] = asyncio.Queue()
        tasks = [asyncio.create_task(_pump(follower, told)) for follower in self._followers]
        tasks.append(asyncio.create_task(self._until_closed(told)))
        try:
            while (touched := await told.get()) is not None:
                if isinstance(touched, MailboxError | UserError):
                    raise touched
                yield touched
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """End all ways."""
        self._closed.set()
        for follower in self._followers:
            await follower.close()

    async def _until_closed(
        self, told: asyncio.Queue[frozenset[str] | MailboxError | UserError | None]
    ) -> None:
        await self._closed.wait()
        told.put_nowait(None)


async def _pump(
    follower: Follower, told: asyncio.Queue[frozenset[str] | MailboxError | UserError | None]
) -> None:
    try:
        async for touched in follower.follow():
            told.put_nowait(touched)
    except (MailboxError, UserError) as error:
        told.put_nowait(error)


def followers(system: System) -> list[Follower]:
    """The ways that the settings allow."""
    told = system.options.watching
    found: list[Follower] = []
    if told.log:
        found.append(MailLog(told.log, system.mailbox_of))
    if told.listen:
        address, port = split_address(told.listen)
        found.append(Push(system.mailbox_of, address=address, port=port, token=told.token or None))
    if idles(system):
        found.append(Idler(system))
    return found


def idles(system: System) -> bool:
    """Whether connections idle, which they do only where there is no other way."""
    told = system.options.watching
    return bool(told.idle) and not (told.log or told.listen)


def split_address(listen: str) -> tuple[str, int]:
    """Address and port of ``127.0.0.1:8025`` or ``[::1]:8025``. Raises BadSettings."""
    address, _, port = listen.rpartition(":")
    if not address or not port.isdecimal() or int(port) > 65_535:
        raise BadSettings(f"listen must be an address and a port, not {listen!r}")
    return address.strip("[]"), int(port)


def sentence(system: System) -> str:
    """How mail is seen to arrive, for people."""
    told = system.options.watching
    ways = []
    if told.log:
        ways.append(f"follows the log {told.log}")
    if told.listen:
        ways.append(f"listens for the server's pushes on {told.listen}")
    if idles(system):
        ways.append(f"idles on up to {told.idle:,} mailboxes, a connection each")
    return " and ".join(ways or ["sees mail arrive by sweeps alone"]) + "; a sweep reconciles"
