"""A wrong verdict on Maildirs, by the commands that people type: looked at first, undone, tried again."""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from tests.engine.world import URL, World, mail, read

from clawback.cli.main import main
from clawback.engine import commands
from clawback.response.plan import RemediationStatus

OTHER = "https://files.evil.example/invoice"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLAWBACK_SETTINGS", str(tmp_path / "clawback.toml"))
    monkeypatch.setenv("COLUMNS", "200")
    made = World(tmp_path, f"sqlite:///{tmp_path / 'clawback.db'}")
    (tmp_path / "clawback.toml").write_text(
        f'[store]\nurl = "{made.url}"\n[[sources]]\nname = "main"\nkind = "maildir"\n'
        'options = { root = "mail", layout = "{user}", address = "{user}@example.org" }\n'
    )
    return made


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    out, err = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "argv", ["clawback", *arguments])
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0, err.getvalue()
    return out.getvalue()


def test_one_retraction_puts_all_back_with_no_difference(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.campaign(12)
    world.deliver("user1", "", raw=mail(99, f"both {URL} and {OTHER}"))
    before = world.snapshot()
    run(monkeypatch, "automation", "set", "--on", "urls", "--collateral", "100")
    run(monkeypatch, "ingest")
    run(monkeypatch, "indicators", "add", URL)
    run(monkeypatch, "indicators", "add", OTHER)
    assert len(world.snapshot()) == len(before) - 13
    said = run(monkeypatch, "retract", URL, "--dry-run")
    assert "12 copies would be put back" in said
    assert "1 copy still out because something else speaks against them" in said
    assert len(world.snapshot()) == len(before) - 13
    said = run(monkeypatch, "retract", URL, "--note", "ours")
    assert f"the verdict on url {URL} is taken back (listed by manual)" in said
    assert "12 copies put back" in said
    assert f"  1: the url {OTHER} in it is listed by manual" in said
    plain = json.loads(run(monkeypatch, "retract", OTHER, "--json"))
    assert [fate["turn"] for fate in plain["fates"]] == ["back"]
    assert world.snapshot() == before
    again = run(monkeypatch, "retract", URL)
    assert "13 copies put back" in again


def test_a_backtest_says_what_automation_would_have_done(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.campaign(8)
    run(monkeypatch, "ingest")
    run(monkeypatch, "indicators", "add", URL)
    before = world.snapshot()
    setting = ("--days", "1", "--on", "urls", "--collateral", "99")
    plain = json.loads(run(monkeypatch, "backtest", *setting, "--json"))
    found = plain["backtest"]
    assert (found["copies"], len(found["taken"])) == (11, 8)
    assert {run["by_itself"] for run in found["runs"]} == {True}
    said = run(monkeypatch, "backtest", "--days", "1", "--off", "all")
    assert "0 copies of 0 messages" in said
    assert "auto-remediation is off for malicious_url" in said
    assert world.snapshot() == before
    run(monkeypatch, "retract", URL, "--note", "ours")
    said = run(monkeypatch, "backtest", *setting)
    assert "False positives" in said
    assert "what spoke against them is not listed any more" in said


def test_shadow_mode_says_what_would_have_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.campaign(4)
    run(monkeypatch, "automation", "set", "--on", "urls", "--shadow", "true", "--collateral", "99")
    run(monkeypatch, "ingest")
    run(monkeypatch, "indicators", "add", URL)
    run(monkeypatch, "automation", "set", "--off", "all")
    world.deliver("user2", f"and {OTHER}")
    run(monkeypatch, "ingest")
    run(monkeypatch, "indicators", "add", OTHER)
    all_of_them = json.loads(run(monkeypatch, "actions", "list", "--json"))
    (mine,) = json.loads(run(monkeypatch, "actions", "list", "--shadow", "--json"))
    assert len(all_of_them) >= 2
    assert (mine["key"]["value"], mine["status"]) == (URL, RemediationStatus.PENDING.value)
    with world.app() as app:
        read(app)
        commands.approve(app.parts, mine["id"], "ann")
