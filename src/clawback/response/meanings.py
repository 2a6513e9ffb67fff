"""Meanings: the rule behind every status, verdict, type and count that people see, as data."""

from __future__ import annotations

from enum import StrEnum

from clawback.analysis.clusters import ClusterKind
from clawback.analysis.indicators import Threat, VerdictKind
from clawback.message.delivery import DeliveryLocation
from clawback.response.alerts import Severity
from clawback.response.evidence import EvidenceStatus
from clawback.response.evidence_summary import EvidenceType
from clawback.response.investigation import InvestigationStatus
from clawback.response.plan import Outcome, RemediationStatus

_I, _E, _R, _D = InvestigationStatus, EvidenceStatus, RemediationStatus, DeliveryLocation

MEANINGS: dict[type[StrEnum], dict[StrEnum, str]] = {
    InvestigationStatus: {
        _I.STARTING: "It was opened, and nothing has been asked yet.",
        _I.QUEUED_BY_THROTTLING: (
            "More investigations than the policy's number started by themselves within an hour. It begins "
            "when there is room, or at once when a person asks. A person's own request is never queued."
        ),
        _I.RUNNING: "A removal of it is approved or at work, also one of late copies.",
        _I.PENDING_ACTION: "Nothing is at work, and at least one plan waits for a person.",
        _I.NO_THREATS_FOUND: (
            "Everything was asked, and no cluster is malicious or suspicious, nor any mail rule of the "
            "account; nobody followed a malicious link."
        ),
        _I.THREATS_FOUND: (
            "A cluster is malicious and copies are left, of which nothing was taken out; or a cluster or "
            "a mail rule of the account is suspicious."
        ),
        _I.PARTIALLY_REMEDIATED: "Copies were taken out, and others of a malicious cluster are left.",
        _I.REMEDIATED: (
            "Of every malicious cluster no copy is left: each was observed outside the mailboxes. "
            "(Defender says so when all actions are approved, even if some failed.)"
        ),
        _I.FAILED: "The inquiry could not go on for a reason that no waiting heals; the reason is shown.",
        _I.TERMINATED_BY_SYSTEM: (
            "It came to the limit of clusters, or of messages in one; what was found is kept, and nothing "
            "more is done. Or every plan expired with nothing taken out."
        ),
        _I.TERMINATED_BY_USER: (
            "A person stopped it. Its plans that waited are cancelled; what was running went to its end. "
            "Alerts of the same cause join it and start nothing, until a person asks again."
        ),
    },
    VerdictKind: {
        VerdictKind.MALICIOUS: (
            "Listed as malicious; or a similar cluster with more malicious members than a handful. The "
            "only verdict that leads to an action."
        ),
        VerdictKind.SUSPICIOUS: (
            "Listed as suspicious; or a similar cluster with at least one malicious or suspicious member; "
            "or a click; or a mail rule by which mail leaves the organisation or is hidden."
        ),
        VerdictKind.NO_THREATS_FOUND: "Looked at, and nothing is said against it.",
        VerdictKind.UNKNOWN: "Nobody has listed it; a person may ask about it all the same.",
    },
    Threat: {
        Threat.MALWARE: "Listed as such. The gravest.",
        Threat.HIGH_CONFIDENCE_PHISH: "Listed as such.",
        Threat.MALICIOUS_FILE: "A listed file, where nothing more is said.",
        Threat.MALICIOUS_URL: "A listed URL, host or domain, where nothing more is said.",
        Threat.PHISH: "A listed sender or IP address, where nothing more is said; or listed as such.",
        Threat.SPAM: "Listed as such. The least.",
    },
    ClusterKind: {
        ClusterKind.MALICIOUS_FILE: "Messages that carry a file with this SHA-256, at any depth.",
        ClusterKind.MALICIOUS_URL: "Messages that carry this URL, host or domain, in any form.",
        ClusterKind.SIMILAR_ATTRIBUTES: (
            "Messages that share one of Defender's four pairs (subject or body with sender domain or "
            "sending IP address), or that are from a listed sender or IP address."
        ),
        ClusterKind.NEAR_DUPLICATE: (
            "Messages whose body is alike by the Jaccard value of its shingles, from the policy's "
            "likeness on; or the copies of a message that a person confirmed as malicious. Not in "
            "Defender."
        ),
        ClusterKind.SENDER_CAMPAIGN: (
            "Messages of the same sender, or its domain, on the same matter, within three days of the "
            "originals. Not in Defender."
        ),
        ClusterKind.SENT_MAIL: (
            "What an account that may be taken over sent in the last ten days, parted into malicious, "
            "suspicious and clean; only the malicious one may lead to an action."
        ),
        ClusterKind.SELECTION: (
            "Messages that a person chose in the explorer to take an action on. Nothing joins it, nothing "
            "is concluded from it, and nothing is done to it but what that person asked for."
        ),
    },
    EvidenceStatus: {
        _E.NONE: "There is nothing to take out: it is not malicious, or it is a click or a mail rule.",
        _E.ACTIVE: "Copies are in mailboxes, and nothing is planned or done.",
        _E.PENDING_APPROVAL: "A plan for its clusters waits.",
        _E.DECLINED: "A person declined the plan.",
        _E.RUNNING: "A removal is approved or at work.",
        _E.REMEDIATED: "No copy is left in a mailbox, and a removal was carried out.",
        _E.PARTIALLY_REMEDIATED: "Copies were taken out, and others are left.",
        _E.NOT_FOUND: "No message carries it.",
        _E.PREVENTED: "No copy was left in a mailbox when it was looked at: there was nothing to do.",
        _E.UNDONE: "What was taken out was put back.",
    },
    RemediationStatus: {
        _R.PENDING: "It waits for a person.",
        _R.APPROVED: "A person or the policy let it run; it waits for its turn.",
        _R.RUNNING: "Copies are being acted on, or proved gone.",
        _R.COMPLETED: "Every copy has its receipt, and at least one was taken out or gone already.",
        _R.FAILED: "Every copy has its receipt, and nothing but failures came of it.",
        _R.REJECTED: "A person said no.",
        _R.EXPIRED: "Nobody decided in time.",
        _R.CANCELLED: (
            "The plan lost its ground: nothing is left in a mailbox, another plan has its copies, what it "
            "rested on was taken back, or its investigation was stopped."
        ),
    },
    Outcome: {
        Outcome.REMOVED: "It was where the plan expects it, or was found, and was taken out.",
        Outcome.ALREADY_GONE: "It was in no mailbox any more.",
        Outcome.FAILED: "The mail system refused, for a reason that no waiting heals.",
        Outcome.SKIPPED: "The plan leaves it alone, with the reason.",
    },
    Severity: {
        Severity.INFORMATIONAL: "Something was found or asked for.",
        Severity.LOW: "A user's report.",
        Severity.MEDIUM: "An account may be taken over.",
        Severity.HIGH: "Somebody followed a malicious link, or an account may not send any more.",
    },
    EvidenceType: {
        EvidenceType.FILES: "Files by their SHA-256.",
        EvidenceType.URLS: "URLs, hosts and domains.",
        EvidenceType.SUBMISSIONS: "Users' reports.",
        EvidenceType.EMAILS: "The messages it began with, and members of its clusters.",
        EvidenceType.IPS: "Hosts that handed the messages in.",
        EvidenceType.CLUSTERS: "Its clusters.",
        EvidenceType.MAILBOXES: (
            "Accounts it is about, users who clicked, and owners of copies of malicious messages."
        ),
    },
    DeliveryLocation: {
        _D.INBOX: "The inbox.",
        _D.JUNK: "The junk folder, by its special use or name.",
        _D.DELETED_ITEMS: "The trash, by its special use or name.",
        _D.QUARANTINE: "Clawback's quarantine, which no owner sees.",
        _D.SOFT_DELETED: "Clawback's vault, which no owner sees.",
        _D.HARD_DELETED: "It was seen, and is now nowhere in its mailbox.",
        _D.SENT: "The folder of sent mail.",
        _D.OTHER_FOLDER: "Any other folder of the owner.",
        _D.UNKNOWN: "It could not be looked at the last time. Counts as left.",
        _D.DROPPED: "Of mail that its server threw away. Not seen by looking into mailboxes.",
        _D.FAILED: "Of mail that its server could not deliver. Not seen by looking into mailboxes.",
        _D.EXTERNAL: "Of mail that went elsewhere. Not seen by looking into mailboxes.",
    },
}
"""By enumeration, for members of different ones may have the same value."""

