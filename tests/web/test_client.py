"""The command line asks and orders of a clawback on another machine."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.web.desk import Desk

from clawback.cli.main import cli
from clawback.cli.session import finish
from clawback.client import Client, Listed, token_in
from clawback.errors import BadParameter, BadSettings, Forbidden, NotFound, PlanStale, Unavailable
from clawback.response.people import Role
from clawback.response.plan import Remediation


def address(desk: Desk) -> str:
    return str(desk.client.base_url).rstrip("/")


def client(desk: Desk, role: Role = Role.APPROVER) -> Client:
    return Client(address(desk), desk.tokens[role.value])


def run(desk: Desk, folder: Path, *words: str) -> Result:
    file = folder / "token"
    file.write_text(desk.tokens["approver"] + "\n")
    command = ["--server", address(desk), "--token-file", str(file), *words]
    return CliRunner().invoke(cli, command)


def test_what_waits_is_seen_approved_and_undone_from_afar(desk: Desk, tmp_path: Path) -> None:
    shown = run(desk, tmp_path, "investigations", "list")
    assert "Pending Action" in shown.output
    (one,) = json.loads(run(desk, tmp_path, "investigations", "list", "--json").output)
    assert "Pending Action" in run(desk, tmp_path, "investigations", "show", one["id"]).output
    (waiting,) = json.loads(run(desk, tmp_path, "actions", "list", "--pending", "--json").output)
    stale = run(desk, tmp_path, "actions", "approve", waiting["id"], "--plan-hash", "0" * 64)
    assert isinstance(stale.exception, PlanStale)
    assert "Waiting on resource" in run(desk, tmp_path, "actions", "approve", waiting["id"]).output
    finish(desk.app)
    assert isinstance(run(desk, tmp_path, "actions", "reject", waiting["id"]).exception, PlanStale)
    assert "Undo" in run(desk, tmp_path, "actions", "undo", waiting["id"], "--note", "no").output
    finish(desk.app)
    (back, _) = client(desk).get("/api/actions", Listed[Remediation]).items
    assert (back.undoes, back.tally.removed) == (waiting["id"], 3)


def test_a_command_that_cannot_be_asked_elsewhere_is_not_done_here(shared_desk: Desk, tmp_path: Path) -> None:
    for words in (["automation", "set", "--on", "all"], ["ingest"], ["actions", "disarm", "rem-1"]):
        refused = run(shared_desk, tmp_path, *words)
        assert refused.exit_code == 2
        assert not list(tmp_path.glob("data*"))
    half = CliRunner().invoke(cli, ["--server", address(shared_desk), "actions", "list"])
    assert (half.exit_code, "go together" in half.output) == (2, True)
    assert run(shared_desk, tmp_path, "actions", "approve", "../../x").exit_code == 2


def test_errors_from_afar_are_those_of_here(shared_desk: Desk) -> None:
    with pytest.raises(NotFound, match="there is no remediation rem-0"):
        client(shared_desk).get("/api/actions/rem-0", dict)
    with pytest.raises(Forbidden):
        client(shared_desk, Role.READER).post("/api/actions/rem-0/undo", Remediation, {})
    with pytest.raises(Forbidden):
        Client(address(shared_desk), "clb_unknown").get("/api/actions", dict)
    with pytest.raises(BadParameter):
        client(shared_desk).get("/api/actions", dict, {"cursor": "nonsense"})
    with pytest.raises(BadSettings):
        client(shared_desk).get("/sign-in", dict)


@pytest.mark.parametrize(
    "server",
    ["http://clawback.example.org", "ftp://127.0.0.1", "file:///etc/passwd", "127.0.0.1:1", "https://"],
)
def test_a_token_is_not_sent_where_others_can_read_it(server: str) -> None:
    with pytest.raises(BadParameter):
        Client(server, "clb_x")


def test_nobody_there_is_said() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(Unavailable):
            Client(f"http://127.0.0.1:{unused.getsockname()[1]}", "clb_x").get("/api/actions", dict)


@contextmanager
def redirecting(to: str) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", to)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_redirect_takes_the_token_nowhere(shared_desk: Desk) -> None:
    with redirecting(f"{address(shared_desk)}/api/actions") as server, pytest.raises(Unavailable):
        Client(server, shared_desk.tokens["approver"]).get("/api/actions", dict)


def test_a_token_file_holds_one_token(tmp_path: Path) -> None:
    file = tmp_path / "token"
    for text in ("", "two words", "x\ny"):
        file.write_text(text)
        with pytest.raises(BadSettings):
            token_in(file)
    with pytest.raises(BadSettings):
        token_in(tmp_path / "missing")
    file.write_text(" clb_x \n")
    assert token_in(file) == "clb_x"
