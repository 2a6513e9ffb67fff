"""Investigate: from a request to clusters, to where each copy is, to a plan that runs or waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from clawback.analysis.allowing import is_allow
from clawback.analysis.clusters import Cluster, link
from clawback.analysis.entities import Entity
from clawback.analysis.indicators import Indicator, IndicatorKind, Threat, VerdictKind, indicator
from clawback.analysis.matching import ENTITY_OF, keys_of
from clawback.analysis.verdict import Said
from clawback.engine.arrivals import wait
from clawback.engine.brake import lately, tell, weigh
from clawback.engine.clicks import tell_clicks
from clawback.engine.compromise import judge_later, sent_clusters, tell_rules
from clawback.engine.confirmed import confirmed_clusters
from clawback.engine.exclusions import kept, note_left_out, without_secops
from clawback.engine.grounds import is_listed, judged_now
from clawback.engine.limits import ends_after, ends_before, has_ended
from clawback.engine.locate import look
from clawback.engine.opening import begin
from clawback.engine.parts import Parts
from clawback.engine.policies import policy_of
from clawback.engine.record import AUTOMATION, record
from clawback.engine.recount import recount
from clawback.engine.requests import Request
from clawback.engine.rolling import is_similar
from clawback.errors import CapabilityMissing, MailboxError, NotFound
from clawback.message.delivery import Delivery
from clawback.response.brake import decide
from clawback.response.canary import canary
from clawback.response.counts import Places
from clawback.response.events import (
    ClusterLinked,
    NothingCarried,
    RemediationApproved,
    RemediationPlanned,
)
from clawback.response.exclusions import is_secops
from clawback.response.plan import ActionKind, Approval, Plan, RemediationStatus
from clawback.response.planning import DESTINATION, Ground, plan, remediation_of
from clawback.response.playbooks import PLAYBOOKS, Step
from clawback.response.standing import is_late
from clawback.store import Unit
from clawback.store.brake import Weighed

ACTION = ActionKind.SOFT_DELETE
"""What automation does with a malicious copy, as Defender's auto-remediation."""
PENDING = frozenset({RemediationStatus.PENDING})
"""What can still be decided about."""


async def investigate(parts: Parts, request: Request) -> str:
    """Do the whole inquiry for one request; repeatable, since it only ever adds what is missing."""
    begun = begin(parts, request)
    investigation_id = begun.investigation_id
    if not begun.begins:
        return investigation_id
    if Step.SENT_MAIL in PLAYBOOKS[request.kind].steps:
        await _account(parts, investigation_id, request)
        return investigation_id
    questions = _asked(parts, request)
    tell_clicks(parts, investigation_id, questions)
    if not questions:
        _nothing(parts, investigation_id, request.cause, request.source)
    for asked in questions:
        if has_ended(parts, investigation_id):
            break
        cluster = cut(parts, investigation_id, asked)
        if not cluster.members:
            _nothing(parts, investigation_id, cluster.key, request.source)
            continue
        await _follow(parts, investigation_id, cluster, request.asked)
    for cluster in confirmed_clusters(parts, investigation_id):
        await _follow(parts, investigation_id, cluster, request.asked)
    return investigation_id


async def _account(parts: Parts, investigation_id: str, request: Request) -> None:
    """What an account sent, in three clusters, and what its own mail rules do."""
    clusters = sent_clusters(parts, investigation_id, request.cause.value)
    if not clusters:
        _nothing(parts, investigation_id, request.cause, request.source)
    for cluster in clusters:
        await _follow(parts, investigation_id, cluster, request.asked)
    await tell_rules(parts, investigation_id, request.cause.value)


async def _follow(parts: Parts, investigation_id: str, cluster: Cluster, asked: bool) -> None:
    """Look where the copies of a cluster are, and conclude."""
    with parts.store.read() as unit:
        deliveries = unit.deliveries.of_messages([m.message_id for m in cluster.members])
    seen = await look(parts, deliveries)
    folders = await folders_of(parts, seen, ACTION)
    _conclude(parts, investigation_id, cluster, seen, folders, asked)


def _asked(parts: Parts, request: Request) -> list[Indicator]:
    """The indicators to make clusters of, without those taken back meanwhile; else the cause itself."""
    if not request.indicators:
        kind = _KIND_OF.get(request.cause.kind)
        return [_unlisted(parts, request, kind)] if kind else []
    asked: list[Indicator] = []
    with parts.store.read() as unit:
        for indicator_id in request.indicators:
            with suppress(NotFound):
                asked.append(unit.indicators.get(indicator_id))
    # Said to be good by the same source, an entry has the id that the bad one had.
    return [one for one in asked if not is_allow(one)]


_KIND_OF = {entity: kind for kind, entity in ENTITY_OF.items()}


