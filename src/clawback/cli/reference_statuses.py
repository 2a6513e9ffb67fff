"""The page of statuses, verdicts, types and counts, each with Defender's word, ours, and its rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from clawback.analysis.clusters import ClusterKind
from clawback.analysis.indicators import Threat, VerdictKind
from clawback.cli.markdown import table
from clawback.message.delivery import DeliveryLocation
from clawback.response import defender
from clawback.response.alerts import Severity
from clawback.response.evidence import EvidenceStatus
from clawback.response.evidence_summary import EvidenceType
from clawback.response.investigation import InvestigationStatus
from clawback.response.meanings import CLUSTER_COUNTS, COUNTS, ELSEWHERE, MEANINGS, NOT_HERE, RESULTS
from clawback.response.plan import Outcome, RemediationStatus
from clawback.response.playbooks import PLAYBOOKS

_OURS: Mapping[Any, str] = {}
SECTIONS: tuple[tuple[str, type[StrEnum], Mapping[Any, str]], ...] = (
    ("Status of an investigation", InvestigationStatus, defender.INVESTIGATION_STATUS),
    ("Severity of an alert", Severity, defender.SEVERITY),
    ("Verdict", VerdictKind, defender.VERDICT),
    ("Threat", Threat, defender.THREAT),
    ("Cluster type", ClusterKind, defender.CLUSTER_TYPE),
    ("Type of evidence", EvidenceType, defender.EVIDENCE_TYPE),
    ("Remediation status of evidence", EvidenceStatus, defender.EVIDENCE_STATUS),
    ("Status of an action", RemediationStatus, defender.ACTION_STATUS),
    ("Outcome of a copy", Outcome, _OURS),
    ("Location of a copy", DeliveryLocation, defender.LOCATION),
)


def statuses() -> Iterator[str]:
    """The page's blocks."""
    yield (
        "What people see of an investigation, and by which rule. The first column is Defender's word where "
        "it has one; the second is the word in JSON, in the API and in the audit log. Each is reached by a "
        "story of real messages in `tests/engine/stories.py`, and a test holds that none is missing."
    )
    for title, kind, words in SECTIONS:
        rows = [(words.get(one, ""), f"`{one.value}`", _rule(one)) for one in kind]
        yield f"## {title}\n\n" + table(("Shown as", "Word", "Rule"), rows)
    results = list(RESULTS.items())
    yield "## Result of a copy\n\n" + table(("Shown as", "Rule"), results)
    yield "## Counts of evidence\n\n" + table(("Count", "Rule"), [(f"`{n}`", t) for n, t in COUNTS.items()])
    yield "## Counts of a cluster\n\n" + table(("Count", "Rule"), list(CLUSTER_COUNTS.items()))
    yield "## Alerts and their playbooks\n\n" + _alerts()
    yield "## Defender's, and not here\n\n" + table(("Word", "Why"), list(ELSEWHERE.items()))


def _rule(one: StrEnum) -> str:
    rule = MEANINGS[type(one)][one]
    nowhere = isinstance(one, DeliveryLocation) and one in NOT_HERE
    return f"{rule} No connector gives it." if nowhere else rule


def _alerts() -> str:
    rows = [
        (
            p.title,
            f"`{p.kind.value}`",
            defender.SEVERITY[p.severity],
            p.type,
            ", ".join(f"`{step.value}`" for step in p.steps),
            p.rule,
        )
        for p in PLAYBOOKS.values()
    ]
    return table(("Alert", "Word", "Severity", "Investigation type", "Steps", "Raised when"), rows)
