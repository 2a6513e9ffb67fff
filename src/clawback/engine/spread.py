"""Spread: how the copies of a cluster got to where they are, and copies that moved on beyond its key.

What carries the key is in the cluster anyway, forwards too. What does not (a forward of a mail whose
sender is the key) is found by what it holds or refers to, and is offered: only a person takes it up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice

from clawback.analysis.clusters import Cluster, Member
from clawback.analysis.entities import Reason
from clawback.analysis.indicators import VerdictKind
from clawback.engine.brake import keep_weighed
from clawback.engine.investigate import ACTION, folders_of, propose
from clawback.engine.locate import look
from clawback.engine.parts import Parts
from clawback.engine.policies import policy_of
from clawback.engine.recount import count
from clawback.message.message import Message
from clawback.response.plan import Remediation
from clawback.response.planning import Ground, plan
from clawback.response.spread import Offer, Origins, Own, Spread, offer, passages
from clawback.store import Unit

ROUNDS = 4
"""How often what was found is looked behind for what came of it: a forward of a forward of a forward."""
MOST = 1_000
"""Messages offered for one cluster."""
CANDIDATES = 10_000
"""Messages looked at in one round: a header that many repeat is no thread."""


def spread_of(unit: Unit, cluster_id: str) -> Spread:
    """How every copy of a cluster got there, and what is offered beside. Raises NotFound."""
    members, own = _members(unit, cluster_id), Own.of(unit.deliveries.owners())
    copies = unit.deliveries.of_messages(list(members))
    return Spread(passages(list(members.values()), copies, own), _offers(unit, members, own))


def offers_of(unit: Unit, cluster_id: str) -> tuple[Offer, ...]:
    """What has moved on from a cluster's messages and does not carry its key. Raises NotFound."""
    return _offers(unit, _members(unit, cluster_id), Own.of(unit.deliveries.owners()))


def _members(unit: Unit, cluster_id: str) -> dict[str, Message]:
    """The members in the order in which they came: of two with one Message-ID the first is meant."""
    ids = [member.message_id for member in unit.clusters.get(cluster_id).members]
    known = unit.messages.get_many(ids)
    return {message_id: known[message_id] for message_id in ids if message_id in known}


def _offers(unit: Unit, members: Mapping[str, Message], own: Own) -> tuple[Offer, ...]:
    origins = Origins(members.values())
    signatures = unit.messages.signatures(list(members))
    found: dict[str, tuple[Message, Reason]] = {}
    fresh: Sequence[Message] = list(members.values())
    for _ in range(ROUNDS):
        internet_ids = [m.internet_message_id for m in fresh if m.internet_message_id]
        near = unit.messages.referring([m.id for m in fresh], internet_ids)
        candidates = [m for m in islice(near, CANDIDATES) if m.id not in members and m.id not in found]
        signatures |= unit.messages.signatures([m.id for m in candidates])
        reasons = {m.id: (m, reason) for m in candidates if (reason := offer(m, origins, signatures))}
        fresh = [message for message, _ in islice(reasons.values(), MOST - len(found))]
        for message in fresh:
            found[message.id] = reasons[message.id]
            origins.add(message)
        if not fresh:
            break
    return _with_copies(unit, found, origins, own)


def _with_copies(
    unit: Unit, found: Mapping[str, tuple[Message, Reason]], origins: Origins, own: Own
) -> tuple[Offer, ...]:
    messages = [message for message, _ in found.values()]
    copies = passages(messages, unit.deliveries.of_messages(list(found)), own, origins)
    return tuple(
        Offer(message.id, reason, tuple(p for p in copies if p.message_id == message.id))
        for message, reason in found.values()
    )


async def take_up(parts: Parts, cluster_id: str, message_ids: Sequence[str], actor: str) -> None:
    """Look where the copies of these offered messages are, and put a plan for them before a person."""
    with parts.store.read() as unit:
        deliveries = unit.deliveries.of_messages(message_ids)
    seen = await look(parts, deliveries)
    folders = await folders_of(parts, seen, ACTION)
    with parts.store.write(durable=True) as unit:
        cluster = unit.clusters.head(cluster_id)
        investigation_id = unit.clusters.investigation_of(cluster_id)
        unit.remediations.fence()
        delivery_ids = [d.id for d in seen]
        held = frozenset(unit.remediations.open_for(delivery_ids))
        reports = frozenset(unit.submissions.kept_copies(delivery_ids))
        ground = Ground(tuple(seen), folders, held=held, reports=reports)
        policy, now = policy_of(unit), parts.now()
        made = plan(investigation_id, cluster, ground, action=ACTION, policy=policy, now=now)
        if made.deeds:
            propose(unit, made, actor, waits_because=f"proposed by {actor}")
            keep_weighed(parts, unit, made, cluster, f"proposed by {actor}")


def may_be_removed(cluster: Cluster) -> bool:
    """Whether what belongs to a cluster may be planned for: its key must be known as malicious."""
    return cluster.verdict is VerdictKind.MALICIOUS


def join_offered(unit: Unit, approved: Remediation, actor: str, now: datetime) -> None:
    """Let messages that a person has let go with a cluster become its members, with the reason."""
    ids = {deed.message_id for deed in unit.remediations.plan(approved.id).deeds}
    new = ids - unit.clusters.members_among(approved.cluster_id, sorted(ids))
    if not new:
        return
    reasons = {one.message_id: one.reason for one in offers_of(unit, approved.cluster_id)}
    asked = Reason("asked_for", approved.key, "", f"{actor} let it go with the cluster.")
    members = [Member(m, (reasons.get(m, asked),)) for m in sorted(new)]
    unit.clusters.join(approved.cluster_id, members)
    count(unit, approved.investigation_id, unit.clusters.head(approved.cluster_id), new, actor, now)
