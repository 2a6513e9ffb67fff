"""The clawback command and the cmdlets, run as people run them: words, tables, JSON, exit codes."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from tests.engine.world import URL, World

from clawback.cli import cmdlet_main
from clawback.cli.cmdlets import COMMANDS
from clawback.cli.main import main


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLAWBACK_SETTINGS", str(tmp_path / "clawback.toml"))
    monkeypatch.setenv("COLUMNS", "200")
    return World(tmp_path, "")


def run(program: str, *arguments: str, code: int = 0) -> str:
    """Standard output of one call in this process; standard error when it must fail."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        if program == "clawback":
            with pytest.raises(SystemExit) as ended, patched_arguments(program, *arguments):
                main()
            ended_with = ended.value.code
        else:
            ended_with = cmdlet_main.run(program, arguments)
    assert ended_with == code, out.getvalue() + err.getvalue()
    return err.getvalue() if code else out.getvalue()


@contextmanager
def patched_arguments(*arguments: str) -> Iterator[None]:
    before, sys.argv = sys.argv, list(arguments)
    try:
        yield
    finally:
        sys.argv = before


def records(program: str, *arguments: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(run(program, *arguments, "-OutputFormat", "json"))
    return found


def test_the_loop_by_the_cmdlets(world: World) -> None:
    bad = world.campaign(8)
    before = world.snapshot()
    run("clawback", "init", "--root", "mail", "--layout", "{user}", "--domain", "example.org")
    assert "yes" in run("clawback", "doctor")
    assert "11 new copies" in run("clawback", "ingest")

    assert "8 copies, 8 in mailboxes" in run("clawback", "indicators", "add", URL)
    (waiting,) = records("Get-ActionCenterReport", "-Pending")
    assert (waiting["Status"], waiting["Found"], waiting["Open"]) == ("Pending", 8, 8)
    assert world.snapshot() == before
    run("clawback", "actions", "reject", str(waiting["ActionId"]), "--note", "not yet")

    (policy,) = records("Set-AutomatedInvestigationRemediation", "-enableauto:$true")
    assert policy["EnableAutoRemediation"] is True
    (found,) = records("Start-AutomatedInvestigation", "-Entity", URL)
    assert (found["Status"], found["ThreatCount"]) == ("Remediated", 8)
    assert not any(path.exists() for path in bad)

    newest = records("Get-ActionCenterReport")[0]
    (action,) = records("Get-ActionCenterReport", "-RemediationAction", str(newest["ActionId"]))
    assert (action["Status"], action["Removed"], action["DecidedBy"]) == ("Completed", 8, "Automation")
    assert records("Get-AutomatedInvestigation", "-Status", "Remediated")[0] == {
        key: found[key] for key in records("Get-AutomatedInvestigation")[0]
    }
    for ending in ("csv", "json", "parquet"):
        cluster, path = str(action["ClusterId"]), f"report.{ending}"
        (made,) = records("Export-AIRThreatCluster", "-ClusterId", cluster, "-Path", path)
        assert made["Copies"] == 8
    with (world.root / "report.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["result"] for row in rows} == {"Success"}
    assert all(URL in row["reason"] for row in rows)

    (back,) = records("Undo-AutomatedInvestigationAction", "-ActionId", str(newest["ActionId"]))
    assert (back["Action"], back["Removed"]) == ("Undo", 8)
    assert world.snapshot() == before
    assert "hold" in run("clawback", "audit", "verify")


def test_listings_for_people_and_scripts(world: World) -> None:
    world.campaign(3)
    run("clawback", "init", "--root", "mail", "--layout", "{user}")
    run("clawback", "ingest")
    run("clawback", "automation", "set", "--on", "all", "--limit", "50", "--exclude", "soc@example.org")
    assert "runs by itself" in run("clawback", "automation", "show")
    run("clawback", "indicators", "add", URL, "--note", "seen by ann")
    for noun in ("indicators", "messages", "clusters", "investigations", "actions", "audit"):
        plain = run("clawback", noun, "list")
        assert len(plain.splitlines()) >= 3
        whole = json.loads(run("clawback", noun, "list", "--json"))
        assert len(whole) == len(plain.splitlines()) - 2
    message = json.loads(run("clawback", "messages", "list", "--json"))[0]["id"]
    assert "Authentication" in run("clawback", "messages", "show", message) or message
    cluster = json.loads(run("clawback", "clusters", "list", "--json"))[0]["id"]
    assert "query:" in run("clawback", "clusters", "show", cluster)
    investigation = json.loads(run("clawback", "investigations", "list", "--json"))[0]["id"]
    assert "removed 3" in run("clawback", "investigations", "show", investigation)
    action = json.loads(run("clawback", "actions", "list", "--json"))[0]["id"]
    assert run("clawback", "actions", "show", action).count("Success") == 3
    listed = json.loads(run("clawback", "indicators", "list", "--json"))[0]["id"]
    assert "is not listed any more" in run("clawback", "indicators", "remove", listed)
    assert "_clawback_completion" in run("clawback", "completion", "bash")


def test_importing_a_list(world: World) -> None:
    world.campaign(2)
    run("clawback", "init", "--root", "mail", "--layout", "{user}")
    run("clawback", "ingest")
    (world.root / "feed.txt").write_text(
        f"# a feed\n{URL}\nhttps://other.evil.example/\nnot an indicator at all\n"
    )
    said = run("clawback", "indicators", "import", "feed.txt")
    assert "2 new indicators, 1 not understood" in said
    assert "2 messages" in said


BAD = [
    ("clawback", ("indicators", "add", "nonsense with blanks")),
    ("clawback", ("indicators", "add", "co.uk")),
    ("clawback", ("indicators", "remove", "ind-0")),
    ("clawback", ("actions", "approve", "rem-0")),
    ("clawback", ("actions", "undo", "rem-0")),
    ("clawback", ("clusters", "show", "clu-0")),
    ("clawback", ("messages", "show", "msg-0")),
    ("clawback", ("messages", "list", "--cursor", "???")),
    ("clawback", ("messages", "list", "--since", "yesterday-ish")),
    ("clawback", ("investigations", "show", "inv-0")),
    ("clawback", ("investigations", "start", "nonsense with blanks")),
    ("clawback", ("nosuchcommand",)),
    ("clawback", ("ingest", "--nosuchoption")),
    ("clawback", ("init", "--root", "mail")),
    ("clawback", ("init", "--root", "nowhere", "--force")),
    ("clawback", ("--settings", "nowhere.toml", "ingest")),
    ("Get-AutomatedInvestigation", ("-InvestigationId", "inv-0")),
    ("Get-AutomatedInvestigation", ("-Nosuch", "1")),
    ("Get-AutomatedInvestigation", ("-Status", "Nosuch")),
    ("Get-ActionCenterReport", ("-RemediationAction", "rem-0")),
    ("Get-ActionCenterReport", ("-ResultSize", "0")),
    ("Start-AutomatedInvestigation", ()),
    ("Start-AutomatedInvestigation", ("-Entity", "")),
    ("Set-AutomatedInvestigationRemediation", ()),
    ("Set-AutomatedInvestigationRemediation", ("-EnableAutoRemediation", "maybe")),
    ("Export-AIRThreatCluster", ("-ClusterId", "clu-0", "-Path", "x.csv")),
    ("Export-AIRThreatCluster", ("-ClusterId", "clu-0", "-Path", "x.doc")),
    ("Undo-AutomatedInvestigationAction", ("-ActionId", "rem-0")),
]


def test_bad_input_is_one_sentence_and_exit_code_2(world: World) -> None:
    world.campaign(1)
    run("clawback", "init", "--root", "mail", "--layout", "{user}")
    run("clawback", "ingest")
    before = run("clawback", "audit", "list", "--json"), world.snapshot()
    for program, arguments in BAD:
        said = run(program, *arguments, code=2).strip()
        assert said, (program, arguments)
        assert len(said.splitlines()) <= 4, said
    assert (run("clawback", "audit", "list", "--json"), world.snapshot()) == before


def test_unwritable_paths_and_broken_settings(world: World) -> None:
    bad = world.campaign(1)
    run("clawback", "init", "--root", "mail", "--layout", "{user}")
    run("clawback", "ingest")
    run("clawback", "indicators", "add", URL)
    cluster = json.loads(run("clawback", "clusters", "list", "--json"))[0]["id"]
    run("clawback", "clusters", "export", cluster, "nowhere/report.csv", code=2)
    (world.root / "folder.csv").mkdir()
    run("clawback", "clusters", "export", cluster, "folder.csv", code=2)
    (world.root / "clawback.toml").write_text("[organisation]\nnosuch = 1\n")
    run("clawback", "ingest", code=2)
    (world.root / "clawback.toml").write_text("[[sources]]\nname = 'x'\nkind = 'nosuch'\n")
    run("clawback", "ingest", code=2)
    assert bad[0].exists()


def test_every_cmdlet_is_installed_and_has_help(world: World) -> None:
    programs = Path(sys.executable).parent
    for command in COMMANDS:
        assert command.cmdlet.examples
        done = subprocess.run(
            [programs / command.cmdlet.name, "-?"], capture_output=True, text=True, check=True, env=os.environ
        )
        said = done.stdout
        assert said.startswith("NAME")
        assert command.cmdlet.synopsis.split(",")[0] in said.replace("\n    ", " ")


def test_a_lost_store_is_said_in_one_sentence(world: World) -> None:
    world.campaign(1)
    run("clawback", "init", "--root", "mail", "--layout", "{user}")
    run("clawback", "ingest")
    (world.root / "data" / "clawback.sqlite3").write_bytes(b"this is no database" * 100)
    for path in (world.root / "data").glob("*-wal"):
        path.unlink()
    run("clawback", "messages", "list", code=5)
