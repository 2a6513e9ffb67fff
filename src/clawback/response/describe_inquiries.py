"""Events of an inquiry in plain words."""

from __future__ import annotations

from clawback.response.events_inquiries import (
    ClicksFound,
    InquiryEvent,
    InvestigationBegan,
    InvestigationQueued,
    InvestigationTerminated,
    MailRulesFound,
    MessagesLeftOut,
)


def describe_inquiry(event: InquiryEvent) -> str:
    """One plain sentence about an event of an inquiry."""
    match event:
        case InvestigationQueued():
            return f"more than {event.limit} investigations started by themselves within an hour; it waits"
        case InvestigationBegan():
            return "it begins now"
        case InvestigationTerminated():
            return event.reason
        case MessagesLeftOut():
            return f"{event.messages} messages with {event.key.value} left out: {'; '.join(event.reasons)}"
        case ClicksFound():
            return f"{event.users} users followed {event.key.value}"
        case MailRulesFound():
            if event.trouble:
                return f"the mail rules of {event.account} in {event.source} are not known: {event.trouble}"
            return f"{len(event.rules)} mail rules of {event.account} read in {event.source}"
