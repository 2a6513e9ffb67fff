"""Facts: what a lookup answered about something, with source and time.

Analysis never fetches one. Rules that need facts say so and see a fact, or an unknown one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Fact:
    """One answer: `name` says what was asked (``domain.age``), `value` what came back, None if unknown.

    It holds from `at` (UTC) for `ttl`; `reason` says why an unknown fact is unknown.
    """

    name: str
    value: str | int | float | bool | None
    source: str
    at: datetime | None
    ttl: timedelta
    reason: str = ""

    @classmethod
    def unknown(cls, reason: str, *, name: str = "", source: str = "", at: datetime | None = None) -> Fact:
        """The fact that nothing could be learnt, and why; it never holds, so it is asked again."""
        return cls(name, None, source, at, timedelta(0), reason)

    @property
    def known(self) -> bool:
        """Whether there was an answer."""
        return self.value is not None

    def holds(self, now: datetime) -> bool:
        """Whether the answer may still be used at `now`."""
        return self.known and self.at is not None and now < self.at + self.ttl
