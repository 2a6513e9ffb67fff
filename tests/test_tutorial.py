"""The tutorial is followed to its end, as a newcomer would type it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TUTORIAL = Path(__file__).resolve().parent.parent / "docs" / "tutorial.md"
COMMANDS = Path(sys.executable).parent
LOOK_UP = (
    "first() { clawback $1 list --json | "
    "python -c 'import json, sys; print(json.load(sys.stdin)[0][\"id\"])'; }\n"
)


def _typed() -> list[str]:
    """What the tutorial has one type, without making environments, each ID looked up in the listing."""
    blocks = re.findall(r"^```\n(.*?)^```$", TUTORIAL.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    mine = [block for block in blocks if "make " not in block and "export PATH" not in block]
    return [re.sub(r"clawback (\w+) (\w+) ID\b", r"clawback \1 \2 $(first \1)", block) for block in mine]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What is printed, block by block."""
    mark = "--- next block ---"
    script = LOOK_UP + f"echo '{mark}'\n".join(_typed())
    environment = {**os.environ, "PATH": f"{COMMANDS}:{os.environ['PATH']}"}
    environment.pop("CLAWBACK_SETTINGS", None)
    run = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path_factory.mktemp("newcomer"),
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout.split(mark)


def _block(said: list[str], command: str) -> str:
    at = next(at for at, block in enumerate(_typed()) if command in block)
    return said[at]


def _inboxes(text: str) -> list[str]:
    return re.findall(r"^mail/\w+/Maildir/(?:new|cur)/1700000000\.M1P1\.host\S*$", text, re.MULTILINE)


def test_both_copies_are_found_and_named(said: list[str]) -> None:
    assert "Your invoice" in _block(said, "clawback ingest")
    assert "https://login.evil.example/session" in _block(said, "clawback clusters list")


def test_nothing_runs_before_it_is_approved(said: list[str]) -> None:
    assert "Pending" in _block(said, "clawback actions list")


def test_approval_takes_both_copies_out_and_undo_brings_them_back(said: list[str]) -> None:
    removed, restored = (said[at] for at, block in enumerate(_typed()) if "find mail" in block)
    assert _inboxes(removed) == []
    assert len(_inboxes(restored)) == 2


def test_the_plan_names_every_copy_and_its_hash_before_it_is_approved(said: list[str]) -> None:
    shown = _block(said, "clawback actions approve")
    assert "Plan hash" in shown
    assert shown.count("soft_deleted/INBOX") == 4


def test_a_late_copy_is_taken_out_by_itself_and_what_was_put_back_stays(said: list[str]) -> None:
    late = _block(said, "Last reminder")
    assert re.search(r"^Similar URLs +: runs by itself$", late, re.MULTILINE)
    assert "= removed 1 + already gone 0 + failed 0 + skipped 2" in late


def test_the_cmdlets_answer(said: list[str]) -> None:
    assert '"AutoRemediatedClusterTypes": [' in _block(said, "Get-ActionCenterReport")


def test_the_history_holds(said: list[str]) -> None:
    assert _block(said, "clawback audit verify").strip()
