"""Verdict: what all detections together say about a message."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from clawback.analysis.detections import Detection
from clawback.analysis.entities import Reason
from clawback.analysis.indicators import Threat, VerdictKind

VERDICTS = (
    VerdictKind.MALICIOUS,
    VerdictKind.SUSPICIOUS,
    VerdictKind.UNKNOWN,
    VerdictKind.NO_THREATS_FOUND,
)
"""The gravest first."""
_THREATS = (
    Threat.MALWARE,
    Threat.HIGH_CONFIDENCE_PHISH,
    Threat.MALICIOUS_FILE,
    Threat.MALICIOUS_URL,
    Threat.PHISH,
    Threat.SPAM,
)


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on a message, the gravest threat behind it (None when there is none), and why."""

    verdict: VerdictKind
    threat: Threat | None
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """What one source says about a message, as it is remembered.

    `source` is what it rests on: the id of an indicator, of a rule, or of a person's word. The verdict is
    never NO_THREATS_FOUND; `confidence` is 0 to 100.
    """

    source: str
    verdict: VerdictKind
    threat: Threat | None
    confidence: int


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict that everything remembered about a message makes, and the gravest threat behind it."""

    verdict: VerdictKind
    threat: Threat | None


def said(detections: Iterable[Detection]) -> tuple[Said, ...]:
    """What is to be remembered of a message's detections: all but those that say it is good."""
    return tuple(
        Said(d.indicator_id or d.rule, d.verdict, d.threat, d.confidence)
        for d in detections
        if d.verdict is not VerdictKind.NO_THREATS_FOUND
    )


def gravest_threat(threats: Iterable[Threat | None]) -> Threat | None:
    """The gravest of these threats, None when there is none."""
    return min((threat for threat in threats if threat is not None), key=_THREATS.index, default=None)


def judge(detections: Iterable[Detection]) -> Judgement:
    """The judgement over all detections of a message.

    1. The gravest verdict wins: malicious, suspicious, unknown, no threats found, in this order; how
       many say so does not count, and allow entries have had their say in `detect` already.
    2. The threat is the gravest among the detections with that verdict: malware, high confidence
       phish, malicious file, malicious URL, phish, spam.
    3. The reasons are those of the detections with that verdict, each once, surest first.
    4. Without detections the verdict is no threats found, without reasons.
    """
    found = tuple(detections)
    if not found:
        return Judgement(VerdictKind.NO_THREATS_FOUND, None, ())
    verdict = min((d.verdict for d in found), key=VERDICTS.index)
    winners = sorted((d for d in found if d.verdict is verdict), key=lambda d: -d.confidence)
    reasons = dict.fromkeys(reason for d in winners for reason in d.reasons)
    return Judgement(verdict, gravest_threat(d.threat for d in winners), tuple(reasons))
