"""Seeing mail arrive because the mail system says so over HTTP: whose mailbox each message speaks of.

Made for Dovecot's ``event_exporter`` with ``transport = http-post``, whose messages leave from a process of
their own, so that nobody's delivery waits for us. Every message is answered before it is read; what cannot be
kept is dropped and counted. All of it is a hint to look at a mailbox, never a ledger: sweeps make up for it.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import ssl
from collections import deque
from collections.abc import AsyncIterator

import msgspec
from aiohttp import web

from clawback.errors import BadSettings, Unavailable
from clawback.loopback import is_loopback
from clawback.mailboxes.mail_log import MailboxOf, mailboxes_of

LARGEST_BODY = 256 * 1024
"""Bytes of one message; Dovecot's have some hundred."""

_MOST_WAITING = 8 * 1024 * 1024
_MOST_CONNECTIONS = 256
_PATIENCE = 10.0
_KEPT_OPEN = 75.0
_LAST_WORDS = 0.5

# Strangers may send what is no HTTP at all: nobody has to read about each of them.
_SILENT = logging.getLogger(f"{__name__}.silent")
_SILENT.disabled = True


class Push:
    """Listens for messages that name users, and tells whose mailboxes were touched. One follower at a time.

    A message is a POST of a JSON object, or of a list of them, with the user in ``user`` or in
    ``fields.user``; all else in it is ignored. With a `token`, only messages that have it as the last part of
    the path, or as ``Authorization: Bearer TOKEN``, are taken. An address that is not this machine's own
    needs one. Port 0 takes any that is free; `port` tells which.
    """

    def __init__(
        self,
        mailbox_of: MailboxOf,
        *,
        address: str = "127.0.0.1",
        port: int = 0,
        token: str | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        if not token and not is_loopback(address):
            raise BadSettings(f"A token is needed to listen on {address}: anybody there could send.")
        self._mailbox_of = mailbox_of
        self._address = address
        self._port = port
        self._token = token.encode() if token else b""
        self._tls = tls
        self._waiting = _Waiting()
        self._stop = asyncio.Event()
        self._starting = asyncio.Lock()
        self._runner: web.AppRunner | None = None
        self._listening: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port on which it listens, once started."""
        if self._listening and self._listening.sockets:
            port: int = self._listening.sockets[0].getsockname()[1]
            return port
        return self._port

    @property
    def dropped(self) -> int:
        """How many messages were dropped because too many waited."""
        return self._waiting.dropped

    async def start(self) -> None:
        """Listen, if it does not yet. Raises Unavailable when the port or the address cannot be had."""
        async with self._starting:
            if self._runner is None and not self._stop.is_set():
                self._runner = await self._listen()

    async def _listen(self) -> web.AppRunner:
        application = web.Application(client_max_size=LARGEST_BODY)
        application.router.add_post("/{path:.*}", self._take)
        runner = web.AppRunner(
            application,
            handle_signals=False,
            access_log=None,
            logger=_SILENT,
            auto_decompress=False,
            keepalive_timeout=_KEPT_OPEN,
            shutdown_timeout=_LAST_WORDS,
        )
        await runner.setup()
        try:
            self._listening = await asyncio.get_running_loop().create_server(
                lambda: _connection(runner), self._address, self._port, ssl=self._tls
            )
        except OSError as error:
            await runner.cleanup()
            raise Unavailable(f"Cannot listen on {self._address}:{self._port}: {error.strerror}.") from error
        return runner

    async def follow(self) -> AsyncIterator[frozenset[str]]:
        """Endless, until `close`: the mailboxes touched since the last answer. Listens if it does not yet."""
        await self.start()
        while not self._stop.is_set():
            await self._waiting.some.wait()
            users = {user for body in self._waiting.take() for user in _users(body)}
            if touched := frozenset(mailboxes_of(users, self._mailbox_of)):
                yield touched

    async def close(self) -> None:
        """End the follower and stop listening."""
        self._stop.set()
        self._waiting.some.set()
        async with self._starting:
            if self._listening is not None:
                self._listening.close()
            if self._runner is not None:
                await self._runner.cleanup()
            self._listening = self._runner = None

    async def _take(self, request: web.Request) -> web.Response:
        if not self._may(request):
            raise web.HTTPForbidden
        try:
            # Not wait_for, which in Python 3.11 may swallow that we are cancelled.
            async with asyncio.timeout(_PATIENCE):
                body = await request.read()
        except TimeoutError:
            raise web.HTTPRequestTimeout from None
        self._waiting.put(body)
        return web.Response(status=204)

    def _may(self, request: web.Request) -> bool:
        if not self._token:
            return True
        last = request.path.rpartition("/")[2]
        scheme, _, said = request.headers.get("Authorization", "").partition(" ")
        by_path = hmac.compare_digest(last.encode("utf-8", "replace"), self._token)
        by_header = hmac.compare_digest(said.strip().encode("utf-8", "replace"), self._token)
        return by_path or (by_header and scheme.lower() == "bearer")


class _Waiting:
    """Messages that nobody has looked at yet, bounded in bytes."""

    def __init__(self) -> None:
        self.some = asyncio.Event()
        self.dropped = 0
        self._bodies: deque[bytes] = deque()
        self._size = 0

    def put(self, body: bytes) -> None:
        """Keep a message, or drop it when too many wait."""
        if self._size + len(body) > _MOST_WAITING:
            self.dropped += 1
            return
        self._bodies.append(body)
        self._size += len(body)
        self.some.set()

    def take(self) -> tuple[bytes, ...]:
        """All that wait."""
        bodies = tuple(self._bodies)
        self._bodies.clear()
        self._size = 0
        self.some.clear()
        return bodies


class _Fields(msgspec.Struct):
    user: str = ""


class _Message(msgspec.Struct):
    user: str = ""
    fields: _Fields = msgspec.field(default_factory=_Fields)


_MESSAGES = msgspec.json.Decoder(list[_Message] | _Message)


def _users(body: bytes) -> set[str]:
    """The users a message names; none when it is not what we know."""
    try:
        said = _MESSAGES.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return set()
    messages = said if isinstance(said, list) else [said]
    return {user for message in messages for user in (message.user, message.fields.user)}


class _Refusing(asyncio.Protocol):
    """Ends a connection as soon as it is made."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


def _connection(runner: web.AppRunner) -> asyncio.BaseProtocol:
    """Who speaks with the next one that connects: nobody, when too many are connected."""
    server = runner.server
    if server is None or len(server.connections) >= _MOST_CONNECTIONS:
        return _Refusing()
    return server()
