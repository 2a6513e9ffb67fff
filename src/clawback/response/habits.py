"""Habits: how regularly somebody has written to us, by which a stranger is told from a regular sender."""

from __future__ import annotations

from dataclasses import dataclass

REGULAR_DAYS = 4
"""Different days on which a regular sender has written, before the day in question."""
REGULAR_SPAN = 14
"""Days from the first of them to the last, at least: a campaign seldom lasts as long."""


@dataclass(frozen=True, slots=True)
class Habit:
    """A sender's past: on how many days it wrote, the first and the last of them (from 1970, UTC).

    `messages` counts what it sent on those days, `authenticated` how many of them the border vouched for.
    """

    days: int
    first: int
    last: int
    messages: int
    authenticated: int

    @property
    def regular(self) -> bool:
        """Whether this sender is nothing new here."""
        return self.days >= REGULAR_DAYS and self.last - self.first >= REGULAR_SPAN
