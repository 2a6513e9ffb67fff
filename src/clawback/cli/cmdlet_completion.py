"""Completion of the cmdlets in bash: parameter names in any case, and the values that one may have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from clawback.cli.parameters import COMMON, Cmdlet, Kind, Parameter

_BOOLS = ("$true", "$false")
_SCRIPT = """\
_clawback_cmdlet() {{
    local IFS=$'\\n' current=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} words= word
    case "${{1##*/}} ${{before,,}}" in
{values}
        *' -path') compopt -o default; return ;;
    esac
    [[ -n $words ]] || case ${{1##*/}} in
{names}
    esac
    for word in $words; do
        [[ ${{word,,}} == "${{current,,}}"* ]] && COMPREPLY+=("$(printf '%q' "$word")")
    done
}}

complete -F _clawback_cmdlet {cmdlets}
"""


def bash_completion(cmdlets: Sequence[Cmdlet]) -> str:
    """A script that bash can source."""
    names = ((c.name, [f"-{p.name}" for p in _parameters(c)]) for c in cmdlets)
    values = (
        (f"{c.name} -{p.name.lower()}", _values(p)) for c in cmdlets for p in _parameters(c) if _values(p)
    )
    return _SCRIPT.format(
        values=_cases(values), names=_cases(names), cmdlets=" ".join(cmdlet.name for cmdlet in cmdlets)
    )


def _parameters(cmdlet: Cmdlet) -> tuple[Parameter, ...]:
    return (*cmdlet.parameters, *COMMON)


def _values(parameter: Parameter) -> tuple[str, ...]:
    return _BOOLS if parameter.kind is Kind.BOOL else parameter.choices


def _cases(cases: Iterable[tuple[str, Sequence[str]]]) -> str:
    """A branch of a bash ``case`` for each pattern, with its words, one a line. Ours hold no quotes."""
    return "\n".join(_case(pattern, words) for pattern, words in cases)


def _case(pattern: str, words: Sequence[str]) -> str:
    return f"        '{pattern}') words=$'" + "\\n".join(words) + "' ;;"
