"""Naming: what a person means whose verdict is to be taken back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from clawback.analysis.canonical import guess_kind
from clawback.analysis.indicators import Indicator, IndicatorKind, Match, indicator
from clawback.analysis.matching import entity_of
from clawback.engine.grounds import listings
from clawback.engine.parts import Parts
from clawback.errors import BadIndicator, NotFound
from clawback.response.retraction import same_entity
from clawback.store import Unit


@dataclass(frozen=True, slots=True)
class Named:
    """What is meant: in words, as keys (one for each kind, match and value), and as other sources."""

    text: str
    keys: tuple[Indicator, ...]
    sources: tuple[str, ...] = ()


def named(
    unit: Unit, text: str, message_ids: tuple[str, ...], kind: IndicatorKind | None, now: datetime
) -> Named:
    """What this text names: messages, an indicator, a rule or submission that spoke, or an entity.

    `message_ids` are the messages of that name, if it is one of a message: then everything is meant that
    speaks against them. Raises NotFound when nothing that is meant was ever listed, said or acted on, and
    BadIndicator when the text can be none of these.
    """
    if message_ids:
        return _of_messages(unit, text, message_ids)
    if text.startswith("ind-"):
        listed = unit.indicators.get(text)
        return Named(f"{listed.kind.value} {listed.value}", (listed,))
    if kind is None and unit.detections.of_source(text):
        return Named(text, (), (text,))
    return _of_entity(unit, text, kind, now)


def _of_messages(unit: Unit, text: str, message_ids: tuple[str, ...]) -> Named:
    said = {one.source for many in unit.detections.speaking(message_ids).values() for one in many}
    keys = [unit.indicators.get(source) for source in sorted(said) if unit.indicators.has(source)]
    others = tuple(sorted(said.difference(key.id for key in keys)))
    if not said:
        raise NotFound(f"nothing is said against the message {text}")
    return Named(f"message {text}", distinct(keys), others)


def _of_entity(unit: Unit, text: str, kind: IndicatorKind | None, now: datetime) -> Named:
    kind = kind or guess_kind(text)
    keys = []
    for match in (Match.EXACT, Match.PREFIX) if kind is IndicatorKind.URL else (Match.EXACT,):
        try:
            keys.append(indicator(kind, text, match=match, added_at=now))
        except BadIndicator:
            if match is Match.EXACT:
                raise
    known = [key for key in keys if listings(unit, key) or unit.retractions.removed_for([entity_of(key)])]
    if not known:
        raise NotFound(
            f"{kind.value} {keys[0].value} is not listed as bad, and nothing was done because of it"
        )
    return Named(f"{kind.value} {keys[0].value}", distinct(known))


def distinct(indicators: Iterable[Indicator]) -> tuple[Indicator, ...]:
    """One indicator for each thing that some of these name."""
    found: list[Indicator] = []
    for one in indicators:
        if not any(same_entity(one, other) for other in found):
            found.append(one)
    return tuple(found)


def messages_named(parts: Parts, text: str) -> tuple[str, ...]:
    """The ids of the messages that this text names, by our id or by the internet message id.

    An internet message id may name several. Raises NotFound for what can only be an id and is unknown.
    """
    bare = text.strip("<>")
    with parts.store.read() as unit:
        if text.startswith("msg-"):
            return (unit.messages.get(text).id,)
        found = unit.messages.by_internet_id(f"<{bare}>") or unit.messages.by_internet_id(bare)
    if text.startswith("<") and not found:
        raise NotFound(f"there is no message {text}")
    return found
