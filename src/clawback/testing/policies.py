"""Policies for runs that are about something else than deciding."""

from __future__ import annotations

from clawback.analysis.clusters import BY_ITSELF
from clawback.response.policy import Policy

_ANY = 10_000_000


def unbraked() -> Policy:
    """Every malicious cluster is removed by itself, whole and at once, however often that is undone."""
    return Policy(
        automatic=BY_ITSELF,
        limit=_ANY,
        collateral=_ANY,
        copies_per_hour=_ANY,
        canary=_ANY,
        breaker=1.0,
        investigations_per_hour=_ANY,
    )
