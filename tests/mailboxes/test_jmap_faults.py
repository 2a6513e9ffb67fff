"""Whatever a JMAP server does wrong has a name: by a real Cyrus, and somebody in between who lies."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

import msgspec
import pytest
from aiohttp import web
from tests.mailboxes.jmap_between import Stage, stage
from tests.mailboxes.jmap_world import JmapWorld
from tests.servers.cyrus import Cyrus, cyrus
from tests.servers.http_between import Asked

from clawback.errors import (
    BadSettings,
    CapabilityMissing,
    ClawbackError,
    Gone,
    HandleStale,
    LoginFailed,
    ProtocolViolation,
    ReadOnly,
    Throttled,
    Unavailable,
)
from clawback.mailboxes.base import Move
from clawback.mailboxes.jmap import JmapConnector, Login
from clawback.message.delivery import Observed
from clawback.testing.connector_contract import ANN, DATE, FLAGS, INBOX, mail, only, run, wanted

Answer = Callable[[Asked], web.StreamResponse | bytes | None]


@pytest.fixture(scope="module")
def server() -> Iterator[Cyrus]:
    with cyrus() as running:
        yield running


@pytest.fixture
def world(server: Cyrus) -> JmapWorld:
    world = JmapWorld(server)
    world.deliver(ANN, mail("one"), INBOX, FLAGS, DATE)
    return world


@pytest.fixture
def on(world: JmapWorld) -> Iterator[Stage]:
    with stage(world) as made:
        yield made


def status(code: int, **headers: str) -> Answer:
    """Refuse every JMAP request."""

    def answer(asked: Asked) -> web.StreamResponse | None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=code, headers=named, text="{}") if asked.calls else None

    return answer


def problem(asked: Asked) -> web.StreamResponse | None:
    """The server's way to name a limit (RFC 8620, section 3.6.1)."""
    said = b'{"type":"urn:ietf:params:jmap:error:limit","limit":"maxConcurrentRequests","status":400}'
    return (
        web.Response(status=400, body=said, content_type="application/problem+json") if asked.calls else None
    )


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (status(500), Unavailable),
        (status(502), Unavailable),
        (status(503), Unavailable),
        (status(503, Retry_After="7"), Throttled),
        (status(429), Throttled),
        (status(429, Retry_After="soon"), Throttled),
        (status(401), LoginFailed),
        (status(403), LoginFailed),
        (status(400), ProtocolViolation),
        (status(302, Location="https://192.0.2.1/"), ProtocolViolation),
        (status(204), ProtocolViolation),
        (problem, Throttled),
    ],
)
def test_a_refusal_of_everything_is_raised_and_nothing_is_moved(
    on: Stage, answer: Answer, error: type[ClawbackError]
) -> None:
    copy, before = only(on.connector, ANN), on.world.state(ANN)
    on.between.interfere = answer
    for work in (
        on.connector.move([Move(copy.handle, "Junk")]),
        on.connector.find([wanted(copy, mail("one"))]),
        on.connector.fetch([copy.handle]),
        on.connector.list(ANN, {}),
    ):
        with pytest.raises(error):
            run(work)
    assert on.world.state(ANN) == before


def test_the_server_says_how_long_to_wait(on: Stage) -> None:
    only(on.connector, ANN)
    for text, least, most in (("7", 7, 7), ("999999999", 3600, 3600), ("-3", 1, 60), ("", 1, 60)):
        on.between.interfere = status(429, Retry_After=text)
        with pytest.raises(Throttled) as raised:
            run(on.connector.list(ANN, {}))
        assert least <= raised.value.after <= most
    soon = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 600))
    on.between.interfere = status(429, Retry_After=soon)
    with pytest.raises(Throttled) as raised:
        run(on.connector.list(ANN, {}))
    assert 0 < raised.value.after <= 601


def method_error(kind: str, method: str) -> Callable[[Asked, bytes], bytes]:
    """Let every call of a method fail."""

    def alter(asked: Asked, content: bytes) -> bytes:
        if method not in asked.calls:
            return content
        answer = msgspec.json.decode(content)
        answer["methodResponses"] = [
            ["error", {"type": kind}, tag] if name == method else [name, arguments, tag]
            for name, arguments, tag in answer["methodResponses"]
        ]
        return msgspec.json.encode(answer)

    return alter


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("serverUnavailable", Unavailable),
        ("serverFail", Unavailable),
        ("serverPartialFail", Unavailable),
        ("accountNotFound", Gone),
        ("accountReadOnly", ReadOnly),
        ("forbidden", ReadOnly),
        ("rateLimit", Throttled),
        ("unknownMethod", ProtocolViolation),
        ("what\x1b[31m is this" * 1000, ProtocolViolation),
    ],
)
def test_a_call_that_fails_is_the_answer_for_its_copies(
    on: Stage, kind: str, error: type[ClawbackError]
) -> None:
    copy = only(on.connector, ANN)
    on.between.alter = method_error(kind, "Email/get")
    for answers in (
        run(on.connector.move([Move(copy.handle, "Junk")])),
        run(on.connector.delete([copy.handle])),
        run(on.connector.fetch([copy.handle])),
        run(on.connector.find([wanted(copy, mail("one"))])),
    ):
        (answer,) = answers
        assert isinstance(answer, error)
        assert len(str(answer)) < 300
        assert str(answer).isprintable()


