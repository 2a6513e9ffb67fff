"""TAB in bash, for the command and for the cmdlets."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAMS = Path(sys.executable).parent
BASH = shutil.which("bash") or "bash"
PRESS = """
source <(clawback completion bash)
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
compopt() { :; }
read -r _ _ how _ <<< "$(complete -p "$1" | sed 's/-o nosort //')"
$how "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def tab(*words: str) -> list[str]:
    """What bash offers when TAB is pressed after these words."""
    done = subprocess.run(
        [BASH, "-c", PRESS, "bash", *words],
        env={**os.environ, "PATH": f"{PROGRAMS}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout.split("\n")[:-1]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("clawback", "act"), ["actions"]),
        (("clawback", "actions", "re"), ["refresh", "reject"]),
        (("clawback", "indicators", "add", "--ver"), ["--verdict"]),
        (("clawback", "indicators", "add", "--verdict", "m"), ["malicious"]),
        (("Get-AutomatedInvestigation", "-st"), ["-Status", "-StartTime"]),
        (("Get-AutomatedInvestigation", "-Status", "pen"), ["Pending\\ Action"]),
        (("Set-AutomatedInvestigationRemediation", "-EnableAutoRemediation", ""), ["\\$true", "\\$false"]),
        (("Undo-AutomatedInvestigationAction", "-a"), ["-ActionId"]),
        (("Export-AIRThreatCluster", "-Path", "rep"), [""]),
    ],
)
def test_tab(words: tuple[str, ...], offered: list[str]) -> None:
    assert tab(*words) == offered
