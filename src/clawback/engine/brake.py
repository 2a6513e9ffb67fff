"""The brake's shell: what it must be told is gathered here, and the breaker is opened and closed."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from clawback.analysis.clusters import Cluster
from clawback.analysis.entities import EntityKind
from clawback.analysis.facts import Fact
from clawback.engine.grounds import listings
from clawback.engine.parts import Parts
from clawback.engine.policies import policy_of
from clawback.engine.record import AUTOMATION, STANDING, record
from clawback.errors import PlanStale
from clawback.response.brake import HOUR, Breaker, Lately, Outcomes, trips, window
from clawback.response.collateral import Collateral, Count, sender_of
from clawback.response.events_brake import BreakerClosed, BreakerOpened, CollateralEstimated
from clawback.response.plan import Plan, Remediation
from clawback.response.popularity import place_of, senders_that_count, why_listed, why_popular
from clawback.store import Unit
from clawback.store.brake import Weighed
from clawback.store.correspondents import day_of
from clawback.store.history import is_complete

RELEASE = "release_rest"
"""The kind of job that decides about the rest of a plan; its key is the rest's remediation."""
LOOK_EVERY = timedelta(minutes=1)
"""How often, at most, decisions count what became of the last day's copies."""
_NAME = "breaker"


def weigh(parts: Parts, unit: Unit, made: Plan, cluster: Cluster, *, late: bool = False) -> Collateral:
    """Estimate how much of a plan is legitimate; counting stops some way over what the policy lets go.

    For `late` copies only they are weighed, not how popular the key is: that was decided for the first.
    """
    most, now = policy_of(unit).collateral, made.made_at
    count = Count(len(made.deeds), now)
    source = [one.id for one in listings(unit, cluster.indicator)] if cluster.indicator else []
    if cluster.key.kind is EntityKind.MESSAGE:
        source += [one.id for one in unit.submissions.of_message(cluster.key.value)]
    for some in unit.signs.of([deed.delivery_id for deed in made.deeds], cluster.id, source):
        count.shared |= parts.warnings.shared({one.domain for one in some})
        senders = {sender_of(one.sender, count.shared) for one in some}
        count.add(some, unit.correspondents.habits(senders, now))
        if len(count.likely) > most:
            break
    return count.close("" if late else _popular(parts, unit, cluster, now))


def _popular(parts: Parts, unit: Unit, cluster: Cluster, now: datetime) -> str:
    place, facts = place_of(cluster), tuple[Fact, ...]()
    if place:
        facts = parts.warnings.of_host(place, now)
    elif cluster.key.kind is EntityKind.FILE:
        facts = parts.warnings.of_file(cluster.key.value, now)
    if listed := why_listed(cluster, facts):
        return listed
    carried = unit.signs.carried(cluster.id)
    shared = parts.warnings.shared({one.sender.rpartition("@")[2] for one in carried})
    habits = unit.correspondents.habits(senders_that_count(carried, shared), now)
    return why_popular(cluster.key, carried, habits, shared, day_of(now))


def keep_weighed(parts: Parts, unit: Unit, made: Plan, cluster: Cluster, why: str) -> None:
    """Weigh a plan that waits for a person in any case, for that person to know."""
    estimate = weigh(parts, unit, made, cluster)
    unit.brake.keep(made.id, Weighed(estimate, why, held=True))
    tell(unit, made, estimate, parts.now())


def tell(unit: Unit, remediation: Plan | Remediation, estimate: Collateral, at: datetime) -> None:
    """Write an estimate into the log, where it found anything."""
    if not estimate.copies and not estimate.popular:
        return
    event = CollateralEstimated(
        remediation.investigation_id,
        remediation.id,
        estimate.copies,
        estimate.of,
        estimate.at_least,
        {why.value: count for why, count in estimate.reasons},
        estimate.popular,
    )
    record(unit, event, actor=AUTOMATION, at=at)


def lately(unit: Unit, now: datetime) -> Lately:
    """What automation did lately. Opens the breaker where too much of it was taken back."""
    return Lately(
        hour=unit.brake.approved_since(now - HOUR),
        breaker=_looked_at(unit, now),
        complete=is_complete(unit),
    )


def breaker_of(unit: Unit) -> Breaker:
    """The breaker as it stands."""
    plain = unit.settings.get(_NAME)
    return msgspec.convert(plain["breaker"], Breaker) if plain else Breaker()


def outcomes_of(unit: Unit, now: datetime) -> Outcomes:
    """What became of the last day's copies, as far as it counts."""
    return unit.brake.outcomes(window(breaker_of(unit), now))


def look_at_outcomes(unit: Unit, now: datetime) -> Breaker:
    """Open the breaker if too much of what automation took out is back; answers how it stands then."""
    breaker = breaker_of(unit)
    if not breaker.open and (why := trips(policy_of(unit), outcomes_of(unit, now))):
        return _open(unit, why, AUTOMATION, now)
    _keep(unit, breaker, now)
    return breaker


def _looked_at(unit: Unit, now: datetime) -> Breaker:
    plain = unit.settings.get(_NAME)
    if plain and now - msgspec.convert(plain["looked_at"], datetime) < LOOK_EVERY:
        return breaker_of(unit)
    return look_at_outcomes(unit, now)


def _open(unit: Unit, reason: str, actor: str, now: datetime) -> Breaker:
    opened = Breaker(True, actor, reason, now)
    _keep(unit, opened, now)
    record(unit, BreakerOpened(reason), actor=actor, at=now)
    return opened


def _keep(unit: Unit, breaker: Breaker, now: datetime) -> None:
    unit.settings.put(_NAME, {"breaker": msgspec.to_builtins(breaker), "looked_at": now.isoformat()})


def open_breaker(parts: Parts, actor: str, *, note: str = "") -> Breaker:
    """Let nothing run by itself from now on. Raises PlanStale when the breaker is open already."""
    with parts.store.write(durable=True) as unit:
        unit.audit.alone()
        if (breaker := breaker_of(unit)).open:
            raise PlanStale(f"the breaker is open already ({breaker.by}: {breaker.reason})")
        return _open(unit, note or "asked for", actor, parts.now())


def close_breaker(parts: Parts, actor: str, *, note: str = "") -> Breaker:
    """Let automation go on; what was undone until now counts no more. Raises PlanStale when it is closed."""
    now = parts.now()
    with parts.store.write(durable=True) as unit:
        unit.audit.alone()
        if not breaker_of(unit).open:
            raise PlanStale("the breaker is not open")
        closed = Breaker(False, actor, note, now)
        _keep(unit, closed, now)
        record(unit, BreakerClosed(note), actor=actor, at=now)
    return closed


def goes_by_itself(unit: Unit, action: Remediation) -> bool:
    """Whether automation alone let a removal run, or late copies of one that it did."""
    if action.undoes or action.approval is None:
        return False
    if action.approval.by != STANDING:
        return action.approval.by == AUTOMATION
    root = unit.remediations.get(action.follows).approval
    return root is not None and root.by == AUTOMATION


def completed(unit: Unit, ended: Remediation, now: datetime) -> None:
    """What follows from a remediation that has ended: its rest is decided about, an undo is counted."""
    for rest_id in unit.brake.rest_of(ended.id):
        unit.jobs.put(RELEASE, rest_id, {"remediation": rest_id}, now)
    if ended.undoes:
        look_at_outcomes(unit, now)