def test_a_change_that_may_have_been_done_although_its_answer_is_lost_is_not_told_as_done(on: Stage) -> None:
    copy = only(on.connector, ANN)
    on.between.alter = lambda asked, content: (
        content[: len(content) // 2] if "Email/set" in asked.calls else content
    )
    (answer,) = run(on.connector.move([Move(copy.handle, "Junk")]))
    assert isinstance(answer, ProtocolViolation)
    on.between.alter = lambda asked, content: content
    (there,) = run(on.connector.find([wanted(copy, mail("one"))]))
    assert isinstance(there, tuple)
    assert [place.handle.folder for place in there] == ["Junk"]


def test_a_server_that_says_done_and_does_nothing_is_not_believed(on: Stage) -> None:
    copy = only(on.connector, ANN)

    def interfere(asked: Asked) -> web.StreamResponse | bytes | None:
        if "Email/set" not in asked.calls:
            return None
        return _did_it(copy.handle.native_id.partition(".")[0], seen[-1])

    seen: list[bytes] = []

    def remember(asked: Asked, content: bytes) -> bytes:
        for name, arguments, _ in msgspec.json.decode(content)["methodResponses"] if asked.calls else ():
            if name == "Email/get":
                seen.append(msgspec.json.encode(arguments))
        return content

    on.between.alter = remember
    assert only(on.connector, ANN) == copy
    on.between.interfere = interfere
    (answer,) = run(on.connector.move([Move(copy.handle, "Quarantine")]))
    assert isinstance(answer, HandleStale)
    assert only(on.connector, ANN) == copy


def _did_it(email: str, before: bytes) -> bytes:
    done = b'{"updated":{"%s":null}}' % email.encode()
    return b'{"methodResponses":[["Email/set",%s,"0.0"],["Email/get",%s,"0.1"]]}' % (done, before)


@pytest.mark.parametrize(
    "lie",
    [
        b"",
        b"null",
        b"[]",
        b'{"methodResponses":{}}',
        b'{"methodResponses":[]}',
        b'{"methodResponses":[["Email/get"]]}',
        b'{"methodResponses":[["error",{},"0.0"],["error",{},"0.1"]]}',
        b'{"methodResponses":[["Mailbox/get",{"state":"1","list":[]},"0.0"]]}',
        b'{"methodResponses":[["Email/get",{"state":1,"list":[]},"0.0"]]}',
        b'{"methodResponses":[["Email/get",{"state":"1","list":[{"id":"M1/../x"}]},"0.0"]]}',
        b'{"methodResponses":[["Email/get",{"state":"1","list":[{"id":"M1","blobId":"G1",'
        b'"mailboxIds":{"a/b":true},"keywords":{},"size":1,"receivedAt":"2024-01-01T00:00:00Z"}]},"0.0"]]}',
        b'{"methodResponses":[["Email/get",{"state":"1","list":[{"id":"M1","blobId":"G1",'
        b'"mailboxIds":{"a":true},"keywords":{},"size":-1,"receivedAt":"2024-01-01T00:00:00Z"}]},"0.0"]]}',
        b'{"methodResponses":[["Email/get",{"state":"1","list":[{"id":"M1","blobId":"G1",'
        b'"mailboxIds":{"a":true},"keywords":{},"size":1,"receivedAt":"yesterday"}]},"0.0"]]}',
        b'{"a":' * 100_000,
        b'"' + b"x" * 1_000_000,
        b"\xff\xfe",
    ],
)
def test_what_is_no_jmap_is_a_violation(on: Stage, lie: bytes) -> None:
    copy, before = only(on.connector, ANN), on.world.state(ANN)
    on.between.interfere = lambda asked: lie if asked.calls else None
    for work in (
        on.connector.fetch([copy.handle, copy.handle]),
        on.connector.move([Move(copy.handle, "Junk")]),
        on.connector.delete([copy.handle]),
        on.connector.find([wanted(copy, mail("one"))]),
    ):
        try:
            answers = run(work)
        except ProtocolViolation:
            continue
        assert all(isinstance(answer, ProtocolViolation) for answer in answers), answers
    with pytest.raises(ProtocolViolation):
        run(on.connector.list(ANN, {}))
    assert on.world.state(ANN) == before


@pytest.mark.parametrize("lie", [b"", b"{}", b'{"accounts":7}', b"<html>hello</html>"])
def test_what_is_no_session_is_a_violation(on: Stage, lie: bytes) -> None:
    on.between.interfere = lambda asked: None if asked.calls else lie
    with pytest.raises(ProtocolViolation):
        run(on.connector.mailboxes())


def download(answer: web.StreamResponse | bytes) -> Answer:
    """Answer every request for a blob."""
    return lambda asked: answer if "/download/" in asked.path else None


def test_a_blob_that_is_shorter_or_longer_than_the_message_is_a_violation(on: Stage) -> None:
    copy = only(on.connector, ANN)
    for lie in (b"short", b"long" * 1000):
        on.between.interfere = download(lie)
        (answer,) = run(on.connector.fetch([copy.handle]))
        assert isinstance(answer, ProtocolViolation)
    on.between.interfere = download(web.Response(status=404))
    (answer,) = run(on.connector.fetch([copy.handle]))
    assert isinstance(answer, HandleStale)


def test_a_message_over_the_limit_is_not_fetched(world: JmapWorld) -> None:
    with stage(world, largest=100) as on:
        (answer,) = run(on.connector.fetch([only(on.connector, ANN).handle]))
        assert isinstance(answer, CapabilityMissing)
        assert not [asked for asked in on.between.asked if "/download/" in asked.path]


def test_a_server_that_is_down_is_unavailable_and_then_works_again(server: Cyrus, world: JmapWorld) -> None:
    connector = JmapConnector("jmap", world.jmap_options())
    try:
        copy = only(connector, ANN)
        server.kill()
        for work in (
            connector.move([Move(copy.handle, "Junk")]),
            connector.list(ANN, {}),
            connector.mailboxes(),
        ):
            with pytest.raises(Unavailable):
                run(work)
        server.start()
        (answer,) = run(connector.move([Move(copy.handle, "Junk")]))
        assert isinstance(answer, Observed)
    finally:
        run(connector.close())


def test_a_server_that_does_not_answer_in_time_is_unavailable(world: JmapWorld) -> None:
    with stage(world) as on:
        copy = only(on.connector, ANN)
        slow = JmapConnector("jmap", world.jmap_options(url=on.between.url, timeout=0.001))
        try:
            with pytest.raises(Unavailable):
                run(slow.fetch([copy.handle]))
        finally:
            run(slow.close())


def test_a_wrong_password_is_a_failed_login_and_a_new_one_is_read_when_the_old_is_refused(
    server: Cyrus, world: JmapWorld
) -> None:
    secrets = ["wrong", "wrong", server.admin_password, "never read"]
    connector = JmapConnector("jmap", world.jmap_options(login=Login(server.admin, lambda: secrets.pop(0))))
    try:
        with pytest.raises(LoginFailed):
            run(connector.mailboxes())
        copy = only(connector, ANN)
        assert secrets == ["never read"]
        assert copy.handle.mailbox == ANN
    finally:
        run(connector.close())


def test_a_token_is_sent_as_a_bearer_and_nothing_else_is(world: JmapWorld) -> None:
    for token, error in (("tok.en", LoginFailed), ("new\nline", BadSettings), ("ü", BadSettings)):
        with stage(world, login=Login("", partial(str, token))) as on:
            with pytest.raises(error):
                run(on.connector.mailboxes())
            sent = {asked.authorization for asked in on.between.asked}
            assert sent == ({"Bearer tok.en"} if error is LoginFailed else set())


@pytest.mark.parametrize("url", ["http://mail.example.org/", "ftp://127.0.0.1/", "nonsense", "//x", ""])
def test_a_url_that_all_could_read_is_refused(world: JmapWorld, url: str) -> None:
    with pytest.raises(BadSettings):
        JmapConnector("jmap", world.jmap_options(url=url))


def test_plain_http_to_another_host_has_to_be_allowed(world: JmapWorld) -> None:
    JmapConnector("jmap", world.jmap_options(url="http://mail.example.org/", insecure=True))


def api_at(url: str) -> Callable[[Asked, bytes], bytes]:
    """Let the session name another place for requests."""
    return lambda asked, content: content.replace(b'"/jmap/"', f'"{url}"'.encode())


def test_a_session_cannot_send_our_secret_elsewhere(on: Stage) -> None:
    on.between.interfere = lambda asked: web.Response(status=301, headers={"Location": "https://192.0.2.1/"})
    with pytest.raises(LoginFailed, match=r"192\.0\.2\.1"):
        run(on.connector.mailboxes())
    on.between.interfere = lambda asked: web.Response(status=301, headers={"Location": "/again"})
    with pytest.raises(ProtocolViolation, match="circles"):
        run(on.connector.mailboxes())
    on.between.interfere = lambda asked: None
    for api in ("http://192.0.2.1/jmap/", "ftp://192.0.2.1/"):
        on.between.alter = api_at(api)
        with pytest.raises(BadSettings, match=r"192\.0\.2\.1"):
            run(on.connector.mailboxes())


def test_certificates_are_checked() -> None:
    with cyrus(tls=True) as server:
        world = JmapWorld(server)
        options = world.jmap_options(url=server.secure_jmap_url, ca_file=server.ca_file)
        connector = JmapConnector("jmap", options)
        try:
            assert ANN in run(connector.mailboxes())
            assert any(f"the authority {server.ca_file}" in said for said in run(connector.describe()))
        finally:
            run(connector.close())
        for ca_file, error in ((None, LoginFailed), (server.ca_file.parent / "missing", BadSettings)):
            connector = JmapConnector("jmap", world.jmap_options(url=server.secure_jmap_url, ca_file=ca_file))
            try:
                with pytest.raises(error):
                    run(connector.mailboxes())
            finally:
                run(connector.close())
