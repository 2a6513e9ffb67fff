"""Events about users' reports; the whole list of events stands in `events`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from clawback.analysis.indicators import Threat
from clawback.analysis.submitted import FoundBy
from clawback.message.reports import ReportedAs, ReportFormat
from clawback.response.submissions import SubmissionResult


@dataclass(frozen=True, slots=True)
class SubmissionReceived:
    """A person reported a message. `message_id` is "" when it was not found; then a person must look."""

    TYPE: ClassVar[str] = "submission_received"
    submission_id: str
    reporter: str
    reported_as: ReportedAs
    format: ReportFormat
    message_id: str
    found_by: FoundBy
    investigation_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class SubmissionRefused:
    """What arrived where reports arrive is none; the reason is for people. Nothing follows from it."""

    TYPE: ClassVar[str] = "submission_refused"
    submission_id: str
    reporter: str
    reason: str


@dataclass(frozen=True, slots=True)
class SubmissionConfirmed:
    """A person said that a reported message is bad: a detection with the submission as its source."""

    TYPE: ClassVar[str] = "submission_confirmed"
    submission_id: str
    message_id: str
    investigation_id: str
    threat: Threat
    note: str = ""


@dataclass(frozen=True, slots=True)
class SubmissionDismissed:
    """A person said that a reported message is no threat; a confirmation of it is taken back."""

    TYPE: ClassVar[str] = "submission_dismissed"
    submission_id: str
    message_id: str
    investigation_id: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class SubmissionClosed:
    """The inquiry into a reported message has ended with this result."""

    TYPE: ClassVar[str] = "submission_closed"
    submission_id: str
    investigation_id: str
    result: SubmissionResult


@dataclass(frozen=True, slots=True)
class FeedbackSent:
    """A reporter was told the result; with a `failure` the mail was refused for good."""

    TYPE: ClassVar[str] = "feedback_sent"
    submission_id: str
    to: str
    internet_message_id: str
    failure: str = ""


SubmissionEvent = (
    SubmissionReceived
    | SubmissionRefused
    | SubmissionConfirmed
    | SubmissionDismissed
    | SubmissionClosed
    | FeedbackSent
)
SUBMISSION_EVENTS: tuple[type[SubmissionEvent], ...] = (
    SubmissionReceived,
    SubmissionRefused,
    SubmissionConfirmed,
    SubmissionDismissed,
    SubmissionClosed,
    FeedbackSent,
)
