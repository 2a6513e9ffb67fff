"""Places for reports, who is believed, results, reputation and feedback: tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from clawback.analysis.indicators import Threat, VerdictKind
from clawback.message.address import Address
from clawback.message.authentication import Authentication
from clawback.message.delivery import DeliveryLocation, Handle
from clawback.message.message import Direction, Message
from clawback.message.reports import ReportedAs
from clawback.response.feedback import TEMPLATES, feedback, may_be_told
from clawback.response.submissions import (
    ReportPlace,
    Reputation,
    Submission,
    SubmissionResult,
    SubmissionState,
    place_of,
    result_of,
    was_right,
    why_not_believed,
)

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
DESK = ReportPlace(source="mail", mailbox="report@example.org", domains=frozenset({"example.org"}))
FOLDER = ReportPlace(folder="*report phishing")
CLOSED = Submission(
    "sub-1",
    "ann@example.org",
    AT,
    ReportedAs.PHISH,
    SubmissionState.CLOSED,
    subject="Your\r\naccount\x1b[2J",
    result=SubmissionResult.SPAM,
    decided_at=AT,
)


@pytest.mark.parametrize(
    ("source", "mailbox", "folder", "location", "wanted"),
    [
        ("mail", "Report@example.org", "INBOX", DeliveryLocation.INBOX, DESK),
        ("mail", "report@example.org", "Spam", DeliveryLocation.JUNK, DESK),
        ("other", "report@example.org", "INBOX", DeliveryLocation.INBOX, None),
        ("mail", "report@example.org", "Sent", DeliveryLocation.SENT, None),
        ("mail", "report@example.org", "Trash", DeliveryLocation.DELETED_ITEMS, None),
        ("mail", "report@example.org", "soft", DeliveryLocation.SOFT_DELETED, None),
        ("other", "ann@example.org", "INBOX.Report Phishing", DeliveryLocation.OTHER_FOLDER, FOLDER),
        ("other", "ann@example.org", "INBOX", DeliveryLocation.INBOX, None),
    ],
)
def test_where_reports_arrive(
    source: str, mailbox: str, folder: str, location: DeliveryLocation, wanted: ReportPlace | None
) -> None:
    assert place_of(Handle(source, mailbox, folder, "1"), location, (DESK, FOLDER)) is wanted
    assert FOLDER.holds_originals
    assert not DESK.holds_originals


def report(sender: str, direction: Direction, dmarc: str) -> Message:
    said = Authentication(dmarc=dmarc)
    return Message("msg-1", "", 1, sender=Address("", sender), direction=direction, authentication=said)


@pytest.mark.parametrize(
    ("sender", "direction", "dmarc", "believed"),
    [
        ("ann@example.org", Direction.INTRA_ORG, "", True),
        ("ann@sub.example.org", Direction.INTRA_ORG, "", True),
        ("ann@example.org", Direction.UNKNOWN, "", True),
        ("ann@example.org", Direction.INBOUND, "pass", True),
        ("ann@example.org", Direction.INBOUND, "", False),
        ("ann@example.org", Direction.INTRA_ORG, "fail", False),
        ("eve@notexample.org", Direction.INTRA_ORG, "pass", False),
        ("", Direction.UNKNOWN, "", False),
    ],
)
def test_who_is_believed(sender: str, direction: Direction, dmarc: str, believed: bool) -> None:
    why = why_not_believed(report(sender, direction, dmarc), DESK)
    assert (why == "") is believed
    assert why_not_believed(report(sender, direction, dmarc), replace(DESK, anyone=True)) == ""


@pytest.mark.parametrize(
    ("verdict", "threat", "wanted"),
    [
        (VerdictKind.MALICIOUS, Threat.MALWARE, SubmissionResult.PHISHING_OR_MALWARE),
        (VerdictKind.MALICIOUS, Threat.MALICIOUS_URL, SubmissionResult.PHISHING_OR_MALWARE),
        (VerdictKind.MALICIOUS, None, SubmissionResult.PHISHING_OR_MALWARE),
        (VerdictKind.SUSPICIOUS, Threat.PHISH, SubmissionResult.PHISHING_OR_MALWARE),
        (VerdictKind.SUSPICIOUS, Threat.SPAM, SubmissionResult.SPAM),
        (VerdictKind.MALICIOUS, Threat.SPAM, SubmissionResult.SPAM),
        (VerdictKind.SUSPICIOUS, None, SubmissionResult.SPAM),
        (VerdictKind.UNKNOWN, Threat.MALWARE, SubmissionResult.NO_THREATS_FOUND),
        (VerdictKind.NO_THREATS_FOUND, None, SubmissionResult.NO_THREATS_FOUND),
    ],
)
def test_one_of_three_outcomes(verdict: VerdictKind, threat: Threat | None, wanted: SubmissionResult) -> None:
    assert result_of(verdict, threat) is wanted


@pytest.mark.parametrize(
    ("said", "result", "right"),
    [
        (ReportedAs.PHISH, SubmissionResult.PHISHING_OR_MALWARE, True),
        (ReportedAs.PHISH, SubmissionResult.SPAM, True),
        (ReportedAs.JUNK, SubmissionResult.NO_THREATS_FOUND, False),
        (ReportedAs.NOT_JUNK, SubmissionResult.NO_THREATS_FOUND, True),
        (ReportedAs.NOT_JUNK, SubmissionResult.SPAM, False),
    ],
)
def test_who_was_right(said: ReportedAs, result: SubmissionResult, right: bool) -> None:
    assert was_right(replace(CLOSED, reported_as=said, result=result)) is right
    assert was_right(replace(CLOSED, state=SubmissionState.UNDECIDED)) is None


def test_a_reputation_begins_in_the_middle_and_moves_slowly() -> None:
    shares = [Reputation(n, 0).share for n in range(4)]
    assert shares == [0.5, 2 / 3, 0.75, 0.8]
    assert Reputation(0, 3).share == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("ann@example.org", True),
        ("ann@sub.example.org", True),
        ("eve@bad.example", False),
        ('"ann\r\nBcc: x@y.z"@example.org', False),
        ("a,b@example.org", False),
        ("@example.org", False),
    ],
)
def test_only_our_own_people_are_told(address: str, told: bool) -> None:
    assert may_be_told(address, frozenset({"example.org"})) is told


@pytest.mark.parametrize("result", SubmissionResult)
def test_there_is_a_template_for_each_outcome(result: SubmissionResult) -> None:
    letter = feedback(replace(CLOSED, result=result), {}, "soc@example.org")
    assert (letter.to, letter.sender) == ("ann@example.org", "soc@example.org")
    assert letter.message_id == f"<sub-1.{result.value}@example.org>"
    assert '"Your account [2J" on 2026-11-24 12:00 UTC' in letter.text
    assert "sub-1" in letter.text
    assert "$" not in letter.text + letter.subject
    assert TEMPLATES[result].startswith("Subject: ")


def test_a_template_of_ones_own_is_used_and_may_lack_a_subject() -> None:
    own = {SubmissionResult.SPAM: "Subject: $result, $reporter\r\n\r\nHi, $subject was $reported_as. $5"}
    letter = feedback(CLOSED, own, "soc@example.org")
    assert letter.subject == "spam, ann@example.org"
    assert letter.text == "Hi, Your account [2J was phish. $5"
    bare = feedback(CLOSED, {SubmissionResult.SPAM: "Just $result"}, "soc@example.org")
    assert (bare.subject, bare.text) == ("Your report", "Just spam")
