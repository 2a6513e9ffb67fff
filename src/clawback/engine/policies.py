"""The policy of automation as the store keeps it: the last one set, off until somebody turns it on."""

from __future__ import annotations

from typing import Any

import msgspec

from clawback.response.policy import Policy
from clawback.store import Unit

NAME = "automation"


def policy_of(unit: Unit) -> Policy:
    """The policy in force."""
    plain = unit.settings.get(NAME)
    return msgspec.convert(plain, Policy) if plain else Policy()


def keep_policy(unit: Unit, policy: Policy) -> None:
    """Put another policy in force."""
    plain: dict[str, Any] = msgspec.to_builtins(policy, order="deterministic")
    unit.settings.put(NAME, plain)
    unit.exclusions.set_secops(policy.secops_mailboxes)
