"""Indicators: entities that someone has listed as bad or good."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from clawback import ids
from clawback.analysis.canonical import canonical_value, guess_kind
from clawback.analysis.kinds import IndicatorKind, Match
from clawback.errors import BadIndicator

__all__ = ["Indicator", "IndicatorKind", "Match", "Threat", "VerdictKind", "guess_kind", "indicator"]

_E = TypeVar("_E", bound=StrEnum)


class VerdictKind(StrEnum):
    """What we hold something to be."""

    MALICIOUS = "malicious"
    SUSPICIOUS = "suspicious"
    NO_THREATS_FOUND = "no_threats_found"
    UNKNOWN = "unknown"


class Threat(StrEnum):
    """What kind of harm."""

    MALWARE = "malware"
    HIGH_CONFIDENCE_PHISH = "high_confidence_phish"
    PHISH = "phish"
    SPAM = "spam"
    MALICIOUS_URL = "malicious_url"
    MALICIOUS_FILE = "malicious_file"


@dataclass(frozen=True, slots=True)
class Indicator:
    """One listed entity. `value` is canonical for its kind; `confidence` is 0 to 100; times are UTC.

    `verdict` NO_THREATS_FOUND makes it an allow entry, which beats feeds (source other than
    ``manual``) and loses to a manual block.
    """

    id: str
    kind: IndicatorKind
    value: str
    match: Match
    verdict: VerdictKind
    threat: Threat
    source: str
    confidence: int
    added_at: datetime
    expires_at: datetime | None = None
    note: str = ""

    def alive(self, now: datetime) -> bool:
        """Whether the indicator still counts at `now` (it ends with the moment it expires)."""
        return self.expires_at is None or now < self.expires_at


_THREATS = {
    IndicatorKind.URL: Threat.MALICIOUS_URL,
    IndicatorKind.HOST: Threat.MALICIOUS_URL,
    IndicatorKind.DOMAIN: Threat.MALICIOUS_URL,
    IndicatorKind.SENDER: Threat.PHISH,
    IndicatorKind.IP: Threat.PHISH,
    IndicatorKind.SHA256: Threat.MALICIOUS_FILE,
}
MAX_NOTE = 8192
MAX_SOURCE = 200


def indicator(
    kind: IndicatorKind,
    value: str,
    *,
    added_at: datetime,
    match: Match = Match.EXACT,
    verdict: VerdictKind = VerdictKind.MALICIOUS,
    threat: Threat | None = None,
    source: str = "manual",
    confidence: int = 100,
    expires_at: datetime | None = None,
    note: str = "",
) -> Indicator:
    """An indicator with its value made canonical and its id made of kind, match, value and source.

    Defanged values are read (``hxxps://evil[.]test``), and a protectively rewritten link becomes the
    link inside. `threat` None takes the usual one of the kind. BadIndicator says in one sentence what
    is wrong.
    """
    kind, match = _member(IndicatorKind, kind), _member(Match, match)
    verdict = _member(VerdictKind, verdict)
    threat = _THREATS[kind] if threat is None else _member(Threat, threat)
    _check_source(source, note)
    _check_confidence(confidence)
    _check_times(added_at, expires_at)
    canonical = canonical_value(kind, value, match)
    made = ids.make("ind", kind, match, canonical, source)
    return Indicator(
        made, kind, canonical, match, verdict, threat, source, confidence, added_at, expires_at, note
    )


def _member(enum: type[_E], value: _E) -> _E:
    try:
        return enum(value)
    except ValueError:
        allowed = ", ".join(str(member) for member in enum)
        raise BadIndicator(f"{value!r:.80} is not one of {allowed}.") from None


def _check_source(source: str, note: str) -> None:
    if not isinstance(source, str) or not source.strip() or len(source) > MAX_SOURCE:
        raise BadIndicator(f"An indicator's source must be 1 to {MAX_SOURCE} characters long.")
    if not isinstance(note, str) or len(note) > MAX_NOTE:
        raise BadIndicator(f"An indicator's note must be text of at most {MAX_NOTE:,} characters.")


def _check_confidence(confidence: int) -> None:
    if isinstance(confidence, bool) or not isinstance(confidence, int) or not 0 <= confidence <= 100:
        raise BadIndicator(f"The confidence must be a whole number from 0 to 100, not {confidence!r:.80}.")


def _check_times(added_at: datetime, expires_at: datetime | None) -> None:
    for time in (added_at, expires_at):
        if time is not None and (not isinstance(time, datetime) or time.tzinfo is None):
            raise BadIndicator("An indicator's times must be dates with a time zone.")
    if expires_at is not None and expires_at <= added_at:
        raise BadIndicator("The indicator would expire before it is added.")
