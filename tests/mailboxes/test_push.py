"""Being told over HTTP, by strangers and by a real Dovecot, which never waits for us."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path

import pytest
from aiohttp import ClientSession, ClientTimeout, TCPConnector
from tests.mailboxes import documented
from tests.servers.certificates import certificate
from tests.servers.dovecot import PROGRAM, address, dovecot

from clawback.errors import BadSettings, Unavailable
from clawback.mailboxes.push import LARGEST_BODY, Push
from clawback.testing.connector_contract import run

ANN, BOB = "ann@example.org", "bob@example.org"
KNOWN = {name: address(name) for name in ("ann", "bob")} | {a: a for a in (ANN, BOB)}
TOKEN = "kEy-0f.the_house~"
PATIENCE = 20.0
HOST = "127.0.0.1"


async def _until(answers: AsyncIterator[frozenset[str]], *mailboxes: str) -> set[str]:
    """All that is told until these are."""
    seen: set[str] = set()
    async with asyncio.timeout(PATIENCE):
        while not seen >= set(mailboxes):
            seen |= await anext(answers)
    return seen


class Sender:
    """Somebody who sends to a receiver."""

    def __init__(self, push: Push, session: ClientSession) -> None:
        self._push = push
        self._session = session

    async def send(self, body: object, path: str = f"/{TOKEN}", **headers: str) -> int:
        """Send bytes, or anything as JSON; the status of the answer."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        url = f"http://{HOST}:{self._push.port}{path}"
        async with self._session.post(url, data=raw, headers=headers) as answer:
            return answer.status


def _with(doing: Callable[[Push, Sender], Coroutine[None, None, None]], token: str | None = TOKEN) -> None:
    async def receiving() -> None:
        push = Push(KNOWN.get, token=token)
        await push.start()
        async with ClientSession(timeout=ClientTimeout(PATIENCE)) as session:
            await doing(push, Sender(push, session))
        await push.close()

    run(receiving())


@pytest.mark.parametrize(
    "body",
    [
        {"user": "ann"},
        {"user": ANN, "folder": "INBOX", "uid": 7},
        [{"user": "mallory"}, {"user": "ann"}, {"x": [{}]}],
        {"event": "mail_delivery_finished", "fields": {"user": "ann", "message_size": 3}},
        {"user": "ann+news@example.org"},
    ],
)
def test_a_message_tells_whose_mailbox(body: object) -> None:
    async def doing(push: Push, sender: Sender) -> None:
        assert await sender.send(body) == 204
        assert await _until(push.follow(), ANN) == {ANN}

    _with(doing)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"{",
        b"[" * 200_000,
        b'{"x":' * 40_000,
        b'{"user":{"user":"bob"}}',
        b'[[{"user":"bob"}]]',
        b'"bob"',
        {"user": "b" * 10_000},
        {"user": 7},
        {"fields": []},
        {"user": "mallory"},
    ],
)
def test_what_is_not_known_tells_nothing(body: object) -> None:
    async def doing(push: Push, sender: Sender) -> None:
        assert await sender.send(body) == 204
        assert await sender.send({"user": "ann"}) == 204
        assert await _until(push.follow(), ANN) == {ANN}

    _with(doing)


def test_a_message_is_answered_before_anybody_reads_it() -> None:
    async def doing(push: Push, sender: Sender) -> None:
        for number in range(200):
            assert await sender.send([{"user": "ann"}, {"user": f"u{number}"}]) == 204
        assert await sender.send({"user": "bob"}) == 204
        assert await anext(push.follow()) == {ANN, BOB}

    _with(doing)


def test_what_is_packed_is_not_unpacked() -> None:
    async def doing(push: Push, sender: Sender) -> None:
        bomb = gzip.compress(b'{"user":"bob"}' + b" " * 20_000_000)
        assert await sender.send(bomb, **{"Content-Encoding": "gzip"}) == 204
        assert await sender.send({"user": "ann"}) == 204
        assert await anext(push.follow()) == {ANN}

    _with(doing)


