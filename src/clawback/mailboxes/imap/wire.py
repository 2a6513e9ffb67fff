"""The wire: commands out, responses in, pipelined and bounded (RFC 9051, sections 2.2 and 7).

Nothing here knows what a command means. Responses come in the shape that imapclient's parser reads:
pieces of a line, each of which may bring the literal that followed it.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from clawback.errors import ProtocolViolation

LINE = 4 << 20
"""Bytes of one line at most."""
ROOM = 64 << 20
"""Bytes that one exchange may take in memory, where a caller expects no more."""
_PIECE = 100
"""Bytes that a piece takes in memory beside what it says."""
_CHUNK = 1 << 18
_GREETINGS = (b"OK", b"PREAUTH", b"BYE")
_ENDS = (b"OK", b"NO", b"BAD")
_LITERAL_END = re.compile(rb"\{([0-9]{1,20})\+?\}\Z")

Piece = bytes | tuple[bytes, bytes]
Response = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Command:
    """What follows the tag: pieces of text with a literal between each two.

    `prompted` is a line that is sent when the server asks for one (AUTHENTICATE without SASL-IR).
    """

    pieces: tuple[bytes, ...]
    prompted: bytes | None = field(default=None, repr=False)

    @classmethod
    def of(cls, text: str | bytes) -> Command:
        """A command without literals."""
        return cls((text.encode("ascii") if isinstance(text, str) else text,))


@dataclass(frozen=True, slots=True)
class Reply:
    """The tagged end of a command, and the untagged responses before it.

    `code` is the name of the response code in capitals, `arguments` what stood after it.
    """

    status: bytes
    code: bytes
    arguments: bytes
    text: bytes
    untagged: tuple[Response, ...]

    @property
    def ok(self) -> bool:
        """Whether it was done. For a MOVE that proves nothing."""
        return self.status == b"OK"

    @property
    def told(self) -> bool:
        """Whether all was told but for copies that were expunged meanwhile (RFC 5530)."""
        return self.ok or (self.status == b"NO" and self.code == b"EXPUNGEISSUED")


class Connection:
    """One connection. After any error it must be closed: half a reply may still be on its way.

    Raises TimeoutError when nothing comes for `patience` seconds while something is awaited.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, patience: float = 30.0
    ) -> None:
        self.patience = patience
        self._reader = reader
        self._writer = writer
        self._buffer = bytearray()
        self._tags = 0
        self._room = ROOM
        self._more_inside = False
        self._inflate: zlib._Decompress | None = None
        self._deflate: zlib._Compress | None = None

    @property
    def alive(self) -> bool:
        """Whether the other side has not hung up, as far as we know."""
        return not (self._reader.at_eof() or self._writer.is_closing())

    async def is_quiet(self) -> bool:
        """Whether an idle connection is still good: the other side neither hung up nor said goodbye."""
        if self._buffer:
            return False
        for _ in range(2):
            await asyncio.sleep(0)
        try:
            async with asyncio.timeout(0):
                await self._reader.read(_CHUNK)
        except TimeoutError:
            return self.alive
        except OSError:
            return False
        return False

    async def greeting(self) -> Reply:
        """The server's first line; its status may be PREAUTH or BYE."""
        self._room = ROOM
        line, _ = await self._response()
        words = line.split(b" ", 2)
        if words[0] != b"*" or len(words) < 2 or words[1].upper() not in _GREETINGS:
            raise ProtocolViolation("the server does not greet as IMAP servers do")
        return _status(words[1:], ())

    async def run(self, *commands: Command, room: int = ROOM) -> list[Reply]:
        """Send all commands in one write and wait for all replies; literals go out at once (RFC 7888).

        `room` bounds what the answers may take in memory, in bytes.
        """
        self._room = room
        tags = [self._tag() for _ in commands]
        self._write(b"".join(_whole(tag, command) for tag, command in zip(tags, commands, strict=True)))
        if any(len(command.pieces) > 1 for command in commands):
            # What is large may take longer than one's patience. All else is not waited for: the server may
            # have to be heard before it goes on listening.
            await self._writer.drain()
        # A server may answer a command that fails at once before one that takes longer.
        found: dict[bytes, Reply] = {}
        while len(found) < len(tags):
            tag, reply = await self._reply(frozenset(tags) - found.keys(), [])
            found[tag] = reply
        return [found[tag] for tag in tags]

    async def run_asking(self, command: Command) -> Reply:
        """Send one command whose literals, and what is `prompted`, wait for the server to ask for them.

        The server may refuse the command instead, and then nothing more of it is sent.
        """
        self._room = ROOM
        tag = self._tag()
        untagged: list[Response] = []
        text = tag + b" "
        for piece, literal in _pairs(command):
            text += piece
            if literal is None:
                break
            self._write(text + b"{%d}\r\n" % len(literal))
            if refused := await self._asked(tag, untagged):
                return refused
            text = literal
        self._write(text + b"\r\n")
        await self._writer.drain()
        if command.prompted is not None:
            if refused := await self._asked(tag, untagged):
                return refused
            self._write(command.prompted + b"\r\n")
        _, reply = await self._reply(frozenset({tag}), untagged)
        return reply

    async def _asked(self, tag: bytes, untagged: list[Response]) -> Reply | None:
        """Wait for the server's `+`; its reply when it has refused the command already."""
        await self._writer.drain()
        while True:
            line, pieces = await self._response()
            if line[:1] == b"+":
                return None
            if line.startswith(b"* "):
                untagged.append(pieces)
                continue
            _, reply = _tagged(line, frozenset({tag}), untagged)
            if reply.ok:
                raise ProtocolViolation("the server does not ask for what it was offered")
            return reply

    def start(self, command: Command) -> bytes:
        """Send a command that answers when it likes (IDLE); the tag it has."""
        tag = self._tag()
        self._write(_whole(tag, command))
        return tag

    def write(self, line: bytes) -> None:
        """Send a bare line (DONE, a continuation)."""
        self._write(line + b"\r\n")

    async def response(self) -> tuple[bytes, Response]:
        """The next response of any kind: its first line, and all its pieces."""
        self._room = ROOM
        return await self._response()

    async def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """Turn TLS on. What was said before it in clear text and is still unread is an attack."""
        if not await self.is_quiet():
            raise ProtocolViolation("the server speaks on in clear text after STARTTLS, or hangs up")
        await self._writer.start_tls(context, server_hostname=host)

    def compress(self) -> None:
        """From now on everything is deflated (RFC 4978)."""
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        self._deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        if self._buffer:
            raise ProtocolViolation("the server speaks on uncompressed after COMPRESS")

    def close(self) -> None:
        """Hang up at once."""
        self._writer.transport.abort()

    def _tag(self) -> bytes:
        self._tags += 1
        return b"c%d" % self._tags

    def _write(self, content: bytes) -> None:
        if self._deflate:
            content = self._deflate.compress(content) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        self._writer.write(content)

    async def _reply(self, tags: frozenset[bytes], untagged: list[Response]) -> tuple[bytes, Reply]:
        while True:
            line, pieces = await self._response()
            if not line.startswith(b"* "):
                return _tagged(line, tags, untagged)
            untagged.append(pieces)

    async def _response(self) -> tuple[bytes, Response]:
        first = line = await self._line()
        pieces: list[Piece] = []
        self._take(len(line))
        while found := _LITERAL_END.search(line):
            size = int(found[1])
            self._take(size)
            pieces.append((line, await self._exactly(size)))
            line = await self._line()
            self._take(len(line))
        return first, (*pieces, line)

    def _take(self, size: int) -> None:
        self._room -= size + _PIECE
        if self._room < 0:
            raise ProtocolViolation("the server sends more than was asked for could need")

    async def _line(self) -> bytes:
        start = 0
        while (end := self._buffer.find(b"\n", start)) < 0:
            start = len(self._buffer)
            if start > LINE:
                raise ProtocolViolation("the server sends a line without end")
            await self._more()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line[:-1] if line.endswith(b"\r") else line

    async def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            await self._more()
        content = bytes(memoryview(self._buffer)[:size])
        del self._buffer[:size]
        return content

    async def _more(self) -> None:
        content = b"" if self._more_inside else await self._received()
        if self._inflate:
            try:
                content = self._inflate.decompress(self._inflate.unconsumed_tail + content, LINE)
            except zlib.error as error:
                raise ProtocolViolation(f"the server's compressed answer cannot be read: {error}") from error
            if self._inflate.eof:
                raise ProtocolViolation("the server ends its compressed answers")
            # Whatever fills the bound may have more behind it, even where no input is left.
            self._more_inside = len(content) == LINE
        self._buffer += content

    async def _received(self) -> bytes:
        async with asyncio.timeout(self.patience):
            content = await self._reader.read(_CHUNK)
        if not content:
            raise EOFError("the connection was closed")
        return content


