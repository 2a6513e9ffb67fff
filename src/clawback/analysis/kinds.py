"""Kinds of indicators, and how each is compared."""

from __future__ import annotations

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
