"""Policy: what may run by itself, how much of it, who must approve, and what is never touched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from clawback.analysis.clusters import ClusterKind


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings of automation, one value, never edited in place.

    `automatic` holds the cluster kinds that are remediated without approval (none by default).
    Plans over `limit` copies always wait. With `shadow` every plan waits, and says what would have run.
    Pending plans expire after `expiry` and warn `warning` before. A removal that has ended leaves its
    cluster armed for `armed` (zero: not at all): late copies are taken out on sight, whatever runs by itself.

    Left out of every cluster and plan (addresses and domains in lower case): copies in
    `excluded_mailboxes` and `secops_mailboxes`, and what comes from `simulation_senders` (an address, or a
    domain) or leads to `simulation_urls` (a URL prefix, or a host).

    A similar cluster is malicious with more than `handful` malicious members. Bodies are similar from the
    Jaccard value `likeness` on.

    People: a plan of at least `two_step_copies` or `two_step_mailboxes` needs a second person (0: never);
    with `justify` every decision needs a note.

    The brake: automation stops at `collateral` probably legitimate copies in a plan and at
    `copies_per_hour`; a plan of more than `canary` copies begins with so many, and the rest waits for
    `canary_wait` when anything legitimate may be among them. `breaker` is the share of the copies taken
    out by automation in the last day that, once undone, stops all of it.

    Work: more than `investigations_per_hour` started by themselves are queued; an investigation ends at
    `clusters_limit` clusters or `members_limit` messages in one.
    """

    automatic: frozenset[ClusterKind] = frozenset()
    limit: int = 10_000
    excluded_mailboxes: frozenset[str] = frozenset()
    expiry: timedelta = timedelta(days=7)
    armed: timedelta = timedelta(days=30)
    shadow: bool = False
    warning: timedelta = timedelta(days=1)
    secops_mailboxes: frozenset[str] = frozenset()
    simulation_senders: frozenset[str] = frozenset()
    simulation_urls: frozenset[str] = frozenset()
    handful: int = 5
    likeness: float = 0.7
    two_step_copies: int = 0
    two_step_mailboxes: int = 0
    justify: bool = False
    collateral: int = 20
    copies_per_hour: int = 20_000
    canary: int = 20
    canary_wait: timedelta = timedelta(minutes=10)
    breaker: float = 0.05
    investigations_per_hour: int = 500
    clusters_limit: int = 50
    members_limit: int = 1_000_000
