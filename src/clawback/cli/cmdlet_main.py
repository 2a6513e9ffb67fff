"""The entry points of the cmdlets: read the call, do it, print records, turn errors into sentences."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from clawback.cli.cmdlet_help import help_text
from clawback.cli.cmdlet_output import print_records
from clawback.cli.cmdlets import COMMANDS, Command
from clawback.cli.exits import exit_code
from clawback.cli.powershell import parse
from clawback.cli.printable import printable
from clawback.cli.session import Session
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
    progress = _verbose if values["Verbose"] else None
    with session.app(progress=progress) as app:
        if progress:
            _say(f"settings {app.settings.file}, store {app.store.describe()}")
        records = command.run(app, values, session.actor)
    print_records(records, values["OutputFormat"])
    return 0


def _verbose(stage: str, done: int, total: int, messages: int = 0) -> None:
    read = f", {messages} messages" if messages else ""
    _say(f"{stage}: {done}" + (f" of {total}" if total else "") + read)


def _say(text: str) -> None:
    sys.stderr.write(f"VERBOSE: {printable(text)}\n")


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
