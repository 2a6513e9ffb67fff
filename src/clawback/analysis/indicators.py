"""Indicators: entities that someone has listed as bad or good."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class IndicatorKind(StrEnum):
    """What an indicator can name."""

    URL = "url"
    HOST = "host"
    DOMAIN = "domain"
    SENDER = "sender"
    IP = "ip"
    SHA256 = "sha256"


class Match(StrEnum):
    """How a URL indicator is compared; every other kind is always exact."""

    EXACT = "exact"
    PREFIX = "prefix"


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
