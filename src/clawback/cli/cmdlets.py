"""The seven cmdlets: what each takes, does and prints. They are installed under their own names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clawback.analysis.clusters import BY_ITSELF, ClusterKind
from clawback.cli.parameters import WHAT_IF, Cmdlet, Example, Kind, Parameter
from clawback.cli.session import finish
from clawback.errors import BadParameter
from clawback.response import defender
from clawback.response.investigation import InvestigationStatus
from clawback.response.plan import RemediationStatus
from clawback.response.records import (
    action_record,
    cluster_export_record,
    investigation_record,
    policy_record,
    whole_action_record,
)
from clawback.response.undo import undo as plan_undo

if TYPE_CHECKING:
    from clawback.app import App
    from clawback.store import Unit

Values = dict[str, Any]
Record = dict[str, object]


@dataclass(frozen=True, slots=True)
class Command:
    """A cmdlet and the function that does it: `run(app, values, actor) -> records`."""

    cmdlet: Cmdlet
    run: Callable[[App, Values, str], Sequence[Record]]


def _set_remediation(app: App, values: Values, actor: str) -> Sequence[Record]:
    from clawback.engine import commands

    policy = commands.policy(app.parts)
    changes: Values = {}
    if values["EnableAutoRemediation"] is not None:
        wanted = _cluster_kinds(values["ClusterType"])
        on = policy.automatic | wanted if values["EnableAutoRemediation"] else policy.automatic - wanted
        changes["automatic"] = frozenset(on)
    if values["MaximumMessages"] is not None:
        if not 1 <= values["MaximumMessages"] <= 10_000_000:
            raise BadParameter(
                "Set-AutomatedInvestigationRemediation: -MaximumMessages must be 1 to 10000000"
            )
        changes["limit"] = values["MaximumMessages"]
    if not changes:
        raise BadParameter(
            "Set-AutomatedInvestigationRemediation: give -EnableAutoRemediation '$true' or '$false'"
        )
    after = replace(policy, **changes)
    if values["WhatIf"]:
        return [policy_record(after) | {"WhatIf": "so it would be; nothing was changed"}]
    commands.set_policy(app.parts, after, actor)
    return [policy_record(after)]


def _cluster_kinds(names: Sequence[str] | None) -> frozenset[ClusterKind]:
    by_name = {text: kind for kind, text in defender.CLUSTER_TYPE.items() if kind in BY_ITSELF}
    return frozenset(by_name[name] for name in names) if names else BY_ITSELF


def _get_remediation(app: App, values: Values, actor: str) -> Sequence[Record]:
    from clawback.engine import commands

    return [policy_record(commands.policy(app.parts))]


def _get_investigation(app: App, values: Values, actor: str) -> Sequence[Record]:
    with app.store.read() as unit:
        if values["InvestigationId"]:
            return [investigation_record(unit.investigations.get(values["InvestigationId"]), whole=True)]
        by_name = {text: status for status, text in defender.INVESTIGATION_STATUS.items()}
        status: InvestigationStatus | None = by_name[values["Status"]] if values["Status"] else None
        found, _ = unit.investigations.list(
            status=status,
            since=values["StartTime"],
            until=values["EndTime"],
            limit=_within(values["ResultSize"], "Get-AutomatedInvestigation"),
        )
    return [investigation_record(item, whole=False) for item in found]


def _within(size: int, cmdlet: str) -> int:
    if not 1 <= size <= 10_000:
        raise BadParameter(f"{cmdlet}: -ResultSize must be 1 to 10000")
    return size


def _start_investigation(app: App, values: Values, actor: str) -> Sequence[Record]:
    from clawback.engine import commands

    investigation_id = commands.start(app.parts, values["Entity"], actor)
    finish(app)
    with app.store.read() as unit:
        return [investigation_record(unit.investigations.get(investigation_id), whole=True)]


def _get_report(app: App, values: Values, actor: str) -> Sequence[Record]:
    with app.store.read() as unit:
        if values["RemediationAction"]:
            return [_whole_action(unit, values["RemediationAction"])]
        statuses = frozenset({RemediationStatus.PENDING}) if values["Pending"] else None
        size = _within(values["ResultSize"], "Get-ActionCenterReport")
        found, _ = unit.remediations.list(statuses=statuses, limit=size)
    return [action_record(item) for item in found]


def _export_cluster(app: App, values: Values, actor: str) -> Sequence[Record]:
    from clawback.engine.export import export_cluster

    path: Path = values["Path"]
    rows = export_cluster(app.parts, values["ClusterId"], path, actor)
    return [cluster_export_record(values["ClusterId"], str(path), rows)]


def _undo(app: App, values: Values, actor: str) -> Sequence[Record]:
    from clawback.engine import commands

    action_id = values["ActionId"]
    if values["WhatIf"]:
        return [_undo_what_if(app, action_id)]
    back = commands.undo(app.parts, action_id, actor, note=values["Comment"] or "")
    finish(app)
    with app.store.read() as unit:
        return [_whole_action(unit, back.id)]


def _undo_what_if(app: App, action_id: str) -> Record:
    """What an undo would do now; refused as the undo itself would be."""
    from clawback.engine import commands

    policy, now = commands.policy(app.parts), app.parts.now()
    with app.store.read() as unit:
        done, receipts = unit.remediations.get(action_id), unit.remediations.results(action_id)
        plan = plan_undo(done, receipts, policy=policy, now=now)
    what = f"{len(plan.deeds)} copies would be put back and {len(plan.skips)} left alone; nothing was done"
    return {"ActionId": action_id, "WhatIf": what}


def _whole_action(unit: Unit, action_id: str) -> Record:
    repository = unit.remediations
    results, skips = repository.results(action_id), repository.left_alone(action_id)
    return whole_action_record(repository.get(action_id), tuple(results), skips)


_SIZE = Parameter("ResultSize", Kind.INT, "How many to list at most.", default=100)
_ID = "Id of the investigation; without it, all are listed."
COMMANDS: tuple[Command, ...] = (
    Command(
        Cmdlet(
            "Set-AutomatedInvestigationRemediation",
            "Turn auto-remediation on or off, for all cluster types or for some.",
            (
                Parameter(
                    "EnableAutoRemediation", Kind.BOOL, "Whether malicious clusters run by themselves."
                ),
                Parameter(
                    "ClusterType",
                    Kind.CHOICE,
                    "Only these cluster types (default: all).",
                    choices=tuple(text for kind, text in defender.CLUSTER_TYPE.items() if kind in BY_ITSELF),
                    many=True,
                ),
                Parameter("MaximumMessages", Kind.INT, "Plans over this many copies wait for approval."),
                WHAT_IF,
            ),
            (
                Example(
                    "Set-AutomatedInvestigationRemediation -EnableAutoRemediation '$true'",
                    "Malicious clusters are soft deleted at once, without approval.",
                ),
                Example(
                    "Set-AutomatedInvestigationRemediation -Enable:0 -Cluster 'Similar URLs'",
                    "Clusters made by a URL wait in the Action center again.",
                ),
            ),
        ),
        _set_remediation,
    ),
    Command(
        Cmdlet(
            "Get-AutomatedInvestigationRemediation",
            "Show what runs by itself and what waits for approval.",
            (),
            (Example("Get-AutomatedInvestigationRemediation", "The policy in force."),),
        ),
        _get_remediation,
    ),
    Command(
        Cmdlet(
            "Get-AutomatedInvestigation",
            "Show one investigation, or list them.",
            (
                Parameter("InvestigationId", Kind.STRING, _ID, position=0),
                Parameter(
                    "Status",
                    Kind.CHOICE,
                    "Only investigations that stand so.",
                    choices=tuple(defender.INVESTIGATION_STATUS.values()),
                ),
                Parameter("StartTime", Kind.DATETIME, "Created at or after."),
                Parameter("EndTime", Kind.DATETIME, "Created before."),
                _SIZE,
            ),
            (
                Example("Get-AutomatedInvestigation -Status 'Pending Action'", "What waits for a decision."),
                Example(
                    "Get-AutomatedInvestigation -InvestigationId inv-...", "One, with clusters and actions."
                ),
            ),
        ),
        _get_investigation,
    ),
    Command(
        Cmdlet(
            "Start-AutomatedInvestigation",
            "Investigate a message, URL, file, sender, host or IP.",
            (
                Parameter(
                    "Entity",
                    Kind.STRING,
                    "Message id, internet message id, URL, SHA-256, sender, host or IP.",
                    required=True,
                    position=0,
                ),
            ),
            (
                Example(
                    "Start-AutomatedInvestigation -Entity https://login.evil.example/session",
                    "Every message that carries the URL, and where its copies are.",
                ),
            ),
        ),
        _start_investigation,
    ),
    Command(
        Cmdlet(
            "Get-ActionCenterReport",
            "Show one remediation action, or pending and history.",
            (
                Parameter("RemediationAction", Kind.STRING, "Id of the action; without it, all.", position=0),
                Parameter("Pending", Kind.SWITCH, "Only what waits for a decision.", default=False),
                _SIZE,
            ),
            (
                Example("Get-ActionCenterReport -Pending", "What waits for a decision."),
                Example("Get-ActionCenterReport -RemediationAction rem-...", "One action with its account."),
            ),
        ),
        _get_report,
    ),
    Command(
        Cmdlet(
            "Export-AIRThreatCluster",
            "Write every copy of a cluster with reason, places, action and result to a file.",
            (
                Parameter("ClusterId", Kind.STRING, "Id of the cluster.", required=True, position=0),
                Parameter("Path", Kind.PATH, "A .csv, .json or .parquet file.", required=True, position=1),
            ),
            (
                Example(
                    "Export-AIRThreatCluster -ClusterId clu-... -Path report.csv", "A table of all copies."
                ),
            ),
        ),
        _export_cluster,
    ),
    Command(
        Cmdlet(
            "Undo-AutomatedInvestigationAction",
            "Put every copy that an action moved back exactly as it was.",
            (
                Parameter("ActionId", Kind.STRING, "Id of the action.", required=True, position=0),
                Parameter("Comment", Kind.STRING, "Why; the policy may want it for every decision."),
                WHAT_IF,
            ),
            (Example("Undo-AutomatedInvestigationAction -ActionId rem-...", "All copies are back."),),
        ),
        _undo,
    ),
)
