"""Records as PowerShell prints them: Format-List and Format-Table, safe for text that an attacker wrote.

A record is a mapping from the name that people see to a value. Widths are terminal cells, so that wide
characters line up too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum
from itertools import zip_longest

from rich.cells import cell_len, chop_cells, set_cell_size

from clawback.cli.printable import printable

Record = Mapping[str, object]

LONGEST_VALUE = 4_000
_LEAST_COLUMN = 8
_LEAST_VALUE = 20


def text_of(value: object) -> str:
    """One value on one line: times in UTC to the second, spans as ``1.02:03:04``, several as ``{a, b}``."""
    return printable(_raw_text(value))


def format_list(records: Iterable[Record], width: int | None = None) -> str:
    """Each record as aligned ``Name : value`` lines, a blank line between two; nothing for no records.

    With a `width`, longer values go on below themselves. Values beyond 4,000 characters are cut, and say so.
    """
    return "\n".join(_listed(record, width) for record in records)


def format_table(
    records: Sequence[Record],
    columns: Sequence[str] = (),
    width: int | None = None,
    whole: Collection[str] = (),
    wrap: Collection[str] = (),
) -> str:
    """A header, dashes and one line per record; numbers to the right. Columns are those of the first record.

    With a `width`, the widest columns give way, except those in `whole`: their texts end in ``…``, or go on
    below for those in `wrap`. Where even that does not fit, the records are listed instead, so that nothing
    gets lost. Nothing for no records.
    """
    if not records:
        return ""
    names = list(columns or records[0])
    rows = [[_short(record.get(name)) for name in names] for record in records]
    wanted = [max(map(cell_len, column)) for column in zip(names, *rows, strict=True)]
    widths = fitted(wanted, width, [name in whole for name in names])
    if widths is None:
        return format_list([{name: record.get(name) for name in names} for record in records], width)
    right = [_is_number(records, name) for name in names]
    dashes = ["-" * min(cell_len(name), room) for name, room in zip(names, widths, strict=True)]
    folds = [name in wrap for name in names]
    lines = (
        _line(part, widths, right)
        for cells in (names, dashes, *rows)
        for part in zip_longest(*map(_parts, cells, widths, folds), fillvalue="")
    )
    return "\n".join(lines) + "\n"


def fitted(wanted: Sequence[int], width: int | None, whole: Sequence[bool]) -> list[int] | None:
    """Column widths that fit into `width` with one blank between them: the widest that may be cut give way.

    None when columns would have to become narrower than eight cells.
    """
    flexible = [column for column, fixed in zip(wanted, whole, strict=True) if not fixed]
    if width is None:
        return list(wanted)
    room = width - (len(wanted) - 1) - (sum(wanted) - sum(flexible))
    cap = _common_cap(flexible, room)
    if sum(flexible) > room and cap < _LEAST_COLUMN:
        return None
    return [column if fixed else min(column, cap) for column, fixed in zip(wanted, whole, strict=True)]


def cut(text: str, width: int) -> str:
    """The text in at most `width` cells, ending in ``…`` when something is missing."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + "…"


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` cells, broken at blanks, and inside what is longer than a line."""
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        if cell_len(joined) <= width:
            line = joined
            continue
        if line:
            lines.append(line)
        *full, line = chop_cells(word, width) or [""]
        lines.extend(full)
    return [*lines, line]


def _raw_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, timedelta):
        return _span(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_raw_text(name)}={_raw_text(item)}" for name, item in value.items()) + "}"
    if isinstance(value, set | frozenset):
        return "{" + ", ".join(sorted(_raw_text(item) for item in value)) + "}"
    if isinstance(value, list | tuple):
        return "{" + ", ".join(_raw_text(item) for item in value) + "}"
    return value.hex() if isinstance(value, bytes) else str(value)


def _moment(value: datetime) -> str:
    in_utc = value.astimezone(UTC) if value.tzinfo else value
    return in_utc.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def _span(value: timedelta) -> str:
    """As .NET prints a TimeSpan, to the second: ``[-][d.]hh:mm:ss``."""
    seconds = int(abs(value).total_seconds())
    days, seconds = divmod(seconds, 86_400)
    sign = "-" if value < timedelta() and (days or seconds) else ""
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{sign}{days}.{clock}" if days else f"{sign}{clock}"


def _short(value: object) -> str:
    text = text_of(value)
    beyond = len(text) - LONGEST_VALUE
    return f"{text[:LONGEST_VALUE]}… ({beyond:,} characters more)" if beyond > 0 else text


def _listed(record: Record, width: int | None) -> str:
    names = {name: printable(name) for name in record}
    margin = max((cell_len(name) for name in names.values()), default=0)
    lines: list[str] = []
    for name, shown in names.items():
        value = _short(record[name])
        first, *more = [value] if width is None else wrapped(value, max(_LEAST_VALUE, width - margin - 3))
        lines.append(f"{set_cell_size(shown, margin)} : {first}".rstrip(" "))
        lines.extend((" " * (margin + 3) + line).rstrip(" ") for line in more)
    return "\n".join(lines) + "\n"


def _is_number(records: Sequence[Record], name: str) -> bool:
    values = [record.get(name) for record in records]
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _parts(cell: str, room: int, folds: bool) -> list[str]:
    """The lines of one cell."""
    return wrapped(cell, room) if folds and cell_len(cell) > room else [cell]


def _common_cap(widths: Sequence[int], room: int) -> int:
    """The greatest width that, as a cap on every column, makes them fit."""
    left, rest = room, sorted(widths)
    for at, column in enumerate(rest):
        share = left // (len(rest) - at)
        if column > share:
            return share
        left -= column
    return max(widths, default=0)


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    shown = []
    for cell, room, is_number in zip(cells, widths, right, strict=True):
        text = cut(cell, room)
        blank = " " * (room - cell_len(text))
        shown.append(blank + text if is_number else text + blank)
    return " ".join(shown).rstrip(" ")
