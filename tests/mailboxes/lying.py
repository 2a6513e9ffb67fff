"""Asking a connector about a mailbox on the scripted server, which lies as a test wants."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from itertools import repeat
from typing import Any, TypeVar

from tests.servers.scripted_imap import CAPABILITIES, Lie, ScriptedImap

from clawback.mailboxes.imap.connector import ImapConnector
from clawback.mailboxes.imap.options import Access, Login, Mailboxes, Options, Server, Tls
from clawback.message.delivery import Handle
from clawback.testing.asking import ANN, INBOX, mail, run

T = TypeVar("T")
Lies = dict[str, Lie | tuple[Lie, ...]]
Work = Callable[[ImapConnector], Awaitable[T]]
TIMEOUT = 1.0
"""Seconds that silence may last."""
MEMORY = 200 << 20
"""Bytes that any answer may cost."""
QUARANTINE = "Quarantine"
NO_UIDPLUS = CAPABILITIES.replace("UIDPLUS ", "")
NO_MOVE = CAPABILITIES.replace("MOVE ", "")
NO_LITERALS = CAPABILITIES.replace("LITERAL+ ", "")


def options(port: int, *, separator: str = "", password: str = "masterpw", **changed: object) -> Options:
    """What the connector is told; other changes are those of the server."""
    server: dict[str, object] = {"host": "127.0.0.1", "port": port, "tls": Tls.NONE, "timeout": TIMEOUT}
    login = Login(Access.MASTER, "remedy", lambda: password, separator)
    return Options(Server(**server | changed), login, mailboxes=Mailboxes((ANN,)))  # type: ignore[arg-type]


def ask(server: ScriptedImap, work: Work[T], **changed: Any) -> T:
    """Let a connector do some work on the server."""

    async def asked() -> T:
        async with server.running():
            connector = ImapConnector("imap", options(server.port, **changed))
            try:
                return await work(connector)
            finally:
                await connector.close()

    return run(asked())


def served(
    lies: Lies, contents: tuple[bytes, ...] = (mail("one"),), capabilities: str = CAPABILITIES
) -> ScriptedImap:
    """A server with some mail in its INBOX, at UIDs 1, 2, ..."""
    server = ScriptedImap(lies, capabilities)
    for content in contents:
        server.put(content)
    return server


def handle(server: ScriptedImap, uid: int = 1, folder: str = INBOX) -> Handle:
    """The handle of a copy."""
    return Handle("imap", ANN, folder, f"77.{uid}", server.folders[folder][uid].guid)


def row(uid: int, size: int = 200, guid: str = "") -> bytes:
    """What FETCH tells of a copy."""
    items = f'FLAGS () INTERNALDATE "29-Feb-2024 12:30:15 +0000" RFC822.SIZE {size}'
    return f"* {uid} FETCH (UID {uid} {items} X-GUID {guid or f'guid-{uid}'})\r\n".encode()


async def whole(connector: ImapConnector) -> dict[str, list[str]]:
    """The native ids of every folder."""
    return {f.folder: [c.handle.native_id for c in f.copies or ()] for f in await connector.list(ANN, {})}


def line() -> Iterator[bytes]:
    """A line without end."""
    yield b"* LIST "
    yield from repeat(b"x" * (1 << 16))


def responses(text: bytes) -> Callable[[], Iterator[bytes]]:
    """Responses without end."""
    return lambda: repeat(text * max(1, (1 << 16) // len(text)))


def bomb() -> Iterator[bytes]:
    """What compresses a thousand times."""
    return repeat(b"\0" * (1 << 20))
