"""What somebody may try against the program as it runs: slowly, hugely, deeply, many at once."""

from __future__ import annotations

import gzip
import json
import socket
import urllib.parse
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from tests.cli.running import program
from tests.cli.test_commands import run
from tests.engine.world import World

from clawback.web.border import MOST_BYTES, MOST_FORM_BYTES
from clawback.web.events import MOST_OF_ACCOUNT
from clawback.web.patience import HEAD_SECONDS

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Served:
    """A `clawback serve` that runs: its address, and tokens of two accounts."""

    client: httpx.Client
    port: int
    admin: str
    reader: str
    password: str

    def by(self, token: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def open(self, text: str) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), HEAD_SECONDS * 4)
        connection.sendall(text.replace("\n", "\r\n").encode())
        return connection


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with settings and mail, which is where we stand until the end of this file."""
    root = tmp_path_factory.mktemp("served")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("CLAWBACK_SETTINGS", str(root / "clawback.toml"))
        World(root, "").campaign(2)
        run("clawback", "init", "--root", "mail", "--layout", "{user}")
        with (root / "clawback.toml").open("a") as settings:
            settings.write("\n[web]\nport = 0\n")
        yield root


@pytest.fixture(scope="module")
def served(world: Path) -> Iterator[Served]:
    with program("serve") as running:
        address = running.until("portal and API at").rpartition(" ")[2].strip()
        password = run("clawback", "accounts", "add", "ann", "--role", "administrator").split("password: ")[1]
        run("clawback", "accounts", "add", "rita", "--role", "reader")
        admin, reader = (
            json.loads(run("clawback", "tokens", "new", name, "--json"))["secret"] for name in ("ann", "rita")
        )
        with httpx.Client(base_url=address, timeout=60) as client:
            port = int(address.rpartition(":")[2])
            yield Served(client, port, admin, reader, password.split()[0])


def is_well(served: Served) -> bool:
    return served.client.get("/api/session", headers=served.by(served.reader)).status_code == 200


def test_nothing_secret_stands_in_what_the_program_said(world: Path) -> None:
    with program("serve") as running:
        password = running.until("first start").partition("password ")[2].split()[0]
        address = running.until("portal and API at").rpartition(" ")[2].strip()
        token = json.loads(run("clawback", "tokens", "new", "admin", "--json"))["secret"]
        with httpx.Client(base_url=address, timeout=60) as client:
            by = {"Authorization": f"Bearer {token}"}
            assert client.get("/api/session", headers=by).status_code == 200
            form = {
                "name": "admin",
                "password": "my secret mistake",
                "code": "123456",
                "next": "/\nforged line",
            }
            assert client.post("/sign-in", data=form).status_code == 403
            signed_in = client.post("/sign-in", data={"name": "admin", "password": password})
            cookie = signed_in.headers["set-cookie"].partition("=")[2].partition(";")[0]
            client.get("/api/audit", headers={"Authorization": "Bearer clb_mistyped"})
            client.get("/nothing%0aforged line?token=clb_in_an_address")
            client.post("/api/indicators", content=b"[" * 100_000, headers=by)
        running.process.terminate()
        assert running.process.wait(60) == 0
        assert running.process.stderr
        said = running.process.stderr.read()
    for secret in (password, "my secret mistake", "clb_", cookie, "Traceback", "forged line"):
        assert secret not in said


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 200_000,
        b'{"a":' * 200_000 + b"1" + b"}" * 200_000,
        b'{"value":' + b"[" * 99_999 + b"]" * 99_999 + b"}",
        b'{"value":"a.example","confidence":' + b"9" * 1_000_000 + b"}",
        b'{"value":"a.example","confidence":1e999}',
        b'{"value":"https://a.example/\\ud800"}',
        b"\xff\xfe{}",
        b"null",
        b'"x"',
        b"[]",
    ],
)
def test_json_that_is_deep_huge_or_no_text_is_refused(served: Served, body: bytes) -> None:
    answer = served.client.post("/api/indicators", content=body, headers=served.by(served.admin))
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert is_well(served)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
def test_what_a_request_says_is_packed_is_not_unpacked(served: Served, encoding: str) -> None:
    bomb = gzip.compress(b'{"value":"https://bomb.example/x"}' + b" " * 10_000_000)
    headers = {**served.by(served.admin), "Content-Encoding": encoding}
    assert served.client.post("/api/indicators", content=bomb, headers=headers).status_code == 400


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/sign-in", b"a&" * 9_000),
        ("/sign-in", b"name=" + b"%41" * 7_000),
        ("/actions", b"a&" * MOST_FORM_BYTES),
        ("/api/indicators", b" " * (MOST_BYTES + 1)),
    ],
)
def test_a_form_that_would_hold_up_everybody_is_refused(served: Served, path: str, body: bytes) -> None:
    def blocks() -> Iterator[bytes]:
        yield body

    assert served.client.post(path, content=body, headers=FORM).status_code == 413
    if path == "/sign-in":  # nor without telling its length
        assert served.client.post(path, content=blocks(), headers=FORM).status_code == 413


def test_many_parts_of_a_form_of_parts_are_nothing(served: Served) -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\nx\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = served.client.post("/sign-in", content=part * 200 + b"--b--", headers=headers)
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "text",
    [
        "",
        "GET / HT",
        "GET / HTTP/1.1\nHost: 127.0.0.1\nX: ",
        "POST /sign-in HTTP/1.1\nHost: x\nContent-Length: 9\n\nna",
    ],
)
def test_whoever_is_slow_is_let_go(served: Served, text: str) -> None:
    with served.open(text) as connection:
        said = b""
        while block := connection.recv(65_536):  # it ends, or the socket's own time is over, which fails
            said += block
    assert said == b"" or said.startswith(b"HTTP/1.1 4")


def test_a_connection_that_was_answered_does_not_stay_by_dribbling(served: Served) -> None:
    head = "POST /api/indicators HTTP/1.1\nHost: 127.0.0.1\nContent-Length: 9000000\n\n"
    with served.open(head) as connection:
        assert connection.recv(12) == b"HTTP/1.1 401"
        connection.settimeout(1)
        for _ in range(int(HEAD_SECONDS) * 3):
            try:
                connection.sendall(b"x")
                if connection.recv(65_536) == b"":
                    return
            except TimeoutError:
                continue
            except ConnectionError:
                return
    pytest.fail("it is still there")


def test_one_account_takes_the_live_news_from_nobody(served: Served) -> None:
    head = f"GET /api/events HTTP/1.1\nHost: 127.0.0.1\nAuthorization: Bearer {served.reader}\n\n"
    with ExitStack() as stack:
        answers = []
        for _ in range(MOST_OF_ACCOUNT + 3):
            connection = stack.enter_context(served.open(head))
            answers.append(connection.recv(12))
            if answers[-1].endswith(b"200"):
                while b"tail of the audit log" not in connection.recv(65_536):
                    pass
        assert answers == [b"HTTP/1.1 200"] * MOST_OF_ACCOUNT + [b"HTTP/1.1 429"] * 3
        other = stack.enter_context(served.open(head.replace(served.reader, served.admin)))
        assert other.recv(12) == b"HTTP/1.1 200"


@pytest.mark.parametrize(
    "expression",
    [
        "(" * 1_900 + "a" + ")" * 1_900,
        " or ".join(["contains(title,'a')"] * 150),
        "not " * 900 + "true",
        "title eq '" + "''" * 1_900 + "'",
        "title eq '" + "\\" * 3_000,
        "-" * 3_999,
        "contains(" * 400,
    ],
)
def test_a_filter_made_to_be_dear_is_answered(served: Served, expression: str) -> None:
    asked = urllib.parse.quote(expression)
    answer = served.client.get(f"/api/air/investigations?$filter={asked}", headers=served.by(served.reader))
    assert answer.status_code in (200, 400)
    assert is_well(served)


def test_two_bodies_in_one_are_not_smuggled(served: Served) -> None:
    inner = "GET /api/smuggled HTTP/1.1\nHost: 127.0.0.1\n\n"
    head = "POST /sign-in HTTP/1.1\nHost: 127.0.0.1\nContent-Length: 6\nTransfer-Encoding: chunked\n\n0\n\n"
    with served.open(head + inner) as connection:
        said = b""
        while block := connection.recv(65_536):
            said += block
    assert said.count(b"HTTP/1.1 ") <= 2
    assert b"smuggled" not in said


def test_a_session_that_was_planted_is_not_taken_over(served: Served) -> None:
    planted = {"Cookie": "clawback=" + "a" * 43}
    form = {"name": "ann", "password": served.password}
    answer = served.client.post("/sign-in", data=form, headers=planted)
    assert answer.status_code == 303
    assert "a" * 43 not in answer.headers["set-cookie"]
    served.client.cookies.clear()
    assert served.client.get("/api/session", headers=planted).status_code == 401
