"""An IMAP server for one mailbox that is honest but for what a test tells it to lie about.

It keeps to the letter of what the connector sends and knows no more of IMAP than that. A lie is what goes
out instead of the answer to one command: bytes in which ``{tag}`` stands for the tag and which may hold
`CLOSE` or `SILENCE`, a stream without end, or a trick played with the truth.
"""

from __future__ import annotations

import asyncio
import base64
import re
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count

PASSWORD = b"masterpw"
CAPABILITIES = (
    "IMAP4rev1 SASL-IR AUTH=PLAIN LITERAL+ UIDPLUS MOVE ENABLE CONDSTORE QRESYNC SEARCHRES UNSELECT "
    "NAMESPACE COMPRESS=DEFLATE"
)
VALIDITY = 77
DATE = "29-Feb-2024 12:30:15 +0000"
CLOSE = b"<close>"
SILENCE = b"<silence>"
_END = re.compile(rb"\{([0-9]+)(\+?)\}\r\n\Z")

Truth = Callable[[], bytes]


@dataclass(frozen=True)
class Trick:
    """A lie that is made of the command's words and of the truth; the truth is done when it is called."""

    play: Callable[[bytes, Truth], bytes]


Lie = bytes | Callable[[], Iterator[bytes]] | Trick


@dataclass
class Mail:
    """One message of the server."""

    content: bytes
    guid: str
    flags: set[str] = field(default_factory=set)


