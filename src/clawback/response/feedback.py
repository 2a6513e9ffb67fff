"""Feedback: what a reporter is told once the inquiry has ended, from one template for each outcome."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from string import Template

from clawback.response.submissions import Submission, SubmissionResult

LONGEST_SUBJECT = 200
"""Characters of the reported message's subject that are repeated."""

_HELLO = 'Hello,\n\nthank you for reporting the message "$subject" on $reported_at UTC.\n\n'
_END = "\n\nNo answer is needed. The number of your report is $submission.\n"

TEMPLATES: Mapping[SubmissionResult, str] = {
    SubmissionResult.PHISHING_OR_MALWARE: "Subject: Your report: phishing or malware\n\n"
    + _HELLO
    + "You were right: it is phishing or malware. Please do not open it, its links or its files any more. "
    "If you have done so already, or entered a password there, tell us at once." + _END,
    SubmissionResult.SPAM: "Subject: Your report: spam\n\n"
    + _HELLO
    + "It is spam: unwanted, and as far as we can see without danger. You may delete it."
    + _END,
    SubmissionResult.NO_THREATS_FOUND: "Subject: Your report: no threats found\n\n"
    + _HELLO
    + "We found no threat in it. If you still have a bad feeling about it, tell us; a report too many is "
    "better than one too few." + _END,
}
"""What is sent when nobody gave templates of their own."""

NAMES = {result: f"{result.value}.txt" for result in SubmissionResult}
"""The names of template files."""


_WRITABLE = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}")


def may_be_told(address: str, domains: frozenset[str]) -> bool:
    """Whether letters are written to an address: a plain one in one of these domains, or below it.

    Reports are easily forged: who is none of ours must not get mail from us because of one.
    """
    domain = address.rpartition("@")[2].lower()
    ours = any(domain == own or domain.endswith("." + own) for own in domains)
    return ours and _WRITABLE.fullmatch(address) is not None


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail to one person. `message_id`, in angle brackets, is the same whenever it is sent again."""

    message_id: str
    sender: str
    to: str
    subject: str
    text: str
    date: datetime


def feedback(submission: Submission, templates: Mapping[SubmissionResult, str], sender: str) -> Letter:
    """The letter about a submission that has its result and the time of it.

    A template begins with a line ``Subject: ...`` and an empty line. ``$subject``, ``$reporter``,
    ``$reported_at``, ``$reported_as``, ``$result`` and ``$submission`` stand for what they say.
    """
    assert submission.result is not None
    assert submission.decided_at is not None
    template = templates.get(submission.result) or TEMPLATES[submission.result]
    words = {
        "subject": _one_line(submission.subject) or "(no subject)",
        "reporter": submission.reporter,
        "reported_at": f"{submission.reported_at:%Y-%m-%d %H:%M}",
        "reported_as": submission.reported_as.value.replace("_", " "),
        "result": submission.result.value.replace("_", " "),
        "submission": submission.id,
    }
    head, _, text = template.replace("\r\n", "\n").partition("\n")
    subject = head.partition(":")[2].strip() if head.lower().startswith("subject:") else ""
    return Letter(
        message_id=f"<{submission.id}.{submission.result.value}@{sender.rpartition('@')[2]}>",
        sender=sender,
        to=submission.reporter,
        subject=_one_line(Template(subject or "Your report").safe_substitute(words)),
        text=Template((text if subject else template).lstrip("\n")).safe_substitute(words),
        date=submission.decided_at,
    )


def _one_line(text: str) -> str:
    """Text that an attacker wrote, in one line without anything a terminal or a mail program obeys."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(plain.split())[:LONGEST_SUBJECT]
