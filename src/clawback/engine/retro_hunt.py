"""Retro-hunt: does mail that is already there carry what has just been listed?"""

from __future__ import annotations

from collections.abc import Sequence

from clawback.analysis.indicators import Indicator, VerdictKind
from clawback.analysis.matching import carries, keys_of
from clawback.engine.clicks import was_clicked
from clawback.engine.parts import Parts
from clawback.engine.requests import listing
from clawback.errors import NotFound
from clawback.store import Unit


def retro_hunt(parts: Parts, indicator_ids: Sequence[str]) -> int:
    """Queue an investigation for each of these that some known message carries, or somebody has clicked."""
    now = parts.now()
    with parts.store.read() as unit:
        hunted = [i for i in _still_listed(unit, indicator_ids) if i.alive(now)]
        carried = [i for i in hunted if _is_carried(unit, i) or was_clicked(unit, i)]
    with parts.store.write() as unit:
        for indicator in carried:
            request = listing(indicator)
            unit.jobs.put("investigate", request.key, request.encode(), now)
    return len(carried)


def _still_listed(unit: Unit, indicator_ids: Sequence[str]) -> list[Indicator]:
    found: list[Indicator] = []
    for indicator_id in indicator_ids:
        try:
            indicator = unit.indicators.get(indicator_id)
        except NotFound:
            continue
        if indicator.verdict in (VerdictKind.MALICIOUS, VerdictKind.SUSPICIOUS):
            found.append(indicator)
    return found


def _is_carried(unit: Unit, indicator: Indicator) -> bool:
    return any(carries(message, indicator) for message in unit.messages.sharing(keys_of(indicator)))
