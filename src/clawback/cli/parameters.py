"""The parameters of a cmdlet, and what a typed value may look like."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from clawback.cli.printable import printable
from clawback.errors import BadParameter

_MAX_SHOWN = 80
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_TRUE = frozenset({"$true", "true", "1"})
_FALSE = frozenset({"$false", "false", "0"})


class Kind(StrEnum):
    """What a parameter takes. `switch` needs no value; `bool` always does."""

    STRING = "string"
    BOOL = "bool"
    SWITCH = "switch"
    INT = "int"
    DATETIME = "datetime"
    PATH = "path"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a cmdlet.

    `name` is written as people see it (``InvestigationId``) and is its key among the parsed values.
    `position` (from 0) lets the value come without the name. `many` takes ``a,b`` and gives a tuple.
    """

    name: str
    kind: Kind
    help: str
    required: bool = False
    position: int | None = None
    choices: tuple[str, ...] = ()
    default: Any = None
    many: bool = False


@dataclass(frozen=True, slots=True)
class Example:
    """One call that works as it stands in a POSIX shell, and what it does."""

    command: str
    remark: str


@dataclass(frozen=True, slots=True)
class Cmdlet:
    """A cmdlet as its help describes it. The common parameters are not listed among `parameters`."""

    name: str
    synopsis: str
    parameters: tuple[Parameter, ...] = ()
    examples: tuple[Example, ...] = ()


HELP = Parameter("Help", Kind.SWITCH, "Show this help and do nothing (also -? and --help).", default=False)
VERBOSE = Parameter("Verbose", Kind.SWITCH, "Say on standard error what is being done.", default=False)
OUTPUT_FORMAT = Parameter(
    "OutputFormat",
    Kind.CHOICE,
    "How to print the result: json for scripts, list or table for people.",
    choices=("json", "list", "table"),
)
COMMON = (HELP, VERBOSE, OUTPUT_FORMAT)

WHAT_IF = Parameter("WhatIf", Kind.SWITCH, "Say what would be done and do nothing.", default=False)
CONFIRM = Parameter("Confirm", Kind.SWITCH, "Ask before acting; -Confirm:$false does not ask.", default=True)


def value_of(text: str, parameter: Parameter) -> Any:
    """One value (not a list) of the parameter's kind. Raises BadParameter, naming the parameter.

    A time without an offset is UTC; every time is given back in UTC.
    """
    if not text.strip() and parameter.kind is not Kind.STRING:
        raise missing_value(parameter)
    return _READERS[parameter.kind](text, parameter)


def missing_value(parameter: Parameter) -> BadParameter:
    """The error for a parameter without its value, with the way out where the shell may have eaten it."""
    if parameter.kind in (Kind.BOOL, Kind.SWITCH):
        return BadParameter(
            f"Missing an argument for parameter '{parameter.name}'; a POSIX shell makes nothing of an "
            "unquoted $true or $false, so write '$true' in quotes, or True or False."
        )
    return BadParameter(f"Missing an argument for parameter '{parameter.name}' of type {parameter.kind}.")


def quoted(text: str) -> str:
    """What the user typed, safe and short enough to stand in a sentence."""
    shown = printable(text[: _MAX_SHOWN + 1])
    return f"'{shown[:_MAX_SHOWN]}…'" if len(shown) > _MAX_SHOWN else f"'{shown}'"


def _not_a(what: str, text: str, parameter: Parameter) -> BadParameter:
    return BadParameter(
        f"Cannot process argument transformation on parameter '{parameter.name}': "
        f"{quoted(text)} is not {what}."
    )


def _string(text: str, _parameter: Parameter) -> str:
    return text


def _bool(text: str, parameter: Parameter) -> bool:
    word = text.strip().lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise _not_a("$true or $false", text, parameter)


def _int(text: str, parameter: Parameter) -> int:
    if not _INTEGER.fullmatch(text.strip()):
        raise _not_a("a whole number", text, parameter)
    return int(text)


def _datetime(text: str, parameter: Parameter) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise _not_a("a date or time such as 2026-11-24 or 2026-11-24T09:30:00Z", text, parameter) from None


def _path(text: str, parameter: Parameter) -> Path:
    if "\0" in text:
        raise _not_a("a path", text, parameter)
    return Path(text)


def _choice(text: str, parameter: Parameter) -> str:
    for choice in parameter.choices:
        if choice.lower() == text.strip().lower():
            return choice
    raise BadParameter(
        f"Cannot validate argument on parameter '{parameter.name}': {quoted(text)} is not one of "
        f"{', '.join(parameter.choices)}."
    )


_READERS: dict[Kind, Callable[[str, Parameter], Any]] = {
    Kind.STRING: _string,
    Kind.BOOL: _bool,
    Kind.SWITCH: _bool,
    Kind.INT: _int,
    Kind.DATETIME: _datetime,
    Kind.PATH: _path,
    Kind.CHOICE: _choice,
}
