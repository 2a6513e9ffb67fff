"""ManageSieve (RFC 5804): the active Sieve script of a mailbox's owner, read and never changed.

Not by a library: the one that is kept (sievelib) takes no authority of one's own, goes on without TLS where a
server does not offer it, and reads answers of any size. One connection reads one script, for it is asked
rarely.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from clawback.errors import LoginFailed, ProtocolViolation, Unavailable
from clawback.mailboxes.imap.border import answering
from clawback.mailboxes.imap.options import Access, Login, Options, Tls
from clawback.mailboxes.imap.session import sasl_plain, trusted, whom
from clawback.message.mail_rules import MailRule
from clawback.message.sieve import MAX_SCRIPT, read_sieve

_LINE = 8 << 10
_LINES = 2_000
"""Lines of one answer, and so scripts of one account."""
_ROOM = 4 * MAX_SCRIPT
_NAME = 512
_WORD = re.compile(rb'[ ]*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|\{(?P<size>\d{1,10})\+?\}\Z|(?P<atom>[^ "{]+))')
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)

Words = tuple[bytes, ...]


@dataclass(slots=True)
class _Answer:
    """The lines before the last one, as words, and the last one's: its status and what follows."""

    status: bytes = b""
    said: Words = ()
    lines: list[Words] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What the server says of it."""
        return b" ".join(self.said).decode("utf-8", "replace")[:200] or self.status.decode()


async def rules_of(options: Options, mailbox: str, user: str) -> tuple[MailRule, ...]:
    """What the active script of a mailbox's owner does; an owner without one has no rules.

    Raises LoginFailed when the server lets us not in or would do so without TLS, ProtocolViolation for what
    is no ManageSieve, Unavailable otherwise.
    """
    where = f"{options.server.host}:{options.sieve_port}"
    with answering(where):
        async with asyncio.timeout(options.server.timeout), _talk(options, where) as talk:
            await talk.log_in(options.login, mailbox, user)
            return await talk.active()


@asynccontextmanager
async def _talk(options: Options, where: str) -> AsyncIterator[_Talk]:
    server = options.server
    reader, writer = await asyncio.open_connection(server.host, options.sieve_port, limit=_LINE)
    try:
        talk = _Talk(reader, writer, where)
        greeting = await talk.answer("connecting")
        if server.tls is not Tls.NONE:
            if not any(line[0].upper() == b"STARTTLS" for line in greeting.lines):
                raise LoginFailed(f"{where} does not offer STARTTLS, so nothing is sent")
            await talk.ask(b"STARTTLS", "STARTTLS")
            await talk.stop_if_more_came()
            await writer.start_tls(trusted(server), server_hostname=server.host)
            await talk.answer("STARTTLS")
        yield talk
    finally:
        writer.close()


class _Talk:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, where: str) -> None:
        self._reader, self._writer, self._where = reader, writer, where

    async def stop_if_more_came(self) -> None:
        """What was said in clear text and is still unread may be anybody's, and is not read as if later."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0):
                await self._reader.read(1)
            raise ProtocolViolation(f"{self._where} goes on in clear text after STARTTLS, or hangs up")

    async def log_in(self, login: Login, mailbox: str, user: str) -> None:
        """In the owner's name, by SASL PLAIN (RFC 4616)."""
        # A secret may come from a command, which takes its time.
        authzid, name, secret = await asyncio.to_thread(whom, login, mailbox, user)
        if login.access is Access.ADMIN:
            authzid = user
        words = sasl_plain(authzid, name, secret)
        answer = await self._exchange(b'AUTHENTICATE "PLAIN" "' + words + b'"', f"logging in to {mailbox}")
        if answer.status != b"OK":
            raise LoginFailed(f"{self._where} refuses the login to {mailbox}: {answer.text}")

    async def active(self) -> tuple[MailRule, ...]:
        """The rules of the script that is in force."""
        listed = await self.ask(b"LISTSCRIPTS", "listing the scripts")
        for name, *marks in listed.lines:
            if [mark.upper() for mark in marks] == [b"ACTIVE"]:
                got = await self.ask(b"GETSCRIPT " + _quoted(name), "reading a script")
                content = got.lines[0][0] if got.lines else b""
                return read_sieve(content, name.decode("utf-8", "replace"))
        return ()

    async def ask(self, command: bytes, what: str) -> _Answer:
        """The answer to a command that must be done."""
        answer = await self._exchange(command, what)
        if answer.status != b"OK":
            raise Unavailable(f"{what}: {self._where} says {answer.text!r}")
        return answer

    async def _exchange(self, command: bytes, what: str) -> _Answer:
        self._writer.write(command + b"\r\n")
        await self._writer.drain()
        return await self.answer(what)

    async def answer(self, what: str) -> _Answer:
        """All lines up to one that begins with a status; BYE is Unavailable."""
        answer = _Answer()
        room = _ROOM
        for _ in range(_LINES):
            words, plain = await self._line(room)
            if not words:
                continue
            room -= sum(map(len, words))
            if plain and words[0].upper() in (b"OK", b"NO", b"BYE"):
                answer.status, answer.said = words[0].upper(), words[1:]
                break
            answer.lines.append(words)
        else:
            raise ProtocolViolation(f"{what}: {self._where} answers more than {_LINES:,} lines")
        if answer.status == b"BYE":
            raise Unavailable(f"{what}: {self._where} says {answer.text!r}")
        return answer

    async def _line(self, room: int) -> tuple[Words, bool]:
        """One line's words, with the literals in it, and whether it begins with a bare word."""
        words: list[bytes] = []
        first = ""
        while True:
            rest = await self._until_newline()
            while rest.strip(b" "):
                found = _WORD.match(rest)
                if found is None:
                    raise ProtocolViolation(f"{self._where} sends {rest[:40]!r}, which is no ManageSieve")
                first = first or str(found.lastgroup)
                rest = rest[found.end() :]
                if found["size"] is not None:
                    words.append(await self._literal(int(found["size"]), room))
                    break
                quoted = found["quoted"]
                words.append(found["atom"] if quoted is None else _ESCAPED.sub(rb"\1", quoted))
            else:
                return tuple(words), first == "atom"

    async def _until_newline(self) -> bytes:
        try:
            return (await self._reader.readuntil(b"\r\n"))[:-2]
        except asyncio.LimitOverrunError as error:
            raise ProtocolViolation(f"{self._where} sends a line of more than {_LINE:,} bytes") from error

    async def _literal(self, size: int, room: int) -> bytes:
        if size > room:
            raise ProtocolViolation(f"{self._where} sends {size:,} bytes where {room:,} are read")
        return await self._reader.readexactly(size)


def _quoted(name: bytes) -> bytes:
    if len(name) > _NAME or any(byte < 0x20 for byte in name):
        raise ProtocolViolation(f"a script has the name {name[:40]!r}")
    return b'"' + name.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
