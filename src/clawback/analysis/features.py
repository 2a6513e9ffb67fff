"""Features: what is computed from the message alone."""

from __future__ import annotations

from dataclasses import dataclass

from clawback.analysis.entities import Entity
from clawback.analysis.fingerprints import Fingerprint


@dataclass(frozen=True, slots=True)
class Features:
    """All entities a message carries (for the index and for indicator look-ups) and its fingerprints.

    `signature` is the MinHash (128 x 32 bit, little endian; b"" when the body is too short).
    """

    message_id: str
    entities: frozenset[Entity]
    fingerprints: tuple[Fingerprint, ...]
    signature: bytes
