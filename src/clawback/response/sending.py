"""Sending: when the mail that an account of the organisation sends is suspicious.

1. *Malicious mail*: within 24 hours it sent malicious messages to more addresses than a handful (the
   policy's number). One phish that somebody passes on to a colleague or to the security team is no such case.
2. *Burst*: in an hour of the last day it wrote to at least 100 addresses, and to more than five times as many
   as in any hour of the ten days before. An account that always sends much is measured by its own past.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

BURST = 100
"""Addresses in an hour below which nothing is a burst."""
TIMES = 5
"""How many times the account's own busiest hour a burst must be."""
PAST = timedelta(days=10)
"""How far back an account's own past reaches, and what is looked into when it may be taken over."""
RECENT = timedelta(days=1)
"""How old a burst may be."""


@dataclass(frozen=True, slots=True)
class Hour:
    """What an account sent in one hour of the clock, which began at `start` (UTC)."""

    start: datetime
    messages: int
    addresses: int


@dataclass(frozen=True, slots=True)
class Sent:
    """One message that an account sent: when it was seen to lie or to arrive, and to how many addresses."""

    message_id: str
    at: datetime
    addresses: int


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Why an account's sending is suspicious. `trigger` is the same for the same case at each look."""

    trigger: str
    text: str


def suspicion(
    account: str, hours: Sequence[Hour], malicious: Sequence[Sent], handful: int, now: datetime
) -> Suspicion | None:
    """Why the account's sending is suspicious, None when it is not. Malicious mail goes before a burst."""
    return _malicious(account, malicious, handful) or _burst(account, hours, now)


def _malicious(account: str, malicious: Sequence[Sent], handful: int) -> Suspicion | None:
    ordered = sorted(malicious, key=lambda sent: sent.at)
    first, reached = 0, 0
    for last, sent in enumerate(ordered):
        reached += sent.addresses
        while sent.at - ordered[first].at > RECENT:
            reached -= ordered[first].addresses
            first += 1
        if reached > handful:
            text = (
                f"{account} sent {last - first + 1} malicious messages to {reached} addresses within a day, "
                f"the first at {ordered[first].at:%Y-%m-%d %H:%M} UTC"
            )
            return Suspicion(f"malicious:{ordered[first].message_id}", text)
    return None


def _burst(account: str, hours: Sequence[Hour], now: datetime) -> Suspicion | None:
    for hour in sorted(hours, key=lambda hour: hour.start):
        if hour.addresses < BURST or hour.start < now - RECENT - timedelta(hours=1):
            continue
        before = [h.addresses for h in hours if hour.start - PAST <= h.start < hour.start]
        usual = max(before, default=0)
        if hour.addresses > TIMES * usual:
            text = (
                f"{account} wrote to {hour.addresses} addresses in {hour.messages} messages in the hour from "
                f"{hour.start:%Y-%m-%d %H:%M} UTC; in its busiest hour of the ten days before to {usual}"
            )
            return Suspicion(f"burst:{hour.start.isoformat()}", text)
    return None
