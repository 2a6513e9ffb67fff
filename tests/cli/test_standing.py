"""The standing watch as people see it: one action with its late copies, until when, and how to end it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.test_commands import records, run
from tests.engine.world import URL, World


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A campaign that was removed on approval, and one late copy of it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLAWBACK_SETTINGS", str(tmp_path / "clawback.toml"))
    monkeypatch.setenv("COLUMNS", "240")
    world = World(tmp_path, "")
    world.campaign(4)
    run("clawback", "init", "--root", "mail", "--layout", "{user}", "--domain", "example.org")
    run("clawback", "ingest")
    run("clawback", "indicators", "add", URL)
    run("clawback", "actions", "approve", only()["id"])
    world.deliver("user1", f"late {URL}")
    run("clawback", "ingest")
    return world


def only() -> dict[str, Any]:
    (action,) = json.loads(run("clawback", "actions", "list", "--json"))
    found: dict[str, Any] = action
    return found


def test_the_action_center_shows_one_action_with_its_late_copies(world: World) -> None:
    action = only()
    assert action["late"] == 1
    said = run("clawback", "actions", "show", action["id"])
    assert "found 5 = removed 5 + already gone 0 + failed 0 + skipped 0 (1 of them late)" in said
    assert "Came late" in said
    assert "Armed until" in said
    assert f"clawback actions disarm {action['id']}" in said
    shown = json.loads(run("clawback", "actions", "show", action["id"], "--json"))
    assert len(shown["results"]) == 5
    assert shown["armed_until"]
    (report,) = records("Get-ActionCenterReport")
    assert (report["Found"], report["Removed"], report["Late"]) == (5, 5, 1)
    (whole,) = records("Get-ActionCenterReport", "-RemediationAction", action["id"])
    copies = whole["Copies"]
    assert isinstance(copies, list)
    assert len(copies) == 5


def test_an_investigation_counts_them_and_says_until_when_it_is_armed(world: World) -> None:
    (found,) = records("Get-AutomatedInvestigation")
    assert (found["Status"], found["ActionCount"]) == ("Remediated", 1)
    said = run("clawback", "investigations", "show", str(found["InvestigationId"]))
    assert "Armed until" in said
    assert "(1 of them late)" in said
    (whole,) = records("Get-AutomatedInvestigation", "-InvestigationId", str(found["InvestigationId"]))
    clusters = whole["Clusters"]
    assert isinstance(clusters, list)
    assert [(c["Copies"], bool(c["ArmedUntil"])) for c in clusters] == [(5, True)]


def test_disarmed_a_late_copy_stays_and_a_second_time_there_is_nothing_to_disarm(world: World) -> None:
    action = only()["id"]
    said = run("clawback", "actions", "disarm", action, "--note", "a drill")
    assert said == f"late copies of {action} are left alone from now on\n"
    assert "is not armed" in run("clawback", "actions", "disarm", action, code=3)
    assert "Armed until" not in run("clawback", "actions", "show", action)
    late = world.deliver("user2", f"later {URL}")
    run("clawback", "ingest")
    assert late.exists()
    assert "a drill" in run("clawback", "audit", "list", "--json")


def test_the_undo_what_if_counts_the_late_ones_too(world: World) -> None:
    (said,) = records("Undo-AutomatedInvestigationAction", "-ActionId", only()["id"], "-WhatIf")
    assert said["WhatIf"] == "5 copies would be put back and 0 left alone; nothing was done"
    assert "restored 5" in run("clawback", "actions", "undo", only()["id"])


def armed(shown: str) -> str:
    (line,) = (line for line in shown.splitlines() if line.startswith("Late copies"))
    return line.partition(":")[2].strip()


def test_how_long_is_part_of_the_policy(world: World) -> None:
    assert armed(run("clawback", "automation", "show")) == "30 days"
    assert armed(run("clawback", "automation", "set", "--armed-days", "0.5")) == "12 hours"
    (policy,) = records("Get-AutomatedInvestigationRemediation")
    assert policy["RemediatedClustersStayArmedDays"] == 0.5
    assert armed(run("clawback", "automation", "set", "--armed-days", "0")) == "not at all"
    assert armed(run("clawback", "automation", "set", "--limit", "7")) == "not at all"
    assert json.loads(run("clawback", "automation", "show", "--json"))["armed"] in ("PT0S", "P0D")
