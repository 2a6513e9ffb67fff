"""Policy: what may run by itself, how much of it, and what is never touched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from clawback.analysis.clusters import ClusterKind


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings of automation, one value, never edited in place.

    `automatic` holds the cluster kinds that are remediated without approval (none by default).
    Plans over `limit` copies always wait. Copies in `excluded_mailboxes` (addresses, lower case) are
    never planned. Pending plans expire after `expiry`. A removal that has ended leaves its cluster armed
    for `armed` (zero: not at all): late copies are taken out on sight, whatever runs by itself.
    """

    automatic: frozenset[ClusterKind] = frozenset()
    limit: int = 10_000
    excluded_mailboxes: frozenset[str] = frozenset()
    expiry: timedelta = timedelta(days=7)
    armed: timedelta = timedelta(days=30)
