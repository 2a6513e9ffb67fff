"""Sessions: logging in, and running pipelines of commands within a time limit."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from clawback.errors import (
    BadSettings,
    LoginFailed,
    MailboxError,
    ProtocolViolation,
    Refused,
    Throttled,
    Unavailable,
)
from clawback.mailboxes.imap.border import answering, failure_of
from clawback.mailboxes.imap.options import Access, Login, Server, Tls
from clawback.mailboxes.imap.wire import ROOM, Command, Connection, Reply, code_of

_STREAM = 1 << 20
PATIENCE = 20
"""Time-outs that one exchange may take in all, as long as something keeps coming."""
LOGOUT = 2.0
"""Seconds a goodbye may take."""


class Session:
    """A connection that is logged in. `capabilities` are in capitals.

    With `quick` the server tells what changed since a modification sequence (QRESYNC, RFC 7162).
    """

    def __init__(self, connection: Connection, server: Server) -> None:
        self._connection = connection
        self._server = server
        self.capabilities: frozenset[str] = frozenset()
        self.quick = False
        self.broken = False
        self._in_folder = False

    @property
    def alive(self) -> bool:
        """Whether it can be used again."""
        return not self.broken and self._connection.alive

    async def run(self, *commands: Command, room: int = ROOM) -> list[Reply]:
        """Send all commands in one write and wait for the replies. After an error the session is broken.

        `room` bounds the answers, in bytes of memory. Raises Unavailable when the answer is late or the
        connection lost, and ProtocolViolation for what is no answer: what was asked for may be done.
        """
        self._in_folder |= any(c.pieces[0].startswith((b"SELECT ", b"EXAMINE ")) for c in commands)
        try:
            with answering(self._server.where):
                async with asyncio.timeout(self._server.timeout * PATIENCE):
                    return await self._run(commands, room)
        except BaseException:
            self.close()
            raise

    async def _run(self, commands: tuple[Command, ...], room: int) -> list[Reply]:
        waits = "LITERAL+" not in self.capabilities and any(len(c.pieces) > 1 for c in commands)
        if waits or any(c.prompted is not None for c in commands):
            return [await self._connection.run_asking(command) for command in commands]
        return await self._connection.run(*commands, room=room)

    @contextlib.contextmanager
    def deed(self, what: str) -> Iterator[None]:
        """The work of asking for a change and reading the answer.

        An answer that cannot be read leaves it open whether the change was made, so it is Unavailable.
        """
        try:
            yield
        except ProtocolViolation as error:
            self.close()
            raise Unavailable(f"whether {what} was done is not known: {error}") from error

    @contextlib.contextmanager
    def after(self, what: str) -> Iterator[None]:
        """The work of looking at what a change has done; whatever stands in the way, it was asked for."""
        try:
            yield
        except (MailboxError, Refused) as error:
            raise Unavailable(f"what {what} has done is not known: {error}") from error

    async def one(self, text: str | bytes, what: str) -> Reply:
        """Run one command that must be done. Raises the failure of its reply."""
        (reply,) = await self.run(Command.of(text))
        if not reply.ok:
            raise failure_of(reply, what)
        return reply

    async def leave_folder(self) -> None:
        """Close the open folder: of it, STATUS tells only what the session has seen, which may be old."""
        if self._in_folder:
            # Without UNSELECT (RFC 3691), for CLOSE would expunge what its owner marked as deleted.
            await self.run(Command.of("UNSELECT" if "UNSELECT" in self.capabilities else "NOOP"))
            self._in_folder = "UNSELECT" not in self.capabilities

    @property
    def connection(self) -> Connection:
        """The connection below, for what answers when it likes (IDLE)."""
        return self._connection

    def close(self) -> None:
        """Hang up."""
        self.broken = True
        self._connection.close()

    async def leave(self) -> None:
        """Say goodbye, and hang up."""
        if self.alive:
            with contextlib.suppress(MailboxError, TimeoutError):
                async with asyncio.timeout(LOGOUT):
                    await self.run(Command.of("LOGOUT"))
        self.close()


async def open_session(server: Server, login: Login, mailbox: str, user: str) -> Session:
    """Connect, secure, log in. `user` is whose mailbox it will be, not asked for with Access.ADMIN.

    Raises LoginFailed when the credentials or the certificate are refused, or ours cannot be read; Throttled
    at a limit.
    """
    try:
        return await _opened(server, login, mailbox, user)
    except BadSettings as error:
        # A file that could be read when the settings were: this stops, and somebody has to be told.
        raise LoginFailed(str(error)) from error


async def _opened(server: Server, login: Login, mailbox: str, user: str) -> Session:
    with answering(server.where):
        async with asyncio.timeout(server.timeout):
            session = await _connect(server)
            try:
                await _log_in(session, login, mailbox, user)
                if server.compress and "COMPRESS=DEFLATE" in session.capabilities:
                    (reply,) = await session.run(Command.of("COMPRESS DEFLATE"))
                    if reply.ok:
                        session.connection.compress()
            except BaseException:
                session.close()
                raise
    return session


async def _connect(server: Server) -> Session:
    context = trusted(server) if server.tls is not Tls.NONE else None
    implicit = context if server.tls is Tls.IMPLICIT else None
    reader, writer = await asyncio.open_connection(
        server.host,
        server.port,
        ssl=implicit,
        server_hostname=server.host if implicit else None,
        limit=_STREAM,
    )
    session = Session(Connection(reader, writer, server.timeout), server)
    try:
        greeting = await session.connection.greeting()
        if greeting.status == b"BYE":
            raise _refusal(greeting, "connecting")
        session.capabilities = _announced(greeting)
        if context and server.tls is Tls.STARTTLS:
            await _start_tls(session, server, greeting, context)
        if not session.capabilities:
            session.capabilities = await _asked(session)
    except BaseException:
        session.close()
        raise
    return session


async def _start_tls(session: Session, server: Server, greeting: Reply, context: ssl.SSLContext) -> None:
    """Turn TLS on, or go no further: neither a password nor mail goes out before."""
    if greeting.status == b"PREAUTH":
        raise LoginFailed(f"{server.where} logs us in before TLS is on")
    (reply,) = await session.run(Command.of("STARTTLS"))
    if not reply.ok:
        raise LoginFailed(f"{server.where} does not turn TLS on, so nothing is sent: {_said(reply)}")
    with answering(server.where):
        await session.connection.start_tls(context, server.host)
    session.capabilities = frozenset()


def _said(reply: Reply) -> str:
    return str(failure_of(reply, "STARTTLS"))


def trusted(server: Server) -> ssl.SSLContext:
    """Whose certificates are believed. Raises BadSettings when those of `ca_file` cannot be read."""
    try:
        changed = server.ca_file.stat().st_mtime_ns if server.ca_file else 0
        return _trusting(server.ca_file, changed)
    except (OSError, ssl.SSLError) as error:
        raise BadSettings(f"the certificates in {server.ca_file} cannot be read: {error}") from error


@lru_cache(maxsize=8)
def _trusting(ca_file: Path | None, changed: int) -> ssl.SSLContext:
    """What to trust; reading all that a system trusts takes longer than a login."""
    return ssl.create_default_context(cafile=str(ca_file) if ca_file else None)


async def _log_in(session: Session, login: Login, mailbox: str, user: str) -> None:
    # A secret may come from a command, which takes its time.
    command = await asyncio.to_thread(_credentials, login, mailbox, user, session.capabilities)
    (reply,) = await session.run(command)
    if not reply.ok:
        raise _refusal(reply, f"logging in to {mailbox or 'the server'}")
    announced = _announced(reply)
    session.capabilities = announced or await _asked(session)
    if {"QRESYNC", "ENABLE"} <= session.capabilities:
        (reply,) = await session.run(Command.of("ENABLE QRESYNC"))
        session.quick = reply.ok and b"QRESYNC" in _words_after(reply, b"ENABLED")


def whom(login: Login, mailbox: str, user: str) -> tuple[str, str, str]:
    """In whose name a mailbox is opened ("" for one's own), by whom, and with which secret.

    Raises LoginFailed where none is known.
    """
    if login.access is Access.OWN:
        own = login.own.get(mailbox.lower())
        if own is None:
            raise LoginFailed(f"there are no credentials for {mailbox}")
        return "", own[0], own[1]()
    if login.secret is None:
        raise LoginFailed("no password is set for the administrator")
    if login.access is Access.ADMIN:
        return "", login.admin, login.secret()
    if login.separator:
        return "", f"{user}{login.separator}{login.admin}", login.secret()
    return user, login.admin, login.secret()


def sasl_plain(authzid: str, user: str, password: str) -> bytes:
    """The one message of SASL PLAIN (RFC 4616), in base64. Raises LoginFailed for null characters."""
    if "\0" in authzid + user + password:
        raise LoginFailed("a user name or password holds a null character")
    return base64.b64encode("\0".join((authzid, user, password)).encode())


def _credentials(login: Login, mailbox: str, user: str, capabilities: frozenset[str]) -> Command:
    """SASL PLAIN, in one line where it can be; LOGIN only where nothing else is offered."""
    authzid, name, password = whom(login, mailbox, user)
    words = sasl_plain(authzid, name, password)
    if "AUTH=PLAIN" in capabilities:
        if "SASL-IR" in capabilities:
            return Command.of(b"AUTHENTICATE PLAIN " + words)
        return Command((b"AUTHENTICATE PLAIN",), words)
    if "LOGINDISABLED" in capabilities:
        raise LoginFailed("the server takes no password on this connection: is TLS missing?")
    if authzid:
        raise LoginFailed("the server cannot log in one user for another: it does not offer AUTH=PLAIN")
    return Command((b"LOGIN ", name.encode(), b" ", password.encode(), b""))


def _refusal(reply: Reply, what: str) -> MailboxError:
    failure = failure_of(reply, what)
    if isinstance(failure, Throttled | LoginFailed | ProtocolViolation):
        return failure
    if reply.code in (b"UNAVAILABLE", b"INUSE", b"SERVERBUG") or reply.status == b"BYE":
        return Unavailable(str(failure))
    return LoginFailed(str(failure))


def _announced(reply: Reply) -> frozenset[str]:
    codes = [(reply.code, reply.arguments), *(code_of(response) for response in reply.untagged)]
    codes += [(b"CAPABILITY", b" ".join(_words_after(reply, b"CAPABILITY")))]
    words = b" ".join(arguments for code, arguments in codes if code == b"CAPABILITY")
    return frozenset(words.decode("ascii", "replace").upper().split())


def _words_after(reply: Reply, name: bytes) -> list[bytes]:
    """What stands in untagged responses of this name, in capitals."""
    lines = [r[0].upper().split() for r in reply.untagged if isinstance(r[0], bytes)]
    return [word for line in lines if line[1:2] == [name] for word in line[2:]]


async def _asked(session: Session) -> frozenset[str]:
    return _announced(await session.one("CAPABILITY", "asking what the server can do"))
