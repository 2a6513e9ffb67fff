"""Deciding as people do it: what waits and for whom, parts, two persons, reasons, looks, and the clock."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.cli.test_commands import records, run
from tests.engine.world import URL, World

from clawback.app import App, build
from clawback.cli.happenings import happenings
from clawback.engine import commands
from clawback.settings import find, load


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A campaign of four copies waits for a decision."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLAWBACK_SETTINGS", str(tmp_path / "clawback.toml"))
    monkeypatch.setenv("COLUMNS", "260")
    monkeypatch.setenv("SUDO_USER", "ann")
    world = World(tmp_path, "")
    world.campaign(4)
    run("clawback", "init", "--root", "mail", "--layout", "{user}", "--domain", "example.org")
    run("clawback", "ingest")
    run("clawback", "indicators", "add", URL)
    return world


def pending() -> dict[str, Any]:
    found = json.loads(run("clawback", "actions", "list", "--pending", "--json"))
    action: dict[str, Any] = found[0]
    return action


def test_two_persons_with_their_reasons(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    run("clawback", "automation", "set", "--two-step-copies", "2", "--justify", "true")
    action = pending()["id"]
    assert "--note" in run("clawback", "actions", "approve", action, code=2)
    said = run("clawback", "actions", "approve", action, "--note", "a phish")
    assert "Pending" in said
    assert "proposed by ann, waits for a second person" in said
    assert "proposed by ann, waits for a second person" in run("clawback", "actions", "list")
    assert "a phish" in run("clawback", "actions", "show", action)
    (record,) = records("Get-ActionCenterReport", "-Pending")
    assert record["ProposedBy"] == "ann"
    assert record["WaitsFor"] == "proposed by ann, waits for a second person"
    assert "second person" in run("clawback", "actions", "approve", action, "--note", "me again", code=2)
    monkeypatch.setenv("SUDO_USER", "ben")
    assert "removed 4" in run("clawback", "actions", "approve", action, "--note", "yes")
    shown = run("clawback", "actions", "show", action)
    assert "Proposed by" in shown
    assert "Decided by" in shown
    assert "--note" in run("Undo-AutomatedInvestigationAction", "-ActionId", action, code=2)
    (back,) = records("Undo-AutomatedInvestigationAction", "-ActionId", action, "-Comment", "a mistake")
    assert back["Removed"] == 4


def test_a_part_and_the_rest(world: World) -> None:
    whole = pending()
    plan = json.loads(run("clawback", "actions", "show", whole["id"], "--json"))["planned"]
    mailbox, message = plan[0]["handle"]["mailbox"], plan[-1]["message_id"]
    assert "with one ID" in run("clawback", "actions", "approve", "a", "b", "--mailbox", mailbox, code=2)
    assert "has no copy" in run("clawback", "actions", "approve", whole["id"], "--message", "msg-x", code=2)
    said = run("clawback", "actions", "approve", whole["id"], "--message", message)
    assert "removed 1" in said
    rest = pending()
    assert (rest["tally"]["open"], rest["part_of"]) == (3, whole["id"])
    assert "Part of" in run("clawback", "actions", "show", rest["id"])
    assert "parted: " in run("clawback", "actions", "show", whole["id"])
    run("clawback", "actions", "approve", rest["id"], "--except-mailbox", mailbox)
    assert {row["handle"]["mailbox"] for row in planned(pending()["id"])} == {mailbox}


def planned(action_id: str) -> list[dict[str, Any]]:
    shown = json.loads(run("clawback", "actions", "show", action_id, "--json"))
    rows: list[dict[str, Any]] = shown["planned"]
    return rows


def test_a_look_again_and_the_file_of_what_waits(world: World, tmp_path: Path) -> None:
    action = pending()["id"]
    assert "not since it was planned" in run("clawback", "actions", "show", action)
    first = planned(action)[0]
    (gone,) = Path("mail").rglob(f"{first['handle']['native_id']}*")
    gone.unlink()
    assert action in run("clawback", "actions", "refresh")
    assert "4 in mailboxes when it was planned, 3 now, 0 more beside it" in run(
        "clawback", "actions", "show", action
    )
    assert pending()["refreshed"]["places"]["in_mailbox"] == 3
    assert "1 actions written" in run("clawback", "actions", "export", str(tmp_path / "pending.csv"))
    with (tmp_path / "pending.csv").open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["Mailbox"], row["Mailbox now"], row["Waits for"]) == ("4", "3", "waits for approval")
    run("clawback", "actions", "reject", action, "--note", "a newsletter")
    assert "Nothing waits" in run("clawback", "actions", "refresh")
    shown = run("clawback", "actions", "show", action)
    assert "a newsletter" in shown
    assert "ann" in shown
    run("clawback", "actions", "export", str(tmp_path / "history.csv"), "--history")
    assert "a newsletter" in (tmp_path / "history.csv").read_text("utf-8-sig")
    assert "no remediation" in run("clawback", "actions", "refresh", "rem-x", code=2)


def test_what_expires_soon_is_told(world: World) -> None:
    run("clawback", "automation", "set", "--warning-days", "8")
    run("clawback", "actions", "list")
    shown = run("clawback", "actions", "show", pending()["id"])
    assert "Expires" in shown


def test_the_exposure_clock(world: World) -> None:
    action = pending()["id"]
    assert "still there 4" in run("clawback", "actions", "exposure", action)
    run("clawback", "actions", "approve", action)
    said = run("clawback", "actions", "exposure", action)
    assert "4 = removed 4 + left 0 + still there 0" in said
    assert "Removed unread" in said
    data = json.loads(run("clawback", "actions", "exposure", action, "--json"))
    assert (data["exposure"]["removed"], len(data["copies"])) == (4, 4)
    assert data["exposure"]["to_decide_by_people_seconds"] >= 0
    assert data["exposure"]["to_decide_by_itself_seconds"] is None
    assert action in run("clawback", "actions", "exposure")
    (row,) = json.loads(run("clawback", "actions", "exposure", "--json"))
    assert (row["action_id"], row["removed"]) == (action, 4)
    assert "removed 4" in run("clawback", "exposure")
    assert "removed 0" in run("clawback", "exposure", "--since", "2200-01-01")
    assert "Exposed for" in run("clawback", "actions", "show", action)


def test_who_watches_is_told_of_first_approvals_and_of_what_expires(world: World) -> None:
    run("clawback", "automation", "set", "--two-step-copies", "2", "--warning-days", "8")
    action = pending()["id"]
    run("clawback", "actions", "approve", action)
    with world_app() as app:
        commands.expire_due(app.parts)
        with app.store.read() as unit:
            said = [line for row in unit.audit.list(limit=1_000) for line in happenings(unit, row)]
    assert f"action {action} is proposed by ann and waits for a second person" in "\n".join(said)
    assert any(line.startswith(f"action {action} expires on ") for line in said)


@contextmanager
def world_app() -> Iterator[App]:
    with build(load(find(None)), inline=True) as app:
        yield app
