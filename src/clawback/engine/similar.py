"""Similar messages: clusters around what an investigation has found or is about, beyond what carries a key.

A similar cluster that holds nothing beyond the clusters that are there is not made. What is asked of the
store first is therefore only what lies outside of them: in the ordinary case nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from clawback.analysis import similar
from clawback.analysis.clusters import Cluster, Member
from clawback.analysis.entities import Entity, EntityKind
from clawback.analysis.fingerprints import Fingerprint
from clawback.analysis.indicators import VerdictKind
from clawback.analysis.similar import Campaign, Original, Pair
from clawback.engine.exclusions import kept, note_left_out, without_secops
from clawback.engine.investigate import ACTION, folders_of, plan_for
from clawback.engine.limits import ends_before
from clawback.engine.locate import look
from clawback.engine.parts import Parts
from clawback.engine.policies import policy_of
from clawback.engine.record import AUTOMATION, record
from clawback.engine.recount import linked
from clawback.engine.requests import Request
from clawback.engine.rolling import counted, is_similar
from clawback.message.message import Direction, Message
from clawback.response.events_clusters import OriginalJudged
from clawback.response.exclusions import excludes, why_left_out
from clawback.response.investigation import InvestigationStatus
from clawback.response.playbooks import PLAYBOOKS, Step
from clawback.response.policy import Policy
from clawback.response.spread import Own
from clawback.store import Unit
from clawback.store.similar import Narrow

SEEDS = 200
"""Members of a malicious cluster that are looked through for originals."""
MOST = 100_000
"""Messages that may become members of one similar cluster, the newest first."""
MOST_READ = 5_000
"""Messages that are read one by one, for a sender campaign or the shape of a link, the newest first."""
_NOT_NOW = frozenset(
    {
        InvestigationStatus.QUEUED_BY_THROTTLING,
        InvestigationStatus.TERMINATED_BY_SYSTEM,
        InvestigationStatus.TERMINATED_BY_USER,
        InvestigationStatus.FAILED,
    }
)
PLAN = "plan_cluster"
"""The kind of job that plans for a cluster that was cut anew; its key is the cluster."""


@dataclass(frozen=True, slots=True)
class Around:
    """What similar messages are looked for around: the clusters that are there, and the originals."""

    investigation_id: str
    carriers: tuple[Cluster, ...]
    originals: tuple[Original, ...]
    policy: Policy
    now: datetime
    left: dict[str, dict[str, str]] = field(default_factory=dict)
    """Messages that the policy leaves out, with the reason, by the cluster that they would be in."""

    @property
    def outside(self) -> tuple[str, ...]:
        """The clusters beyond which something must lie."""
        return tuple(cluster.id for cluster in self.carriers)


async def cut_similar(parts: Parts, investigation_id: str, request: Request) -> None:
    """Cut the similar clusters of an investigation, after those of what is listed; repeatable."""
    with parts.store.read() as unit:
        state = unit.investigations.get(investigation_id)
        wanted = Step.SIMILAR in PLAYBOOKS[state.kind].steps
        if not wanted or state.status in _NOT_NOW:
            return
        named = named_by(request)
        around = _around(unit, investigation_id, named, parts.now())
        found = tuple(_folded(cut_around(unit, around)))
        below = {c.id: members for c in around.carriers if (members := _with_same_shape(unit, c))}
    for cluster in found:
        with parts.store.write() as unit:
            unit.indicators.fence(changing=False)
            if ends_before(unit, investigation_id, cluster, around.policy, parts.now()):
                break
            if twin := _twin(unit, investigation_id, cluster):
                unit.clusters.restate(twin)
                continue
            unit.clusters.save(cluster, investigation_id)
            note_left_out(unit, investigation_id, cluster, around.left[cluster.id], parts.now())
            _stand(unit, cluster.id, parts.now())
        await conclude(parts, cluster.id, request.asked)
    _account(parts, investigation_id, below, named)


def _twin(unit: Unit, investigation_id: str, cluster: Cluster) -> Cluster | None:
    """A similar cluster that is there with the same members, the key of this one folded into it."""
    heads = [c for c in unit.clusters.heads_of(investigation_id) if is_similar(c)]
    if any(head.id == cluster.id for head in heads):
        return None
    ids = [member.message_id for member in cluster.members]
    sizes = unit.clusters.sizes([head.id for head in heads])
    for head in heads:
        if sizes[head.id] == len(ids) == len(unit.clusters.members_among(head.id, ids)):
            return replace(head, folded=tuple(dict.fromkeys((*head.folded, cluster.key))))
    return None


def named_by(request: Request) -> frozenset[str]:
    """The messages that a request is about, if it is about any."""
    about = [request.cause.value] if request.cause.kind is EntityKind.MESSAGE else []
    kind, _, message_id = request.trigger.partition(":")
    return frozenset([*about, *request.messages, *([message_id] if kind == "message" else [])])


def _around(unit: Unit, investigation_id: str, named: frozenset[str], now: datetime) -> Around:
    heads = unit.clusters.heads_of(investigation_id)
    carriers = tuple(c for c in heads if not is_similar(c) and c.verdict is VerdictKind.MALICIOUS)
    carried = {m for c in carriers for m in unit.clusters.members_among(c.id, sorted(named))}
    # A message that a cluster has already is told of last, so that every alert finds the same originals.
    ends = (m for c in carriers for m in unit.clusters.ends(c.id, SEEDS))
    ids = list(dict.fromkeys((*sorted(named - carried), *ends, *sorted(carried))))
    policy, messages = policy_of(unit), unit.messages.get_many(ids)
    signatures, arrived = unit.messages.signatures(ids), unit.similar.arrived(ids)
    seeds = [
        Original(messages[m], signatures[m], arrived.get(m, now))
        for m in ids
        if m in messages and m in signatures and not why_left_out(messages[m], policy)
    ]
    own, strangers = Own.of(unit.deliveries.owners()), named - carried
    seeds = [s for s in seeds if s.message.id in strangers or not _is_ours(s.message, own)]
    originals = similar.originals_among(seeds, strangers)
    return Around(investigation_id, carriers, originals, policy, now)


def _is_ours(message: Message, own: Own) -> bool:
    """Whether one of ours seems to have sent it, where the settings do not say which domains are ours."""
    return message.direction is Direction.UNKNOWN and own.has(message.sender.address)


def cut_around(unit: Unit, around: Around) -> Iterator[Cluster]:
    """Every similar cluster that holds something beyond the clusters that are there."""
    if not around.originals:
        return
    if alike := _near_duplicates(unit, around):
        yield alike
    for original, fingerprints in similar.pairs_around(around.originals):
        for fingerprint in unit.similar.carried(original.message.id, fingerprints):
            if (pair := similar.pair_of(original, fingerprint)) and (same := _same_pair(unit, around, pair)):
                yield same
    listed = [c.indicator for c in around.carriers if c.indicator]
    for campaign in similar.campaigns(around.originals, listed):
        if sent := _campaign(unit, around, campaign):
            yield sent


def _near_duplicates(unit: Unit, around: Around) -> Cluster | None:
    bands = similar.bands_of_all(around.originals)

    def cut(outside: tuple[str, ...]) -> Cluster | None:
        ids = _sharing(unit, bands, Narrow(outside=outside))
        pairs, likeness = unit.messages.signatures(ids).items(), around.policy.likeness
        made = similar.near_duplicates(around.investigation_id, around.originals, pairs, likeness, around.now)
        return made and _left_in(unit, around, made)

    beyond = cut(around.outside)
    return cut(()) if beyond and _beyond(around, beyond) else None


def _same_pair(unit: Unit, around: Around, pair: Pair) -> Cluster | None:
    sender = pair.sender if "@" in pair.sender else ""

    def cut(outside: tuple[str, ...]) -> Cluster:
        narrow = Narrow(sender=sender, outside=outside)
        ids = _sharing(unit, [pair.fingerprint], narrow)
        return _left_in(unit, around, similar.same_pair(around.investigation_id, pair, ids, around.now))

    return cut(()) if _beyond(around, cut(around.outside)) else None


def _campaign(unit: Unit, around: Around, campaign: Campaign) -> Cluster | None:
    def cut(outside: tuple[str, ...]) -> Cluster:
        narrow = Narrow(campaign.sender, campaign.since, campaign.until, outside)
        sender = Entity(EntityKind.SENDER, campaign.sender)
        ids = unit.similar.with_entity(sender, narrow, MOST_READ)
        messages = unit.messages.get_many(ids).values()
        made = similar.sender_campaign(around.investigation_id, campaign, messages, around.now)
        return _left_in(unit, around, made)

    return cut(()) if _beyond(around, cut(around.outside)) else None


def _sharing(unit: Unit, fingerprints: Sequence[Fingerprint], narrow: Narrow) -> tuple[str, ...]:
    return unit.similar.with_fingerprints(fingerprints, narrow, MOST)


def _beyond(around: Around, outside: Cluster) -> bool:
    """Whether a cluster of what lies outside the others has a member that is no original."""
    originals = {o.message.id for o in around.originals}
    return any(member.message_id not in originals for member in outside.members)


def _left_in(unit: Unit, around: Around, cluster: Cluster) -> Cluster:
    """The cluster without what the policy leaves out."""
    left: dict[str, str] = {}
    if excludes(around.policy):
        ids = [m.message_id for m in (*cluster.members, *cluster.candidates)]
        stay = {m.id for m in kept(unit.messages.get_many(ids).values(), around.policy, left)}
        cluster = replace(
            cluster,
            members=tuple(m for m in cluster.members if m.message_id in stay),
            candidates=tuple(m for m in cluster.candidates if m.message_id in stay),
        )
    cluster = without_secops(unit, cluster, around.policy, left)
    around.left[cluster.id] = left
    return cluster


def _folded(clusters: Iterator[Cluster]) -> Iterator[Cluster]:
    """Clusters with the same members once, the first of them; it names the keys of the others."""
    first: dict[frozenset[str], Cluster] = {}
    for cluster in clusters:
        members = frozenset(member.message_id for member in cluster.members)
        known = first.setdefault(members, cluster)
        if known is not cluster and known.id != cluster.id and cluster.key not in known.folded:
            first[members] = replace(known, folded=(*known.folded, cluster.key))
    yield from first.values()


def _with_same_shape(unit: Unit, cluster: Cluster) -> tuple[Member, ...]:
    """Messages with a link to the host of a cluster's URL that has the same shape, and is another one."""
    host = similar.host_of_shape(cluster.indicator)
    if host is None or cluster.indicator is None:
        return ()
    ids = unit.similar.with_entity(host, Narrow(outside=(cluster.id,)), MOST_READ)
    return similar.same_shape(cluster.indicator, unit.messages.get_many(ids).values())


