"""One webhook request on the wire: its signature as our page checks it, TLS, names that lead elsewhere."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import ssl
import subprocess
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.servers.certificates import certificate
from tests.sinks.receiver import Receiver, receiving

from clawback.engine.webhooks import new_secret
from clawback.response.sinks import Notice, Sent, Sink, SinkKind
from clawback.sinks.reach import Reach, networks_of
from clawback.sinks.webhooks import WebhookTeller
from clawback.sinks.webhooks_signing import LARGEST

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "webhooks.md"
HOME = Reach(networks_of(["127.0.0.1"]), http=True)
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
SECRET = new_secret()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def post(teller: WebhookTeller, url: str, *data: dict[str, Any]) -> list[Sent]:
    """What comes of telling a URL of events one after another."""
    sink = Sink("whk-1", SinkKind.WEBHOOK, "one", url, (), NOW, NOW)

    async def tell() -> list[Sent]:
        async with teller.line(sink, (SECRET,)) as line:
            return [
                await line.send(Notice(f"evt-{n}", n, NOW, "ann", "test", one))
                for n, one in enumerate(data or ({},))
            ]

    return asyncio.run(tell())


def leads_to(*addresses: str) -> tuple[Any, list[str]]:
    """A lookup that answers so, one after the other, and the names that it was asked for."""
    asked: list[str] = []

    async def ask(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return (addresses[min(len(asked), len(addresses)) - 1],)

    return ask, asked


def block(kind: str, holding: str) -> str:
    """A piece of code of our page."""
    found: list[str] = re.findall(rf"```{kind}\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    return next(one for one in found if holding in one)


def test_the_python_of_our_page_tells_genuine_from_forged(receiver: Receiver) -> None:
    post(WebhookTeller(HOME), receiver.address, {"name": "grün"})
    (got,) = receiver.got
    scope: dict[str, Any] = {}
    exec(block("python", "hmac"), scope)
    verified = scope["verified"]
    assert verified(SECRET, got.headers, got.raw)
    assert not verified(SECRET, got.headers, got.raw + b" ")
    assert not verified(new_secret(), got.headers, got.raw)
    assert not verified(SECRET, {**got.headers, "webhook-id": "evt-9"}, got.raw)
    assert not verified(SECRET, {**got.headers, "webhook-timestamp": "1000000000"}, got.raw)


def test_the_shell_of_our_page_tells_genuine_from_forged(receiver: Receiver, tmp_path: Path) -> None:
    post(WebhookTeller(HOME), receiver.address, {"name": "grün"})
    (got,) = receiver.got

    def said(body: bytes, secret: str) -> str:
        (tmp_path / "body.json").write_bytes(body)
        names = {"ID": "webhook-id", "STAMP": "webhook-timestamp", "SIGNATURE": "webhook-signature"}
        given = {name: got.headers[header] for name, header in names.items()}
        done = subprocess.run(
            ["sh", "-eu", "-c", block("sh", "openssl")],
            cwd=tmp_path,
            env={**os.environ, **given, "SECRET": secret},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    assert said(got.raw, SECRET) == "genuine"
    assert said(got.raw + b" ", SECRET) == "forged"
    assert said(got.raw, new_secret()) == "forged"


def test_a_name_is_called_by_its_name_at_the_address_that_was_checked(receiver: Receiver) -> None:
    ask, asked = leads_to("127.0.0.1")
    port = receiver.address.rpartition(":")[2]
    (sent,) = post(WebhookTeller(HOME, ask=ask), f"http://hooks.example:{port}/x")
    assert sent == Sent(204)
    assert receiver.got[0].headers["host"] == f"hooks.example:{port}"
    assert asked == ["hooks.example"]


def test_a_name_that_leads_outside_first_and_inside_then_reaches_nothing_inside(receiver: Receiver) -> None:
    port = receiver.address.rpartition(":")[2]
    outside = socket.socket()  # bound and not listening: as a public address that refuses
    outside.bind(("127.0.0.2", 0))
    reach = Reach(networks_of(["127.0.0.2"]), http=True)
    ask, asked = leads_to("127.0.0.2", "127.0.0.1")
    first, second = post(WebhookTeller(reach, ask=ask), f"http://hooks.example:{port}/x", {}, {})
    outside.close()
    assert first.error == "cannot be connected to"
    assert "leads to this machine" in second.error
    assert asked == ["hooks.example"] * 2
    assert receiver.got == []


def test_localhost_is_no_way_in(receiver: Receiver) -> None:
    port = receiver.address.rpartition(":")[2]
    (sent,) = post(WebhookTeller(Reach(http=True)), f"http://localhost:{port}/")
    assert "leads to this machine" in sent.error
    assert "127.0.0.1" not in sent.error
    assert receiver.got == []


def test_one_connection_serves_several_events(receiver: Receiver) -> None:
    ask, asked = leads_to("127.0.0.1", "127.0.0.9")
    port = receiver.address.rpartition(":")[2]
    assert post(WebhookTeller(HOME, ask=ask), f"http://hooks.example:{port}/", {}, {}, {}) == [Sent(204)] * 3
    assert len(asked) == 1


def test_a_proxy_of_the_environment_is_not_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9/")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9/")
    assert post(WebhookTeller(HOME), receiver.address) == [Sent(204)]


def test_an_event_that_is_too_large_comes_without_its_data(receiver: Receiver) -> None:
    post(WebhookTeller(HOME), receiver.address, {"text": "x" * LARGEST})
    body = receiver.got[0].verified(SECRET)
    assert (body["data"], body["cut"], body["type"]) == ({}, True, "test")


@pytest.mark.parametrize("then", ["120", "0", "nonsense", "-5", (NOW + timedelta(days=1)).isoformat()])
def test_what_is_no_time_to_wait_is_none(receiver: Receiver, then: str) -> None:
    receiver.headers, receiver.answer = {"Retry-After": then}, lambda got: 503
    (sent,) = post(WebhookTeller(HOME), receiver.address)
    assert sent == Sent(503, "answered 503", after=120.0 if then == "120" else 0.0)


def test_a_time_to_wait_may_be_a_date(receiver: Receiver) -> None:
    receiver.headers = {"Retry-After": "Tue, 24 Nov 2026 09:05:00 GMT"}
    receiver.answer = lambda got: 429
    (sent,) = post(WebhookTeller(HOME, now=lambda: NOW), receiver.address)
    assert sent.after == 300.0


def test_whom_tls_does_not_prove_is_told_nothing(tmp_path: Path) -> None:
    made = certificate(tmp_path / "tls")
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trust.load_cert_chain(made.certificate, made.key)
    with receiving(trust) as receiver:
        url = receiver.address.replace("127.0.0.1", "localhost")
        ask, _ = leads_to("127.0.0.1")
        (sent,) = post(WebhookTeller(HOME, ask=ask), url)
        assert "certificate is not believed" in sent.error
        (sent,) = post(WebhookTeller(HOME, ask=ask, ca_file=made.authority), url)
        assert sent == Sent(204)
        (sent,) = post(
            WebhookTeller(HOME, ask=ask, ca_file=made.authority), url.replace("localhost", "other")
        )
        assert "certificate is not believed" in sent.error
        assert len(receiver.got) == 1
        (sent,) = post(WebhookTeller(HOME, ca_file=tmp_path / "missing.pem"), url)
        assert "cannot be called" in sent.error


def test_who_hangs_up_or_speaks_something_else_is_unwell() -> None:
    for said in (b"", b"220 mail.example ESMTP\r\n", b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]

            async def both(server: socket.socket = server, said: bytes = said, port: int = port) -> Sent:
                def answer() -> None:
                    with server.accept()[0] as line:
                        line.recv(65_536)
                        line.sendall(said)

                talking = asyncio.create_task(asyncio.to_thread(answer))
                sink = Sink("whk-1", SinkKind.WEBHOOK, "one", f"http://127.0.0.1:{port}/", (), NOW, NOW)
                async with WebhookTeller(HOME).line(sink, (SECRET,)) as line:
                    sent = await line.send(Notice("evt-1", 1, NOW, "ann", "test", {}))
                await talking
                return sent

            sent = asyncio.run(both())
            assert sent.status == 0
            assert "broke the connection off" in sent.error
