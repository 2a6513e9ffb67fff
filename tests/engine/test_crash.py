"""Killed at any step, a restart ends in the same state: nothing lost, nothing doubled, the account exact."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.postgres import PostgreSQL

REPOSITORY = Path(__file__).parents[2]


def crash(folder: Path, server: str, visits: int, what: str) -> dict[str, object]:
    run = subprocess.run(
        [sys.executable, "-m", "tests.engine.crash_driver", str(folder), server, str(visits), what],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-4_000:]
    result: dict[str, object] = json.loads(run.stdout)
    assert result["failures"] == [], run.stderr[-4_000:]
    return result


@pytest.mark.parametrize("what", ["remediate", "late"])
def test_killed_on_postgresql(tmp_path: Path, postgresql: PostgreSQL, what: str) -> None:
    result = crash(tmp_path, postgresql.database_url("{}"), 16, what)
    assert result["visited"] == 16


@pytest.mark.parametrize(("what", "visits"), [("remediate", 60), ("undo", 30), ("late", 30)])
def test_killed_at_every_step_on_sqlite(
    tmp_path: Path, what: str, visits: int, capsys: pytest.CaptureFixture[str]
) -> None:
    result = crash(tmp_path, "", visits, what)
    with capsys.disabled():
        print(
            f"\n{what}: killed at {result['visited']} of {result['steps']} steps, {result['copies']} copies"
        )
    assert isinstance(result["visited"], int)
    assert isinstance(result["copies"], int)
    assert isinstance(result["kinds"], dict)
    assert result["visited"] >= visits * 3 // 4
    assert {"before rename", "after rename"} & set(result["kinds"])
    assert result["copies"] >= 500
