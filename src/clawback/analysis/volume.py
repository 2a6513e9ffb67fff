"""Volume: whether a query finds more messages today than on the days before. Shown; it causes no action."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

DAYS = 10
"""Days before the last one that it is compared with."""
_SPREAD = 3 * 1.4826
"""Three standard deviations, by the median absolute deviation of what is normally distributed."""
_AT_LEAST = 5
"""Messages more than usual that are not worth to be told of."""


@dataclass(frozen=True, slots=True)
class Volume:
    """Messages of the last day, what was usual on the ten days before it, and from where on it is odd."""

    last_day: int
    usual: float
    limit: float

    @property
    def anomalous(self) -> bool:
        """Whether the last day is over the limit."""
        return self.last_day > self.limit


def volume(by_day: Mapping[int, int]) -> Volume:
    """The volume from messages by their age in whole days (0: the last 24 hours); days over 10 do not count.

    The limit is the median of the ten days before, and on top of it three scaled median absolute
    deviations, or five messages when that is more.
    """
    before = [by_day.get(day, 0) for day in range(1, DAYS + 1)]
    usual = float(median(before))
    deviation = median(abs(count - usual) for count in before)
    return Volume(by_day.get(0, 0), usual, usual + max(_SPREAD * deviation, float(_AT_LEAST)))
