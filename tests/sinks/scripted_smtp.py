"""An SMTP server that answers as a test tells it to: for faults that a real one cannot be asked for."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

_TRUTH = {
    "EHLO": "250 mail.example.org",
    "AUTH": "235 welcome",
    "MAIL": "250 fine",
    "RCPT": "250 fine",
    "DATA": "354 go on",
    ".": "250 taken",
    "QUIT": "221 bye",
    "RSET": "250 fine",
}
CLOSE = "close"


class ScriptedSmtp:
    """Serves one connection after another. `said` keeps the lines that came in, those of content too."""

    def __init__(self, answers: Mapping[str, str], context: ssl.SSLContext | None) -> None:
        self.said: list[str] = []
        self._answers = {**_TRUTH, **answers}
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                connection.settimeout(10)
                self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        with connection if self._context is None else self._wrapped(connection) as talk:
            if not self._answer(talk, "GREETING", "220 mail.example.org"):
                return
            content = False
            with talk.makefile("rb") as lines:
                for raw in lines:
                    line = raw.decode("utf-8", "replace").rstrip("\r\n")
                    self.said.append(line)
                    if content and line != ".":
                        continue
                    verb = line.split(" ")[0].upper()
                    if not self._answer(talk, verb, "500 what?") or verb == "QUIT":
                        return
                    content = verb == "DATA" and self._answers["DATA"].startswith("3")

    def _wrapped(self, connection: socket.socket) -> socket.socket:
        assert self._context
        return self._context.wrap_socket(connection, server_side=True)

    def _answer(self, connection: socket.socket, verb: str, otherwise: str) -> bool:
        answer = self._answers.get(verb, otherwise)
        if answer == CLOSE:
            return False
        connection.sendall(answer.encode() + b"\r\n")
        return True

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(20)

    def start(self) -> None:
        self._thread.start()


@contextmanager
def scripted_smtp(
    answers: Mapping[str, str], context: ssl.SSLContext | None = None
) -> Iterator[ScriptedSmtp]:
    """Run the server, with TLS from the first byte when it has a context.

    `answers` maps a verb (also ``GREETING`` and ``.``) to what is said, or to `CLOSE`.
    """
    server = ScriptedSmtp(answers, context)
    server.start()
    try:
        yield server
    finally:
        server.stop()
