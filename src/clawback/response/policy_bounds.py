"""The bounds of a policy's settings, whoever sets them."""

from __future__ import annotations

from datetime import timedelta

from clawback.errors import BadParameter
from clawback.response.policy import Policy

_DAY, _YEARS = timedelta(days=1), timedelta(days=36_500)
_COUNT, _MANY = (0, 1_000_000_000), (1, 10_000_000)
BOUNDS: dict[str, tuple[float | timedelta, float | timedelta]] = {
    "limit": _MANY,
    "expiry": (_DAY, timedelta(days=365)),
    "armed": (timedelta(), _YEARS),
    "warning": (timedelta(), _YEARS),
    "handful": _COUNT,
    "likeness": (0.3, 1.0),
    "two_step_copies": _COUNT,
    "two_step_mailboxes": _COUNT,
    "collateral": _COUNT,
    "copies_per_hour": _MANY,
    "canary": _MANY,
    "canary_wait": (timedelta(), timedelta(days=7)),
    "breaker": (0.0, 1.0),
    "investigations_per_hour": _MANY,
    "clusters_limit": _MANY,
    "members_limit": (1, 1_000_000_000),
}
"""The least and the greatest value of each setting that is a number or a time."""
NAMES = ("excluded_mailboxes", "secops_mailboxes", "simulation_senders", "simulation_urls")
MOST_NAMES = 100_000
LONGEST_NAME = 2_000


def checked(policy: Policy) -> Policy:
    """The policy itself; BadParameter for a setting out of its bounds."""
    for name, (least, most) in BOUNDS.items():
        value = getattr(policy, name)
        if not least <= value <= most:
            raise BadParameter(f"the policy's {name} must be {_shown(least)} to {_shown(most)}")
    for name in NAMES:
        names = getattr(policy, name)
        if len(names) > MOST_NAMES or any(not 0 < len(one) <= LONGEST_NAME for one in names):
            raise BadParameter(f"the policy's {name} are too many, too long or empty")
    return policy


def _shown(bound: float | timedelta) -> str:
    return f"{bound.total_seconds() / 86_400:g} days" if isinstance(bound, timedelta) else f"{bound:,g}"
