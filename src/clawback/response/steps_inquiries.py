"""What the events of an inquiry make of an investigation (see `steps`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from clawback.analysis.entities import Entity, EntityKind
from clawback.analysis.indicators import VerdictKind
from clawback.message.mail_rules import MailRule
from clawback.response.events_inquiries import (
    ClicksFound,
    InquiryEvent,
    InvestigationBegan,
    InvestigationQueued,
    InvestigationTerminated,
    MailRulesFound,
)
from clawback.response.evidence import Evidence, EvidenceStatus
from clawback.response.investigation import Investigation, Terminated

MOST = 200
"""Pieces of evidence of one role that an investigation keeps."""


def inquiry_step(event: InquiryEvent, state: Investigation, at: datetime) -> Investigation:
    """What one event of an inquiry makes of an investigation, without status, evidence and log."""
    match event:
        case InvestigationQueued():
            return replace(state, queued=True)
        case InvestigationBegan():
            return replace(state, queued=False)
        case InvestigationTerminated():
            by = Terminated.BY_SYSTEM if event.by_system else Terminated.BY_USER
            return replace(state, terminated=by, reason=event.reason, queued=False)
        case ClicksFound():
            return _grown(state, _clicks(event, at))
        case MailRulesFound():
            return _grown(replace(state, asked=True), _rules(event, at))
        case _:
            return state


def _grown(state: Investigation, items: Iterable[Evidence]) -> Investigation:
    """The investigation with these pieces of evidence; of one role no more than it may keep.

    What it had already is told anew, in its place.
    """
    kept = {(item.entity, item.role, item.detail): item for item in state.evidence}
    for item in items:
        key = (item.entity, item.role, item.detail)
        if key in kept or sum(one.role == item.role for one in kept.values()) < MOST:
            kept[key] = replace(item, first_seen=kept[key].first_seen) if key in kept else item
    return replace(state, evidence=tuple(kept.values()))


def _clicks(event: ClicksFound, at: datetime) -> Iterable[Evidence]:
    for one in event.clicks:
        entity = Entity(EntityKind.MAILBOX, one.user)
        detail = f"followed {one.url} at {one.at:%Y-%m-%d %H:%M} UTC, says {one.source}"
        yield Evidence(entity, "click", event.verdict, None, EvidenceStatus.NONE, at, detail)


def _rules(event: MailRulesFound, at: datetime) -> Iterable[Evidence]:
    entity = Entity(EntityKind.MAILBOX, event.account)
    for rule in event.rules:
        verdict = verdict_of(rule, event.account)
        yield Evidence(entity, "mail_rule", verdict, None, EvidenceStatus.NONE, at, rule.sentence)


def verdict_of(rule: MailRule, account: str) -> VerdictKind:
    """Suspicious when mail leaves the organisation by the rule, or when its owner would not see the mail."""
    domain = account.rpartition("@")[2]
    if rule.leaves(domain) or rule.hides:
        return VerdictKind.SUSPICIOUS
    return VerdictKind.UNKNOWN if rule.kind.value == "unread" else VerdictKind.NO_THREATS_FOUND
