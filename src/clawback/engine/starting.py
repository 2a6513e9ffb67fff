"""Starting: from what a person names to a request for its investigation."""

from __future__ import annotations

from dataclasses import replace

from clawback.analysis.canonical import guess_kind
from clawback.analysis.entities import Entity, EntityKind
from clawback.analysis.features import entities_of
from clawback.analysis.indicators import Indicator, IndicatorKind, Match, Threat, VerdictKind, indicator
from clawback.analysis.matching import carries, entity_of, keys_of
from clawback.engine.naming import messages_named
from clawback.engine.opening import opened
from clawback.engine.parts import Parts
from clawback.engine.requests import Request, manual
from clawback.errors import BadIndicator
from clawback.message.url import normalise


def start(parts: Parts, text: str, actor: str) -> str:
    """Investigate what a person names: a message id, internet message id, URL, SHA-256, sender, host or IP.

    Answers the investigation's id at once; the work is queued. Raises NotFound when a message id is
    unknown, BadIndicator when the text is none of these.
    """
    return give_order(parts, request_about(parts, text.strip(), actor))


def give_order(parts: Parts, request: Request) -> str:
    """Queue what a person or script asks for; answers the id of its investigation, which is open at once."""
    now = parts.now()
    with parts.store.write(durable=True) as unit:
        unit.jobs.put("investigate", request.key, request.encode(), now)
        return opened(unit, request, now)


def request_about(parts: Parts, text: str, actor: str) -> Request:
    """What a person asks for who names this; raises as `start` does."""
    message_ids = messages_named(parts, text)
    if message_ids:
        return about_messages(parts, message_ids, actor)
    try:
        kind = guess_kind(text)
        asked = indicator(
            kind, text, verdict=VerdictKind.UNKNOWN, threat=Threat.SPAM, source=actor, added_at=parts.now()
        )
    except BadIndicator as error:
        raise BadIndicator(f"{text!r} is no known message id and {error}") from None
    return manual(entity_of(asked), _listed(parts, asked), actor, parts.now())


def about_messages(parts: Parts, message_ids: tuple[str, ...], actor: str) -> Request:
    """Everything listed that these messages carry; its clusters are the investigation's."""
    with parts.store.read() as unit:
        named = unit.messages.get_many(message_ids)
        near = unit.indicators.matching({e for m in named.values() for e in entities_of(m)})
    bad = [i for i in near if i.verdict is VerdictKind.MALICIOUS]
    listed = tuple(i.id for i in bad if any(carries(m, i) for m in named.values()))
    cause = Entity(EntityKind.MESSAGE, message_ids[0])
    return replace(manual(cause, listed, actor, parts.now()), messages=message_ids)


def _listed(parts: Parts, asked: Indicator) -> tuple[str, ...]:
    """Malicious listings of the same entity, or of a URL that the one asked about begins with."""
    with parts.store.read() as unit:
        near = unit.indicators.matching({*keys_of(asked), *_host(asked)})
    return tuple(i.id for i in near if i.verdict is VerdictKind.MALICIOUS and _covers(i, asked))


def _host(asked: Indicator) -> tuple[Entity, ...]:
    """The host of a URL, under which prefixes are listed."""
    url = normalise(asked.value) if asked.kind is IndicatorKind.URL else None
    return (Entity(EntityKind.HOST, url.host),) if url else ()


def _covers(listed: Indicator, asked: Indicator) -> bool:
    if listed.kind is not asked.kind:
        return False
    if listed.match is Match.PREFIX:
        return asked.value.startswith(listed.value)
    return listed.value == asked.value
