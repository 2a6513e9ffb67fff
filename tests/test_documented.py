"""Everything a user can name is explained in docs/reference, and what is there is what the code says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import click
import pytest

from clawback.cli import reference
from clawback.cli.main import cli
from clawback.cli.reference_statuses import SECTIONS
from clawback.response.alerts import AlertKind
from clawback.response.evidence_summary import EvidenceCounts
from clawback.response.meanings import COUNTS, MEANINGS
from clawback.response.playbooks import PLAYBOOKS

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"


def _commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        for word, child in command.commands.items():
            if not child.hidden:
                yield from _commands(child, f"{name} {word}")


COMMANDS = dict(_commands(cli, "clawback"))
WRITTEN = reference.pages()


@pytest.mark.parametrize("name", sorted(set(WRITTEN) - {"commands.md"}))
def test_a_page_says_what_the_code_says(name: str) -> None:
    assert (FOLDER / name).read_text("utf-8") == WRITTEN[name], "run `make docs` and commit docs/reference"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_and_option_is_on_its_page(name: str) -> None:
    # Not compared word by word like the others: click lays its help out anew with every release.
    page = (FOLDER / "commands.md").read_text("utf-8")
    _, found, rest = page.partition(f"## `{name}`\n")
    section = rest.partition("\n## ")[0]
    options = [text for p in COMMANDS[name].params if isinstance(p, click.Option) for text in p.opts]
    assert found, "run `make docs` and commit docs/reference"
    assert [option for option in options if option not in section] == []


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_and_option_says_what_it_is_for(name: str) -> None:
    command = COMMANDS[name]
    silent = [p.name for p in command.params if isinstance(p, click.Option) and not p.hidden and not p.help]
    assert command.help
    assert silent == []


def test_every_status_verdict_type_and_count_is_on_its_page_with_its_rule() -> None:
    page = WRITTEN["statuses.md"]
    for title, kind, _ in SECTIONS:
        section = page.partition(f"## {title}\n")[2].partition("\n## ")[0]
        assert [one.value for one in kind if f"`{one.value}`" not in section] == []
        assert set(MEANINGS[kind]) == set(kind)
    names = {field.name for field in fields(EvidenceCounts)} - {"type", "more"}
    assert set(COUNTS) == names
    assert {kind.value for kind in AlertKind if f"`{kind.value}`" not in page} == set()
    assert set(PLAYBOOKS) == set(AlertKind)
    assert {kind for _, kind, _ in SECTIONS} == set(MEANINGS)


def test_no_row_of_a_page_is_without_its_meaning() -> None:
    empty = [
        f"{name}: {line}"
        for name, text in WRITTEN.items()
        for line in text.splitlines()
        if line.endswith("|  |")
    ]
    assert empty == []
    assert not any("\n\nNone\n\n" in text for text in WRITTEN.values())


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_argument_is_spoken_of(name: str) -> None:
    command = COMMANDS[name]
    named = [
        (p.metavar or p.name or "").upper().rstrip(".")
        for p in command.params
        if isinstance(p, click.Argument)
    ]
    assert [word for word in named if word not in (command.help or "")] == []
