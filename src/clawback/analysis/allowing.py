"""Allowing: when an entry that says "this is good" takes a place away from one that says "this is bad".

An allow entry has the verdict NO_THREATS_FOUND. The rules:

1. A manual block is never beaten.
2. An allow entry speaks only about the places in the message that it names itself: the same link, the
   same sender, the same file. Other places of the block stand.
3. A manual allow entry beats every feed there.
4. An allow entry from a list beats a feed there only if it is at least as precise, so that a warning
   list with ``google.com`` silences a feed that lists the domain or nothing more precise, and not one
   that lists the very URL of a form.
"""

from __future__ import annotations

from collections.abc import Sequence

from clawback.analysis.entities import Reason
from clawback.analysis.indicators import Indicator, IndicatorKind, Match, VerdictKind
from clawback.analysis.matching import carries, distinct, matches
from clawback.message.message import Message

MANUAL = "manual"

_PRECISION = {
    IndicatorKind.DOMAIN: 1,
    IndicatorKind.HOST: 2,
    IndicatorKind.IP: 2,
    IndicatorKind.SENDER: 3,
    IndicatorKind.URL: 4,
    IndicatorKind.SHA256: 4,
}


def is_allow(indicator: Indicator) -> bool:
    """Whether the indicator says that something is good."""
    return indicator.verdict is VerdictKind.NO_THREATS_FOUND


def beats(allow: Indicator, block: Indicator) -> bool:
    """Whether `allow` is stronger than `block` in a place that both name."""
    if not is_allow(allow) or is_allow(block) or block.source == MANUAL:
        return False
    return allow.source == MANUAL or _precision(allow) >= _precision(block)


def standing(message: Message, indicator: Indicator, allowed: Sequence[Indicator] = ()) -> tuple[Reason, ...]:
    """Why the message carries the indicator, without the places that stronger allow entries take away."""
    stronger = [allow for allow in allowed if beats(allow, indicator)]
    if not stronger:
        return carries(message, indicator)
    taken = {place for allow in stronger for place, _ in matches(message, allow)}
    return distinct(reason for place, reason in matches(message, indicator) if place not in taken)


def _precision(indicator: Indicator) -> int:
    prefix = indicator.match is Match.PREFIX
    whole_domain = indicator.kind is IndicatorKind.SENDER and indicator.value.startswith("@")
    return 3 if prefix else 1 if whole_domain else _PRECISION[indicator.kind]
