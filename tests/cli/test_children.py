"""The processes that clawback starts import nothing from the folder that it is started in."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from clawback.app import BESIDE
from clawback.cli.portal_child import PROGRAM


@pytest.mark.parametrize("command", [(*PROGRAM, "--version"), BESIDE], ids=["portal", "beside"])
def test_a_file_in_the_folder_takes_no_librarys_place(tmp_path: Path, command: tuple[str, ...]) -> None:
    marks = "open('imported', 'w').close()\n"
    for name in ("msgspec", "re2", "zstandard"):
        (tmp_path / f"{name}.py").write_text(marks)
    subprocess.run(
        command, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60
    )
    assert not (tmp_path / "imported").exists()
