"""The event of a verdict that is taken back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class VerdictRetracted:
    """A person took the verdict on a file, URL, sender, rule or message back.

    `sources` are the indicators, rules and submissions whose word counts no more; `messages` is how many
    messages they spoke against.
    """

    TYPE: ClassVar[str] = "verdict_retracted"
    retraction_id: str
    text: str
    sources: tuple[str, ...]
    messages: int
    note: str = ""
