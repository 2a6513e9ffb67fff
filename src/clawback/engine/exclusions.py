"""What the policy leaves out of clusters: parted off while candidates are read, and kept with its reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from clawback.analysis.clusters import Cluster
from clawback.analysis.indicators import Indicator
from clawback.analysis.matching import carries
from clawback.engine.record import AUTOMATION, record
from clawback.message.message import Message
from clawback.response.events_inquiries import MessagesLeftOut
from clawback.response.exclusions import SECOPS, excludes, only_in_secops, why_left_out
from clawback.response.policy import Policy
from clawback.store import Unit

MOST = 10_000
"""Messages that one cluster lists as left out; the others are left out too."""


def kept(
    messages: Iterable[Message], policy: Policy, left: dict[str, str], asked: Indicator | None = None
) -> Iterator[Message]:
    """The messages that may be members; the others go into `left` with the reason.

    `asked` is what would make them members, None for clusters of what is alike.
    """
    if not excludes(policy):
        yield from messages
        return
    for message in messages:
        why = why_left_out(message, policy, asked)
        if not why:
            yield message
        elif len(left) < MOST and (asked is None or carries(message, asked)):
            left[message.id] = why


def without_secops(unit: Unit, cluster: Cluster, policy: Policy, left: dict[str, str]) -> Cluster:
    """The cluster without messages all of whose copies lie with the security team; these go into `left`."""
    if not policy.secops_mailboxes or not cluster.members:
        return cluster
    mailboxes: dict[str, set[str]] = defaultdict(set)
    for delivery in unit.deliveries.of_messages([m.message_id for m in cluster.members]):
        mailboxes[delivery.message_id].add(delivery.handle.mailbox)
    theirs = {message_id for message_id, mine in mailboxes.items() if only_in_secops(mine, policy)}
    left.update((message_id, SECOPS) for message_id in sorted(theirs)[: MOST - len(left)])
    return replace(cluster, members=tuple(m for m in cluster.members if m.message_id not in theirs))


def note_left_out(
    unit: Unit, investigation_id: str, cluster: Cluster, left: dict[str, str], now: datetime
) -> None:
    """Keep what a cluster leaves out, and tell its investigation when that has changed."""
    if unit.exclusions.replace(investigation_id, cluster.id, left):
        reasons = tuple(sorted(set(left.values())))[:20]
        event = MessagesLeftOut(investigation_id, cluster.id, cluster.key, len(left), reasons)
        record(unit, event, actor=AUTOMATION, at=now)
