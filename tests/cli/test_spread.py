"""What moved on, as people see it: in a cluster, in an investigation, in an export, and how to take it up."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from tests.cli.test_commands import run
from tests.engine.world import World
from tests.response.test_spread import attached, letter

PHISH = letter(1)
FORWARD = attached(2, PHISH, sender="ann@example.org", to="ben@example.org, dan@partner.example")


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A sender's mail was removed; a forward of it is in two mailboxes, and with a partner."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLAWBACK_SETTINGS", str(tmp_path / "clawback.toml"))
    monkeypatch.setenv("COLUMNS", "240")
    world = World(tmp_path, "")
    world.deliver("ann", "", raw=PHISH)
    world.deliver("ann", "", raw=FORWARD, folder=".Sent", flags="S")
    world.deliver("ben", "", raw=FORWARD)
    world.deliver("cat", "minutes")
    run("clawback", "init", "--root", "mail", "--layout", "{user}", "--domain", "example.org")
    run("clawback", "ingest")
    run("clawback", "indicators", "add", "eve@bad.example")
    (waiting,) = json.loads(run("clawback", "actions", "list", "--json"))
    run("clawback", "actions", "approve", waiting["id"])
    return world


def cluster() -> str:
    (found,) = json.loads(run("clawback", "clusters", "list", "--json"))
    return str(found["id"])


def test_a_cluster_shows_how_its_copies_came_and_what_moved_on(world: World) -> None:
    said = run("clawback", "clusters", "show", cluster())
    assert "original" in said
    assert "Cannot be called back: dan@partner.example (by ann@example.org)" in said
    assert "This is a forward as attachment of msg-" in said
    assert f"clawback actions propose {cluster()}" in said
    whole = json.loads(run("clawback", "clusters", "show", cluster(), "--json"))
    assert whole["id"] == cluster()
    (offer,) = whole["spread"]["offers"]
    assert sorted(copy["way"] for copy in offer["copies"]) == ["forward as attachment", "sent copy"]


def test_an_investigation_offers_it_too(world: World) -> None:
    (found,) = json.loads(run("clawback", "investigations", "list", "--json"))
    said = run("clawback", "investigations", "show", found["id"])
    assert "not touched unless you say so" in said
    whole = json.loads(run("clawback", "investigations", "show", found["id"], "--json"))
    assert [len(offers) for offers in whole["offers"].values()] == [1]


def test_it_is_proposed_and_approved(world: World) -> None:
    before = world.snapshot()
    said = run("clawback", "actions", "propose", cluster())
    assert "found 2" in said
    assert world.snapshot() == before
    (waiting,) = json.loads(run("clawback", "actions", "list", "--pending", "--json"))
    assert f"clawback actions approve {waiting['id']}" in said
    run("clawback", "actions", "approve", waiting["id"])
    assert len(world.snapshot()) == 1
    assert "not touched unless" not in run("clawback", "clusters", "show", cluster())
    assert "nothing in a mailbox has moved on" in run("clawback", "actions", "propose", cluster(), code=2)


def test_only_what_is_offered_can_be_proposed(world: World) -> None:
    assert "is not offered" in run("clawback", "actions", "propose", cluster(), "--message", "msg-0", code=2)
    said = run("clawback", "actions", "propose", cluster(), "--no-wait")
    assert said == "1 messages will be planned for\n"


def test_the_export_names_it(world: World) -> None:
    run("clawback", "clusters", "export", cluster(), "report.csv")
    with Path("report.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["way"] for row in rows) == ["forward as attachment", "original", "sent copy"]
    assert {row["cannot_be_called_back"] for row in rows if row["membership"] == "offered"} == {
        "dan@partner.example"
    }