def test_too_much_is_dropped_and_counted() -> None:
    async def doing(push: Push, sender: Sender) -> None:
        assert await sender.send(b" " * (LARGEST_BODY + 1)) == 413
        assert await sender.send({"user": "bob"}) == 204
        for _ in range(40):
            assert await sender.send(b" " * LARGEST_BODY) == 204
        assert await sender.send({"user": "ann"}) == 204
        assert push.dropped == 40 - 31
        answers = push.follow()
        assert await anext(answers) == {ANN, BOB}
        assert await sender.send(b" " * LARGEST_BODY) == 204
        assert await sender.send({"user": "ann"}) == 204
        assert await anext(answers) == {ANN}
        assert push.dropped == 40 - 31

    _with(doing)


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (f"/{TOKEN}", {}, 204),
        (f"/dovecot/{TOKEN}", {}, 204),
        ("/", {"Authorization": f"Bearer {TOKEN}"}, 204),
        ("/", {"Authorization": f"bearer  {TOKEN}"}, 204),
        ("/", {}, 403),
        (f"/{TOKEN}x", {}, 403),
        (f"/{TOKEN[:-1]}", {}, 403),
        (f"/{TOKEN}/", {}, 403),
        (f"/?{TOKEN}", {}, 403),
        ("/%C3%A9%FF", {}, 403),
        ("/", {"Authorization": TOKEN}, 403),
        ("/", {"Authorization": f"Basic {TOKEN}"}, 403),
        ("/", {"Authorization": "Bearer"}, 403),
        ("/", {"Authorization": "Bearer é"}, 403),
    ],
)
def test_only_who_has_the_token_is_heard(path: str, headers: dict[str, str], status: int) -> None:
    async def doing(push: Push, sender: Sender) -> None:
        assert await sender.send({"user": "ann"}, path, **headers) == status
        assert await sender.send({"user": "bob"}) == 204
        assert await anext(push.follow()) == ({ANN, BOB} if status == 204 else {BOB})

    _with(doing)


def test_without_a_token_all_of_this_machine_are_heard() -> None:
    async def doing(push: Push, sender: Sender) -> None:
        assert await sender.send({"user": "ann"}, "/any/where") == 204
        assert await anext(push.follow()) == {ANN}

    _with(doing, token=None)


