"""`clawback actions show`: failures by cause, and undos of a part by name."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.cli.test_commands import run
from tests.engine.refusing import Refusing
from tests.engine.world import URL, World, actions

from clawback import app, settings
from clawback.cli.session import finish
from clawback.engine import commands
from clawback.errors import LoginFailed


def test_failures_and_partial_undos_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLAWBACK_SETTINGS", str(tmp_path / "clawback.toml"))
    World(tmp_path, "").campaign(6)
    run("clawback", "init", "--root", "mail", "--layout", "{user}")
    run("clawback", "ingest")
    run("clawback", "indicators", "add", URL)
    with app.build(settings.load(tmp_path / "clawback.toml"), inline=True) as built:
        (waiting,) = actions(built)
        commands.approve(built.parts, waiting.id, "ann", plan_hash=waiting.plan_hash)
        _work(built, "user0")
        commands.undo(built.parts, waiting.id, "ann")
        _work(built, "user1")
        undo, done = actions(built)
    shown = run("clawback", "actions", "show", done.id)
    assert f"{done.tally.failed} permission" in shown
    assert f"{undo.id} put {undo.tally.removed} of {done.tally.removed} copies back, 1 could not be" in shown
    plain = json.loads(run("clawback", "actions", "show", done.id, "--json"))
    assert plain["classes"][0]["key"] == "failed.permission"
    assert plain["undos"] == [
        f"{undo.id} put {undo.tally.removed} of {done.tally.removed} copies back, 1 could not be"
    ]


def _work(built: app.App, refused: str) -> None:
    """Work where one mailbox does not let us in."""
    (name,) = built.parts.connectors
    real = built.parts.connectors[name]
    (mailbox,) = {m for m in built.run(lambda _: real.mailboxes()) if m.startswith(refused)}
    sources = {name: Refusing(real, {mailbox: LoginFailed("no entry")})}
    finish(replace(built, parts=replace(built.parts, connectors=sources)))
