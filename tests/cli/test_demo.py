"""The story of `clawback demo`: it checks itself, and ends badly when anything in it did."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from clawback.cli.demo import play
from clawback.cli.demo_story import Meddle
from clawback.errors import BadParameter
from clawback.settings import load
from clawback.testing.organisation import Organisation


@pytest.fixture(autouse=True)
def made_up_mail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No real mail, however much of it lies beside this repository."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CLAWBACK_SHARED", raising=False)


def _play(tmp_path: Path, meddle: Meddle | None = None) -> None:
    play(check=True, mailboxes=25, messages=100, keep=tmp_path / "play", meddle=meddle)


def _a_mail(organisation: Organisation) -> Path:
    return next(path for path in organisation.root.rglob("cur/*") if ".clawback" not in path.parts)


def test_every_outcome_holds_and_the_folder_can_be_gone_on_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _play(tmp_path)
    said = capsys.readouterr().out
    held = re.search(r"(\d+) of (\d+) outcomes held", said)
    assert held
    assert held[1] == held[2]
    assert int(held[1]) >= 13
    assert "60 of 60  copies found, explained and removed" in said
    for kind in ("a QR code", "pdf.uri", "original.eml", "Safe Links", "Proofpoint", "form.action"):
        assert len(re.findall(rf"\b1?\d  ?A link in .*{kind}", said)) == 1, kind
    assert load(tmp_path / "play" / "clawback.toml").sources[0].options["root"] == "mail"
    assert (tmp_path / "play" / "data" / "clawback.sqlite3").is_file()


def _one_byte_more(step: str, organisation: Organisation) -> None:
    if step == "turn":
        with _a_mail(organisation).open("ab") as mail:
            mail.write(b"\n")


def _one_file_less(step: str, organisation: Organisation) -> None:
    if step == "undo":
        _a_mail(organisation).unlink()


def _another_flag(step: str, organisation: Organisation) -> None:
    if step == "undo":
        path = next(p for p in organisation.root.rglob("cur/*:2,S") if ".clawback" not in p.parts)
        path.rename(path.with_name(path.name.replace(":2,S", ":2,FS")))


@pytest.mark.parametrize(
    ("meddle", "failed"),
    [
        (_one_byte_more, "files are untouched, byte for byte"),
        (_one_file_less, "time and bytes of every file are as before"),
        (_another_flag, "time and bytes of every file are as before"),
    ],
)
def test_an_outcome_that_fails_is_told_and_ends_with_1(
    meddle: Meddle, failed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(click.exceptions.Exit) as ended:
        _play(tmp_path, meddle)
    assert ended.value.exit_code == 1
    assert re.search(rf"FAILED: .*{failed}", capsys.readouterr().out)


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter").write_text("dear")
    with pytest.raises(BadParameter, match="not empty"):
        play(check=True, mailboxes=25, messages=100, keep=tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter"]


def test_it_stays_with_its_portal_until_it_is_interrupted() -> None:
    command = [sys.executable, "-m", "clawback", "demo", "--messages", "100", "--stay"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        assert running.stdout
        told = []
        for line in running.stdout:
            told.append(line)
            if "portal and API at" in line or "the portal has ended" in line:
                break
        running.send_signal(signal.SIGINT)
        told += running.stdout.readlines()
    assert any("sign in as admin with the password" in line for line in told), told
    assert any("14 of 14 outcomes held" in line for line in told), told
    assert running.returncode == 0
