"""A real receiver of webhooks: an HTTP server on this machine that verifies what it gets, or is unwell."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook


@dataclass
class Got:
    """One request: its headers, its bytes, what they say."""

    headers: dict[str, str]
    raw: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.raw)
        return found

    def verified(self, secret: str) -> Any:
        """What the library of Standard Webhooks makes of it; raises when the signature is not right."""
        return Webhook(secret).verify(self.raw, self.headers)


@dataclass
class Receiver:
    """What came, and how the receiver answers: a status, headers, and what it does before."""

    address: str = ""
    got: list[Got] = field(default_factory=list)
    answer: Callable[[Got], int] = lambda got: 204
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    came: threading.Condition = field(default_factory=threading.Condition)

    def wait(self, count: int) -> None:
        """Until so many requests came."""
        with self.came:
            assert self.came.wait_for(lambda: len(self.got) >= count, 60)

    @property
    def ids(self) -> list[str]:
        return [one.id for one in self.got]

    @property
    def types(self) -> list[str]:
        return [one.body["type"] for one in self.got]


@contextmanager
def receiving(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver on a free port of this machine, answering when this returns."""
    made = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"]))
            got = Got({name.lower(): value for name, value in self.headers.items()}, raw)
            with made.came:
                made.got.append(got)
                made.came.notify_all()
            status = made.answer(got)
            body = b"" if status == 204 else made.body
            self.send_response(status)
            for name, value in made.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Whoever hangs up in the middle is meant to."""

    server = Server(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    made.address = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}"
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
