"""Events in plain words."""

from __future__ import annotations

from clawback.analysis.entities import EntityKind
from clawback.response.describe_inquiries import describe_inquiry
from clawback.response.events import (
    AlertJoined,
    ClusterArmed,
    ClusterDisarmed,
    ClusterLinked,
    InvestigationEvent,
    InvestigationFailed,
    InvestigationStarted,
    NothingCarried,
    RemediationApproved,
    RemediationCancelled,
    RemediationCompleted,
    RemediationPlanned,
    RemediationRejected,
)
from clawback.response.events_brake import CollateralEstimated, RestHeld
from clawback.response.events_clusters import ClusterRecut, OriginalJudged
from clawback.response.events_decisions import RemediationExpiring, RemediationProposed
from clawback.response.events_inquiries import InquiryEvent


def describe(event: InvestigationEvent) -> str:
    """One plain sentence about an event."""
    match event:
        case InvestigationStarted() | AlertJoined():
            alert = event.alert
            return f"{alert.title}{f': {alert.detail}' if alert.detail else ''} (alert {alert.id})"
        case ClusterRecut():
            return (
                f"{event.cluster_id} cut again at {event.line:g}: {event.messages} members, "
                f"{event.below} below the line"
            )
        case OriginalJudged():
            return f"{event.message_id} is {event.verdict.value} through its siblings in {event.cluster_id}"
        case ClusterLinked():
            held = "share" if event.key.kind is EntityKind.FINGERPRINT else "carry"
            return (
                f"{event.messages} messages {held} {event.key.value}; of {event.places.copies} copies "
                f"{event.places.in_mailbox} are in mailboxes"
            )
        case NothingCarried():
            if event.key.kind is EntityKind.MESSAGE:
                return f"{event.key.value} carries nothing that is listed"
            return f"no message carries {event.key.value}"
        case RemediationPlanned():
            why = f"; waits: {event.waits_because}" if event.waits_because else ""
            late = f"late copies of {event.follows}: " if event.follows else ""
            return (
                f"{late}{event.kind.value} of {event.deeds} copies planned, {event.skipped} left alone{why}"
            )
        case CollateralEstimated():
            least = "at least " if event.at_least else ""
            found = f"{least}{event.copies} of {event.of} copies are probably legitimate"
            return f"{event.popular}; {found}" if event.popular else found
        case RestHeld():
            return f"the rest waits for a person: {event.reason}"
        case RemediationCompleted():
            t = event.tally
            return (
                f"found {t.found} = removed {t.removed} + already gone {t.already_gone} "
                f"+ failed {t.failed} + skipped {t.skipped}"
            )
        case ClusterArmed():
            return (
                f"late copies are taken out for {event.remediation_id} until {event.until:%Y-%m-%d %H:%M} UTC"
            )
        case RemediationCancelled() | InvestigationFailed() | ClusterDisarmed():
            return event.reason
        case RemediationProposed():
            return f"waits for a second person{f': {event.note}' if event.note else ''}"
        case RemediationExpiring():
            return f"expires on {event.expires_at:%Y-%m-%d %H:%M} UTC"
        case RemediationApproved() | RemediationRejected():
            return event.note or event.remediation_id
        case _ if isinstance(event, InquiryEvent):
            return describe_inquiry(event)
        case _:
            return event.remediation_id
