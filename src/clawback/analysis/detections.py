"""Detections: one rule matched one message, with the reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from clawback.analysis.allowing import is_allow, standing
from clawback.analysis.entities import Reason
from clawback.analysis.features import entities_of
from clawback.analysis.indicators import Indicator, Threat, VerdictKind
from clawback.analysis.matching import keys_of
from clawback.analysis.places import shown
from clawback.analysis.rules import rule_of
from clawback.message.message import Message


@dataclass(frozen=True, slots=True)
class Detection:
    """One match: the `rule`'s id, what it says about the message, how sure (0 to 100), and why.

    `threat` is None when the verdict is NO_THREATS_FOUND. `indicator_id` is the listing it rests on.
    """

    rule: str
    verdict: VerdictKind
    threat: Threat | None
    confidence: int
    reasons: tuple[Reason, ...]
    indicator_id: str = ""


def detect(message: Message, indicators: Sequence[Indicator], now: datetime) -> tuple[Detection, ...]:
    """What the given indicators say about a message, surest first; those that expired say nothing.

    Give it the candidates that share a key with the message; more do no harm. Allow entries take
    their places away from feeds (see `allowing`); a block without a place left is no detection.
    """
    entities = entities_of(message)
    alive = [i for i in indicators if i.alive(now) and not entities.isdisjoint(keys_of(i))]
    allowed = [i for i in alive if is_allow(i)]
    pairs = ((i, standing(message, i, allowed)) for i in alive)
    found = [_detection(indicator, reasons) for indicator, reasons in pairs if reasons]
    return tuple(sorted(found, key=lambda d: (-d.confidence, d.rule, d.indicator_id)))


def _detection(indicator: Indicator, reasons: tuple[Reason, ...]) -> Detection:
    return Detection(
        rule=rule_of(indicator.kind),
        verdict=indicator.verdict,
        threat=None if is_allow(indicator) else indicator.threat,
        confidence=indicator.confidence,
        reasons=tuple(replace(r, text=f"{r.text} {_listing(indicator)}") for r in reasons),
        indicator_id=indicator.id,
    )


def _listing(indicator: Indicator) -> str:
    what = f"The {indicator.kind.value} {shown(indicator.value)} is listed"
    return f"{what} as {indicator.verdict.value.replace('_', ' ')} by {indicator.source}."
