"""`clawback reports`, run as people run it."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest
from tests.cli.test_commands import patched_arguments, run
from tests.engine.world import World

from clawback.cli.main import main

PHISH = (
    "Dear customer, your account will be closed today unless you confirm your password on this page "
    "https://login.bad.example/confirm and it takes only a minute, thank you for your patience."
)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLAWBACK_SETTINGS", str(tmp_path / "clawback.toml"))
    monkeypatch.setenv("COLUMNS", "200")
    world = World(tmp_path, "")
    for user in ("user0", "user1"):
        world.deliver(user, PHISH)
    run("clawback", "init", "--root", "mail", "--layout", "{user}", "--domain", "example.org")
    with (tmp_path / "clawback.toml").open("a") as settings:
        settings.write('\n[[reports]]\nmailbox = "report@example.org"\n')
    run("clawback", "ingest")
    return world


def reported(world: World, folder: Path, user: str = "user0") -> Path:
    """A report in a file, with the copy of a user attached."""
    (copy,) = [path for path in world.delivered if user in path.parts]
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Subject"] = f"{user}@example.org", "report@example.org", "bad"
    mail.set_content("look")
    mail.add_attachment(copy.read_bytes(), maintype="application", subtype="octet-stream", filename="a.eml")
    path = folder / "report.eml"
    path.write_bytes(mail.as_bytes())
    return path


def listed(*options: str) -> list[dict[str, dict[str, str]]]:
    found: list[dict[str, dict[str, str]]] = json.loads(
        run("clawback", "reports", "list", "--json", *options)
    )
    return found


def test_a_report_is_handed_in_shown_confirmed_and_dismissed(world: World, tmp_path: Path) -> None:
    assert "No reports" in run("clawback", "reports", "list")
    told = run(
        "clawback", "reports", "submit", str(reported(world, tmp_path)), "--as", "phish",
        "--reporter", "user0@example.org",
    )  # fmt: skip
    assert "No threats found" in told
    (row,) = listed()
    submission = row["submission"]["id"]
    assert row["submission"]["found_by"] == "same_content"
    shown = run("clawback", "reports", "show", submission)
    assert "0.33 (0 right, 1 wrong)" in shown
    assert "url: https://login.bad.example/confirm" in shown
    whole = json.loads(run("clawback", "reports", "show", submission, "--json"))
    assert whole["carries"]["urls"] == ["https://login.bad.example/confirm"]
    assert "No threats found" in run("clawback", "reports", "list")

    confirmed = run("clawback", "reports", "confirm", submission, "--as", "phish", "--note", "seen by Ann")
    assert "Pending Action" in confirmed
    action = confirmed.partition("clawback actions approve ")[2].split()[0]
    # That of user1 has the same body and sender: it differs in its recipient alone.
    assert "removed 2" in run("clawback", "actions", "approve", action)
    assert [one["submission"]["result"] for one in listed()] == ["phishing_or_malware"]
    assert not any(path.exists() for path in world.delivered)

    assert "No threats found" in run("clawback", "reports", "dismiss", submission)
    assert all(path.exists() for path in world.delivered)
    assert listed("--open") == []


def test_the_doctor_knows_whether_the_mailbox_is_read(world: World, tmp_path: Path) -> None:
    assert "no source has report@example.org" in doctor(code=1)
    for name in ("new", "cur", "tmp"):
        (tmp_path / "mail" / "report" / name).mkdir(parents=True)
    assert "report@example.org gets those of people of example.org" in doctor(code=0)


def doctor(*, code: int) -> str:
    out = io.StringIO()
    with redirect_stdout(out), pytest.raises(SystemExit) as ended, patched_arguments("clawback", "doctor"):
        main()
    assert ended.value.code == code, out.getvalue()
    return out.getvalue()


def test_what_cannot_be_is_said(world: World, tmp_path: Path) -> None:
    assert "no report sub-0" in run("clawback", "reports", "show", "sub-0", code=2)
    assert "no report sub-0" in run("clawback", "reports", "confirm", "sub-0", "--as", "spam", code=2)
    empty = tmp_path / "empty.eml"
    empty.write_bytes(b"")
    assert "0" in run("clawback", "reports", "submit", str(empty), "--as", "junk", code=2)


def test_reports_in_the_mailbox_are_listed_by_state(world: World, tmp_path: Path) -> None:
    (tmp_path / "mail" / "report" / "new").mkdir(parents=True)
    for name in ("cur", "tmp"):
        (tmp_path / "mail" / "report" / name).mkdir()
    good = reported(world, tmp_path, "user1").read_bytes()
    new = tmp_path / "mail" / "report" / "new"
    (new / "1.a.host").write_bytes(good)
    (new / "2.b.host").write_bytes(good.replace(b"From: user1@example.org", b"From: eve@bad.example"))
    (new / "3.c.host").write_bytes(b"From: user1@example.org\r\nSubject: question\r\n\r\nwhat now?\r\n")
    run("clawback", "ingest")
    assert {row["submission"]["state"] for row in listed()} == {"closed", "undecided"}
    assert [row["submission"]["state"] for row in listed("--open")] == ["undecided"]
    (refused,) = listed("--refused")
    assert "none of the organisation's people" in refused["submission"]["reason"]
    assert len(listed("--reporter", "user1@example.org")) == 2
