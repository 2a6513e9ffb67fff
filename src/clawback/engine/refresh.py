"""Refreshing: while a plan waits, its cluster's query runs again and its copies are looked at.

A plan is never edited: what has come meanwhile is a plan of its own, for the difference, and one of which
nothing is left in a mailbox, or whose cluster is about nothing malicious any more, is cancelled.

Defender does not process a cluster again within an hour of its approval. We do, at once: what was approved is
in a plan that holds its copies, so nothing is done twice, and what is new must not lie in mailboxes for an
hour because something like it was approved. Late copies of what was removed go by the standing watch.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from clawback.analysis.clusters import Cluster, ClusterKind
from clawback.engine.grounds import why_groundless
from clawback.engine.investigate import ACTION, cut, folders_of, plan_for
from clawback.engine.locate import look
from clawback.engine.parts import Parts
from clawback.engine.record import AUTOMATION, record
from clawback.engine.recount import linked, recount
from clawback.engine.requests import raised
from clawback.engine.rolling import is_similar
from clawback.engine.similar import cut_similar
from clawback.engine.standing import cancel
from clawback.errors import MailboxError, PlanStale
from clawback.message.delivery import Delivery
from clawback.response.counts import Places, Refreshed
from clawback.response.plan import Remediation, RemediationStatus
from clawback.store import Unit

REFRESH = "refresh"
"""The kind of job that looks at one pending remediation; its key is the remediation."""
EVERY = timedelta(minutes=10)
"""How old the last look at a pending remediation may grow."""
AT_ONCE = 5
"""Pending remediations that are looked at in one go, those longest not looked at first."""


def refresh_due(parts: Parts, limit: int = AT_ONCE) -> int:
    """Queue the look at pending remediations whose last one is old; answers how many."""
    with parts.store.read() as unit:
        due = unit.remediations.to_refresh(parts.now() - EVERY, limit)
    queue(parts, due)
    return len(due)


def queue(parts: Parts, remediation_ids: Sequence[str]) -> None:
    """Queue the look at these remediations; asking twice is asking once."""
    if remediation_ids:
        with parts.store.write() as unit:
            for remediation_id in remediation_ids:
                unit.jobs.put(REFRESH, remediation_id, {"remediation": remediation_id}, parts.now())


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look found: the cluster as it is cut now, its copies and those of the plan, where they are."""

    cluster: Cluster
    copies: tuple[Delivery, ...]
    planned: tuple[Delivery, ...]


async def refresh(parts: Parts, remediation_id: str) -> None:
    """Ask for a pending plan's cluster again, look at its copies, and draw the conclusions.

    Does nothing about one that is not pending. When a mail system does not answer, its turn comes again.
    """
    with parts.store.read() as unit:
        waiting = unit.remediations.get(remediation_id)
        if waiting.status is not RemediationStatus.PENDING:
            return
        why = why_groundless(unit, unit.clusters.head(waiting.cluster_id))
    if why:
        with suppress(PlanStale), parts.store.write(durable=True) as unit:
            cancel(unit, waiting, why, parts.now())
        return
    try:
        seen = await _look(parts, waiting)
        folders = await folders_of(parts, seen.copies, ACTION)
    except MailboxError:
        with parts.store.write() as unit:
            unit.remediations.put_off_refresh(waiting.id, parts.now())
        return
    # What a person decided about meanwhile is left to that decision.
    with suppress(PlanStale), parts.store.write(durable=True) as unit:
        _conclude(parts, unit, waiting, seen, folders)


async def _look(parts: Parts, waiting: Remediation) -> Seen:
    """Run the query again, and see where every copy is now."""
    with parts.store.read() as unit:
        head = unit.clusters.head(waiting.cluster_id)
        state = unit.investigations.get(waiting.investigation_id)
        planned = [deed.delivery_id for deed in unit.remediations.plan(waiting.id).deeds]
    if head.indicator:
        cut(parts, state.id, head.indicator)
    elif is_similar(head):
        await cut_similar(parts, state.id, raised(state.kind, state.cause, REFRESH, AUTOMATION))
    with parts.store.read() as unit:
        cluster = unit.clusters.get(head.id)
        members = unit.deliveries.of_messages([member.message_id for member in cluster.members])
        known = {d.id: d for d in (*members, *unit.deliveries.get_many(planned).values())}
    after = {d.id: d for d in await look(parts, list(known.values()))}
    return Seen(cluster, tuple(after[d.id] for d in members), tuple(after[id] for id in planned))


def _conclude(parts: Parts, unit: Unit, waiting: Remediation, seen: Seen, folders: dict[str, str]) -> None:
    """Keep what was seen, plan for what is new, cancel what has nothing left. Raises PlanStale if decided."""
    now = parts.now()
    unit.remediations.fence()
    if unit.remediations.get(waiting.id).status is not RemediationStatus.PENDING:
        raise PlanStale(f"{waiting.id} is decided")
    cluster, places = seen.cluster, Places.of(copy.location for copy in seen.planned)
    _recount(unit, waiting.investigation_id, cluster, now)
    known = unit.remediations.planned_in([copy.id for copy in seen.copies], cluster.id)
    new = [copy for copy in seen.copies if copy.location.in_mailbox and copy.id not in known]
    if new and cluster.kind is not ClusterKind.SELECTION:
        plan_for(parts, unit, waiting.investigation_id, cluster, new, folders, False)
    own = {copy.id for copy in seen.planned}
    beside = sum(copy.location.in_mailbox and copy.id not in own for copy in seen.copies)
    unit.remediations.keep_refreshed(waiting.id, Refreshed(now, places, len(cluster.members), beside))
    if places.left == 0:
        cancel(unit, waiting, f"nothing is left in a mailbox: all {places.copies} copies have gone", now)


def _recount(unit: Unit, investigation_id: str, cluster: Cluster, now: datetime) -> None:
    """Tell the investigation how its cluster stands, if that has changed."""
    state = unit.investigations.get(investigation_id)
    standing = next((c for c in state.clusters if c.cluster_id == cluster.id), None)
    event = linked(unit, investigation_id, cluster)
    if standing and (standing.now, standing.messages) != (event.places, event.messages):
        record(unit, event, actor=AUTOMATION, at=now)
        recount(unit, cluster.id, {member.message_id for member in cluster.members}, now)
