"""What the cmdlets print: the account and each copy's result, filters, what-if, and narrow terminals."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from pyarrow import parquet
from tests.cli.test_commands import records, run
from tests.engine.world import URL, World

from clawback.cli import cmdlet_main

COPIES = 30


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Two of thirty copies are gone from their mailboxes before the plan is approved."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLAWBACK_SETTINGS", str(tmp_path / "clawback.toml"))
    monkeypatch.setenv("COLUMNS", "80")
    world = World(tmp_path, "")
    bad = world.campaign(COPIES)
    run("clawback", "init", "--root", "mail", "--layout", "{user}", "--domain", "example.org")
    run("clawback", "ingest")
    run("clawback", "indicators", "add", URL)
    for path in bad[:2]:
        path.unlink()
    (waiting,) = records("Get-ActionCenterReport", "-Pending")
    run("clawback", "actions", "approve", str(waiting["ActionId"]))
    return world


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_a_terminal(name: str, *arguments: str) -> str:
    with redirect_stdout(Terminal()) as out:
        assert cmdlet_main.run(name, arguments) == 0
    return out.getvalue()


def action_id(world: World) -> str:
    return str(records("Get-ActionCenterReport")[0]["ActionId"])


def test_the_report_of_an_action_has_its_account_and_what_did_not_go_well(world: World) -> None:
    said = run("Get-ActionCenterReport", "-RemediationAction", action_id(world))
    assert "Account         : found 30 = removed 28 + already gone 2 + failed 0 + skipped 0" in said
    assert "Copies          : {2 Already in destination, 28 Success}" in said
    rows = said.partition("Copies:\n")[2].splitlines()[2:4]
    assert all(row.startswith("Already in destination user") for row in rows)
    assert all(len(row.split()) > 4 for row in rows)
    assert "28 copies with Success are not shown; -OutputFormat json has all" in said


def test_scripts_get_every_copy(world: World) -> None:
    (whole,) = records("Get-ActionCenterReport", action_id(world))
    copies = whole["Copies"]
    assert isinstance(copies, list)
    assert len(copies) == COPIES
    assert sum(1 for copy in copies if copy["Result"] == "Success") == 28
    assert all(copy["Mailbox"].endswith("@example.org") for copy in copies)


def test_a_listing_fits_a_narrow_terminal_and_keeps_its_ids_whole(world: World) -> None:
    said = on_a_terminal("Get-ActionCenterReport", "-OutputFormat", "table")
    assert action_id(world) in said
    assert all(len(line) <= 80 for line in said.splitlines())
    assert said.splitlines()[0].split()[:5] == ["ActionId", "Action", "Status", "Found", "Removed"]


def test_an_investigation_is_a_list_with_tables_below(world: World) -> None:
    said = on_a_terminal("Get-AutomatedInvestigation")
    assert all(len(line) <= 80 for line in said.splitlines())
    (whole,) = records("Get-AutomatedInvestigation", "-InvestigationId", said.split()[2])
    assert isinstance(whole["Clusters"], list)
    assert whole["Clusters"][0]["Copies"] == COPIES
    detailed = on_a_terminal("Get-AutomatedInvestigation", said.split()[2])
    for title in ("Clusters:", "RemediationActions:", "Log:"):
        assert f"\n{title}\n" in detailed


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (("-Status", "partially remediated"), 0),
        (("-Status", "Remediated"), 1),
        (("-StartTime", "2020-01-01", "-EndTime", "2999-01-01"), 1),
        (("-EndTime:2020-01-01",), 0),
        (("-start", "2999-01-01T00:00:00Z"), 0),
        (("-ResultSize", "1"), 1),
    ],
)
def test_investigations_are_filtered(world: World, arguments: tuple[str, ...], found: int) -> None:
    assert len(records("Get-AutomatedInvestigation", *arguments)) == found


def test_what_if_changes_nothing_and_refuses_what_the_deed_would_refuse(world: World) -> None:
    before = run("clawback", "audit", "list", "--json"), world.snapshot()
    (what,) = records("Undo-AutomatedInvestigationAction", action_id(world), "-WhatIf")
    assert what["WhatIf"] == "28 copies would be put back and 2 left alone; nothing was done"
    (policy,) = records("Set-AutomatedInvestigationRemediation", "-enable", "True", "-whatif")
    assert policy["EnableAutoRemediation"] is True
    assert (run("clawback", "audit", "list", "--json"), world.snapshot()) == before
    run("Undo-AutomatedInvestigationAction", action_id(world))
    undone = str(records("Get-ActionCenterReport")[1]["ActionId"])
    run("Undo-AutomatedInvestigationAction", undone, "-WhatIf", code=3)


@pytest.mark.parametrize("true", ["$true", "True", "1", "TRUE"])
def test_true_has_many_spellings(world: World, true: str) -> None:
    name = "Set-AutomatedInvestigationRemediation"
    (policy,) = records(name, f"-EnableAutoRemediation:{true}", "-ClusterType", "similar urls,Similar files")
    assert policy["AutoRemediatedClusterTypes"] == ["Similar files", "Similar URLs"]


def test_exports_say_the_same_in_every_form(world: World) -> None:
    cluster = str(records("Get-ActionCenterReport")[0]["ClusterId"])
    for ending in ("csv", "json", "parquet"):
        said = run("Export-AIRThreatCluster", cluster, f"report.{ending}")
        assert f"Copies    : {COPIES}" in said
    rows = json.loads((world.root / "report.json").read_text())
    assert parquet.read_table(world.root / "report.parquet").to_pylist() == rows
    assert sorted({row["result"] for row in rows}) == ["Already in destination", "Success"]


def test_verbose_goes_to_standard_error(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert cmdlet_main.run("Get-AutomatedInvestigationRemediation", ["-Verbose", "-Out", "json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)
    assert err.startswith("VERBOSE: settings ")
