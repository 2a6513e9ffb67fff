"""Retract: take a verdict back, and with it all that rested on it alone.

The order is one transaction: the indicators go, their word against messages goes, and a retraction is
kept with the messages that it is about. What follows is queued, goes cluster by cluster, and may be begun
again at any point: what has been cancelled or planned already is not done twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from clawback import ids
from clawback.analysis.allowing import MANUAL
from clawback.analysis.clusters import Cluster
from clawback.analysis.indicators import Indicator, IndicatorKind, VerdictKind, indicator
from clawback.analysis.matching import entity_of
from clawback.engine.deeds import Guard
from clawback.engine.grounds import judged_now, listings, stays_out, verdict_of
from clawback.engine.investigate import let_run, propose
from clawback.engine.naming import Named, messages_named, named
from clawback.engine.parts import Parts
from clawback.engine.policies import policy_of
from clawback.engine.record import record
from clawback.engine.recount import count
from clawback.engine.standing import cancel, disarm_key, stand_down
from clawback.engine.undoing import apart, restored
from clawback.errors import PlanStale
from clawback.response.events import IndicatorAdded, IndicatorRemoved
from clawback.response.events_retraction import VerdictRetracted
from clawback.response.plan import (
    ActionKind,
    Approval,
    Deed,
    Outcome,
    Receipt,
    Remediation,
    RemediationStatus,
)
from clawback.response.retraction import (
    Fate,
    Outlook,
    Retraction,
    fates,
    removed,
    to_put_back,
)
from clawback.response.standing import REMOVALS
from clawback.response.undo import undo
from clawback.store import Unit

RETRACT = "retract"
"""The kind of job that undoes what rested on a verdict; its key is the retraction."""
BATCH = 1_000
_NOT_BEGUN = (RemediationStatus.PENDING, RemediationStatus.APPROVED)


def retract(
    parts: Parts,
    text: str,
    actor: str,
    *,
    kind: IndicatorKind | None = None,
    allow: bool = True,
    note: str = "",
) -> Retraction:
    """Take the verdict on what this text names back; what rested on it alone is queued to be undone.

    With `allow` an entry that says it is good keeps feeds from bringing the verdict back. Said again it
    changes nothing, but finds what was left. Raises NotFound and BadIndicator.
    """
    message_ids = messages_named(parts, text)
    with parts.store.write(durable=True) as unit:
        now = parts.now()
        meant = named(unit, text, message_ids, kind, now)
        return _order(unit, meant, actor, allow, note, now)


def preview(parts: Parts, text: str, actor: str, *, kind: IndicatorKind | None = None) -> Outlook:
    """What `retract` would do; nothing is kept of it. Raises NotFound and BadIndicator."""
    message_ids = messages_named(parts, text)
    seen: list[Outlook] = []
    with suppress(_OnlyLooking), parts.store.write() as unit:
        now = parts.now()
        retraction = _order(unit, named(unit, text, message_ids, kind, now), actor, False, "", now)
        seen.append(outlook(unit, retraction))
        raise _OnlyLooking
    return seen[0]


class _OnlyLooking(Exception):
    """Ends a transaction that shall leave nothing behind."""


def take_off(unit: Unit, indicator_id: str, actor: str, now: datetime) -> Indicator:
    """Take an indicator off the list with what it says; late copies are left alone. Raises NotFound.

    For whoever holds the fence of the indicators.
    """
    removed = unit.indicators.remove(indicator_id)
    unit.detections.strike(indicator_id)
    record(unit, IndicatorRemoved(removed), actor=actor, at=now)
    disarm_key(unit, removed, actor, now)
    return removed


def _order(unit: Unit, meant: Named, actor: str, allow: bool, note: str, now: datetime) -> Retraction:
    unit.indicators.fence(changing=True)
    listed = tuple(one for key in meant.keys for one in listings(unit, key))
    sources = tuple(sorted({*meant.sources, *(one.id for one in listed), *(key.id for key in meant.keys)}))
    retraction_id = ids.make("ret", meant.text, now.isoformat())
    made = Retraction(retraction_id, meant.text, meant.keys, listed, sources, actor, now, note)
    about = unit.retractions.add(made)
    event = VerdictRetracted(made.id, made.text, sources, about, note)
    record(unit, event, actor=actor, at=now)
    for one in listed:
        take_off(unit, one.id, actor, now)
    for source in sources:
        unit.detections.strike(source)
    if allow:
        _allow(unit, made)
    unit.jobs.put(RETRACT, made.id, {"retraction": made.id}, now)
    return made


def _allow(unit: Unit, made: Retraction) -> None:
    """Say of what is taken back that it is good, where nobody has said so by hand yet."""
    good = VerdictKind.NO_THREATS_FOUND
    for key in made.keys:
        entry = indicator(
            key.kind,
            key.value,
            match=key.match,
            verdict=good,
            source=MANUAL,
            added_at=made.at,
            note=made.note or made.reason,
        )
        if not unit.indicators.has(entry.id):
            unit.indicators.add([entry])
            record(unit, IndicatorAdded(entry), actor=made.by, at=made.at)


def carry_out(parts: Parts, retraction_id: str, guard: Guard) -> None:
    """Undo what rested on a verdict. Raises PlanStale while a removal has still to end.

    Then what it took out before it could be stopped comes back with the next try.
    """
    with parts.store.read() as unit:
        retraction = unit.retractions.get(retraction_id)
        reached = _reached(unit, retraction)
    running: list[str] = []
    for done, cluster_id in enumerate(reached, 1):
        with parts.store.write(durable=True) as unit:
            guard(unit)
            unit.indicators.fence(changing=False)
            running += _settle(unit, retraction, cluster_id, parts.now())
        parts.progress("taking a verdict back", done, len(reached))
    if running:
        raise PlanStale(f"{running[0]} has still to end; what it took out comes back after that")


def _reached(unit: Unit, retraction: Retraction) -> tuple[str, ...]:
    """The clusters that a retraction may concern: with a message it is about, or cut by what it names."""
    near = unit.retractions.removed_for([entity_of(key) for key in retraction.keys])
    cut = [one for one in near if retraction.cut(unit.clusters.head(one).indicator)]
    return tuple(dict.fromkeys((*cut, *unit.retractions.clusters(retraction.id))))


def _settle(unit: Unit, retraction: Retraction, cluster_id: str, now: datetime) -> list[str]:
    """Bring one cluster up to date; answers the removals that still run."""
    cluster = unit.clusters.head(cluster_id)
    whole = _is_whole(retraction, cluster)
    if whole:
        before, cluster = cluster, judged_now(unit, cluster)
        if cluster.verdict is not before.verdict:
            count(unit, unit.clusters.investigation_of(cluster_id), cluster, (), retraction.by, now)
    if verdict_of(unit, cluster) is VerdictKind.MALICIOUS:
        return []
    running = _halt(unit, retraction, cluster_id, now) if whole else []
    for removal in _removals(unit, cluster_id):
        if whole:
            stand_down(unit, removal, retraction.by, now)
        _put_back(unit, retraction, cluster, removal, now)
    return running


def _is_whole(retraction: Retraction, cluster: Cluster) -> bool:
    """Whether all of a cluster has lost its ground, and not only those members that are spoken of."""
    return cluster.indicator is None or retraction.cut(cluster.indicator)


def _halt(unit: Unit, retraction: Retraction, cluster_id: str, now: datetime) -> list[str]:
    """Cancel what has not begun, and of what runs the deeds that nobody has laid hands on yet."""
    running = []
    for other in unit.remediations.of_cluster(cluster_id):
        if other.kind not in REMOVALS:
            continue
        if other.status in _NOT_BEGUN:
            cancel(unit, other, retraction.reason, now)
        elif other.status is RemediationStatus.RUNNING:
            _cut_short(unit, other, retraction.reason, now)
            running.append(other.id)
    return running


def _cut_short(unit: Unit, running: Remediation, reason: str, now: datetime) -> None:
    while deeds := unit.remediations.planned(running.id, BATCH, hold=True):
        skipped = [Receipt(d.seq, Outcome.SKIPPED, reason, d.handle, d.handle, now) for d in deeds]
        unit.remediations.receipt(running.id, skipped)


def _removals(unit: Unit, cluster_id: str) -> list[Remediation]:
    """What has been taken out for a cluster and can be put back, late copies with what they followed."""
    return [
        one
        for one in unit.remediations.of_cluster(cluster_id)
        if one.kind in REMOVALS
        and one.kind is not ActionKind.HARD_DELETE
        and one.status is RemediationStatus.COMPLETED
        and not one.follows
    ]


def _put_back(
    unit: Unit, retraction: Retraction, cluster: Cluster, removal: Remediation, now: datetime
) -> None:
    """Plan the way back of the copies that nothing else keeps out, and let it run."""
    results = tuple(unit.remediations.results(removal.id))
    out, stays = _out(unit, retraction, cluster, results)
    chosen = to_put_back(fates(removal.id, out, restored(unit, removal, out), stays), stays)
    if not chosen or removal.undone_by:
        return
    keeps = {id: stays.get(deed.message_id, _NOT_MEANT) for id, (deed, _) in removed(results).items()}
    keeps = {id: why for id, why in keeps.items() if id not in chosen}
    made = undo(removal, results, policy=policy_of(unit), now=now, apart=keeps | apart(unit, removal, out))
    propose(unit, made, retraction.by)
    let_run(unit, made.investigation_id, made.id, Approval(made.hash, retraction.by, now, retraction.reason))


_NOT_MEANT = "the verdict that was taken back is not what it was taken out for"


def _out(
    unit: Unit, retraction: Retraction, cluster: Cluster, results: Sequence[tuple[Deed, Receipt]]
) -> tuple[dict[str, tuple[Deed, Receipt]], dict[str, str]]:
    """The copies that are out and that a retraction concerns, and why messages of theirs stay out."""
    out = removed(results)
    if not _is_whole(retraction, cluster):
        mine = unit.retractions.among(retraction.id, [deed.message_id for deed, _ in out.values()])
        out = {id: pair for id, pair in out.items() if pair[0].message_id in mine}
    messages = sorted({deed.message_id for deed, _ in out.values()})
    return out, stays_out(unit, messages, retraction.sources)


def outlook(unit: Unit, retraction: Retraction) -> Outlook:
    """What a retraction does, or has done: the fate of every copy that is or was out because of it."""
    found: list[Fate] = []
    cancelled: list[str] = []
    running: list[str] = []
    for cluster_id in _reached(unit, retraction):
        cluster = unit.clusters.head(cluster_id)
        if verdict_of(unit, cluster) is VerdictKind.MALICIOUS:
            continue
        if _is_whole(retraction, cluster):
            for one in unit.remediations.of_cluster(cluster_id):
                if one.kind in REMOVALS and _is_cancelled(one, retraction):
                    cancelled.append(one.id)
                elif one.kind in REMOVALS and one.status is RemediationStatus.RUNNING:
                    running.append(one.id)
        for removal in _removals(unit, cluster_id):
            out, stays = _out(unit, retraction, cluster, tuple(unit.remediations.results(removal.id)))
            found += fates(removal.id, out, restored(unit, removal, out), stays)
    return Outlook(retraction, tuple(found), tuple(cancelled), tuple(running))


def _is_cancelled(one: Remediation, retraction: Retraction) -> bool:
    by_us = one.status is RemediationStatus.CANCELLED and one.note == retraction.reason
    return one.status in _NOT_BEGUN or by_us
