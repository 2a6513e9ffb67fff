"""The help of a cmdlet, in the manner of Get-Help."""

from __future__ import annotations

from clawback.cli.cmdlet_help import help_text, syntax
from clawback.cli.parameters import WHAT_IF, Cmdlet, Example, Kind, Parameter

CMDLET = Cmdlet(
    "Export-Thing",
    "Write every member of a thing to a file, whose ending says the format. " * 3,
    (
        Parameter("ThingId", Kind.STRING, "Which thing, by its id as Get-Thing shows it.", True, 0),
        Parameter("Path", Kind.PATH, "The file to write.", required=True),
        Parameter("Kind", Kind.CHOICE, "Only these.", choices=("red", "blue"), many=True, default="red"),
        WHAT_IF,
    ),
    (Example("Export-Thing thing-1 -Path report.csv", "Writes thing-1 as CSV."),),
)


def test_the_syntax_brackets_what_may_be_left_out() -> None:
    line = syntax(CMDLET, width=1000)
    assert line.startswith("Export-Thing [-ThingId] <string> -Path <path> [-Kind <red|blue>[,...]] [-WhatIf]")
    assert line.endswith("[-Help] [-Verbose] [-OutputFormat <json|list|table>]")


def test_the_sections_come_in_order_and_every_parameter_is_described() -> None:
    text = help_text(CMDLET)
    titles = [line for line in text.splitlines() if line and not line.startswith(" ")]
    assert titles == ["NAME", "SYNOPSIS", "SYNTAX", "PARAMETERS", "EXAMPLES"]
    for name in ("ThingId", "Path", "Kind", "WhatIf", "Help", "Verbose", "OutputFormat"):
        assert f"\n    -{name}" in text
    assert "Default value   red" in text
    assert "    $ Export-Thing thing-1 -Path report.csv\n" in text


def test_required_and_position_are_told() -> None:
    block = help_text(CMDLET).split("    -ThingId <string>\n")[1].split("    -Path")[0]
    assert "Required?       true" in block
    assert "Position?       0" in block


def test_no_line_is_wider_than_asked() -> None:
    assert max(len(line) for line in help_text(CMDLET, width=60).splitlines()) <= 64


def test_a_cmdlet_without_examples_has_no_such_section() -> None:
    assert "EXAMPLES" not in help_text(Cmdlet("Get-Thing", "Show things."))
