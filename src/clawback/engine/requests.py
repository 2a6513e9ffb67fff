"""Requests: what shall be investigated, and why. Plain data, so that a queue can hold it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec

from clawback import ids
from clawback.analysis.allowing import MANUAL
from clawback.analysis.entities import Entity
from clawback.analysis.indicators import Indicator, IndicatorKind, Match
from clawback.analysis.matching import entity_of
from clawback.response.alerts import Alert, AlertKind, Severity
from clawback.response.playbooks import PLAYBOOKS, name_of

_KINDS = {
    IndicatorKind.URL: AlertKind.URL_VERDICT_CHANGE,
    IndicatorKind.HOST: AlertKind.URL_VERDICT_CHANGE,
    IndicatorKind.DOMAIN: AlertKind.URL_VERDICT_CHANGE,
    IndicatorKind.SENDER: AlertKind.MALICIOUS_SENDER,
    IndicatorKind.IP: AlertKind.MALICIOUS_SENDER,
    IndicatorKind.SHA256: AlertKind.MALICIOUS_FILE,
}


@dataclass(frozen=True, slots=True)
class Request:
    """One thing to investigate.

    `trigger` tells alerts of one cause apart (``indicator:...``, ``message:...``).
    `indicators` are ids of listed indicators to make clusters of; empty for a look at something that nobody
    has listed. `asked` is set when a person wants it now: then it is never queued, and copies that an undo
    put back are planned again too. `messages` are the ids of those it is about: where an open investigation
    has one of them in a cluster, the alert joins it.
    """

    cause: Entity
    kind: AlertKind
    severity: Severity
    title: str
    trigger: str
    source: str
    indicators: tuple[str, ...] = ()
    asked: bool = False
    messages: tuple[str, ...] = ()
    detail: str = ""

    @property
    def key(self) -> str:
        """One queue place for each cause, and another for what a person wants about it."""
        return key_of(self.cause, self.asked)

    def encode(self) -> dict[str, Any]:
        """As plain data."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    @classmethod
    def decode(cls, plain: dict[str, Any]) -> Request:
        """From plain data."""
        return msgspec.convert(plain, cls)

    def alert(self, at: datetime) -> Alert:
        """The alert this request raises."""
        alert_id = ids.make("alr", self.cause.kind, self.cause.value, self.trigger)
        return Alert(alert_id, self.kind, self.severity, self.title, self.cause, at, self.source, self.detail)


def key_of(cause: Entity, asked: bool) -> str:
    """The queue place of what is wanted about a cause."""
    return ids.digest(cause.kind, cause.value, "asked" if asked else "")


def raised(
    kind: AlertKind,
    cause: Entity,
    trigger: str,
    source: str,
    *,
    indicators: tuple[str, ...] = (),
    asked: bool = False,
    messages: tuple[str, ...] = (),
    detail: str = "",
) -> Request:
    """What an alert of this kind asks for, with the title and severity of its playbook."""
    playbook = PLAYBOOKS[kind]
    return Request(
        cause,
        kind,
        playbook.severity,
        playbook.title,
        trigger,
        source,
        indicators,
        asked,
        messages,
        detail,
    )


def cause_of(indicator: Indicator) -> Entity:
    """The entity that alerts about an indicator share; a prefix ends in ``*``."""
    entity = entity_of(indicator)
    return replace(entity, value=entity.value + "*") if indicator.match is Match.PREFIX else entity


def listing(indicator: Indicator) -> Request:
    """An indicator was listed, and mail that is already there carries it."""
    by_hand = indicator.source == MANUAL
    kind, cause = _KINDS[indicator.kind], cause_of(indicator)
    # A person who lists it again wants it looked into again; a feed only repeats itself.
    again = f":{indicator.added_at.isoformat()}" if by_hand else ""
    return raised(
        kind,
        cause,
        f"indicator:{indicator.id}{again}",
        indicator.source,
        indicators=(indicator.id,),
        asked=by_hand,
        detail=name_of(kind, cause),
    )


def arrival(indicator: Indicator, message_id: str) -> Request:
    """A message arrived that carries a listed indicator."""
    cause = cause_of(indicator)
    return raised(
        _KINDS[indicator.kind],
        cause,
        f"message:{message_id}",
        indicator.source,
        indicators=(indicator.id,),
        detail=f"Message with a listed {indicator.kind.value} delivered - {cause.value}",
    )


def manual(cause: Entity, indicators: tuple[str, ...], actor: str, at: datetime) -> Request:
    """A person asked."""
    return raised(
        AlertKind.MANUAL,
        cause,
        f"manual:{actor}:{at.isoformat()}",
        actor,
        indicators=indicators,
        asked=True,
    )
