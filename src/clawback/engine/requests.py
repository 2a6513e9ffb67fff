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

_ALERTS = {
    IndicatorKind.URL: (AlertKind.URL_VERDICT_CHANGE, "Url verdict changed to malicious"),
    IndicatorKind.HOST: (AlertKind.URL_VERDICT_CHANGE, "Host verdict changed to malicious"),
    IndicatorKind.DOMAIN: (AlertKind.URL_VERDICT_CHANGE, "Domain verdict changed to malicious"),
    IndicatorKind.SENDER: (AlertKind.MALICIOUS_SENDER, "Sender verdict changed to malicious"),
    IndicatorKind.IP: (AlertKind.MALICIOUS_SENDER, "Sending IP verdict changed to malicious"),
    IndicatorKind.SHA256: (AlertKind.MALICIOUS_FILE, "Malicious file found after delivery"),
}


@dataclass(frozen=True, slots=True)
class Request:
    """One thing to investigate.

    `trigger` tells alerts of one cause apart (``indicator:...``, ``message:...``).
    `indicators` are ids of listed indicators to make clusters of; empty for a manual look at something
    that nobody has listed. `asked` is set when a person wants it now: then copies that an undo put back
    are planned again too.
    """

    cause: Entity
    kind: AlertKind
    severity: Severity
    title: str
    trigger: str
    source: str
    indicators: tuple[str, ...] = ()
    asked: bool = False

    @property
    def key(self) -> str:
        """One queue place for each cause, and another for what a person wants about it."""
        return ids.digest(self.cause.kind, self.cause.value, "asked" if self.asked else "")

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
        return Alert(alert_id, self.kind, self.severity, self.title, self.cause, at, self.source)


def cause_of(indicator: Indicator) -> Entity:
    """The entity that alerts about an indicator share; a prefix ends in ``*``."""
    entity = entity_of(indicator)
    return replace(entity, value=entity.value + "*") if indicator.match is Match.PREFIX else entity


def listing(indicator: Indicator) -> Request:
    """An indicator was listed, and mail that is already there carries it."""
    kind, title = _ALERTS[indicator.kind]
    cause = cause_of(indicator)
    return Request(
        cause,
        kind,
        Severity.INFORMATIONAL,
        f"{title} - {cause.value}",
        f"indicator:{indicator.id}",
        indicator.source,
        (indicator.id,),
        asked=indicator.source == MANUAL,
    )


def arrival(indicator: Indicator, message_id: str) -> Request:
    """A message arrived that carries a listed indicator."""
    cause = cause_of(indicator)
    kind, _ = _ALERTS[indicator.kind]
    return Request(
        cause,
        kind,
        Severity.INFORMATIONAL,
        f"Message with a listed {indicator.kind.value} delivered - {cause.value}",
        f"message:{message_id}",
        indicator.source,
        (indicator.id,),
    )


def manual(cause: Entity, indicators: tuple[str, ...], actor: str, at: datetime) -> Request:
    """A person asked."""
    return Request(
        cause,
        AlertKind.MANUAL,
        Severity.INFORMATIONAL,
        f"Manual investigation of {cause.kind.value} - {cause.value}",
        f"manual:{actor}:{at.isoformat()}",
        actor,
        indicators,
        asked=True,
    )
