"""Acting on a free selection of messages: previewed first, then planned, approved and run like all else.

The order names the hash of its preview. The work looks at those copies again, and plans for them alone:
what came meanwhile, and what has gone, is left out with its reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from clawback import ids
from clawback.analysis.clusters import Cluster, ClusterKind, Member
from clawback.analysis.entities import Entity, EntityKind, Reason
from clawback.analysis.indicators import Threat, VerdictKind
from clawback.engine.brake import keep_weighed, weigh
from clawback.engine.decisions import approve
from clawback.engine.exclusions import kept
from clawback.engine.investigate import folders_of, propose
from clawback.engine.locate import look
from clawback.engine.opening import opened
from clawback.engine.parts import Parts
from clawback.engine.policies import policy_of
from clawback.engine.record import record
from clawback.engine.recount import linked, recount
from clawback.engine.requests import raised
from clawback.errors import BadParameter, NotFound, PlanStale
from clawback.message.delivery import Delivery
from clawback.response.alerts import AlertKind
from clawback.response.collateral import Collateral, described
from clawback.response.counts import Places
from clawback.response.deciding import second_person
from clawback.response.plan import ActionKind, Plan, Remediation, RemediationStatus
from clawback.response.planning import DESTINATION, Ground, plan
from clawback.response.selection import (
    ACTIONS,
    LEAST_NOTE,
    NO_WAY_BACK,
    Ordered,
    Preview,
    hash_of,
    left_out,
)
from clawback.store import MessageFilter, Unit
from clawback.store.message_query import said_of, told

ACT = "act_on_selection"
"""The kind of job that acts on a selection; its key is its cluster."""
MOST_NAMED = 1_000
"""Messages that one order names one by one."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The messages with these ids, or with none all that a filter means."""

    message_ids: tuple[str, ...] = ()
    wanted: MessageFilter = MessageFilter()


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A selection drawn from the store: its messages as a cluster, their copies, the plan as it would be."""

    cluster: Cluster
    copies: tuple[Delivery, ...]
    made: Plan
    excluded: int


def preview(parts: Parts, selection: Selection, action: ActionKind) -> Preview:
    """What an action on a selection would do, by where copies were last seen. Nothing is touched.

    Raises NotFound for a message that is unknown, BadParameter for an action that there is not, or a
    selection of nothing or over the policy's limit, TooWide for a filter that means too many.
    """
    with parts.store.read() as unit:
        drawn = _drawn(parts, unit, selection, action)
        estimate = Collateral()
        if action is not ActionKind.MOVE_TO_INBOX:
            estimate = weigh(parts, unit, drawn.made, drawn.cluster)
        deeds = drawn.made.deeds
        return Preview(
            action=action,
            messages=len(drawn.cluster.members),
            copies=len(deeds),
            mailboxes=len({(deed.handle.source, deed.handle.mailbox) for deed in deeds}),
            places=Places.of(copy.location for copy in drawn.copies),
            left_out=left_out(drawn.made, drawn.excluded),
            estimate=replace(estimate, likely=()),
            told=described(estimate) if estimate.of else "",
            second_person=second_person(drawn.made, policy_of(unit)),
            undo=action not in NO_WAY_BACK,
            hash=hash_of(drawn.made),
        )


def act(
    parts: Parts,
    selection: Selection,
    action: ActionKind,
    actor: str,
    *,
    preview_hash: str,
    note: str,
    approved: bool = False,
) -> Ordered:
    """Order what was previewed; an investigation is opened for it, and the work is queued.

    With `approved` it runs as approved by the actor (or waits for a second person), else it waits in the
    action center. Raises as `preview`, PlanStale when the preview is not true any more or held nothing,
    BadParameter without a justification.
    """
    if len(note.strip()) < LEAST_NOTE:
        raise BadParameter(f"say why, in at least {LEAST_NOTE} characters")
    if approved and action in NO_WAY_BACK:
        raise BadParameter(f"{action.value} has no undo, so it always waits for a decision of its own")
    now = parts.now()
    with parts.store.write(durable=True) as unit:
        drawn = _drawn(parts, unit, selection, action)
        deeds = drawn.made.deeds
        if not deeds:
            raise PlanStale("no copy of these messages can be acted on; look at the preview for the reasons")
        if hash_of(drawn.made) != preview_hash:
            raise PlanStale("what would be done is not what was previewed any more; look again")
        cluster, investigation_id = _open(unit, drawn.cluster, actor, note, now)
        payload = {
            "cluster": cluster.id,
            "action": action.value,
            "copies": [deed.delivery_id for deed in deeds],
            "actor": actor,
            "note": note.strip(),
            "approved": approved,
        }
        unit.jobs.put(ACT, cluster.id, payload, now)
    return Ordered(investigation_id, cluster.id, len(deeds))


def _drawn(parts: Parts, unit: Unit, selection: Selection, action: ActionKind) -> _Drawn:
    if action not in ACTIONS:
        raise BadParameter(f"{action.value} cannot be done with a selection")
    policy, now = policy_of(unit), parts.now()
    message_ids = _meant(unit, selection, policy.limit)
    known = unit.messages.get_many(message_ids)
    if unknown := [one for one in message_ids if one not in known]:
        raise NotFound(f"there is no message {unknown[0]}")
    left: dict[str, str] = {}
    chosen = [message.id for message in kept((known[one] for one in message_ids), policy, left)]
    cluster = _cluster(selection, chosen, action, now)
    copies = unit.deliveries.of_messages(chosen)
    ground = _ground(unit, copies, {copy.id: "" for copy in copies})
    made = plan("", cluster, ground, action=action, policy=policy, now=now)
    if len(made.deeds) > policy.limit:
        copies_of = f"{len(made.deeds):,} copies are over the policy's limit of {policy.limit:,}"
        raise BadParameter(f"{copies_of}; choose fewer messages at once")
    return _Drawn(cluster, copies, made, len(message_ids) - len(chosen))


def _meant(unit: Unit, selection: Selection, limit: int) -> tuple[str, ...]:
    if selection.message_ids:
        if len(selection.message_ids) > MOST_NAMED:
            raise BadParameter(f"one order names at most {MOST_NAMED:,} messages")
        return tuple(dict.fromkeys(selection.message_ids))
    if not said_of(selection.wanted):
        raise BadParameter("say which messages: name them, or search for something")
    found = unit.messages.matching(selection.wanted, limit)
    if not found:
        raise NotFound("no message matches")
    return found


def _cluster(selection: Selection, chosen: Sequence[str], action: ActionKind, now: datetime) -> Cluster:
    """The messages that were chosen, as a cluster that nothing is known about."""
    named = f"{len(chosen)} messages chosen by hand" if selection.message_ids else told(selection.wanted)
    cluster_id = ids.make("clu", "selection", action.value, now.isoformat(), *sorted(chosen))
    key = Entity(EntityKind.CLUSTER, cluster_id)
    why = (Reason("chosen", key, "", "A person chose it."),)
    return Cluster(
        id=cluster_id,
        kind=ClusterKind.SELECTION,
        key=key,
        query=named,
        asked_at=now,
        verdict=VerdictKind.UNKNOWN,
        threat=Threat.SPAM,
        members=tuple(Member(message_id, why) for message_id in chosen),
    )


def _ground(
    unit: Unit,
    copies: Sequence[Delivery],
    folders: dict[str, str],
    unseen: frozenset[str] = frozenset(),
) -> Ground:
    """What a person asks for reaches also what was put back or declined before."""
    delivery_ids = [copy.id for copy in copies]
    return Ground(
        tuple(copies),
        folders,
        held=frozenset(unit.remediations.open_for(delivery_ids)),
        reports=frozenset(unit.submissions.kept_copies(delivery_ids)),
        unseen=unseen,
    )


def _open(unit: Unit, cluster: Cluster, actor: str, note: str, now: datetime) -> tuple[Cluster, str]:
    """An investigation for the order, with its cluster."""
    request = raised(
        AlertKind.ADMIN_ACTION,
        cluster.key,
        f"selection:{cluster.id}",
        actor,
        asked=True,
        detail=note.strip(),
    )
    investigation_id = opened(unit, request, now)
    unit.clusters.save(cluster, investigation_id)
    record(unit, linked(unit, investigation_id, cluster), actor=actor, at=now)
    return cluster, investigation_id


async def act_on(parts: Parts, order: Mapping[str, Any]) -> None:
    """Look where the copies that were previewed are, plan for them, and let the plan run if it is approved.

    Repeatable. Raises Unavailable or Throttled when copies cannot be looked at now.
    """
    actor = str(order["actor"])
    waiting = _planned(parts, str(order["cluster"])) or await _plan(parts, order, actor)
    if order["approved"] and waiting and waiting.status is RemediationStatus.PENDING and not waiting.first:
        approve(parts, waiting.id, actor, plan_hash=waiting.plan_hash, note=str(order["note"]))


def _planned(parts: Parts, cluster_id: str) -> Remediation | None:
    with parts.store.read() as unit:
        return next(iter(unit.remediations.of_cluster(cluster_id)), None)


async def _plan(parts: Parts, order: Mapping[str, Any], actor: str) -> Remediation | None:
    cluster_id, action = str(order["cluster"]), ActionKind(order["action"])
    with parts.store.read() as unit:
        cluster = unit.clusters.get(cluster_id)
        known = unit.deliveries.of_messages([member.message_id for member in cluster.members])
    seen = await look(parts, known)
    folders = await folders_of(parts, seen, action) if action in DESTINATION else {}
    with parts.store.write(durable=True) as unit:
        unit.remediations.fence()
        unseen = frozenset(copy.id for copy in seen).difference(order["copies"])
        ground = _ground(unit, seen, folders, unseen)
        investigation_id = unit.clusters.investigation_of(cluster_id)
        policy, now = policy_of(unit), parts.now()
        made = plan(investigation_id, cluster, ground, action=action, policy=policy, now=now)
        record(unit, linked(unit, investigation_id, cluster), actor=actor, at=now)
        recount(unit, cluster_id, [member.message_id for member in cluster.members], now)
        if not made.deeds:
            return None
        why = f"{actor} ordered it"
        propose(unit, made, actor, waits_because=why)
        keep_weighed(parts, unit, made, cluster, why)
        return unit.remediations.get(made.id)
