"""Records with Defender's names and words, for the cmdlets and for the API that a Defender user knows."""

from __future__ import annotations

from collections.abc import Sequence

from clawback.analysis.clusters import BY_ITSELF
from clawback.analysis.entities import EntityKind
from clawback.response import defender
from clawback.response.accounts import RemediationStanding
from clawback.response.alert_status import alert_status
from clawback.response.deciding import waits_for
from clawback.response.investigation import ClusterStanding, Investigation
from clawback.response.plan import Deed, Receipt, Remediation, RemediationStatus, Skip
from clawback.response.policy import Policy

Record = dict[str, object]
SKIPPED = "Skipped"
_ORDER = ("Failure", "Already in destination", SKIPPED, "Success")


def account(done: Remediation | RemediationStanding) -> str:
    """found = removed + already gone + failed + skipped, in one line; an undo has *restored* copies."""
    tally = done.tally
    line = (
        f"found {tally.found} = {'restored' if done.undoes else 'removed'} {tally.removed} "
        f"+ already gone {tally.already_gone} "
        f"+ failed {tally.failed} + skipped {tally.skipped}"
    )
    line += f" + open {tally.open}" if tally.open else ""
    return line + (f" ({done.late} of them late)" if done.late else "")


def comment_of(remediation: Remediation) -> str:
    """What was said about it by whoever decided, "" for nothing."""
    return remediation.note or (remediation.approval.note if remediation.approval else "")


def threats(investigation: Investigation) -> int:
    """How many malicious messages its clusters hold."""
    return sum(c.messages for c in investigation.clusters if c.verdict.value == "malicious")


def policy_record(policy: Policy) -> Record:
    """The settings of auto-remediation."""
    kinds = {kind: name for kind, name in defender.CLUSTER_TYPE.items() if kind in BY_ITSELF}
    return {
        "EnableAutoRemediation": set(kinds) <= policy.automatic,
        "AutoRemediatedClusterTypes": [name for kind, name in kinds.items() if kind in policy.automatic],
        "Action": "Soft delete",
        "MaximumMessages": policy.limit,
        "ExcludedMailboxes": sorted(policy.excluded_mailboxes),
        "PendingActionsExpireAfterDays": policy.expiry.days,
        "RemediatedClustersStayArmedDays": policy.armed.total_seconds() / 86_400,
    }


def investigation_record(investigation: Investigation, *, whole: bool) -> Record:
    """An investigation; `whole` adds its clusters, actions and log."""
    record: Record = {
        "InvestigationId": investigation.id,
        "Status": defender.INVESTIGATION_STATUS[investigation.status],
        "InvestigationType": defender.INVESTIGATION_TYPE[investigation.kind],
        "Investigation": investigation.title,
        "CreationTime": investigation.created_at,
        "LastChangedTime": investigation.changed_at,
        "ThreatCount": threats(investigation),
        "ActionCount": len(investigation.remediations),
    }
    if not whole:
        return record
    ended = investigation.ended_at
    return record | {
        "EndTime": ended,
        "Duration": (ended - investigation.created_at) if ended else None,
        "AlertStatus": alert_status(investigation).value,
        "Clusters": [_cluster(c) for c in investigation.clusters],
        "RemediationActions": [_action(r) for r in investigation.remediations],
        "Failure": investigation.failure or None,
        "Log": [
            {"Time": e.at, "Actor": e.actor, "Event": e.event, "Description": e.text}
            for e in investigation.log
        ],
    }


def users_of(investigation: Investigation) -> list[str]:
    """The mailboxes that are evidence in an investigation."""
    kinds = (e.entity.value for e in investigation.evidence if e.entity.kind is EntityKind.MAILBOX)
    return sorted(set(kinds))


def air_record(investigation: Investigation) -> Record:
    """An investigation as a row of Defender's list: more of it than the cmdlet's row has."""
    ended = investigation.ended_at
    return investigation_record(investigation, whole=False) | {
        "DetectionSource": investigation.alerts[0].source if investigation.alerts else "",
        "Users": users_of(investigation),
        "EndTime": ended,
        "Duration": (ended or investigation.changed_at) - investigation.created_at,
    }