def _unlisted(parts: Parts, request: Request, kind: IndicatorKind) -> Indicator:
    """The cause as a question: who carries it? Its verdict is unknown, so no action can follow."""
    return indicator(
        kind,
        request.cause.value,
        verdict=VerdictKind.UNKNOWN,
        threat=Threat.SPAM,
        source=request.source,
        added_at=parts.now(),
    )


def cut(parts: Parts, investigation_id: str, asked: Indicator) -> Cluster:
    """Every message that carries the indicator, each with the reason, kept in the store."""
    now = parts.now()
    left: dict[str, str] = {}
    with parts.store.read() as unit:
        policy = policy_of(unit)
        allowed, _ = unit.indicators.list(verdict=VerdictKind.NO_THREATS_FOUND, limit=10_000)
        alive = [entry for entry in allowed if entry.alive(now)]
        near = kept(unit.messages.sharing(keys_of(asked)), policy, left, asked)
        cluster = link(investigation_id, asked, near, now, allowed=alive, most=policy.members_limit + 1)
        cluster = without_secops(unit, cluster, policy, left)
    if cluster.members or left:
        with parts.store.write() as unit:
            unit.indicators.fence(changing=False)
            if cluster.members:
                unit.clusters.save(cluster, investigation_id)
                _remember(unit, cluster, asked, now)
            note_left_out(unit, investigation_id, cluster, left, now)
    return cluster


def _remember(unit: Unit, cluster: Cluster, asked: Indicator, now: datetime) -> None:
    """Keep what the indicator says about each member; what it said about others stands no more."""
    members = [member.message_id for member in cluster.members]
    if asked.verdict is VerdictKind.UNKNOWN or not is_listed(unit, asked.id):
        return
    word = Said(asked.id, asked.verdict, asked.threat, asked.confidence)
    unit.detections.strike(asked.id, sorted(set(unit.detections.of_source(asked.id)).difference(members)))
    unit.detections.put(((message_id, word) for message_id in members), now)
    if asked.verdict is VerdictKind.MALICIOUS:
        judge_later(unit, unit.sent_mail.accounts_of(members), now)


def _nothing(parts: Parts, investigation_id: str, key: Entity, actor: str) -> None:
    with parts.store.write() as unit:
        record(unit, NothingCarried(investigation_id, key), actor=actor, at=parts.now())


def _conclude(
    parts: Parts,
    investigation_id: str,
    cluster: Cluster,
    seen: Sequence[Delivery],
    folders: Mapping[str, str],
    asked: bool,
) -> None:
    """Write down the cluster with its places, the plan if one is due, and the policy's decision, at once."""
    now = parts.now()
    with parts.store.write(durable=True) as unit:
        unit.indicators.fence(changing=False)
        policy = policy_of(unit)
        if ends_before(unit, investigation_id, cluster, policy, now):
            return
        cluster = judged_now(unit, cluster)
        reports = unit.submissions.kept_copies([d.id for d in seen])
        counted = [d for d in seen if d.id not in reports and not is_secops(d.handle.mailbox, policy)]
        linked = ClusterLinked(
            investigation_id,
            cluster.id,
            cluster.kind,
            cluster.key,
            cluster.verdict,
            cluster.threat,
            len(cluster.members),
            Places.of(d.location for d in counted),
        )
        record(unit, linked, actor=AUTOMATION, at=now)
        recount(unit, cluster.id, [m.message_id for m in cluster.members], now)
        if ends_after(unit, investigation_id, cluster, policy, now):
            return
        if cluster.verdict is VerdictKind.MALICIOUS:
            plan_for(parts, unit, investigation_id, cluster, seen, folders, asked)


def plan_for(
    parts: Parts,
    unit: Unit,
    investigation_id: str,
    cluster: Cluster,
    seen: Sequence[Delivery],
    folders: Mapping[str, str],
    asked: bool,
) -> None:
    """Plan for the copies that no other plan has.

    What an undo put back, or a person declined because of the same thing, is planned only if a person asked.
    What a person declined because of another thing waits for a person.
    """
    now, policy = parts.now(), policy_of(unit)
    if not asked:
        seen = _without_late(unit, cluster, seen, now)
    unit.remediations.fence()
    delivery_ids = [d.id for d in seen]
    ground = Ground(
        tuple(seen),
        folders,
        held=frozenset(unit.remediations.open_for(delivery_ids)),
        reports=frozenset(unit.submissions.kept_copies(delivery_ids)),
        spared=_spared(unit, cluster, delivery_ids, asked),
        declined=frozenset() if asked else frozenset(_declined(unit, delivery_ids, cluster)),
    )
    made = plan(investigation_id, cluster, ground, action=ACTION, policy=policy, now=now)
    if not made.deeds:
        return
    against = ""
    if not asked and unit.remediations.declined([deed.delivery_id for deed in made.deeds]):
        against = "a person declined to remove some of these copies"
    put_forward(parts, unit, made, cluster, against)


