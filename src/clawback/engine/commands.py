"""Orders that people give. Each checks, writes what was ordered with who and when, and queues the work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from clawback.analysis.indicators import Indicator, VerdictKind
from clawback.engine.decisions import approve, expire_due, reject
from clawback.engine.investigate import let_run, propose
from clawback.engine.naming import messages_named
from clawback.engine.parts import Parts
from clawback.engine.policies import keep_policy, policy_of
from clawback.engine.record import record
from clawback.engine.retract import take_off
from clawback.engine.spread import may_be_removed, offers_of
from clawback.engine.standing import disarm as strike_off
from clawback.engine.standing import stand_down
from clawback.engine.starting import start
from clawback.engine.undoing import apart, under_way
from clawback.errors import BadParameter, ChangedMeanwhile, NotFound, PlanStale
from clawback.ids import digest
from clawback.message.defect import Defect
from clawback.response.deciding import check_note
from clawback.response.events import (
    AutomationChanged,
    IndicatorAdded,
    IndicatorsImported,
)
from clawback.response.plan import Approval, Remediation
from clawback.response.policy import Policy
from clawback.response.retraction import removed
from clawback.response.standing import StandingOrder
from clawback.response.undo import undo as plan_undo

__all__ = [
    "add_indicator",
    "approve",
    "disarm",
    "expire_due",
    "import_indicators",
    "messages_named",
    "policy",
    "reject",
    "remove_indicator",
    "set_policy",
    "start",
    "take_up",
    "undo",
]
IMPORT_BATCH = 1_000


def add_indicator(parts: Parts, listed: Indicator, actor: str, *, was: Indicator | None = None) -> Indicator:
    """List one indicator and queue the look back over all mail for it.

    With `was`, only while it is listed so: else raises ChangedMeanwhile.
    """
    now = parts.now()
    with parts.store.write(durable=True) as unit:
        unit.indicators.fence(changing=True)
        if was is not None and (not unit.indicators.has(was.id) or unit.indicators.get(was.id) != was):
            raise ChangedMeanwhile(f"somebody else changed {was.id} in between")
        unit.indicators.add([listed])
        record(unit, IndicatorAdded(listed), actor=actor, at=now)
        if listed.verdict is not VerdictKind.NO_THREATS_FOUND:
            unit.jobs.put("retro_hunt", listed.id, {"indicators": [listed.id]}, now)
    return listed


def import_indicators(
    parts: Parts, source: str, rows: Iterable[Indicator | Defect], actor: str
) -> IndicatorsImported:
    """List many indicators from one source; bad rows are counted, the rest is kept.

    Written in batches: a run that is cut short has listed whole batches, and can be run again.
    """
    read = added = defects = 0
    for chunk in _batches(rows):
        good = [row for row in chunk if isinstance(row, Indicator)]
        defects += len(chunk) - len(good)
        read += len(chunk)
        now = parts.now()
        with parts.store.write() as unit:
            unit.indicators.fence(changing=True)
            new = unit.indicators.add(good)
            added += len(new)
            hunted = [i.id for i in new if i.verdict is VerdictKind.MALICIOUS]
            if hunted:
                unit.jobs.put("retro_hunt", hunted[0], {"indicators": hunted}, now)
        parts.progress("importing indicators", read, 0)
    event = IndicatorsImported(source, read, added, defects)
    with parts.store.write(durable=True) as unit:
        record(unit, event, actor=actor, at=parts.now())
    return event


def _batches(rows: Iterable[Indicator | Defect]) -> Iterator[list[Indicator | Defect]]:
    rest = iter(rows)
    while chunk := list(islice(rest, IMPORT_BATCH)):
        yield chunk


def remove_indicator(parts: Parts, indicator_id: str, actor: str) -> Indicator:
    """Take an indicator off the list. What rested on it stays as it is until somebody undoes it.

    Late copies of what was removed because of it are left alone from now on.
    """
    with parts.store.write(durable=True) as unit:
        unit.indicators.fence(changing=True)
        return take_off(unit, indicator_id, actor, parts.now())


def policy(parts: Parts) -> Policy:
    """The policy of automation in force."""
    with parts.store.read() as unit:
        return policy_of(unit)


def set_policy(parts: Parts, after: Policy, actor: str, *, was: Policy | None = None) -> Policy:
    """Replace the policy of automation. Plans that wait keep waiting for a person.

    With `was`, only while that is in force: else raises ChangedMeanwhile.
    """
    with parts.store.write(durable=True) as unit:
        before = policy_of(unit)
        if was is not None and before != was:
            raise ChangedMeanwhile("somebody else changed the policy in between")
        if before != after:
            keep_policy(unit, after)
            record(unit, AutomationChanged(before, after), actor=actor, at=parts.now())
    return after


def undo(parts: Parts, remediation_id: str, actor: str, *, note: str = "") -> Remediation:
    """Plan the way back from a remediation's receipts, approved by the person who asks for it.

    Its late copies come back too, and no more are taken out. While some are being taken out it raises
    PlanStale, and no more follow, so that the next try can be exact. PlanStale too while it is being undone.
    """
    now = parts.now()
    with parts.store.write(durable=True) as unit:
        unit.indicators.fence(changing=False)
        check_note(policy_of(unit), note)
        done = unit.remediations.get(remediation_id)
        if going := under_way(unit, done):
            raise PlanStale(f"{done.id} is being undone already, by {going}")
        running = stand_down(unit, done, actor, now)
        results = tuple(unit.remediations.results(remediation_id))
        dealt_with = apart(unit, done, removed(results))
        made = plan_undo(done, results, policy=policy_of(unit), now=now, apart=dealt_with)
        if not running:
            propose(unit, made, actor)
            let_run(unit, made.investigation_id, made.id, Approval(made.hash, actor, now, note))
            return unit.remediations.get(made.id)
    raise PlanStale(
        f"late copies of {done.id} are being taken out right now ({running}), the last ones; "
        "undo it again in a moment"
    )


def take_up(parts: Parts, cluster_id: str, message_ids: Sequence[str], actor: str) -> tuple[str, ...]:
    """Propose the removal of what moved on beyond a cluster's key: of these messages, or of all offered.

    Answers which; the plan waits for an approval like any other. Raises NotFound when one is not offered,
    BadParameter when the cluster is not known as malicious.
    """
    with parts.store.read() as unit:
        if not may_be_removed(unit.clusters.head(cluster_id)):
            raise BadParameter(f"{cluster_id} is not malicious; list what it is about first")
        offered = [one.message_id for one in offers_of(unit, cluster_id) if one.left]
    if strangers := [m for m in message_ids if m not in offered]:
        raise NotFound(f"{strangers[0]} is not offered for {cluster_id}, or is in no mailbox")
    if not offered:
        raise NotFound(f"nothing in a mailbox has moved on from {cluster_id} that its key misses")
    chosen = tuple(message_ids) or tuple(offered)
    payload = {"cluster": cluster_id, "messages": chosen, "actor": actor}
    with parts.store.write(durable=True) as unit:
        unit.jobs.put("take_up", digest(cluster_id, *chosen), payload, parts.now())
    return chosen


def disarm(parts: Parts, remediation_id: str, actor: str, *, note: str = "") -> StandingOrder:
    """Leave late copies alone from now on. Raises PlanStale when the remediation's cluster is not armed."""
    now = parts.now()
    with parts.store.write(durable=True) as unit:
        order = unit.standing.of_cluster(unit.remediations.get(remediation_id).cluster_id)
        if order is None:
            raise PlanStale(f"the cluster of {remediation_id} is not armed")
        strike_off(unit, order, note or "asked for", actor, now)
    return order