async def conclude(parts: Parts, cluster_id: str, asked: bool) -> None:
    """Look where the copies of a kept cluster are, when it is malicious, and plan for them."""
    with parts.store.read() as unit:
        whole = unit.clusters.get(cluster_id)
        bad = whole.verdict is VerdictKind.MALICIOUS
        copies = unit.deliveries.of_messages([m.message_id for m in whole.members]) if bad else ()
    if not bad:
        return
    seen = await look(parts, copies)
    folders = await folders_of(parts, seen, ACTION)
    with parts.store.write(durable=True) as unit:
        unit.indicators.fence(changing=False)
        cluster = _stand(unit, cluster_id, parts.now())
        if cluster.verdict is VerdictKind.MALICIOUS:
            investigation_id = unit.clusters.investigation_of(cluster_id)
            plan_for(parts, unit, investigation_id, cluster, seen, folders, asked)


def _stand(unit: Unit, cluster_id: str, now: datetime) -> Cluster:
    """Roll a kept cluster up, and tell its investigation."""
    cluster = counted(unit, unit.clusters.head(cluster_id), now)
    tell(unit, unit.clusters.investigation_of(cluster_id), cluster, AUTOMATION, now)
    return cluster


def tell(unit: Unit, investigation_id: str, cluster: Cluster, actor: str, now: datetime) -> None:
    """Tell an investigation how one of its clusters stands, if it does not know that yet."""
    state = unit.investigations.get(investigation_id)
    known = next((c for c in state.clusters if c.cluster_id == cluster.id), None)
    event = linked(unit, investigation_id, cluster)
    stands = event.places, event.messages, event.verdict, event.threat
    if known is None or (known.now, known.messages, known.verdict, known.threat) != stands:
        record(unit, event, actor=actor, at=now)


