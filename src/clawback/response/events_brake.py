"""Domain events of the brake; `events` has the whole list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class CollateralEstimated:
    """How much of a plan is probably legitimate mail; `popular` says why its key is no ground for automation.

    Recorded where there is any such mail, or such a key. With `at_least` counting stopped there.
    """

    TYPE: ClassVar[str] = "collateral_estimated"
    investigation_id: str
    remediation_id: str
    copies: int
    of: int
    at_least: bool
    reasons: dict[str, int]
    popular: str = ""


@dataclass(frozen=True, slots=True)
class RestHeld:
    """Something speaks against the copies that go after a canary: they wait for a person from now on."""

    TYPE: ClassVar[str] = "rest_held"
    investigation_id: str
    remediation_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class BreakerOpened:
    """Nothing runs by itself any more: a person said so, or too much of what automation did was undone."""

    TYPE: ClassVar[str] = "breaker_opened"
    reason: str


@dataclass(frozen=True, slots=True)
class BreakerClosed:
    """A person let automation go on."""

    TYPE: ClassVar[str] = "breaker_closed"
    note: str = ""


BrakeEvent = BreakerOpened | BreakerClosed
BRAKE_EVENTS = (BreakerOpened, BreakerClosed)
