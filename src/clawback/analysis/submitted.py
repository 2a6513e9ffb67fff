"""What a report is about, in the form in which it can be found among the messages that we know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from clawback.analysis.features import extract
from clawback.analysis.fingerprints import Fingerprint
from clawback.analysis.folding import subject_key
from clawback.analysis.senders import canonical_sender
from clawback.analysis.shingles import comparable, jaccard
from clawback.message.message import Message, Organisation
from clawback.message.reports import ReportedAs, ReportFormat, read_report

ALIKE = 0.8
"""Jaccard value of two bodies that are one message; below it the subject must be the same too."""

NEARLY = 0.5
"""Jaccard value of two bodies with one subject: mail programs write a body anew when they forward it."""


class FoundBy(StrEnum):
    """How the message that a report is about was found."""

    NOTHING = "nothing"
    SAME_CONTENT = "same_content"
    INTERNET_MESSAGE_ID = "internet_message_id"
    SIMILAR_BODY = "similar_body"
    SENDER_AND_SUBJECT = "sender_and_subject"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Reported:
    """A message that a report may be about.

    `id` is ours, "" when its bytes are not known. `fingerprints` are those of the body alone; `signature`
    is what it is compared by, b"" when it is unknown.
    """

    id: str
    internet_message_id: str
    sender: str
    subject: str
    fingerprints: tuple[Fingerprint, ...] = ()
    signature: bytes = b""


@dataclass(frozen=True, slots=True)
class Submitted:
    """A report that was read: what it says, and the messages it may be about, the likeliest first.

    `itself` is the mail that was read: what a person hands in may be the original.
    """

    format: ReportFormat = ReportFormat.NONE
    reported_as: ReportedAs | None = None
    originals: tuple[Reported, ...] = ()
    automatic: bool = False
    itself: Reported | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """A message of ours that may be the original, its signature, and whether the reporter got a copy."""

    message: Message
    signature: bytes
    received: bool


@dataclass(frozen=True, slots=True)
class Found:
    """The original ("" when it is not found), how it was found, and why in words for people."""

    message_id: str = ""
    by: FoundBy = FoundBy.NOTHING
    reason: str = "no message that we know is like the one that was reported"


def submitted(raw: bytes, organisation: Organisation) -> Submitted:
    """Read a report. Nothing raises."""
    report = read_report(raw, organisation)
    return Submitted(
        report.format,
        report.reported_as,
        tuple(map(reported, report.originals)),
        report.automatic,
        reported(report.itself),
    )


def reported(message: Message) -> Reported:
    """What a message can be found by."""
    features = extract(message)
    body = (f for f in features.fingerprints if f.kind == "body" or f.kind.startswith("band."))
    return Reported(
        message.id,
        message.internet_message_id,
        message.sender.address.lower(),
        message.subject,
        tuple(body),
        features.signature,
    )


def find(one: Reported, known: Iterable[Known], likeness: float = ALIKE) -> Found:
    """Which of these messages a report is about. In this order, and of several the one most alike:

    1. the same content: our id, which is made of it, is the same;
    2. the same Message-ID, which anybody can write, beside a body that is alike (or the same sender and
       subject, where a body cannot be compared);
    3. of the messages that the reporter got: a body at least `likeness` alike, or half alike under the
       same subject;
    4. of those: the same sender and the same subject, where bodies cannot be compared.
    """
    candidates = tuple(known)
    for way in (_by_content, _by_internet_id, _by_body, _by_sender):
        if found := way(one, candidates, likeness):
            return found
    return Found()


def _by_content(one: Reported, known: tuple[Known, ...], likeness: float) -> Found | None:
    same = [k for k in known if one.id and k.message.id == one.id]
    return Found(one.id, FoundBy.SAME_CONTENT, "the attached message is the same") if same else None


def _by_internet_id(one: Reported, known: tuple[Known, ...], likeness: float) -> Found | None:
    if not one.internet_message_id:
        return None
    same = [k for k in known if k.message.internet_message_id == one.internet_message_id]
    agreeing = [k for k in same if _agrees(one, k)]
    if not agreeing:
        return None
    best = max(agreeing, key=lambda k: (k.received, likeness_of(one, k), k.message.id))
    return Found(
        best.message.id,
        FoundBy.INTERNET_MESSAGE_ID,
        f"it has the Message-ID {one.internet_message_id[:200]} and agrees with it",
    )


def _agrees(one: Reported, known: Known) -> bool:
    if comparable(one.signature) and comparable(known.signature):
        return likeness_of(one, known) >= NEARLY
    return _same_short_body(one, known) or _same_sender_and_subject(one, known)


def _by_body(one: Reported, known: tuple[Known, ...], likeness: float) -> Found | None:
    alike = [(likeness_of(one, k), _same_subject(one, k), k) for k in known if k.received]
    enough = [
        (value, same, k)
        for value, same, k in alike
        if value >= likeness or (same and (value >= NEARLY or _same_short_body(one, k)))
    ]
    if not enough:
        return None
    value, _, best = max(enough, key=lambda found: (*found[:2], found[2].message.id))
    how = f"its body is {value:.2f} alike" if value else "its short body and its subject are the same"
    return Found(best.message.id, FoundBy.SIMILAR_BODY, f"the reporter got it, and {how}")


def _by_sender(one: Reported, known: tuple[Known, ...], likeness: float) -> Found | None:
    fitting = [
        k
        for k in known
        if k.received
        and not (comparable(one.signature) and comparable(k.signature))
        and _same_sender_and_subject(one, k)
    ]
    if not fitting:
        return None
    best = max(fitting, key=lambda k: k.message.id)
    return Found(
        best.message.id,
        FoundBy.SENDER_AND_SUBJECT,
        "the reporter got it, with the same sender and subject",
    )


def likeness_of(one: Reported, known: Known) -> float:
    """How alike two bodies are, 0 to 1; 0.0 where one is missing or too short to tell."""
    return jaccard(one.signature, known.signature) or 0.0


def _same_short_body(one: Reported, known: Known) -> bool:
    return bool(one.signature) and one.signature == known.signature


def _same_subject(one: Reported, known: Known) -> bool:
    mine = subject_key(one.subject)
    return bool(mine) and mine == subject_key(known.message.subject)


def _same_sender_and_subject(one: Reported, known: Known) -> bool:
    sender = canonical_sender(one.sender)
    same = bool(sender) and sender == canonical_sender(known.message.sender.address)
    return same and _same_subject(one, known)


def alike(signatures: Mapping[str, bytes], signature: bytes, likeness: float) -> tuple[str, ...]:
    """The ids of those bodies that are so much alike one, the most alike first."""
    values = {name: jaccard(signature, other) or 0.0 for name, other in signatures.items()}
    return tuple(sorted((n for n, v in values.items() if v >= likeness), key=lambda n: (-values[n], n)))