def _account(
    parts: Parts, investigation_id: str, below: dict[str, tuple[Member, ...]], named: frozenset[str]
) -> None:
    """Keep what lies below the line, count by threat and by day, and give verdicts back."""
    with parts.store.write() as unit:
        unit.indicators.fence(changing=False)
        for cluster_id, members in below.items():
            unit.clusters.put_below(cluster_id, members)
        for cluster in unit.clusters.heads_of(investigation_id):
            whole = counted(unit, cluster, parts.now())
            if whole.verdict is VerdictKind.MALICIOUS and named:
                _give_back(unit, investigation_id, whole, named, parts.now())


def _give_back(
    unit: Unit, investigation_id: str, cluster: Cluster, named: frozenset[str], now: datetime
) -> None:
    """A message with nothing bad of its own is caught through its siblings."""
    mine = sorted(unit.clusters.members_among(cluster.id, sorted(named)))
    judged = unit.detections.verdicts(mine)
    known = {(e.entity.value, e.detail) for e in unit.investigations.get(investigation_id).evidence}
    for message_id in mine:
        own = judged.get(message_id)
        bad = own is not None and own.verdict is VerdictKind.MALICIOUS
        if not bad and (message_id, cluster.id) not in known:
            event = OriginalJudged(investigation_id, message_id, cluster.id, cluster.verdict, cluster.threat)
            record(unit, event, actor=AUTOMATION, at=now)
