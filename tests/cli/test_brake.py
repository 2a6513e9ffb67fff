"""`clawback brake`, and what actions, doctor and up say of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from clawback.cli.main import cli
from clawback.cli.settings_file import maildir_source, settings_text, write_settings


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    (tmp_path / "mail" / "ann" / "Maildir" / "cur").mkdir(parents=True)
    path = tmp_path / "clawback.toml"
    source = maildir_source(root="mail", layout="{user}/Maildir", address="{user}@corp.example")
    write_settings(path, settings_text(source, domains=["corp.example"], data="data"))
    return path


def call(settings: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["--settings", str(settings), *words])


def test_the_breaker_is_opened_and_closed_by_hand(settings: Path) -> None:
    shown = call(settings, "brake", "show")
    assert "closed" in shown.output
    assert "MISP tranco10k" in shown.output
    opened = call(settings, "brake", "open", "--note", "the feed went wrong")
    assert "the feed went wrong): nothing runs by itself" in opened.output
    plain = json.loads(call(settings, "brake", "show", "--json").output)
    assert (plain["breaker"]["open"], plain["breaker"]["reason"]) == (True, "the feed went wrong")
    assert (plain["hour"], plain["copies_per_hour"], plain["taken"]) == (0, 20_000, 0)
    assert call(settings, "brake", "open").exit_code != 0
    doctor = call(settings, "doctor", "--json")
    assert (doctor.exit_code, _check(doctor)) == (1, False)
    closed = json.loads(call(settings, "brake", "close", "--note", "gone", "--json").output)
    assert (closed["open"], closed["reason"]) == (False, "gone")
    assert _check(call(settings, "doctor", "--json")) is True


def _check(doctor: Result) -> bool:
    (found,) = [check["ok"] for check in json.loads(doctor.output) if check["check"] == "automation"]
    return bool(found)