@pytest.mark.parametrize("own", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
@pytest.mark.parametrize("foreign", ["0.0.0.0", "::", "", "192.0.2.1", "mx.example.org"])
def test_strangers_need_a_token(own: str, foreign: str) -> None:
    Push(KNOWN.get, address=own)
    Push(KNOWN.get, address=foreign, token=TOKEN)
    for token in (None, ""):
        with pytest.raises(BadSettings, match="token"):
            Push(KNOWN.get, address=foreign, token=token)


def test_what_is_no_http_is_refused_and_nobody_reads_of_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def doing(push: Push, sender: Sender) -> None:
        for junk in (
            b"\0\1\2\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
            b"POST /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n",
            b"POST / HTTP/1.1\r\n" + b"A: b\r\n" * 10_000 + b"\r\n",
        ):
            assert (await _speak(push.port, junk)).startswith(b"HTTP/1.0 400")
        assert (await _speak(push.port, b"GET / HTTP/1.0\r\n\r\n")).startswith(b"HTTP/1.0 405")
        assert await sender.send({"user": "ann"}) == 204
        assert await _until(push.follow(), ANN) == {ANN}

    _with(doing)
    assert [record for record in caplog.records if record.name != "asyncio"] == []


async def _speak(port: int, words: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(words)
        async with asyncio.timeout(PATIENCE):
            return await reader.read(20)
    finally:
        writer.close()
        await writer.wait_closed()


def test_a_crowd_does_not_take_all_places() -> None:
    async def doing(push: Push, sender: Sender) -> None:
        assert await sender.send({"user": "ann"}) == 204
        lines = [await asyncio.open_connection(HOST, push.port) for _ in range(300)]
        answers = [asyncio.ensure_future(reader.read()) for reader, _ in lines]
        async with asyncio.timeout(PATIENCE):
            while sum(answer.done() for answer in answers) < 300 - 255:
                await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED)
                answers = [answer for answer in answers if not answer.done()] + [
                    answer for answer in answers if answer.done()
                ]
        # Who was there before is still heard.
        assert await sender.send({"user": "bob"}) == 204
        for answer in answers:
            answer.cancel()
        for _, writer in lines:
            writer.close()
        assert await anext(push.follow()) == {ANN, BOB}

    _with(doing)


def test_it_ends_when_closed() -> None:
    async def receiving() -> None:
        push = Push(KNOWN.get)
        answers = push.follow()
        waiting = asyncio.ensure_future(anext(answers))
        await push.start()
        port = push.port
        async with ClientSession() as session:
            async with session.post(f"http://{HOST}:{port}/", data=b'{"user":"ann"}') as answer:
                assert answer.status == 204
            assert await waiting == {ANN}
            waiting = asyncio.ensure_future(anext(answers))
            await asyncio.sleep(0)
            await push.close()
            with pytest.raises(StopAsyncIteration):
                await waiting
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(HOST, port)
        assert [touched async for touched in push.follow()] == []
        await push.close()

    run(receiving())


def test_a_port_that_is_taken_is_unavailable_until_it_is_free() -> None:
    async def receiving() -> None:
        with socket.socket() as other:
            other.bind((HOST, 0))
            other.listen()
            push = Push(KNOWN.get, port=other.getsockname()[1])
            for _ in range(2):
                with pytest.raises(Unavailable, match=f"{HOST}:{push.port}"):
                    await anext(push.follow())
        await push.start()
        await push.start()
        await push.close()

    run(receiving())


def test_it_speaks_tls(tmp_path: Path) -> None:
    made = certificate(tmp_path / "tls")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(made.certificate, made.key)

    async def receiving() -> None:
        push = Push(KNOWN.get, token=TOKEN, tls=context)
        await push.start()
        trust = ssl.create_default_context(cafile=made.authority)
        url = f"https://{HOST}:{push.port}/{TOKEN}"
        async with (
            ClientSession(connector=TCPConnector(ssl=trust)) as session,
            session.post(url, data=b'{"user":"ann"}') as answer,
        ):
            assert answer.status == 204
        assert await anext(push.follow()) == {ANN}
        await push.close()

    run(receiving())


needs_dovecot = pytest.mark.skipif(not PROGRAM, reason="dovecot is not installed")
LETTER = b"From: a@example.net\r\nMessage-ID: <real@example.net>\r\n\r\nx\r\n"


@needs_dovecot
def test_dovecot_as_documented_tells_of_deliveries_and_changes() -> None:
    async def doing(push: Push, _: Sender) -> None:
        answers = push.follow()
        with dovecot(extra=documented.exporting_to(push.port, TOKEN)) as server:
            await asyncio.to_thread(server.deliver, ["ann", "bob"], LETTER)
            assert await _until(answers, ANN, BOB) == {ANN, BOB}
            with server.client("ann") as client:
                client.select("INBOX")
                for change in (
                    lambda: client.uid("STORE", "1", "+FLAGS", "(\\Seen)"),
                    lambda: client.uid("COPY", "1", "Trash"),
                    lambda: client.append("INBOX", "", "", LETTER),
                    lambda: client.uid("MOVE", "1", "Junk"),
                    lambda: client.uid("STORE", "2", "+FLAGS", "(\\Deleted)"),
                    client.expunge,
                ):
                    answer, _data = await asyncio.to_thread(change)
                    assert answer == "OK"
                    assert await _until(answers, ANN) == {ANN}
            await asyncio.to_thread(server.doveadm, "expunge", "-u", "bob", "mailbox", "INBOX", "all")
            assert await _until(answers, BOB) >= {BOB}

    _with(doing)


class Hanging:
    """A receiver that takes connections and what is sent, and never answers until it is released."""

    def __init__(self) -> None:
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self._listener.settimeout(PATIENCE)
        self.asked = threading.Event()
        self.released = threading.Event()
        self._thread = threading.Thread(target=self._take)
        self._thread.start()

    def release(self) -> None:
        """Hang up."""
        self.released.set()
        self._thread.join(PATIENCE)
        self._listener.close()

    def _take(self) -> None:
        line, _ = self._listener.accept()
        with line:
            if line.recv(10).startswith(b"POST /"):
                self.asked.set()
            self.released.wait(PATIENCE)


@needs_dovecot
def test_a_hanging_receiver_delays_no_delivery() -> None:
    hanging = Hanging()
    try:
        lines = documented.exporting_to(hanging.port, TOKEN)
        assert "transport_timeout = 2s\n" in lines
        # So long that it is surely waiting for us all the time.
        with dovecot(extra=lines.replace("= 2s", "= 10min")) as server:
            server.deliver(["ann"], LETTER)
            assert hanging.asked.wait(PATIENCE)
            for _ in range(50):
                server.deliver(["ann", "bob"], LETTER)
            # All were confirmed while the first message about them was still without an answer.
            assert not hanging.released.is_set()
            with server.client("ann") as client:
                assert client.select("INBOX") == ("OK", [b"51"])
                assert client.uid("STORE", "1:*", "+FLAGS", "(\\Deleted)")[0] == "OK"
                assert client.expunge()[0] == "OK"
    finally:
        hanging.release()
