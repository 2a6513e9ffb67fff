"""Events of an inquiry beside its clusters and actions: waiting its turn, ending early, and what it found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from clawback.analysis.entities import Entity
from clawback.analysis.indicators import VerdictKind
from clawback.message.mail_rules import MailRule
from clawback.response.clicks import Click


@dataclass(frozen=True, slots=True)
class InvestigationQueued:
    """Too many investigations started by themselves within an hour: this one waits for room."""

    TYPE: ClassVar[str] = "investigation_queued"
    investigation_id: str
    limit: int


@dataclass(frozen=True, slots=True)
class InvestigationBegan:
    """A queued investigation has room now, or a person wants it at once."""

    TYPE: ClassVar[str] = "investigation_began"
    investigation_id: str


@dataclass(frozen=True, slots=True)
class InvestigationTerminated:
    """The inquiry was ended: by a person, or by the system at a limit. What was found is kept."""

    TYPE: ClassVar[str] = "investigation_terminated"
    investigation_id: str
    reason: str
    by_system: bool


@dataclass(frozen=True, slots=True)
class MessagesLeftOut:
    """Messages that would be members of a cluster are none, by the policy; `reasons` has each reason once."""

    TYPE: ClassVar[str] = "messages_left_out"
    investigation_id: str
    cluster_id: str
    key: Entity
    messages: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClicksFound:
    """Log evidence shows who followed a link: the first click of each user; at most 100 of `users`.

    `verdict` is suspicious when the link is listed as malicious, else unknown.
    """

    TYPE: ClassVar[str] = "clicks_found"
    investigation_id: str
    key: Entity
    users: int
    clicks: tuple[Click, ...]
    verdict: VerdictKind = VerdictKind.SUSPICIOUS


@dataclass(frozen=True, slots=True)
class MailRulesFound:
    """An account's own filters were read: what they do, or why they could not be read."""

    TYPE: ClassVar[str] = "mail_rules_found"
    investigation_id: str
    account: str
    source: str
    rules: tuple[MailRule, ...]
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class ClicksRecorded:
    """Clicks were taken in from a log; counts only, the clicks carry their source."""

    TYPE: ClassVar[str] = "clicks_recorded"
    source: str
    read: int
    added: int
    defects: int


InquiryEvent = (
    InvestigationQueued
    | InvestigationBegan
    | InvestigationTerminated
    | MessagesLeftOut
    | ClicksFound
    | MailRulesFound
)
"""Those that change their investigation."""
INQUIRY_EVENTS: tuple[type[InquiryEvent | ClicksRecorded], ...] = (
    InvestigationQueued,
    InvestigationBegan,
    InvestigationTerminated,
    MessagesLeftOut,
    ClicksFound,
    MailRulesFound,
    ClicksRecorded,
)
"""All of this file, for the list of events."""
