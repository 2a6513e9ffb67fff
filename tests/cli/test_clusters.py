"""A cluster as people see it: scores, what is below its line, and how it is cut again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.test_commands import run
from tests.engine.world import World, mail

BASE = "https://login.evil.example/claim/{}/now"
TOKENS = ("8f3a9b2c1d", "77aa88bb99", "1234567")


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of a URL's cluster with one member; two more messages have a link of the same shape."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLAWBACK_SETTINGS", str(tmp_path / "clawback.toml"))
    monkeypatch.setenv("COLUMNS", "240")
    world = World(tmp_path, "")
    for n, token in enumerate(TOKENS):
        raw = mail(n, f"See {BASE.format(token)}", subject=f"Note {n}")
        world.deliver("ann", "", raw=raw.replace(b"sender.example", f"sender{n}.example".encode()))
    run("clawback", "init", "--root", "mail", "--layout", "{user}", "--domain", "example.org")
    run("clawback", "ingest")
    run("clawback", "indicators", "add", BASE.format(TOKENS[0]))
    (found,) = json.loads(run("clawback", "clusters", "list", "--json"))
    return str(found["id"])


def test_what_is_below_the_line_is_told(cluster: str) -> None:
    said = run("clawback", "clusters", "show", cluster)
    assert "members: 1 malicious, 0 suspicious" in said
    assert "volume: 0 in the last day, 0 a day before that: no anomaly" in said
    assert "strictness 1: 2 more are below the line, the nearest at 0.50" in said
    assert f"clawback clusters recut {cluster} --strictness 0.50" in said
    whole = json.loads(run("clawback", "clusters", "show", cluster, "--json"))
    assert (whole["below"], whole["line"]) == (2, 1.0)
    assert [member["score"] for member in whole["candidates"]] == [0.5, 0.5]


def test_a_wider_cut_is_planned_anew(cluster: str) -> None:
    assert f"{cluster} cut again at 0.5: 3 messages, 0 below the line" in run(
        "clawback", "clusters", "recut", cluster, "--strictness", "0.5"
    )
    wider, narrow = json.loads(run("clawback", "actions", "list", "--json"))
    assert (narrow["status"], wider["status"], wider["tally"]["open"]) == ("cancelled", "pending", 3)
    assert "cut again at 0.5: 3 members" in run(
        "clawback", "investigations", "show", wider["investigation_id"]
    )
    assert "cluster_recut" in run("clawback", "audit", "list")


def test_what_was_approved_is_not_cut_again(cluster: str) -> None:
    (waiting,) = json.loads(run("clawback", "actions", "list", "--json"))
    run("clawback", "actions", "approve", waiting["id"])
    said = run("clawback", "clusters", "recut", cluster, "--strictness", "0.5", code=3)
    assert "not cut again" in said