def whole_air_record(investigation: Investigation) -> Record:
    """An investigation with everything that Defender's page of it shows."""
    return investigation_record(investigation, whole=True) | air_record(investigation)


def _cluster(cluster: ClusterStanding) -> Record:
    return {
        "ClusterId": cluster.cluster_id,
        "ClusterType": defender.CLUSTER_TYPE[cluster.kind],
        "Entity": cluster.key.value,
        "Verdict": defender.VERDICT[cluster.verdict],
        "Messages": cluster.messages,
        "Copies": cluster.now.copies,
        "InMailboxThen": cluster.then.in_mailbox,
        "InMailboxNow": cluster.now.in_mailbox,
        "ArmedUntil": cluster.armed_until,
    }


def _action(standing: RemediationStanding) -> Record:
    return {
        "ActionId": standing.remediation_id,
        "Action": defender.ACTION[standing.kind],
        "Status": defender.ACTION_STATUS[standing.status],
        "Account": account(standing),
    }


def action_record(remediation: Remediation) -> Record:
    """A remediation action with its account: Found = Removed + AlreadyGone + Failed + Skipped (+ Open)."""
    tally, seen = remediation.tally, remediation.refreshed
    pending = remediation.status is RemediationStatus.PENDING
    record: Record = {
        "ActionId": remediation.id,
        "Action": defender.ACTION[remediation.kind],
        "Status": defender.ACTION_STATUS[remediation.status],
        "Entity": remediation.key.value,
        "InvestigationId": remediation.investigation_id,
        "ClusterId": remediation.cluster_id,
        "Found": tally.found,
        "Removed": tally.removed,
        "AlreadyGone": tally.already_gone,
        "Failed": tally.failed,
        "Skipped": tally.skipped,
        "Open": tally.open,
        "Late": remediation.late,
        "DecidedBy": remediation.decided_by or None,
        "ProposedBy": remediation.first.by if remediation.first else None,
        "WaitsFor": waits_for(remediation) if pending else None,
        "InMailboxNow": seen.places.in_mailbox if seen else None,
        "LookedAt": seen.at if seen else None,
        "PartOf": remediation.part_of or None,
        "Comment": comment_of(remediation) or None,
        "Time": remediation.made_at,
        "Expires": remediation.expires_at if not remediation.decided_at else None,
        "Undoes": remediation.undoes or None,
        "UndoneBy": remediation.undone_by or None,
    }
    if remediation.ended_at and remediation.started_at:
        record["Duration"] = remediation.ended_at - remediation.started_at
    return record


def whole_action_record(
    remediation: Remediation, results: Sequence[tuple[Deed, Receipt]], skips: Sequence[Skip]
) -> Record:
    """A remediation action with its account in one line, and the result of every copy, the worst first."""
    record = action_record(remediation)
    copies = [_copy(deed, receipt) for deed, receipt in results]
    copies += [_skipped(skip) for skip in skips]
    copies.sort(key=lambda copy: (_ORDER.index(str(copy["Result"])), copy["Mailbox"]))
    record["Account"] = account(remediation)
    record["Copies"] = copies
    return record


def _copy(deed: Deed, receipt: Receipt) -> Record:
    return {
        "Result": defender.result(receipt),
        "Mailbox": deed.handle.mailbox,
        "Folder": deed.handle.folder,
        "NowIn": receipt.after.folder if receipt.after else "",
        "Reason": receipt.reason,
        "NetworkMessageId": deed.message_id,
    }


def _skipped(skip: Skip) -> Record:
    return {
        "Result": SKIPPED,
        "Mailbox": skip.mailbox,
        "Folder": "",
        "NowIn": defender.LOCATION[skip.location],
        "Reason": skip.reason,
        "NetworkMessageId": "",
    }


def cluster_export_record(cluster_id: str, path: str, rows: int) -> Record:
    """What an export wrote."""
    return {"ClusterId": cluster_id, "Path": path, "Copies": rows}