NOT_HERE = frozenset({_D.DROPPED, _D.FAILED, _D.EXTERNAL})
"""Members for what only a mail server could tell: no connector gives them."""

COUNTS: dict[str, str] = {
    "total": "Entities of the type; 200 at most, and it is said when there are more.",
    "remediated": "Status remediated or prevented.",
    "malicious": "Verdict malicious.",
    "suspicious": "Verdict suspicious.",
    "verified": "Any verdict but unknown.",
    "no_threats_found": "Verdict no threats found.",
    "unknown": "Verdict unknown.",
    "not_found": "Status not found.",
    "unremediated": "Status active, pending approval, declined, running or undone.",
    "partially_remediated": "Status partially remediated.",
}
"""The counts of each type of evidence."""

CLUSTER_COUNTS: dict[str, str] = {
    "messages": "Members now. Beside it stands how many there were when the cluster was first cut.",
    "malware": "Members whose gravest threat is malware or a malicious file.",
    "high confidence phish": "Members whose gravest threat it is.",
    "phish": "Members whose gravest threat is phish or a malicious URL.",
    "spam": "Members whose gravest threat it is.",
    "copies": "Copies of members, those of SecOps mailboxes and of users' reports left out.",
    "delivered, junked": "Copies by where they were first seen: in the junk folder, or elsewhere.",
    "mailbox": "Copies that an owner can open. Then and now.",
    "not in mailbox": "Copies that nobody can open any more. Then and now.",
    "volume": (
        "Messages of the last day beside the median of the ten days before; an anomaly when more than three "
        "scaled deviations, and more than five, above it. Shown; it causes no action."
    ),
}
"""The counts of each cluster."""

RESULTS: dict[str, str] = {
    "Success": "The copy was taken out, or in an undo put back.",
    "Failure": "It could not be.",
    "Already in destination": "It was gone already.",
}
"""The result of one copy, as Defender says it."""

ELSEWHERE: dict[str, str] = {
    "Terminated By Throttling": "What is queued here waits until there is room, and is never dropped.",
    "Blocked, Replaced": "Delivery actions of a mail gateway, before a mailbox is reached.",
    "Cloud attachment": "A place of a URL that only Microsoft's service knows.",
}
"""What Defender has and this does not, and why."""
