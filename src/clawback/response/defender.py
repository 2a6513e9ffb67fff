"""The strings that Defender shows, made from our words: for every border where a person or a machine reads.

Source: DEFENDER.md (Microsoft's public documentation of automated investigation and response).
"""

from __future__ import annotations

from clawback.analysis.clusters import ClusterKind
from clawback.analysis.indicators import Threat, VerdictKind
from clawback.message.delivery import DeliveryAction, DeliveryLocation
from clawback.message.link import LinkLocation
from clawback.message.message import Direction
from clawback.message.reports import ReportedAs
from clawback.response.alerts import Severity
from clawback.response.evidence import EvidenceStatus
from clawback.response.evidence_summary import EvidenceType
from clawback.response.investigation import InvestigationStatus
from clawback.response.plan import ActionKind, Outcome, Receipt, RemediationStatus
from clawback.response.playbooks import PLAYBOOKS
from clawback.response.submissions import SubmissionResult, SubmissionState

INVESTIGATION_STATUS = {
    InvestigationStatus.STARTING: "Starting",
    InvestigationStatus.QUEUED_BY_THROTTLING: "Queued By Throttling",
    InvestigationStatus.RUNNING: "Running",
    InvestigationStatus.PENDING_ACTION: "Pending Action",
    InvestigationStatus.NO_THREATS_FOUND: "No Threats Found",
    InvestigationStatus.THREATS_FOUND: "Threats Found",
    InvestigationStatus.PARTIALLY_REMEDIATED: "Partially Remediated",
    InvestigationStatus.REMEDIATED: "Remediated",
    InvestigationStatus.FAILED: "Failed",
    InvestigationStatus.TERMINATED_BY_SYSTEM: "Terminated By System",
    InvestigationStatus.TERMINATED_BY_USER: "Terminated By User",
}
INVESTIGATION_TYPE = {kind: playbook.type for kind, playbook in PLAYBOOKS.items()}
SEVERITY = {severity: severity.value.capitalize() for severity in Severity}
CLUSTER_TYPE = {
    ClusterKind.MALICIOUS_FILE: "Similar files",
    ClusterKind.MALICIOUS_URL: "Similar URLs",
    ClusterKind.SIMILAR_ATTRIBUTES: "Multiple similar attributes",
    ClusterKind.NEAR_DUPLICATE: "Similar bodies",
    ClusterKind.SENDER_CAMPAIGN: "Sender campaign",
    ClusterKind.SENT_MAIL: "Sent mail",
    ClusterKind.SELECTION: "Selection",
}
EVIDENCE_STATUS = {
    EvidenceStatus.NONE: "None",
    EvidenceStatus.ACTIVE: "Unremediated",
    EvidenceStatus.PENDING_APPROVAL: "Pending approval",
    EvidenceStatus.DECLINED: "Declined",
    EvidenceStatus.RUNNING: "Running",
    EvidenceStatus.REMEDIATED: "Remediated",
    EvidenceStatus.PARTIALLY_REMEDIATED: "Partially remediated",
    EvidenceStatus.NOT_FOUND: "Not found",
    EvidenceStatus.PREVENTED: "Prevented",
    EvidenceStatus.UNDONE: "Undone",
}
EVIDENCE_TYPE = {
    EvidenceType.FILES: "Files",
    EvidenceType.URLS: "URLs",
    EvidenceType.SUBMISSIONS: "Email submissions",
    EvidenceType.EMAILS: "Emails",
    EvidenceType.IPS: "IP addresses",
    EvidenceType.CLUSTERS: "Email clusters",
    EvidenceType.MAILBOXES: "Mailboxes/Users",
}
ACTION = {
    ActionKind.SOFT_DELETE: "Soft delete emails",
    ActionKind.HARD_DELETE: "Hard delete",
    ActionKind.MOVE_TO_JUNK: "Move to Junk",
    ActionKind.MOVE_TO_DELETED_ITEMS: "Move to deleted items",
    ActionKind.MOVE_TO_INBOX: "Move to Inbox",
    ActionKind.QUARANTINE: "Quarantine",
    ActionKind.RESTORE: "Undo",
}
ACTION_STATUS = {
    RemediationStatus.PENDING: "Pending",
    RemediationStatus.APPROVED: "Waiting on resource",
    RemediationStatus.RUNNING: "Running",
    RemediationStatus.COMPLETED: "Completed",
    RemediationStatus.FAILED: "Failed",
    RemediationStatus.REJECTED: "Declined",
    RemediationStatus.EXPIRED: "Expired",
    RemediationStatus.CANCELLED: "Cancelled",
}
VERDICT = {
    VerdictKind.MALICIOUS: "Malicious",
    VerdictKind.SUSPICIOUS: "Suspicious",
    VerdictKind.NO_THREATS_FOUND: "No threats found",
    VerdictKind.UNKNOWN: "Unknown",
}
THREAT = {
    Threat.MALWARE: "Malware",
    Threat.HIGH_CONFIDENCE_PHISH: "High Confidence Phish",
    Threat.PHISH: "Phish",
    Threat.SPAM: "Spam",
    Threat.MALICIOUS_URL: "Malicious URL",
    Threat.MALICIOUS_FILE: "Malicious file",
}
LOCATION = {
    DeliveryLocation.INBOX: "Inbox/folder",
    DeliveryLocation.OTHER_FOLDER: "Inbox/folder",
    DeliveryLocation.SENT: "Inbox/folder",
    DeliveryLocation.JUNK: "Junk folder",
    DeliveryLocation.DELETED_ITEMS: "Deleted Items folder",
    DeliveryLocation.QUARANTINE: "Quarantine",
    DeliveryLocation.SOFT_DELETED: "Soft deleted",
    DeliveryLocation.HARD_DELETED: "Hard deleted",
    DeliveryLocation.DROPPED: "Dropped",
    DeliveryLocation.FAILED: "Failed",
    DeliveryLocation.EXTERNAL: "On-prem/external",
    DeliveryLocation.UNKNOWN: "Unknown",
}
DELIVERY_ACTION = {
    DeliveryAction.DELIVERED: "Delivered",
    DeliveryAction.JUNKED: "Delivered to junk",
    DeliveryAction.BLOCKED: "Blocked",
    DeliveryAction.REPLACED: "Replaced",
}
DIRECTION = {
    Direction.INBOUND: "Inbound",
    Direction.OUTBOUND: "Outbound",
    Direction.INTRA_ORG: "Intra-org",
    Direction.UNKNOWN: "Unknown",
}
URL_LOCATION = {
    LinkLocation.BODY: "Email body",
    LinkLocation.HEADER: "Email header",
    LinkLocation.SUBJECT: "Subject",
    LinkLocation.ATTACHMENT: "Attachments",
    LinkLocation.QR_CODE: "QR Code",
}

SUBMISSION_STATE = {
    SubmissionState.RECEIVED: "Received",
    SubmissionState.INVESTIGATING: "Under investigation",
    SubmissionState.UNDECIDED: "Needs a person",
    SubmissionState.CLOSED: "Closed",
    SubmissionState.REFUSED: "Refused",
}
REPORTED_AS = {
    ReportedAs.JUNK: "Junk",
    ReportedAs.PHISH: "Phish",
    ReportedAs.MALWARE: "Malware",
    ReportedAs.NOT_JUNK: "Not junk",
}
SUBMISSION_RESULT = {
    SubmissionResult.PHISHING_OR_MALWARE: "Phishing or malware",
    SubmissionResult.SPAM: "Spam",
    SubmissionResult.NO_THREATS_FOUND: "No threats found",
}


def result(receipt: Receipt) -> str:
    """The result of one copy: ``Success``, ``Failure`` or ``Already in destination``."""
    if receipt.outcome is Outcome.REMOVED:
        return "Success"
    return "Failure" if receipt.outcome is Outcome.FAILED else "Already in destination"
