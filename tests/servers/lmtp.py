"""Delivery by LMTP (RFC 2033), with the answer for each recipient."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping, Sequence
from types import TracebackType

from tests.servers.processes import HOST, PATIENCE

SENDER = "sender@example.net"
_LINE_END = re.compile(rb"\r\n|\r|\n")
_DOT = re.compile(rb"^\.", re.MULTILINE)
_LONGEST_LINE = 65_536


class NotDelivered(Exception):
    """At least one recipient was refused; `replies` says what the server answered for each."""

    def __init__(self, replies: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{recipient}: {reply}" for recipient, reply in replies.items()))
        self.replies = replies


class Lmtp:
    """An open LMTP connection; a real one, for `smtplib.LMTP` reads a single reply after the data."""

    def __init__(self, port: int) -> None:
        self._line = socket.create_connection((HOST, port), timeout=PATIENCE)
        self._answers = self._line.makefile("rb")

    def __enter__(self) -> Lmtp:
        self._expect("220")
        self._ask("LHLO test.example.net", "250")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._ask("QUIT", "221")
        finally:
            self._answers.close()
            self._line.close()

    def send(self, recipients: Sequence[str], content: bytes, sender: str = SENDER) -> None:
        """Deliver one message to each address; raises `NotDelivered` when it did not reach every one."""
        self._ask(f"MAIL FROM:<{sender}>", "250")
        replies = {recipient: self._say(f"RCPT TO:<{recipient}>") for recipient in recipients}
        taken = [recipient for recipient, reply in replies.items() if reply.startswith("2")]
        if taken:
            self._ask("DATA", "354")
            self._line.sendall(_stuffed(content))
            replies |= {recipient: self._reply() for recipient in taken}
        else:
            self._ask("RSET", "250")
        if not all(reply.startswith("2") for reply in replies.values()):
            raise NotDelivered(replies)

    def _ask(self, command: str, code: str) -> None:
        self._line.sendall(f"{command}\r\n".encode())
        self._expect(code)

    def _expect(self, code: str) -> None:
        reply = self._reply()
        if not reply.startswith(code):
            raise NotDelivered({"everybody": reply})

    def _say(self, command: str) -> str:
        self._line.sendall(f"{command}\r\n".encode())
        return self._reply()

    def _reply(self) -> str:
        """The last line of a reply, for the lines before it are marked with a hyphen after the code."""
        while True:
            line = self._answers.readline(_LONGEST_LINE)
            if not line:
                raise ConnectionResetError("the server ended the LMTP connection")
            if line[3:4] != b"-":
                return line.decode("utf-8", "replace").rstrip()


def with_line_ends(content: bytes) -> bytes:
    """The message with the line ends of the protocol, at its end too."""
    lines = _LINE_END.split(content.removesuffix(b"\n").removesuffix(b"\r"))
    return b"".join(line + b"\r\n" for line in lines)


def _stuffed(content: bytes) -> bytes:
    return _DOT.sub(b"..", with_line_ends(content)) + b".\r\n"
