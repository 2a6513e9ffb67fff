"""Where the copies of a cluster are, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from clawback.message.delivery import DeliveryLocation


@dataclass(frozen=True, slots=True)
class Places:
    """Copies by place.

    `in_mailbox` is what an owner can still open, `unknown` what could not be looked at, `elsewhere`
    what nobody can open.
    """

    copies: int = 0
    in_mailbox: int = 0
    unknown: int = 0
    elsewhere: int = 0
    by_location: tuple[tuple[DeliveryLocation, int], ...] = ()

    @classmethod
    def of(cls, locations: Iterable[DeliveryLocation]) -> Places:
        """Count these locations."""
        return cls.counted(Counter(locations))

    @classmethod
    def counted(cls, counts: Mapping[DeliveryLocation, int]) -> Places:
        """Sum up what was counted by location."""
        inside = sum(n for place, n in counts.items() if place.in_mailbox)
        unknown = counts.get(DeliveryLocation.UNKNOWN, 0)
        total = sum(counts.values())
        return cls(total, inside, unknown, total - inside - unknown, tuple(sorted(counts.items())))

    @property
    def left(self) -> int:
        """Copies that were not observed outside the mailboxes."""
        return self.in_mailbox + self.unknown


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a look at a pending plan found: where its copies are now, and what has come beside them.

    `messages` counts the members of its cluster now, `beside` their copies in mailboxes that are in no plan
    of this cluster and in this one least of all: they are planned for by themselves.
    """

    at: datetime
    places: Places
    messages: int
    beside: int
