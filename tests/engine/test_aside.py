"""The process beside: told to its end, ended when nobody wants it any more, and never a way to end us."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clawback.engine.aside import Beside, Told
from clawback.errors import Refused
from clawback.response.policy import Policy

NOW = datetime(2026, 11, 24, tzinfo=UTC)
WAITS = """
import os, sys
sys.stdin.readline()
open(os.path.join(os.environ["TMPDIR"], "scratch.db"), "w").write("x" * 1000)
print('{"type":"told","stage":"%d","done":1,"total":2}' % os.getpid(), flush=True)
sys.stdin.read()
"""
ENDS = """
import json, sys
asked = json.loads(sys.stdin.readline())
print(json.dumps({"type": "ended", "error": asked["settings"]["home"] + " is full"}), flush=True)
"""
BABBLES = "print('hello', flush=True); import sys; sys.stdin.read()"
DIES = "import sys; sys.exit(7)"
ORPHAN = """
import sys, threading
from clawback import app
threading.Thread(target=app._end_with_parent, args=(sys.argv[1],), daemon=True).start()
print("ready", flush=True)
threading.Event().wait()
"""


def beside(code: str) -> Beside:
    return Beside((sys.executable, "-c", code), b'{"home": "the disk"}')


async def whole(code: str, told: list[Told]) -> None:
    await beside(code)(Policy(), NOW, NOW, told.append)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_one_that_nobody_wants_any_more_ends_and_leaves_nothing(folder: Path) -> None:
    told: list[Told] = []
    made: list[Path] = []
    heard = asyncio.Event()

    def tell(far: Told) -> None:
        told.append(far)
        made.extend(folder.glob("clawback-*/scratch.db"))
        heard.set()

    async def cancelled() -> None:
        doing = asyncio.create_task(beside(WAITS)(Policy(), NOW, NOW, tell))
        async with asyncio.timeout(60):
            await heard.wait()
        doing.cancel()
        await asyncio.wait({doing})

    asyncio.run(cancelled())
    assert len(made) == 1
    assert not alive(int(told[0].stage))
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("code", "said"),
    [(ENDS, "the disk is full"), (BABBLES, "does not speak as we do"), (DIES, "without a result")],
)
def test_whatever_goes_wrong_there_is_only_refused(folder: Path, code: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        asyncio.run(whole(code, []))
    assert list(folder.iterdir()) == []


def test_it_ends_with_its_parent_and_leaves_nothing(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    (scratch / "scratch.db").write_text("x")
    child = subprocess.Popen(
        (sys.executable, "-c", ORPHAN, str(scratch)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    child.stdin.close()  # as the system does for a parent that was killed
    assert child.wait(60) == 1
    child.stdout.close()
    assert not scratch.exists()
