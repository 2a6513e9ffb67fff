"""Submissions: a person's report of a message, from its arrival to its result."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase

from clawback.analysis.indicators import Threat, VerdictKind
from clawback.analysis.submitted import FoundBy
from clawback.message.delivery import DeliveryLocation, Handle
from clawback.message.message import Direction, Message
from clawback.message.reports import ReportedAs, ReportFormat


class SubmissionState(StrEnum):
    """Where a submission stands.

    `undecided` ones wait for a person: no original was found, or the inquiry failed. `refused` ones are
    no reports: they came from outside, or from a machine.
    """

    RECEIVED = "received"
    INVESTIGATING = "investigating"
    UNDECIDED = "undecided"
    CLOSED = "closed"
    REFUSED = "refused"


OPEN_SUBMISSIONS = frozenset(
    {SubmissionState.RECEIVED, SubmissionState.INVESTIGATING, SubmissionState.UNDECIDED}
)


class SubmissionResult(StrEnum):
    """What came of a submission: the three outcomes that reporters are told."""

    PHISHING_OR_MALWARE = "phishing_or_malware"
    SPAM = "spam"
    NO_THREATS_FOUND = "no_threats_found"


class FeedbackState(StrEnum):
    """Whether the reporter was told. `sending` is written before, so that a repeat is known as one."""

    NONE = "none"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Submission:
    """One report of one message by one person.

    `report_id` and `delivery_id` are the message and the copy of the report, "" when a file was handed in;
    of a message that its owner moved into a folder for reports the copy is its own and `report_id` is "".
    `message_id` is the original's, "" when it was not found. With `kept` the report is never taken out
    with the messages it is about. `confirmed_as` is a person's word on the original, `told` the
    result that the reporter was told last. Times are UTC.
    """

    id: str
    reporter: str
    reported_at: datetime
    reported_as: ReportedAs
    state: SubmissionState
    report_id: str = ""
    delivery_id: str = ""
    raw_sha256: str = ""
    kept: bool = True
    format: ReportFormat = ReportFormat.NONE
    subject: str = ""
    message_id: str = ""
    found_by: FoundBy = FoundBy.NOTHING
    reason: str = ""
    investigation_id: str = ""
    result: SubmissionResult | None = None
    confirmed_as: Threat | None = None
    decided_by: str = ""
    decided_at: datetime | None = None
    feedback: FeedbackState = FeedbackState.NONE
    feedback_at: datetime | None = None
    told: SubmissionResult | None = None

    @property
    def is_kept(self) -> bool:
        """Whether its copy is a report that is left out of what is done about the original."""
        return self.kept and bool(self.report_id) and self.state is not SubmissionState.REFUSED


@dataclass(frozen=True, slots=True)
class ReportPlace:
    """Where reports arrive.

    `source` is a mail system's name ("" for any), `mailbox` an address in lower case ("" for every mailbox),
    `folder` a pattern with ``*`` and ``?`` for the connector's name of the folder, compared without regard
    to case. With a mailbox, what arrives there are reports; without, what lies in the folder are the
    reported messages themselves. Reports are believed of people of these `domains` (lower case), or of
    `anyone`. What is older than `age` when it is first seen is no news. `reported_as` is for reports that
    do not say.
    """

    source: str = ""
    mailbox: str = ""
    folder: str = "*"
    domains: frozenset[str] = frozenset()
    anyone: bool = False
    reported_as: ReportedAs = ReportedAs.PHISH
    age: timedelta = timedelta(days=7)
    kept: bool = True

    @property
    def holds_originals(self) -> bool:
        """Whether what lies here is what was reported, and no report of it."""
        return not self.mailbox


_ARRIVES = frozenset({DeliveryLocation.INBOX, DeliveryLocation.JUNK, DeliveryLocation.OTHER_FOLDER})


def place_of(handle: Handle, location: DeliveryLocation, places: Iterable[ReportPlace]) -> ReportPlace | None:
    """The place for reports that a copy lies in; None when it lies in none.

    Sent mail and what was thrown away is no report.
    """
    if location not in _ARRIVES:
        return None
    folder = handle.folder.casefold()
    return next(
        (
            place
            for place in places
            if place.source in ("", handle.source)
            and place.mailbox in ("", handle.mailbox.lower())
            and fnmatchcase(folder, place.folder.casefold())
        ),
        None,
    )


def why_not_believed(report: Message, place: ReportPlace) -> str:
    """Why a report is none, "" when it is believed: it must come from one of our own people.

    The sender's domain must be one of the place's. Mail that came in from outside under such a domain is
    believed only with a DMARC pass; mail that failed DMARC never.
    """
    if place.anyone:
        return ""
    domain = report.sender.domain
    if not any(domain == own or domain.endswith("." + own) for own in place.domains):
        return f"{report.sender.address or 'nobody'} is none of the organisation's people"
    dmarc = report.authentication.dmarc
    if dmarc == "fail" or (report.direction is Direction.INBOUND and dmarc != "pass"):
        return f"it came from outside under the name of {report.sender.address}"
    return ""


_RESULTS = {
    Threat.MALWARE: SubmissionResult.PHISHING_OR_MALWARE,
    Threat.HIGH_CONFIDENCE_PHISH: SubmissionResult.PHISHING_OR_MALWARE,
    Threat.MALICIOUS_FILE: SubmissionResult.PHISHING_OR_MALWARE,
    Threat.MALICIOUS_URL: SubmissionResult.PHISHING_OR_MALWARE,
    Threat.PHISH: SubmissionResult.PHISHING_OR_MALWARE,
    Threat.SPAM: SubmissionResult.SPAM,
}


def result_of(verdict: VerdictKind, threat: Threat | None) -> SubmissionResult:
    """What a verdict on the original means for whoever reported it."""
    if verdict not in (VerdictKind.MALICIOUS, VerdictKind.SUSPICIOUS):
        return SubmissionResult.NO_THREATS_FOUND
    if threat is None:
        bad = verdict is VerdictKind.MALICIOUS
        return SubmissionResult.PHISHING_OR_MALWARE if bad else SubmissionResult.SPAM
    return _RESULTS[threat]


def was_right(submission: Submission) -> bool | None:
    """Whether a person was right, None while nobody knows.

    Who reported a message as bad was right when anything bad was found, spam too; who reported it as not
    junk, when nothing was.
    """
    if submission.state is not SubmissionState.CLOSED or submission.result is None:
        return None
    clean = submission.result is SubmissionResult.NO_THREATS_FOUND
    return clean if submission.reported_as is ReportedAs.NOT_JUNK else not clean


@dataclass(frozen=True, slots=True)
class Reputation:
    """How often a person's reports were right so far."""

    right: int = 0
    wrong: int = 0

    @property
    def share(self) -> float:
        """(right + 1) / (right + wrong + 2): 0.5 for somebody new, and slow to move with few reports.

        Reports are ordered by it and it is shown; none is ever left out because of it.
        """
        return (self.right + 1) / (self.right + self.wrong + 2)
