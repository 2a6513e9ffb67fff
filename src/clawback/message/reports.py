"""Users' reports: mail by which a person says that another message is bad, in the formats there are.

A report holds the original as an attached message, as a forward in its text, or as a header alone. Source of
the formats: RFC 5965 (feedback reports), Microsoft's format for reports to a mailbox, and what the report
buttons of KnowBe4, Cofense and Proofpoint send.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from itertools import islice

from clawback import ids
from clawback.message.address import Address
from clawback.message.bounds import MAX_SUBJECT
from clawback.message.charset import decode_text
from clawback.message.decode import undo_encoding
from clawback.message.forwards import Forward, read_forward
from clawback.message.message import Message, Organisation, Part
from clawback.message.nested import Nested
from clawback.message.parse import parse

MAX_ORIGINALS = 5
"""Attached messages that are read whole; a report is about one."""

MAX_CANDIDATES = 20
"""Messages inside a report that may be the one it is about."""

_HEADERS_ALONE = ("text/rfc822-headers", "message/rfc822-headers")
_MAX_FIELDS = 200
_MAX_PART = 100_000


class ReportedAs(StrEnum):
    """What a person says a message is."""

    JUNK = "junk"
    PHISH = "phish"
    MALWARE = "malware"
    NOT_JUNK = "not_junk"


class ReportFormat(StrEnum):
    """How a report holds the message it is about."""

    NONE = "none"
    ATTACHED = "attached"
    FORWARDED = "forwarded"
    FEEDBACK = "feedback"
    MICROSOFT = "microsoft"
    KNOWBE4 = "knowbe4"
    PROOFPOINT = "proofpoint"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Report:
    """What a report says; `itself` is the report as a message.

    `originals` are the messages it may be about, the likeliest first. One that is attached is whole; of a
    forward there are sender, subject and text, of a header what it says; then the `id` is "". `reported_as`
    is None when the report does not say. `automatic` when no person sent it (RFC 3834).
    """

    itself: Message
    format: ReportFormat = ReportFormat.NONE
    reported_as: ReportedAs | None = None
    originals: tuple[Message, ...] = ()
    automatic: bool = False


def read_report(raw: bytes, organisation: Organisation) -> Report:
    """What a report says, whatever the bytes; nothing raises."""
    report = parse(raw, organisation)
    feedback = _feedback(report, raw)
    originals = (*_attached(report, organisation), *_headers_alone(report, raw, organisation))
    forward = None if originals else read_forward(_reported_text(report.text))
    if forward is not None:
        originals = (_forwarded(forward, report),)
    return Report(
        report,
        _format(report, feedback, bool(originals), forward is not None),
        _said_by_feedback(feedback) or _said_by_subject(report.subject),
        tuple(islice(_unique(originals), MAX_CANDIDATES)),
        _is_automatic(report) and not feedback,
    )


def _attached(report: Message, organisation: Organisation) -> Iterator[Message]:
    """The attached messages, outer ones first: the first few whole, others as far as they are known."""
    contents = {file.path: file.content for file in report.attachments if file.content}
    headers = {part.path for part in report.parts if part.content_type in _HEADERS_ALONE}
    outer = [one for one in report.nested if one.path not in headers and not _is_inside(one, report.nested)]
    for nested in outer[:MAX_ORIGINALS]:
        content = contents.get(nested.path, b"")
        yield parse(content, organisation) if content else _known(nested)
    inner = (one for one in report.nested if one not in outer[:MAX_ORIGINALS] and one.path not in headers)
    yield from islice(map(_known, inner), MAX_CANDIDATES)


def _is_inside(one: Nested, all_of_them: tuple[Nested, ...]) -> bool:
    return any(one is not other and one.path.startswith(f"{other.path}!/") for other in all_of_them)


def _known(nested: Nested) -> Message:
    return Message(
        id=nested.id,
        raw_sha256="",
        size=0,
        internet_message_id=nested.internet_message_id,
        subject=nested.subject,
        sender=Address("", nested.sender),
    )


def _headers_alone(report: Message, raw: bytes, organisation: Organisation) -> Iterator[Message]:
    """What a part of headers says of a message whose body was left out (RFC 6522 section 4)."""
    for part in report.parts:
        if part.content_type in _HEADERS_ALONE:
            told = parse(_content(part, raw).rstrip() + b"\r\n\r\n", organisation)
            if told.internet_message_id or told.subject:
                yield _bodiless(told)


def _bodiless(told: Message) -> Message:
    return Message(
        id="",
        raw_sha256="",
        size=0,
        internet_message_id=told.internet_message_id,
        subject=told.subject,
        sender=told.sender,
        to=told.to,
    )


def _forwarded(forward: Forward, report: Message) -> Message:
    """A message as a forward shows it; nobody knows its bytes."""
    return Message(
        id="",
        raw_sha256="",
        size=0,
        subject=forward.subject,
        sender=Address("", forward.sender),
        to=tuple(Address("", one) for one in dict.fromkeys((forward.to, report.sender.address)) if one),
        text=forward.text,
    )


def _unique(originals: tuple[Message, ...]) -> Iterator[Message]:
    seen: set[str] = set()
    for one in originals:
        mark = one.id or ids.digest(one.internet_message_id, one.subject, sha256(_bytes(one.text)).digest())
        if mark not in seen:
            seen.add(mark)
            yield one


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


_PROOFPOINT_BODY = re.compile(r"-{5,20} ?Begin (?:Reported )?Email ?-{5,20}")
_PROOFPOINT_HEADERS = re.compile(r"-{5,20} ?(?:Begin|End) Email Headers ?-{5,20}")


def _reported_text(text: str) -> str:
    """The part of a text in which a forward stands: PhishAlarm writes header and body between marks."""
    begun = _PROOFPOINT_HEADERS.search(text)
    if begun is None:
        return text
    body = _PROOFPOINT_BODY.search(text, begun.end())
    headers_end = _PROOFPOINT_HEADERS.search(text, begun.end())
    headers = text[begun.end() : headers_end.start() if headers_end else len(text)]
    wanted = [
        line
        for line in headers.splitlines()[:2_000]
        if line.partition(":")[0].strip().lower() in ("from", "to", "subject", "date")
    ]
    rest = text[body.end() :] if body else ""
    return "\n".join([*wanted, "", rest.partition("---------- End")[0]])


def _feedback(report: Message, raw: bytes) -> dict[str, str]:
    """The fields of a feedback report (RFC 5965 section 3), names in lower case."""
    for part in report.parts:
        if part.content_type == "message/feedback-report":
            text, _ = decode_text(_content(part, raw), part.charset)
            pairs = (line.partition(":") for line in text.splitlines()[:_MAX_FIELDS])
            return {
                name.strip().lower(): value.strip()[:MAX_SUBJECT] for name, found, value in pairs if found
            }
    return {}


def _content(part: Part, raw: bytes) -> bytes:
    content, _ = undo_encoding(raw[part.body_start : part.body_end][:_MAX_PART], part.encoding)
    return content


_BY_FEEDBACK = {
    "abuse": ReportedAs.JUNK,
    "opt-out": ReportedAs.JUNK,
    "fraud": ReportedAs.PHISH,
    "virus": ReportedAs.MALWARE,
    "not-spam": ReportedAs.NOT_JUNK,
}


def _said_by_feedback(feedback: dict[str, str]) -> ReportedAs | None:
    return _BY_FEEDBACK.get(feedback.get("feedback-type", "").lower())


# Microsoft: what is done, then the network message id, the sending IP, the sender, and the subject.
_MICROSOFT = re.compile(r"\s{0,5}(1|2|3|junk|not junk|phishing)\s{0,3}[|:]", re.IGNORECASE)
_BY_MICROSOFT = {
    "1": ReportedAs.JUNK,
    "junk": ReportedAs.JUNK,
    "2": ReportedAs.NOT_JUNK,
    "not junk": ReportedAs.NOT_JUNK,
    "3": ReportedAs.PHISH,
    "phishing": ReportedAs.PHISH,
}
_BY_WORD = (
    ("[phish alert]", ReportedAs.PHISH),
    ("potential phish:", ReportedAs.PHISH),
    ("[phishing]", ReportedAs.PHISH),
    ("[malware]", ReportedAs.MALWARE),
    ("[spam]", ReportedAs.JUNK),
    ("[junk]", ReportedAs.JUNK),
    ("[not junk]", ReportedAs.NOT_JUNK),
)


def _said_by_subject(subject: str) -> ReportedAs | None:
    """What the beginning of the report's own subject says: only what a report button writes there."""
    if found := _MICROSOFT.match(subject):
        return _BY_MICROSOFT[found[1].lower()]
    begin = subject.lstrip().lower()
    return next((said for word, said in _BY_WORD if begin.startswith(word)), None)


def _format(report: Message, feedback: dict[str, str], has_original: bool, forwarded: bool) -> ReportFormat:
    subject = report.subject.lstrip().lower()
    if feedback:
        return ReportFormat.FEEDBACK
    if not has_original:
        return ReportFormat.NONE
    if any(file.name.lower().startswith("phish_alert_") for file in report.attachments):
        return ReportFormat.KNOWBE4
    if subject.startswith("potential phish:"):
        return ReportFormat.PROOFPOINT
    if _MICROSOFT.match(report.subject):
        return ReportFormat.MICROSOFT
    return ReportFormat.FORWARDED if forwarded else ReportFormat.ATTACHED


def _is_automatic(report: Message) -> bool:
    """An answer of a machine, such as an absence note or a bounce."""
    for header in report.headers:
        name, value = header.name.lower(), header.value.strip().lower()
        if name == "auto-submitted" and value.partition(";")[0].strip() not in ("no", ""):
            return True
        if name == "return-path" and value == "<>":
            return True
        if name in ("x-autoreply", "x-autorespond"):
            return True
    return False
