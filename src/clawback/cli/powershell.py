"""The grammar of a cmdlet call: what PowerShell's habits mean, read from the arguments of a POSIX shell.

``-Name value``, ``-Name:value``, ``-Name: value``, ``--name value``, ``--name=value``; any case; any prefix
that fits one parameter only; values without a name by position; ``a,b`` for lists; ``--`` ends the names.
Dashes that word processors make of hyphens are taken as hyphens, as PowerShell does.
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from clawback.cli.parameters import (
    COMMON,
    CONFIRM,
    HELP,
    OUTPUT_FORMAT,
    VERBOSE,
    WHAT_IF,
    Cmdlet,
    Example,
    Kind,
    Parameter,
    missing_value,
    quoted,
    value_of,
)
from clawback.errors import BadParameter

__all__ = [
    "COMMON",
    "CONFIRM",
    "HELP",
    "OUTPUT_FORMAT",
    "VERBOSE",
    "WHAT_IF",
    "Cmdlet",
    "Example",
    "Kind",
    "Parameter",
    "parse",
]

_DASHES = "-\u2013\u2014\u2015"
_HELP = re.compile(rf"[{_DASHES}]{{1,2}}(\?|help)|/\?", re.IGNORECASE)
_NAMED = re.compile(rf"(?P<dashes>[{_DASHES}]{{1,2}})(?P<name>[^\W\d][\w-]*)(?P<rest>[:=].*)?", re.DOTALL)


@dataclass(slots=True)
class _Binding:
    """The call as far as it has been read."""

    parameters: tuple[Parameter, ...]
    waiting: list[str]
    values: dict[str, Any] = field(default_factory=dict)
    loose: list[str] = field(default_factory=list)


def parse(argv: Sequence[str], parameters: Sequence[Parameter], cmdlet: str) -> dict[str, Any]:
    """The value of every parameter by its name, the common ones included; defaults where none was given.

    What type a value has, its Parameter's kind says: str, bool, int, datetime (UTC), Path; a tuple of those
    for `many`. Raises BadParameter, one sentence that starts with the cmdlet's name. With ``-Help``,
    ``--help`` or ``-?`` anywhere nothing else is read, so that help can always be asked for.
    """
    binding = _Binding((*parameters, *COMMON), list(reversed(argv)))
    if any(_HELP.fullmatch(word) for word in itertools.takewhile(lambda word: word != "--", argv)):
        return _with_defaults(binding) | {HELP.name: True}
    try:
        _read(binding)
        _bind_loose(binding)
        _demand_required(binding)
    except BadParameter as error:
        raise BadParameter(f"{cmdlet}: {error}") from None
    return _with_defaults(binding)


def _read(binding: _Binding) -> None:
    while binding.waiting:
        word = binding.waiting.pop()
        if word == "--":
            binding.loose.extend(reversed(binding.waiting))
            binding.waiting.clear()
        elif named := _NAMED.fullmatch(word):
            _bind_named(binding, named)
        else:
            binding.loose.append(word)


def _bind_named(binding: _Binding, named: re.Match[str]) -> None:
    rest = named["rest"]
    if rest and rest[0] == "=" and len(named["dashes"]) == 1:
        name = named["name"] + rest
        raise BadParameter(
            f"Write -{named['name']} value or -{named['name']}:value instead of {quoted('-' + name)}."
        )
    parameter = _named_parameter(named["name"], binding.parameters)
    if parameter.name in binding.values:
        raise BadParameter(
            f"Cannot bind parameter '{parameter.name}' because it is specified more than once."
        )
    binding.values[parameter.name] = _named_value(parameter, rest, binding)


def _named_parameter(name: str, parameters: Sequence[Parameter]) -> Parameter:
    wanted = name.replace("-", "").lower()
    fitting = [parameter for parameter in parameters if parameter.name.lower().startswith(wanted)]
    exact = [parameter for parameter in fitting if parameter.name.lower() == wanted]
    if exact or len(fitting) == 1:
        return (exact or fitting)[0]
    if fitting:
        names = ", ".join(f"-{parameter.name}" for parameter in fitting)
        raise BadParameter(f"The parameter name {quoted(name)} is ambiguous; possible matches are {names}.")
    hint = _suggestion(wanted, parameters)
    raise BadParameter(f"A parameter cannot be found that matches parameter name {quoted(name)}{hint}.")


def _suggestion(wanted: str, parameters: Sequence[Parameter]) -> str:
    known = {parameter.name.lower(): parameter.name for parameter in parameters}
    close = difflib.get_close_matches(wanted[:64], known, n=1)
    return f"; perhaps -{known[close[0]]} is meant" if close else ""


def _named_value(parameter: Parameter, rest: str | None, binding: _Binding) -> Any:
    if rest is None and parameter.kind is Kind.SWITCH:
        return True
    if rest is not None and rest != ":":
        word = rest[1:]
    elif binding.waiting and not _is_syntax(binding.waiting[-1]):
        word = binding.waiting.pop()
    else:
        raise missing_value(parameter)
    return _converted(parameter, word, binding.waiting)


def _is_syntax(word: str) -> bool:
    return word == "--" or _NAMED.fullmatch(word) is not None


def _converted(parameter: Parameter, word: str, following: list[str]) -> Any:
    if not parameter.many:
        return value_of(word, parameter)
    text = _joined(word, following)
    items = [item.strip() for item in text.split(",")]
    if "" in items:
        raise BadParameter(
            f"Cannot bind the list {quoted(text)} to parameter '{parameter.name}' because an item is empty."
        )
    return tuple(value_of(item, parameter) for item in items)


def _joined(word: str, following: list[str]) -> str:
    """A list that the shell cut at its blanks (``a, b`` or ``a ,b``) put together again."""
    parts = [word]
    while following and not _is_syntax(following[-1]):
        if not (parts[-1].endswith(",") or following[-1].startswith(",")):
            break
        parts.append(following.pop())
    return "".join(parts)


def _bind_loose(binding: _Binding) -> None:
    positional = [p for p in binding.parameters if p.position is not None and p.name not in binding.values]
    positional.sort(key=lambda parameter: parameter.position or 0)
    words = list(reversed(binding.loose))
    for parameter in positional:
        if words:
            binding.values[parameter.name] = _converted(parameter, words.pop(), words)
    if words:
        raise BadParameter(
            f"A positional parameter cannot be found that accepts argument {quoted(words[-1])}."
        )


def _demand_required(binding: _Binding) -> None:
    missing = [p.name for p in binding.parameters if p.required and p.name not in binding.values]
    if missing and not binding.values.get(HELP.name):
        raise BadParameter(f"Mandatory parameters are missing: {', '.join('-' + name for name in missing)}.")


def _with_defaults(binding: _Binding) -> dict[str, Any]:
    return {p.name: binding.values.get(p.name, p.default) for p in binding.parameters}
