"""Traces: what the hosts on its way wrote into one copy about for whom it was and who sent it on.

Two recipients' copies of one message differ in these, so they belong to the copy, not to the message.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

DELIVERED = frozenset({"delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-delivered-to"})
"""Headers that name whom a copy was for at one host."""
SENT_ON = frozenset(
    {"resent-from", "resent-to", "x-sieve-redirected-from", "x-forwarded-for", "x-forwarded-to"}
)
"""Headers that are only there when a copy was sent on."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing a host wrote: the header's name in lower case, and the address (or list id) that it names.

    ``received`` stands for the ``for`` clause of a Received header.
    """

    header: str
    value: str


def unusual(trace: Sequence[Step], mailbox: str) -> tuple[Step, ...]:
    """The steps that say more than that the copy was for its own mailbox."""
    own = mailbox.lower()
    return tuple(step for step in trace if step.header in SENT_ON or step.value != own)