def _spared(unit: Unit, cluster: Cluster, delivery_ids: Sequence[str], asked: bool) -> frozenset[str]:
    """What was put back after a removal for this key, if nobody asks; of what is only similar, for any."""
    if is_similar(cluster):
        return frozenset(unit.remediations.put_back_last(delivery_ids))
    return frozenset() if asked else frozenset(unit.remediations.put_back(delivery_ids, cluster.key))


def _declined(unit: Unit, delivery_ids: Sequence[str], cluster: Cluster) -> set[str]:
    """The copies that a person declined for this cluster's reason; a similar one has none of its own."""
    return unit.remediations.declined(delivery_ids, None if is_similar(cluster) else cluster.key)


def put_forward(parts: Parts, unit: Unit, made: Plan, cluster: Cluster, against: str = "") -> None:
    """Weigh a plan, then put it before a person, or let some of its copies go and the rest after them.

    It waits for a person `against` what the brake would let go.
    """
    policy, now = policy_of(unit), made.made_at
    estimate = weigh(parts, unit, made, cluster)
    decision = decide(made, cluster.kind, policy, estimate, lately(unit, now))
    if against or not decision.automatic:
        why = against or decision.reason
        propose(unit, made, AUTOMATION, waits_because=why)
        unit.brake.keep(made.id, Weighed(estimate, why, shadow=decision.shadow and not against))
        tell(unit, made, estimate, now)
        return
    head, rest = canary(made, policy.canary, estimate.likely)
    propose(unit, head, AUTOMATION)
    unit.brake.keep(head.id, Weighed(estimate, rest=rest.id if rest else ""))
    tell(unit, head, estimate, now)
    if rest:
        why = f"{len(head.deeds)} of the copies go first: {head.id}"
        propose(unit, rest, AUTOMATION, waits_because=why)
        unit.brake.keep(rest.id, Weighed(estimate, why))
    let_run(unit, made.investigation_id, head.id, Approval(head.hash, AUTOMATION, now, decision.reason))


def _without_late(
    unit: Unit, cluster: Cluster, seen: Sequence[Delivery], now: datetime
) -> Sequence[Delivery]:
    """The copies without those that came after the cluster's removal was approved: its standing order's."""
    order = unit.standing.of_cluster(cluster.id)
    if order is None or order.until <= now:
        return seen
    reports = unit.submissions.kept_copies([d.id for d in seen])
    late = {d.id for d in seen if d.location.in_mailbox and d.id not in reports and is_late(order, d)}
    if late:
        wait(unit, order.remediation_id, late, now)
    return [d for d in seen if d.id not in late]


def propose(
    unit: Unit,
    made: Plan,
    actor: str,
    *,
    waits_because: str = "",
    part_of: str = "",
    at: datetime | None = None,
) -> None:
    """Put a plan before whoever decides, in the transaction at hand.

    One that is `part_of` another is as old as that, and proposed `at` another time.
    """
    unit.remediations.add(replace(remediation_of(made), part_of=part_of), made)
    event = RemediationPlanned(
        made.investigation_id,
        made.cluster_id,
        made.id,
        made.kind,
        made.hash,
        len(made.deeds),
        len(made.skips),
        made.undoes,
        waits_because,
        made.follows,
        made.rest,
    )
    record(unit, event, actor=actor, at=at or made.made_at)


def let_run(
    unit: Unit, investigation_id: str, remediation_id: str, approval: Approval, *, job: str = "remediate"
) -> None:
    """Write down an approval and queue the work, in the transaction at hand."""
    unit.remediations.set_status(
        remediation_id, RemediationStatus.APPROVED, expected=PENDING, at=approval.at, approval=approval
    )
    event = RemediationApproved(investigation_id, remediation_id, approval.plan_hash, approval.note)
    record(unit, event, actor=approval.by, at=approval.at)
    unit.jobs.put(job, remediation_id, {"remediation": remediation_id}, approval.at)


async def folders_of(parts: Parts, seen: Sequence[Delivery], action: ActionKind) -> dict[str, str]:
    """Where each copy would go; copies whose mail system has no such place are left out."""
    place = DESTINATION[action]
    folders: dict[str, str] = {}
    for delivery in seen:
        handle = delivery.handle
        try:
            connector = parts.connector(handle.source)
            folders[delivery.id] = await connector.folder_of(handle.mailbox, place, handle.folder)
        except (CapabilityMissing, NotFound, MailboxError):
            continue
    return folders
