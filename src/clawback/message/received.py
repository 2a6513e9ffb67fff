"""The Received chain (RFC 5321 section 4.4): the way a message came, newest hop first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Hop:
    """One Received header: who gave it (`from_host`, `from_ip`), who took it (`by_host`), how and when."""

    from_host: str = ""
    from_ip: str = ""
    by_host: str = ""
    protocol: str = ""
    recipient: str = ""
    at: datetime | None = None
