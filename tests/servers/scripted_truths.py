"""The honest part of the scripted IMAP server: one mailbox, and the true answer to each command."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from itertools import count

PASSWORD = b"masterpw"
VALIDITY = 77
DATE = "29-Feb-2024 12:30:15 +0000"


@dataclass
class Mail:
    """One message of the server."""

    content: bytes
    guid: str
    flags: set[str] = field(default_factory=set)


class Mailbox:
    """Folders with their messages by UID, and the UID that is next in each."""

    def __init__(self, capabilities: str) -> None:
        self.capabilities = capabilities
        self.folders: dict[str, dict[int, Mail]] = {"INBOX": {}, "Quarantine": {}}
        self.next = {"INBOX": 1, "Quarantine": 501}
        self._guids = count(1)

    def put(self, content: bytes, folder: str = "INBOX", guid: str = "") -> int:
        """Put a message into a folder, by its name on the wire in Latin-1; its UID."""
        self.folders.setdefault(folder, {})
        self.next.setdefault(folder, 1)
        uid = self.next[folder]
        self.next[folder] += 1
        self.folders[folder][uid] = Mail(content, guid or f"guid-{next(self._guids)}")
        return uid


class Truths:
    """What one connection is told when nobody lies."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._open = ""
        self._saved: list[int] = []

    def tell(self, name: str, rest: bytes) -> bytes:
        """The answer to a command."""
        method = getattr(self, "_" + name.lower().replace(" ", "_"), None)
        if method is None:
            return b"{tag} BAD what is " + name.encode() + b"\r\n"
        said: bytes = method(rest)
        return said

    def _authenticate(self, rest: bytes) -> bytes:
        good = PASSWORD in base64.b64decode(rest.split()[-1])
        told = f"[CAPABILITY {self._mailbox.capabilities}] in" if good else "[AUTHENTICATIONFAILED] no"
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
        return f"* CAPABILITY {self._mailbox.capabilities}\r\n{{tag}} OK\r\n".encode()

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
        lines = [f'* LIST () "/" {_quoted(folder)}\r\n' for folder in self._mailbox.folders]
        return "".join(lines).encode("latin-1") + b"{tag} OK\r\n"

    def _status(self, rest: bytes) -> bytes:
        folder = _folder(rest)
        if folder not in self._mailbox.folders:
            return b"{tag} NO [NONEXISTENT] no such folder\r\n"
        copies, after = len(self._mailbox.folders[folder]), self._mailbox.next[folder]
        told = f"MESSAGES {copies} UIDNEXT {after} UIDVALIDITY {VALIDITY} HIGHESTMODSEQ {after + 1}"
        return f"* STATUS {_quoted(folder)} ({told})\r\n{{tag}} OK\r\n".encode("latin-1")

    def _examine(self, rest: bytes) -> bytes:
        self._open = _folder(rest)
        self._saved = []
        if self._open not in self._mailbox.folders:
            return b"{tag} NO [NONEXISTENT] no such folder\r\n"
        copies, after = len(self._mailbox.folders[self._open]), self._mailbox.next[self._open]
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
        if goal not in self._mailbox.folders:
            return b"{tag} NO [TRYCREATE] no such folder\r\n"
        if not uids:
            return b"{tag} OK nothing to do\r\n"
        new = []
        for uid in uids:
            mail = self._here()[uid]
            new.append(self._mailbox.put(mail.content, goal, mail.guid))
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
        if folder not in self._mailbox.folders:
            return b"{tag} NO [TRYCREATE] no such folder\r\n"
        size = int(re.findall(rb"\{([0-9]+)", head + b"}")[0])
        uid = self._mailbox.put(content[:size], folder)
        return f"{{tag}} OK [APPENDUID {VALIDITY} {uid}] appended\r\n".encode()

    def _create(self, rest: bytes) -> bytes:
        folder = _folder(rest)
        self._mailbox.folders.setdefault(folder, {})
        self._mailbox.next.setdefault(folder, 1)
        return b"{tag} OK\r\n"

    def _here(self) -> dict[int, Mail]:
        return self._mailbox.folders.get(self._open, {})

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
