"""What settings may say about the pace of work, and that the engine is built to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from clawback import app
from clawback.errors import BadSettings
from clawback.settings import load


def written(folder: Path, work: str) -> Path:
    path = folder / "clawback.toml"
    path.write_text(f"[work]\n{work}\n")
    return path


def test_the_pace_is_the_one_that_is_set(tmp_path: Path) -> None:
    loaded = load(written(tmp_path, "mailboxes_at_once = 20\nmessages_per_second = 50"))
    with app.build(loaded, inline=True) as built:
        assert (built.parts.pace.at_once, built.parts.pace.per_second) == (20, 50.0)
    with app.build(load(written(tmp_path, "")), inline=True) as built:
        assert (built.parts.pace.at_once, built.parts.pace.per_second) == (8, 0.0)


@pytest.mark.parametrize(
    "work",
    [
        "mailboxes_at_once = 0",
        "mailboxes_at_once = 1000",
        "messages_per_second = -1",
        "messages_per_second = nan",
    ],
)
def test_a_pace_that_makes_no_sense_is_refused(tmp_path: Path, work: str) -> None:
    with pytest.raises(BadSettings, match=work.partition(" ")[0]):
        load(written(tmp_path, work))
