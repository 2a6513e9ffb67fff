"""Ids: a prefix that names the noun, then a digest of what makes the thing itself.

Ids are made from content wherever the same thing must get the same id twice (messages, deliveries,
indicators, clusters), so that repeated work after a crash finds its own traces.
"""

from __future__ import annotations

import hashlib

_DIGITS = 20


def digest(*parts: str | bytes) -> str:
    """Hex SHA-256 of the parts, each preceded by its length so that no two part lists collide."""
    state = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogateescape") if isinstance(part, str) else part
        state.update(len(data).to_bytes(8, "big"))
        state.update(data)
    return state.hexdigest()


def make(prefix: str, *parts: str | bytes) -> str:
    """An id such as ``inv-3f0c...``: the prefix and the first 20 hex digits of the parts' digest."""
    return f"{prefix}-{digest(*parts)[:_DIGITS]}"


def key64(kind: str, value: str) -> int:
    """A signed 64-bit hash of a (kind, value) pair, the form in which index keys are stored."""
    data = hashlib.blake2b(f"{kind}\0{value}".encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(data, "big", signed=True)
