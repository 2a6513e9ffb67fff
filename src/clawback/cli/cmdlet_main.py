"""The entry points of the cmdlets: read the call, do it, print records, turn errors into sentences."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from clawback.cli.cmdlet_help import help_text
from clawback.cli.cmdlets import COMMANDS, Command, Record
from clawback.cli.exits import exit_code
from clawback.cli.formatting import format_list, format_table
from clawback.cli.powershell import parse
from clawback.cli.printable import printable
from clawback.cli.session import Session
from clawback.cli.tables import to_json, width_of
from clawback.errors import ClawbackError

_BY_NAME = {command.cmdlet.name: command for command in COMMANDS}


def run(name: str, argv: Sequence[str]) -> int:
    """Run one cmdlet; answers the exit code."""
    command = _BY_NAME[name]
    try:
        values = parse(argv, command.cmdlet.parameters, name)
        if values["Help"]:
            sys.stdout.write(help_text(command.cmdlet))
            return 0
        return _do(command, values)
    except ClawbackError as error:
        text = str(error)
        said = text if text.startswith(name) else f"{name}: {text}"
        sys.stderr.write(f"{printable(said)}\n")
        return exit_code(error)
    except KeyboardInterrupt:
        sys.stderr.write(f"{name}: stopped; queued work goes on with the next call\n")
        return 130


def _do(command: Command, values: dict[str, Any]) -> int:
    session = Session(None)
    with session.app() as app:
        records = command.run(app, values, session.actor)
    _print(records, values["OutputFormat"])
    return 0


def _print(records: Sequence[Record], output: str | None) -> None:
    width = width_of(sys.stdout)
    if output == "json":
        sys.stdout.write(to_json(records))
    elif output == "table" or (output is None and len(records) != 1):
        ids = {"InvestigationId", "ActionId", "ClusterId"}
        sys.stdout.write(format_table(records, width=width, whole=ids))
    else:
        sys.stdout.write(format_list(records, width))


def set_automated_investigation_remediation() -> None:
    """Set-AutomatedInvestigationRemediation."""
    sys.exit(run("Set-AutomatedInvestigationRemediation", sys.argv[1:]))


def get_automated_investigation_remediation() -> None:
    """Get-AutomatedInvestigationRemediation."""
    sys.exit(run("Get-AutomatedInvestigationRemediation", sys.argv[1:]))


def get_automated_investigation() -> None:
    """Get-AutomatedInvestigation."""
    sys.exit(run("Get-AutomatedInvestigation", sys.argv[1:]))


def start_automated_investigation() -> None:
    """Start-AutomatedInvestigation."""
    sys.exit(run("Start-AutomatedInvestigation", sys.argv[1:]))


def get_action_center_report() -> None:
    """Get-ActionCenterReport."""
    sys.exit(run("Get-ActionCenterReport", sys.argv[1:]))


def export_air_threat_cluster() -> None:
    """Export-AIRThreatCluster."""
    sys.exit(run("Export-AIRThreatCluster", sys.argv[1:]))


def undo_automated_investigation_action() -> None:
    """Undo-AutomatedInvestigationAction."""
    sys.exit(run("Undo-AutomatedInvestigationAction", sys.argv[1:]))
