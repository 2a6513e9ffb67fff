"""Fingerprints: equality keys by which messages may be alike."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """One key: its `kind` (``body``, ``band.03``, ``subject;p2_sender_domain`` ...) and its value."""

    kind: str
    value: str
