"""Bodies and signatures of webhooks, after Standard Webhooks 1.0.0 (standardwebhooks.com)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from clawback.response.sinks import Notice

MARK = "whsec_"
LARGEST = 256 << 10
"""Bytes of one body; of an event that is larger only the frame is told, and that it was cut."""


def body_of(notice: Notice) -> bytes:
    """An event as JSON, the same bytes at each try."""
    frame = {
        "id": notice.id,
        "type": notice.type,
        "timestamp": notice.at.isoformat(),
        "actor": notice.actor,
        "seq": notice.seq,
    }
    whole = _encoded({**frame, "data": notice.data})
    return whole if len(whole) <= LARGEST else _encoded({**frame, "data": {}, "cut": True})


def headers_of(notice: Notice, body: bytes, secrets: Sequence[str], now: datetime) -> Mapping[str, str]:
    """What proves to the receiver who speaks, and when: one signature for each secret that is valid."""
    stamp = str(int(now.timestamp()))
    signed = f"{notice.id}.{stamp}.".encode() + body
    signatures = (hmac.new(_key(secret), signed, hashlib.sha256).digest() for secret in secrets)
    return {
        "webhook-id": notice.id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(f"v1,{base64.b64encode(one).decode()}" for one in signatures),
    }


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(MARK))


def _encoded(value: object) -> bytes:
    # A lone surrogate, which a hostile name may hold, reads as a question mark.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
