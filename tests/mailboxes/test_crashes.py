"""A process that dies in any state of the Maildir connector loses no copy and doubles none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def test_killed_in_every_state_nothing_is_lost_or_doubled() -> None:
    command = [sys.executable, "-m", "tests.mailboxes.killing"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    visited = {
        name: (int(lines), int(points)) for name, lines, points in map(str.split, done.stdout.splitlines())
    }
    assert set(visited) == {"rename", "crossing", "append"}
    assert all(lines > 100 and points >= 12 for lines, points in visited.values()), visited
    print(f"lines run, kill points visited: {visited}")
