"""How the `clawback` command shows records: tables for people, lines for pipes, JSON for scripts."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, TextIO

import msgspec
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from clawback.cli.formatting import format_list, format_table, text_of
from clawback.cli.printable import printable_json

LEGIBLE = 24
"""Cells of a text that still say something."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its title, how its value is read from a record.

    In a terminal that is too narrow, `spare` ones are left out, the highest number first; `whole` ones (ids)
    are never cut, `wrap` ones go on below.
    """

    title: str
    read: Callable[[Any], object]
    whole: bool = False
    wrap: bool = False
    spare: int = 0


def emit(
    records: Sequence[object],
    columns: Sequence[Column],
    as_json: bool,
    stream: TextIO | None = None,
    nothing: str = "Nothing found.",
) -> None:
    """Print a listing: JSON of the whole records, or their columns as a table.

    In a terminal the table fits its width; in a pipe there is one plain line per record, never cut.
    """
    out = stream or sys.stdout
    if as_json:
        out.write(to_json(records))
    elif not records:
        out.write(nothing + "\n")
    else:
        width = width_of(out)
        shown = legible(records, columns, width)
        _show(table_of(records, shown, width), out)
        if left_out := ", ".join(column.title for column in columns if column not in shown):
            Console(file=out).print(
                f"(too narrow for {left_out}; --json has all)", style="dim", soft_wrap=True
            )


def table_of(records: Sequence[object], columns: Sequence[Column], width: int | None) -> str:
    """The records as a table of that width; of any width when it is None."""
    whole = {column.title for column in columns if column.whole}
    wrap = {column.title for column in columns if column.wrap}
    return format_table(_rows(records, columns), width=width, whole=whole, wrap=wrap)


def legible(records: Sequence[object], columns: Sequence[Column], width: int | None) -> tuple[Column, ...]:
    """The columns that a table of that width has room for, so that none is cut to nothing."""
    kept = list(columns)
    while width is not None and _least(records, kept) > width and any(column.spare for column in kept):
        kept.remove(max(kept, key=lambda column: column.spare))
    return tuple(kept)


def _least(records: Sequence[object], columns: Sequence[Column]) -> int:
    """The width below which something would be cut to nothing."""
    rooms = []
    for column in columns:
        wanted = max(cell_len(text_of(text)) for text in (column.title, *map(column.read, records)))
        rooms.append(wanted if column.whole else min(wanted, LEGIBLE))
    return sum(rooms) + len(rooms) - 1


def emit_one(record: object, columns: Sequence[Column], as_json: bool, stream: TextIO | None = None) -> None:
    """Print one record: a JSON object, or one ``Name : value`` line for every column."""
    out = stream or sys.stdout
    out.write(to_json(record) if as_json else format_list(_rows([record], columns), width_of(out)))


def to_json(value: object) -> str:
    """Indented JSON of dataclasses, mappings and sequences; equal values give equal text.

    Fields come in the order of their class, members of sets sorted. Characters that a terminal would obey
    are written as escapes, so that the document can be looked at safely and still means the same.
    """
    plain = msgspec.to_builtins(value, order="deterministic", enc_hook=_foreign)
    return printable_json(json.dumps(plain, indent=2, ensure_ascii=False)) + "\n"


def width_of(stream: TextIO) -> int | None:
    """The width of the terminal behind a stream, None when there is none (a pipe, a file)."""
    return shutil.get_terminal_size().columns if stream.isatty() else None


def _foreign(value: object) -> object:
    if isinstance(value, PurePath):
        return str(value)
    raise NotImplementedError(f"no JSON form for {type(value).__name__}")


def _rows(records: Sequence[object], columns: Sequence[Column]) -> list[dict[str, object]]:
    return [{column.title: column.read(record) for column in columns} for record in records]


def _show(table: str, out: TextIO) -> None:
    """The table with its header and dashes set off where the terminal can."""
    header, _, below = table.partition("\n")
    dashes, _, rest = below.partition("\n")
    if not dashes.startswith("-") or not out.isatty():
        out.write(table)
        return
    console = Console(file=out, highlight=False, soft_wrap=True)
    console.print(Text(header, "bold"), Text(dashes, "dim"), Text(rest), sep="\n", end="")
