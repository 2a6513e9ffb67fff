"""What ``-Help`` prints: a cmdlet described in the manner of Get-Help."""

from __future__ import annotations

import textwrap

from clawback.cli.formatting import text_of
from clawback.cli.parameters import COMMON, Cmdlet, Kind, Parameter

_INDENT = "    "


def help_text(cmdlet: Cmdlet, width: int = 100) -> str:
    """NAME, SYNOPSIS, SYNTAX, PARAMETERS and EXAMPLES, no line longer than `width` where words allow."""
    sections = [
        ("NAME", cmdlet.name),
        ("SYNOPSIS", _wrapped(cmdlet.synopsis, width - 4)),
        ("SYNTAX", syntax(cmdlet, width - 4)),
        ("PARAMETERS", "\n\n".join(_described(p, width - 4) for p in (*cmdlet.parameters, *COMMON))),
        ("EXAMPLES", _examples(cmdlet, width - 4)),
    ]
    return (
        "\n\n".join(f"{title}\n{textwrap.indent(body, _INDENT)}" for title, body in sections if body) + "\n"
    )


def syntax(cmdlet: Cmdlet, width: int = 100) -> str:
    """The call in one pattern: what is in brackets may be left out."""
    words = [cmdlet.name, *(_pattern(parameter) for parameter in (*cmdlet.parameters, *COMMON))]
    lines = [words[0]]
    for word in words[1:]:
        if len(lines[-1]) + 1 + len(word) > width:
            lines.append(_INDENT + word)
        else:
            lines[-1] += " " + word
    return "\n".join(lines)


def type_of(parameter: Parameter) -> str:
    """The value's type as the syntax shows it; empty for a switch."""
    if parameter.kind is Kind.SWITCH:
        return ""
    shown = "|".join(parameter.choices) if parameter.kind is Kind.CHOICE else str(parameter.kind)
    return f"<{shown}>[,...]" if parameter.many else f"<{shown}>"


def _pattern(parameter: Parameter) -> str:
    name = f"-{parameter.name}" if parameter.position is None else f"[-{parameter.name}]"
    whole = f"{name} {type_of(parameter)}".rstrip()
    return whole if parameter.required else f"[{whole}]"


def _described(parameter: Parameter, width: int) -> str:
    facts = [
        ("Required?", "true" if parameter.required else "false"),
        ("Position?", "named" if parameter.position is None else str(parameter.position)),
        ("Default value", text_of(parameter.default)),
    ]
    lines = [f"-{parameter.name} {type_of(parameter)}".rstrip()]
    lines.append(textwrap.indent(_wrapped(parameter.help, width - 4), _INDENT))
    lines.append("")
    lines.extend(f"{_INDENT}{name:<16}{value}".rstrip() for name, value in facts)
    return "\n".join(lines)


def _examples(cmdlet: Cmdlet, width: int) -> str:
    blocks = [
        f"{f' EXAMPLE {number} ':-^60}\n\n$ {example.command}\n\n{_wrapped(example.remark, width)}"
        for number, example in enumerate(cmdlet.examples, start=1)
    ]
    return "\n\n".join(blocks)


def _wrapped(text: str, width: int) -> str:
    return textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)
