"""Acting on a selection from the command line: previewed, asked, ordered; and searches by any field."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.cli.test_commands import run
from tests.engine.world import URL, World

from clawback.cli.main import cli

ALL = ("--url", URL)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A few messages with a link that nobody has listed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLAWBACK_SETTINGS", str(tmp_path / "clawback.toml"))
    monkeypatch.setenv("COLUMNS", "240")
    made = World(tmp_path, "")
    made.campaign(3)
    run("clawback", "init", "--root", "mail", "--layout", "{user}", "--domain", "example.org")
    run("clawback", "ingest")
    return made


def test_it_says_what_would_happen_and_asks(world: World) -> None:
    before = world.snapshot()
    said = run("clawback", "messages", "remediate", "soft_delete", *ALL, "--dry-run")
    assert "Soft delete emails: 3 copies of 3 messages in 3 mailboxes" in said
    assert "now: 2 inbox, 1 other folder" in said
    refused = CliRunner().invoke(
        cli, ["messages", "remediate", "soft_delete", *ALL, "--note", "why"], input="n\n"
    )
    assert refused.exit_code == 1
    assert "Order it?" in refused.output
    assert json.loads(run("clawback", "actions", "list", "--json")) == []
    assert world.snapshot() == before


def test_it_is_ordered_approved_and_undone(world: World) -> None:
    before = world.snapshot()
    order = ("clawback", "messages", "remediate", "soft_delete", *ALL, "--note", "a phish", "--yes")
    said = run(*order, "--approve")
    assert "Soft delete emails, Completed" in said
    assert len(world.snapshot()) == 3
    (done,) = json.loads(run("clawback", "actions", "list", "--json"))
    run("clawback", "actions", "undo", done["id"])
    assert world.snapshot() == before
    waits = json.loads(run(*order, "--json"))
    assert [one["status"] for one in waits["actions"]] == ["pending"]


def test_scripts_are_not_asked_and_a_reason_is_needed(world: World) -> None:
    run("clawback", "messages", "remediate", "soft_delete", *ALL, "--json", code=2)
    run("clawback", "messages", "remediate", "soft_delete", *ALL, "--yes", code=2)
    run("clawback", "messages", "remediate", "soft_delete", "msg-0", "--yes", "--note", "why", code=2)
    seen = json.loads(run("clawback", "messages", "remediate", "soft_delete", *ALL, "--dry-run", "--json"))
    assert (seen["copies"], seen["undo"]) == (3, True)


def test_what_is_found_is_counted_and_exported(world: World, tmp_path: Path) -> None:
    found = json.loads(run("clawback", "messages", "list", *ALL, "--location", "inbox", "--json"))
    assert len(found) == 2
    (count,) = json.loads(run("clawback", "messages", "count", *ALL, "--json"))
    assert (count["kind"], count["count"]) == ("no_threats_found", 3)
    assert "3 messages written" in run("clawback", "messages", "export", *ALL, "found.csv")
    table = (tmp_path / "found.csv").read_text("utf-8-sig")
    assert [row["Sender"] for row in csv.DictReader(table.splitlines())] == ["desk@sender.example"] * 3