def _pairs(command: Command) -> Sequence[tuple[bytes, bytes | None]]:
    pieces = command.pieces
    return [(pieces[i], pieces[i + 1] if i + 1 < len(pieces) else None) for i in range(0, len(pieces), 2)]


def _whole(tag: bytes, command: Command) -> bytes:
    text = tag + b" "
    for piece, literal in _pairs(command):
        text += piece if literal is None else b"%b{%d+}\r\n%b" % (piece, len(literal), literal)
    return text + b"\r\n"


def _tagged(line: bytes, tags: frozenset[bytes], untagged: Sequence[Response]) -> tuple[bytes, Reply]:
    words = line.split(b" ", 2)
    if words[0] not in tags or len(words) < 2 or words[1].upper() not in _ENDS:
        raise ProtocolViolation("the server answers what was not asked")
    return words[0], _status(words[1:], tuple(untagged))


def _status(words: Sequence[bytes], untagged: tuple[Response, ...]) -> Reply:
    """A status response: `OK [CODE arguments] text`."""
    status, text = words[0].upper(), words[1] if len(words) > 1 else b""
    code = arguments = b""
    if text.startswith(b"[") and (end := text.find(b"]")) > 0:
        code, _, arguments = text[1:end].partition(b" ")
        text = text[end + 1 :].strip()
    return Reply(status, code.upper(), arguments, text, untagged)


def code_of(response: Response) -> tuple[bytes, bytes]:
    """Name and arguments of the response code in an untagged `* OK [...]`, else empty."""
    line = response[0] if isinstance(response[0], bytes) else response[0][0]
    words = line.split(b" ", 2)
    if len(words) < 3 or words[1].upper() not in (b"OK", b"NO", b"BAD", b"BYE"):
        return b"", b""
    reply = _status(words[1:], ())
    return reply.code, reply.arguments