class ScriptedImap:
    """The server. `lies` maps a command ("UID MOVE") to what is said instead of the truth.

    A tuple of lies is told one by one, and after them the truth. What is said first is "greeting", and what
    asks for a literal is "literal". `said` keeps the commands that came in. Without `deflates` it says in
    clear text what it was asked to compress.
    """

    def __init__(
        self, lies: Mapping[str, Lie | tuple[Lie, ...]] | None = None, capabilities: str = CAPABILITIES
    ) -> None:
        self.lies = {name: list(lie) if isinstance(lie, tuple) else lie for name, lie in (lies or {}).items()}
        self.capabilities = capabilities
        self.folders: dict[str, dict[int, Mail]] = {"INBOX": {}, "Quarantine": {}}
        self.next = {"INBOX": 1, "Quarantine": 501}
        self.said: list[bytes] = []
        self.port = 0
        self.deflates = True
        self._ended = asyncio.Event()
        self._guids = count(1)

    def put(self, content: bytes, folder: str = "INBOX", guid: str = "") -> int:
        """Put a message into a folder, by its name on the wire in Latin-1; its UID."""
        self.folders.setdefault(folder, {})
        self.next.setdefault(folder, 1)
        uid = self.next[folder]
        self.next[folder] += 1
        self.folders[folder][uid] = Mail(content, guid or f"guid-{next(self._guids)}")
        return uid

    @asynccontextmanager
    async def running(self) -> AsyncIterator[ScriptedImap]:
        """Serve for as long as the block runs."""
        talks: set[asyncio.Task[None]] = set()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task
            talks.add(task)
            try:
                await _Talk(self, reader, writer, self._ended).serve()
            except (ConnectionError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.transport.abort()
                talks.discard(task)

        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            self._ended.set()
            server.close()
            await server.wait_closed()
            await asyncio.gather(*talks, return_exceptions=True)

    def lie(self, name: str) -> Lie | None:
        """What is to be said instead of the truth now."""
        lie = self.lies.get(name)
        if isinstance(lie, list):
            return lie.pop(0) if lie else None
        return lie


class _Talk:
    """One connection."""

    def __init__(
        self,
        server: ScriptedImap,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        ended: asyncio.Event,
    ) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._ended = ended
        self._open = ""
        self._saved: list[int] = []
        self._inflate: zlib._Decompress | None = None
        self._deflate: zlib._Compress | None = None
        self._buffer = b""

    async def serve(self) -> None:
        greeting = self._server.lie("greeting")
        if not await self._say(
            b"", greeting or f"* OK [CAPABILITY {self._server.capabilities}] hello\r\n".encode()
        ):
            return
        while line := await self._command():
            self._server.said.append(line)
            tag, _, rest = line.partition(b" ")
            words = rest.upper().split(b" ")
            name = (b" ".join(words[:2]) if words[0] == b"UID" else words[0]).strip().decode()
            rest = rest.removesuffix(b"\r\n")
            if name == "AUTHENTICATE" and rest.upper() == b"AUTHENTICATE PLAIN":
                prompt = self._server.lie(name) or b"+ \r\n"
                if not await self._say(tag, prompt):
                    return
                if not isinstance(prompt, bytes) or b"+" not in prompt:
                    continue
                name, rest = "PROMPTED", await self._line()
            said = self._answer(name, rest)
            if not await self._say(tag, said):
                return
            if name == "COMPRESS" and isinstance(said, bytes) and b"OK" in said:
                self._inflate = zlib.decompressobj(-15)
                self._deflate = zlib.compressobj(wbits=-15) if self._server.deflates else None
            if name == "LOGOUT":
                return

    def _answer(self, name: str, rest: bytes) -> bytes | Callable[[], Iterator[bytes]]:
        lie = self._server.lie(name)
        if isinstance(lie, Trick):
            return lie.play(rest, lambda: self._truth(name, rest))
        return self._truth(name, rest) if lie is None else lie

    async def _say(self, tag: bytes, said: Lie) -> bool:
        """Say it; False when nothing more is to come."""
        if isinstance(said, Trick):
            said = said.play(b"", bytes)
        if not isinstance(said, bytes):
            for part in said():
                self._write(part)
                await self._writer.drain()
                # The one that listens lives in the same loop.
                await asyncio.sleep(0)
            return False
        for part in re.split(b"(<close>|<silence>)", said.replace(b"{tag}", tag)):
            if part == CLOSE:
                self._writer.close()
                return False
            if part == SILENCE:
                await self._ended.wait()
                return False
            self._write(part)
        await self._writer.drain()
        return True

    def _write(self, said: bytes) -> None:
        if self._deflate:
            said = self._deflate.compress(said) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        self._writer.write(said)

    async def _command(self) -> bytes:
        line = await self._line()
        while found := _END.search(line):
            size = int(found[1])
            if not found[2]:
                asks = self._server.lie("literal") or b"+ go on\r\n"
                await self._say(line.partition(b" ")[0], asks)
                if asks != b"+ go on\r\n":
                    line = await self._line()
                    continue
            while len(self._buffer) < size:
                await self._more()
            line, self._buffer = line + self._buffer[:size], self._buffer[size:]
            line += await self._line()
        return line

    async def _line(self) -> bytes:
        while b"\n" not in self._buffer:
            if not await self._more():
                return b""
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line + b"\n"

    async def _more(self) -> bool:
        content = await self._reader.read(1 << 16)
        self._buffer += self._inflate.decompress(content) if self._inflate and content else content
        return bool(content)

    def _truth(self, name: str, rest: bytes) -> bytes:
        method = getattr(self, "_" + name.lower().replace(" ", "_"), None)
        if method is None:
            return b"{tag} BAD what is " + name.encode() + b"\r\n"
        said: bytes = method(rest)
        return said

    def _authenticate(self, rest: bytes) -> bytes:
        good = PASSWORD in base64.b64decode(rest.split()[-1])
        told = f"[CAPABILITY {self._server.capabilities}] in" if good else "[AUTHENTICATIONFAILED] no"
        return f"{{tag}} {'OK' if good else 'NO'} {told}\r\n".encode()

    _prompted = _authenticate

    def _login(self, rest: bytes) -> bytes:
        """With user name and password as literals, as those are sent that hold anything."""
        said = re.fullmatch(
            rb"LOGIN \{[0-9]+\+?\}\r\n(.*) \{[0-9]+\+?\}\r\n(.*)", rest, re.DOTALL | re.IGNORECASE
        )
        good = said is not None and said[2] == PASSWORD
        return f"{{tag}} {'OK' if good else 'NO [AUTHENTICATIONFAILED]'} in\r\n".encode()

    def _capability(self, _: bytes) -> bytes:
        return f"* CAPABILITY {self._server.capabilities}\r\n{{tag}} OK\r\n".encode()

    def _enable(self, _: bytes) -> bytes:
        return b"* ENABLED QRESYNC\r\n{tag} OK\r\n"

    def _namespace(self, _: bytes) -> bytes:
        return b'* NAMESPACE (("" "/")) NIL NIL\r\n{tag} OK\r\n'

    def _compress(self, _: bytes) -> bytes:
        return b"{tag} OK compressed from now on\r\n"

    def _starttls(self, _: bytes) -> bytes:
        return b"{tag} OK begin\r\n"

    def _noop(self, _: bytes) -> bytes:
        return b"{tag} OK\r\n"

    def _logout(self, _: bytes) -> bytes:
        return b"* BYE bye\r\n{tag} OK\r\n"

    def _unselect(self, _: bytes) -> bytes:
        self._open = ""
        return b"{tag} OK\r\n"

    def _list(self, _: bytes) -> bytes:
        lines = [f'* LIST () "/" {_quoted(folder)}\r\n' for folder in self._server.folders]
        return "".join(lines).encode("latin-1") + b"{tag} OK\r\n"

    def _status(self, rest: bytes) -> bytes:
        folder = _folder(rest)
        if folder not in self._server.folders:
            return b"{tag} NO [NONEXISTENT] no such folder\r\n"
        copies, after = len(self._server.folders[folder]), self._server.next[folder]
        told = f"MESSAGES {copies} UIDNEXT {after} UIDVALIDITY {VALIDITY} HIGHESTMODSEQ {after + 1}"
        return f"* STATUS {_quoted(folder)} ({told})\r\n{{tag}} OK\r\n".encode("latin-1")

    def _examine(self, rest: bytes) -> bytes:
        self._open = _folder(rest)
        self._saved = []
        if self._open not in self._server.folders:
            return b"{tag} NO [NONEXISTENT] no such folder\r\n"
        copies, after = len(self._server.folders[self._open]), self._server.next[self._open]
        return (
            f"* {copies} EXISTS\r\n* OK [UIDVALIDITY {VALIDITY}] valid\r\n* OK [UIDNEXT {after}] next\r\n"
            f"* OK [HIGHESTMODSEQ {after + 1}] highest\r\n{{tag}} OK [READ-WRITE] open\r\n"
        ).encode()

    _select = _examine

    def _fetch(self, rest: bytes) -> bytes:
        first, _, last = rest.split()[1].partition(b":")
        there = sorted(self._here())
        uids = there[int(first) - 1 : int(last or first)]
        return self._rows(uids, rest)

    def _uid_fetch(self, rest: bytes) -> bytes:
        return self._rows(self._meant(rest.split()[2]), rest)

    def _rows(self, uids: list[int], rest: bytes) -> bytes:
        there = sorted(self._here())
        said = b""
        for uid in uids:
            mail = self._here()[uid]
            told = f"UID {uid}"
            if b"BODY" not in rest.upper():
                told += f' FLAGS ({" ".join(sorted(mail.flags))}) INTERNALDATE "{DATE}"'
                told += f" RFC822.SIZE {len(mail.content)} X-GUID {mail.guid}"
            head = f"* {there.index(uid) + 1} FETCH ({told}".encode()
            body = (
                b" BODY[] {%d}\r\n%b" % (len(mail.content), mail.content) if b"BODY" in rest.upper() else b""
            )
            said += head + body + b")\r\n"
        return said + b"{tag} OK\r\n"

    def _uid_search(self, rest: bytes) -> bytes:
        text = rest.decode()
        found = [uid for uid, mail in self._here().items() if _fits(text, uid, mail)]
        if "SAVE" in text:
            self._saved = found
            return b"{tag} OK\r\n"
        return f"* SEARCH {' '.join(map(str, found))}\r\n{{tag}} OK\r\n".encode()

    def _uid_move(self, rest: bytes, expunge: bool = True) -> bytes:
        uids, goal = self._meant(rest.split()[2]), _folder(rest)
        if goal not in self._server.folders:
            return b"{tag} NO [TRYCREATE] no such folder\r\n"
        if not uids:
            return b"{tag} OK nothing to do\r\n"
        new = []
        for uid in uids:
            mail = self._here()[uid]
            new.append(self._server.put(mail.content, goal, mail.guid))
            if expunge:
                del self._here()[uid]
        told = f"[COPYUID {VALIDITY} {','.join(map(str, uids))} {','.join(map(str, new))}]"
        gone = f"* VANISHED {','.join(map(str, uids))}\r\n" if expunge else ""
        return f"* OK {told} moved\r\n{gone}{{tag}} OK done\r\n".encode()

    def _uid_copy(self, rest: bytes) -> bytes:
        return self._uid_move(rest, expunge=False)

    def _uid_store(self, rest: bytes) -> bytes:
        for uid in self._meant(rest.split()[2]):
            flags = self._here()[uid].flags
            flags.add("\\Deleted") if b"+FLAGS" in rest else flags.discard("\\Deleted")
        return b"{tag} OK\r\n"

    def _uid_expunge(self, rest: bytes) -> bytes:
        for uid in self._meant(rest.split()[2]):
            if "\\Deleted" in self._here()[uid].flags:
                del self._here()[uid]
        return b"{tag} OK\r\n"

    def _append(self, rest: bytes) -> bytes:
        folder = _folder(rest)
        head, _, content = rest.partition(b"}\r\n")
        if folder not in self._server.folders:
            return b"{tag} NO [TRYCREATE] no such folder\r\n"
        size = int(re.findall(rb"\{([0-9]+)", head + b"}")[0])
        uid = self._server.put(content[:size], folder)
        return f"{{tag}} OK [APPENDUID {VALIDITY} {uid}] appended\r\n".encode()

    def _create(self, rest: bytes) -> bytes:
        folder = _folder(rest)
        self._server.folders.setdefault(folder, {})
        self._server.next.setdefault(folder, 1)
        return b"{tag} OK\r\n"

    def _here(self) -> dict[int, Mail]:
        return self._server.folders.get(self._open, {})

    def _meant(self, said: bytes) -> list[int]:
        if said == b"$":
            return [uid for uid in self._saved if uid in self._here()]
        meant: set[int] = set()
        for part in said.split(b","):
            first, _, last = part.partition(b":")
            end = max(self._here(), default=0) if last == b"*" else int(last or first)
            meant |= {uid for uid in self._here() if int(first) <= uid <= end}
        return sorted(meant)


def _folder(rest: bytes) -> str:
    found = re.findall(rb'"((?:[^"\\]|\\.)*)"', rest)
    return re.sub(r"\\(.)", r"\1", found[0].decode("latin-1")) if found else ""


def _quoted(folder: str) -> str:
    return '"' + folder.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _fits(text: str, uid: int, mail: Mail) -> bool:
    """Whether a copy fits one of the keys that the connector uses."""
    for wanted, guid in re.findall(r'UID ([0-9]+) X-GUID "([^"]*)"', text):
        if uid == int(wanted) and mail.guid == guid:
            return True
    if guids := re.findall(r'\(X-GUID "([^"]*)"\)', text):
        return mail.guid in guids
    sizes = re.findall(r"LARGER ([0-9]+) SMALLER ([0-9]+)", text)
    return any(int(low) < len(mail.content) < int(high) for low, high in sizes)
