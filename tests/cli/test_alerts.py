"""Alerts, clicks, evidence and a stopped investigation, as people run them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.test_commands import run
from tests.engine.world import URL, World

SIM = "https://train.sim.example/lesson"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLAWBACK_SETTINGS", str(tmp_path / "clawback.toml"))
    monkeypatch.setenv("COLUMNS", "200")
    made = World(tmp_path, "")
    made.campaign(4)
    run("clawback", "init", "--root", "mail", "--layout", "{user}", "--domain", "example.org")
    return made


def only(kind: str) -> str:
    """The id of the one record of a listing."""
    (one,) = json.loads(run("clawback", kind, "list", "--json"))
    return str(one["id"])


def test_a_click_becomes_an_alert_and_evidence_and_the_investigation_is_stopped(world: World) -> None:
    run("clawback", "ingest")
    assert "1 click recorded" in run("clawback", "clicks", "add", "--user", "user0@example.org", "--url", URL)
    run("clawback", "indicators", "add", URL)
    alerts = json.loads(run("clawback", "alerts", "list", "--json"))
    assert [(a["kind"], a["severity"]) for a in alerts] == [
        ("url_click", "high"),
        ("url_verdict_change", "informational"),
    ]
    shown = run("clawback", "alerts", "show", alerts[0]["id"])
    assert "user0@example.org followed" in shown
    investigation = only("investigations")
    assert investigation in shown

    told = run("clawback", "investigations", "show", investigation)
    assert "A potentially malicious URL click was detected" in told
    assert "Mailboxes/Users" in told
    evidence = run("clawback", "investigations", "evidence", investigation)
    assert "Pending approval" in evidence
    items = json.loads(run("clawback", "investigations", "evidence", investigation, "--json"))
    assert {item["type"] for item in items} == {"urls", "emails", "email_clusters", "mailboxes"}

    stopped = run("clawback", "investigations", "stop", investigation, "--note", "a drill")
    assert "Terminated By User" in stopped
    assert "a drill" in run("clawback", "investigations", "show", investigation)
    assert "has ended" in run("clawback", "investigations", "stop", investigation, code=3)


def test_clicks_are_taken_in_from_a_file_and_bad_lines_are_told(world: World, tmp_path: Path) -> None:
    run("clawback", "ingest")
    run("clawback", "indicators", "add", URL)
    lines = [{"user": f"user{n}@example.org", "url": URL, "at": "2026-11-23T10:00"} for n in range(3)]
    log = tmp_path / "proxy.jsonl"
    log.write_text("\n".join(map(json.dumps, lines)) + "\nnot json\n")
    assert "4 lines read: 3 new clicks, 1 not understood" in run("clawback", "clicks", "import", str(log))
    assert "4 lines read: 0 new clicks" in run("clawback", "clicks", "import", str(log))
    assert run("clawback", "clicks", "list").count(URL) == 3
    (event,) = json.loads(run("clawback", "clicks", "import", str(log), "--json"))
    assert event == {"source": "proxy.jsonl", "read": 4, "added": 0, "defects": 1}


def test_an_account_is_looked_into_with_its_mail_rules(world: World) -> None:
    settings = Path("clawback.toml")
    settings.write_text(settings.read_text() + '\nsieve = "{maildir}/.dovecot.sieve"\n')
    world.deliver("user0", "minutes of Monday", folder=".Sent", flags="S")
    (world.maildir("user0") / ".dovecot.sieve").write_text('redirect :copy "x@evil.example";\n')
    run("clawback", "ingest")
    told = run("clawback", "alerts", "raise", "user-compromise", "user0@example.org", "--detail", "odd login")
    assert "Admin triggered user compromise investigation: user0@example.org" in told
    assert "Threats Found" in told
    shown = run("clawback", "investigations", "show", only("investigations"))
    assert "odd login" in shown
    assert "Type          : User compromised" in shown
    evidence = run("clawback", "investigations", "evidence", only("investigations"))
    assert "sends mail on to x@evil.example" in evidence
    assert "Suspicious" in evidence
    assert "mail address" in run("clawback", "alerts", "raise", "user-restricted", "nobody", code=2)


def test_what_is_left_out_is_shown_with_its_reason(world: World) -> None:
    world.deliver("user1", f"win a prize {SIM}/1 and {URL}")
    run("clawback", "automation", "set", "--secops", "user1@example.org", "--simulation-url", SIM)
    run("clawback", "ingest")
    run("clawback", "indicators", "add", f"{SIM}/1")
    investigation = only("investigations")
    assert "phishing simulation" in run("clawback", "investigations", "show", investigation)
    plain = json.loads(run("clawback", "investigations", "show", investigation, "--json"))
    assert [one["reason"] for one in plain["left_out"]] == [f"phishing simulation: URL {SIM}"]
    run("clawback", "indicators", "add", URL)
    listed = json.loads(run("clawback", "clusters", "list", "--json"))
    cluster = next(one["id"] for one in listed if one["kind"] == "malicious_url")
    assert "SecOps mailbox" in run("clawback", "clusters", "show", cluster)
    whole = json.loads(run("clawback", "clusters", "show", cluster, "--json"))
    assert {one["mailbox"] for one in whole["left_out"]} <= {"", "user1@example.org"}


def test_what_a_recipient_got_is_asked_for(world: World) -> None:
    run("clawback", "ingest")
    run("clawback", "indicators", "add", URL)
    told = run("clawback", "investigations", "start", "user1@example.org", "--recipient")
    assert URL in told
