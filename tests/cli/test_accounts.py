"""Accounts and tokens from the command line, and the portal that they open: alone, and beside the watch."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from tests.cli.running import PROGRAM, program
from tests.cli.test_commands import run
from tests.engine.world import World

from clawback.cli.main import cli


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLAWBACK_SETTINGS", str(tmp_path / "clawback.toml"))
    world = World(tmp_path, "")
    world.campaign(2)
    run("clawback", "init", "--root", "mail", "--layout", "{user}")
    with (tmp_path / "clawback.toml").open("a") as settings:
        settings.write("\n[web]\nport = 0\n")
    return world


def status(address: str, token: str = "") -> int:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(f"{address}/api/air/investigations", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def address_in(line: str) -> str:
    return line[line.index("http://") :].strip()


def test_accounts_are_made_listed_and_changed(world: World) -> None:
    made = run("clawback", "accounts", "add", "Ann", "--role", "analyst")
    assert re.search(r"password: [a-z2-9-]{27} \(shown this once\)", made)
    run("clawback", "accounts", "add", "ann", "--role", "reader", code=2)
    run("clawback", "accounts", "set", "ann", "--role", "approver", "--content")
    (ann,) = json.loads(run("clawback", "accounts", "list", "--json"))
    assert (ann["name"], ann["role"], ann["content"], ann["disabled"]) == ("ann", "approver", True, False)
    assert "otpauth://totp/" in run("clawback", "accounts", "totp", "ann")
    assert "no code" in run("clawback", "accounts", "totp", "ann", "--off")
    assert "password: " in run("clawback", "accounts", "password", "ann")
    run("clawback", "accounts", "disable", "ann")
    assert "disabled" in run("clawback", "accounts", "list")
    run("clawback", "accounts", "enable", "ann")
    types = [row["type"] for row in json.loads(run("clawback", "audit", "list", "--json"))]
    assert types == ["account_added", *["account_changed"] * 6]


def test_tokens_are_made_listed_and_revoked(world: World) -> None:
    run("clawback", "accounts", "add", "ann", "--role", "reader")
    made = json.loads(run("clawback", "tokens", "new", "ann", "--scope", "read", "--days", "3", "--json"))
    assert made["secret"].startswith("clb_")
    run("clawback", "tokens", "new", "ann", "--scope", "approve", code=2)
    listed = run("clawback", "tokens", "list")
    assert made["token"]["id"] in listed
    assert made["secret"] not in listed
    run("clawback", "tokens", "revoke", made["token"]["id"])
    (token,) = json.loads(run("clawback", "tokens", "list", "--account", "ann", "--json"))
    assert token["revoked_at"]


def test_serve_tells_the_first_login_once_and_answers(world: World) -> None:
    with program("serve") as running:
        assert "sign in as admin with the password" in running.until("first start")
        address = address_in(running.until("portal and API at"))
        secret = json.loads(run("clawback", "tokens", "new", "admin", "--json"))["secret"]
        assert (status(address), status(address, secret)) == (401, 200)
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(60) == 0
    with program("serve") as running:
        assert "portal and API at" in running.until("")


def test_up_serves_the_portal_and_ends_it_with_itself(world: World) -> None:
    with program("up") as running:
        address = address_in(running.until("portal and API at"))
        assert status(address) == 401
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(60) == 0
    with pytest.raises(urllib.error.URLError):
        status(address)


def test_a_portal_whose_parent_was_killed_ends_too(world: World) -> None:
    with program("up") as running:
        address = address_in(running.until("portal and API at"))
        running.process.kill()
        running.process.wait(60)
        while True:
            try:
                assert status(address) == 401
            except (urllib.error.URLError, ConnectionError):
                break


def test_a_port_that_is_taken_is_said_in_one_sentence(world: World, tmp_path: Path) -> None:
    with program("serve") as running:
        port = address_in(running.until("portal and API at")).rpartition(":")[2]
        text = (tmp_path / "clawback.toml").read_text().replace("port = 0", f"port = {port}")
        (tmp_path / "other.toml").write_text(text)
        command = [str(PROGRAM), "--settings", "other.toml", "serve"]
        second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode == 2
    assert "cannot listen" in second.stderr
    assert second.stderr.count("\n") == 1


def test_an_address_open_to_others_needs_tls_or_a_proxy(world: World, tmp_path: Path) -> None:
    with (tmp_path / "clawback.toml").open("a") as settings:
        settings.write('host = "0.0.0.0"\n')
    done = subprocess.run([PROGRAM, "serve"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "web.certificate" in done.stderr


def test_the_command_line_alone_has_no_portal_to_start(world: World) -> None:
    from click.testing import CliRunner

    result = CliRunner().invoke(cli, ["serve"])
    assert "by the program" in str(result.exception)
