"""`clawback doctor`: what it looks at, what it says, and when it says NO."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.test_commands import run
from tests.engine.world import World
from tests.web.scripted_oidc import scripted


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLAWBACK_SETTINGS", str(tmp_path / "clawback.toml"))
    world = World(tmp_path, "")
    world.campaign(2)
    run("clawback", "init", "--root", "mail", "--layout", "{user}", "--domain", "example.org")
    return world


def checks(*, code: int = 0) -> dict[str, dict[str, object]]:
    """Every check by its name, from a run that ends with that code."""
    if code:
        run("clawback", "doctor", code=code)
        return {}
    return {check["check"]: check for check in json.loads(run("clawback", "doctor", "--json"))}


def test_it_says_how_each_source_will_act(world: World) -> None:
    found = checks()
    assert {name for name, check in found.items() if check["ok"] is False} == set()
    assert found["settings"]["seen"] == str(world.root / "clawback.toml")
    assert "schema version" in str(found["store"]["seen"])
    assert "GiB are free" in str(found["disk"]["seen"])
    said = run("clawback", "doctor")
    assert f"renames files below {world.root / 'mail'}" in said
    assert "same file system: yes" in said
    assert "exactly as they were" in said


def test_it_changes_nothing_in_any_mailbox(world: World) -> None:
    before = sorted(str(path) for path in (world.root / "mail").rglob("*")), world.snapshot()
    checks()
    assert (sorted(str(path) for path in (world.root / "mail").rglob("*")), world.snapshot()) == before


def test_an_excluded_mailbox_that_does_not_exist_is_told(world: World) -> None:
    run("clawback", "automation", "set", "--exclude", "user0@example.org")
    assert checks()["exclusions"]["ok"] is True
    run("clawback", "automation", "set", "--exclude", "soc@exampel.org")
    checks(code=1)


def test_mailboxes_of_a_domain_that_is_not_ours_are_told(world: World) -> None:
    settings = world.root / "clawback.toml"
    settings.write_text(settings.read_text().replace('domains = ["example.org"]', 'domains = ["other.org"]'))
    checks(code=1)


def test_an_identity_provider_is_asked_and_its_fault_is_told(world: World) -> None:
    secret = world.root / "secret"
    secret.write_text("x")
    secret.chmod(0o600)
    settings = world.root / "clawback.toml"
    before = settings.read_text()
    with scripted() as provider:
        oidc = f'[web.oidc]\nissuer = "{provider.issuer}"\nclient_id = "c"\nclient_secret_file = "secret"\n'
        settings.write_text(f"{before}\n{oidc}")
        assert checks()["OpenID Connect"]["seen"] == f"{provider.issuer} answers, and has keys"
        secret.chmod(0o644)
        checks(code=1)
        secret.chmod(0o600)
        provider.discovery = {"issuer": "https://evil.example"}
        checks(code=1)
    checks(code=1)


def test_a_root_that_is_not_there_is_told(world: World) -> None:
    (world.root / "mail").rename(world.root / "elsewhere")
    checks(code=1)
    with pytest.raises(AssertionError, match="cannot be looked into"):
        run("clawback", "doctor")
