"""The listings of the `clawback` command on a terminal, in a pipe and as JSON."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath

import pytest

from clawback.cli.tables import Column, emit, emit_one, to_json


@dataclass(frozen=True, slots=True)
class Row:
    id: str
    subject: str
    tags: frozenset[str]
    at: datetime


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


COLUMNS = (
    Column("Id", lambda row: row.id, whole=True),
    Column("Subject", lambda row: row.subject),
    Column("At", lambda row: row.at, whole=True),
)
ROWS = (
    Row("msg-1", "[bold]evil[/] \x1b[31m" + "x" * 80, frozenset("cab"), datetime(2026, 11, 24, tzinfo=UTC)),
    Row("msg-22", "日本語\u202e", frozenset(), datetime(2026, 11, 24, 5, 6, 7, 89, tzinfo=UTC)),
)


def shown(stream: io.StringIO, rows: tuple[Row, ...] = ROWS, as_json: bool = False) -> str:
    emit(rows, COLUMNS, as_json, stream)
    return stream.getvalue()


def test_a_pipe_gets_plain_lines_that_are_never_cut() -> None:
    lines = shown(io.StringIO()).splitlines()
    assert lines[0].split() == ["Id", "Subject", "At"]
    assert len(lines) == 4
    assert r"[bold]evil[/] \x1b[31m" + "x" * 80 in lines[2]
    assert "\x1b" not in "".join(lines)


def test_a_terminal_gets_a_table_of_its_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    lines = shown(Terminal()).splitlines()
    assert lines[2] == r"msg-1  [bold]evil[/] \x1b[31mxxxxxxxxx… 2026-11-24T00:00:00Z"
    assert lines[3].endswith("2026-11-24T05:06:07Z")


def test_a_narrow_terminal_gets_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    assert shown(Terminal()).startswith("Id      : msg-1\nSubject : [bold]evil[/]\n")


def test_nothing_found_is_said_to_people_and_is_an_empty_list_to_scripts() -> None:
    assert shown(io.StringIO(), ()) == "Nothing found.\n"
    assert json.loads(shown(io.StringIO(), (), as_json=True)) == []


def test_json_holds_the_whole_records_and_is_safe_to_look_at() -> None:
    text = shown(io.StringIO(), as_json=True)
    first, second = json.loads(text)
    assert first["tags"] == ["a", "b", "c"]
    assert first["subject"] == ROWS[0].subject
    assert second == {
        "id": "msg-22",
        "subject": "日本語\u202e",
        "tags": [],
        "at": "2026-11-24T05:06:07.000089Z",
    }
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "日本語" in text


def test_json_of_what_utf8_cannot_hold() -> None:
    text = to_json({"subject": "\udcff", "path": PurePosixPath("a/b"), "tags": ("x",)})
    text.encode("utf-8")
    assert json.loads(text) == {"subject": "\udcff", "path": "a/b", "tags": ["x"]}


def test_equal_values_give_equal_text() -> None:
    names = [f"tag-{number}" for number in range(50)]
    assert to_json(frozenset(names)) == to_json(frozenset(reversed(names)))
    assert to_json({"b": 1, "a": 2}) == to_json({"a": 2, "b": 1})


def test_one_record_is_a_list_for_people_and_an_object_for_scripts() -> None:
    people, script = io.StringIO(), io.StringIO()
    emit_one(ROWS[1], COLUMNS, False, people)
    emit_one(ROWS[1], COLUMNS, True, script)
    assert people.getvalue() == "Id      : msg-22\nSubject : 日本語\\u202e\nAt      : 2026-11-24T05:06:07Z\n"
    assert json.loads(script.getvalue())["id"] == "msg-22"
