"""Backtests as queued work: ordered by a person, run beside everything else, told of, cancelled, kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from clawback import ids
from clawback.engine.aside import Told
from clawback.engine.parts import Parts
from clawback.engine.record import AUTOMATION, record
from clawback.errors import BadParameter, PlanStale, Refused, TriedTooOften
from clawback.response.backtests import BacktestStatus, OrderedBacktest, Score
from clawback.response.events_backtests import BacktestEnded, BacktestOrdered
from clawback.response.policy import Policy
from clawback.response.policy_bounds import checked
from clawback.store import Unit

BACKTEST = "backtest"
"""The kind of job that runs one."""
KEPT = 20
"""Results that are kept, the newest."""
MOST_OPEN = 5
"""Backtests that may wait or run at once."""
LEAST_DAYS, MOST_DAYS = 0.04, 3_650.0
LONGEST = timedelta(hours=6)
"""After so long one is ended without a result."""
TELL_SECONDS = 1.0
"""How often it is written down how far one has come."""
Guard = Callable[[Unit], None]


def order_backtest(parts: Parts, policy: Policy, days: float, actor: str) -> OrderedBacktest:
    """Ask what a policy would have done with the mail of the last days; the work is queued.

    Shadow mode counts as off. Raises BadParameter for days or a policy out of their bounds, TriedTooOften
    while too many have yet to end.
    """
    if not LEAST_DAYS <= days <= MOST_DAYS:
        raise BadParameter(f"a backtest goes back {LEAST_DAYS:g} to {MOST_DAYS:,.0f} days, not {days:g}")
    now = parts.now()
    with parts.store.write(durable=True) as unit:
        if unit.backtests.under_way() >= MOST_OPEN:
            raise TriedTooOften(f"{MOST_OPEN} backtests have yet to end: wait, or cancel one", 60.0)
        made = _ordered(checked(policy), now, days, actor, unit.audit.count())
        unit.backtests.add(made)
        unit.backtests.forget_old(KEPT)
        unit.jobs.put(BACKTEST, made.id, {"backtest": made.id}, now)
        event = BacktestOrdered(made.id, made.since, made.until, made.policy)
        record(unit, event, actor=actor, at=now)
    return made


def _ordered(policy: Policy, now: datetime, days: float, actor: str, number: int) -> OrderedBacktest:
    made = ids.make("bkt", actor, now.isoformat(), str(number))
    return OrderedBacktest(made, actor, now, now - timedelta(days=days), now, policy)


def cancel_backtest(parts: Parts, backtest_id: str, actor: str) -> OrderedBacktest:
    """End one that waits or runs. Raises NotFound, or PlanStale when it has ended."""
    with parts.store.write(durable=True) as unit:
        unit.backtests.get(backtest_id)
        if not _ended(unit, parts, backtest_id, BacktestStatus.CANCELLED, actor):
            raise PlanStale(f"{backtest_id} has ended already")
        return unit.backtests.get(backtest_id)


async def run_ordered(parts: Parts, backtest_id: str, guard: Guard) -> None:
    """Run an ordered one to its end, beside everything else; what was cut short begins anew.

    Raises PlanStale from the guard.
    """
    with parts.store.write() as unit:
        guard(unit)
        if not unit.backtests.begin(backtest_id, parts.now()):
            return
        ordered = unit.backtests.get(backtest_id)
    try:
        score = await _followed(parts, ordered, guard)
    except PlanStale:
        raise
    except Refused as error:
        _close(parts, backtest_id, guard, error=str(error))
    else:
        if score is not None:
            _close(parts, backtest_id, guard, score=score)


async def _followed(parts: Parts, ordered: OrderedBacktest, guard: Guard) -> Score | None:
    """What was found; None when it was cancelled meanwhile."""
    if parts.aside is None:
        raise Refused("this clawback has no process for backtests")
    last: list[Told] = [Told("starting", 0, 0)]
    until = asyncio.get_running_loop().time() + LONGEST.total_seconds()
    doing = asyncio.ensure_future(
        parts.aside(ordered.policy, ordered.since, ordered.until, lambda far: last.__setitem__(0, far))
    )
    try:
        while not (await asyncio.wait({doing}, timeout=TELL_SECONDS))[0]:
            if not _told(parts, ordered.id, last[0], guard):
                return None
            if asyncio.get_running_loop().time() > until:
                raise Refused(f"it did not end in {LONGEST / timedelta(hours=1):g} hours")
        return doing.result()
    finally:
        doing.cancel()
        await asyncio.wait({doing})


def _told(parts: Parts, backtest_id: str, far: Told, guard: Guard) -> bool:
    """Write down how far it has come; False when it was cancelled."""
    with parts.store.write() as unit:
        guard(unit)
        return unit.backtests.tell(backtest_id, far.stage, far.done, far.total)


def _close(
    parts: Parts, backtest_id: str, guard: Guard, *, error: str = "", score: Score | None = None
) -> None:
    status = BacktestStatus.FAILED if score is None else BacktestStatus.COMPLETED
    with parts.store.write(durable=True) as unit:
        guard(unit)
        _ended(unit, parts, backtest_id, status, AUTOMATION, error=error, score=score)
        unit.backtests.forget_old(KEPT)


def _ended(
    unit: Unit,
    parts: Parts,
    backtest_id: str,
    status: BacktestStatus,
    actor: str,
    *,
    error: str = "",
    score: Score | None = None,
) -> bool:
    now = parts.now()
    unit.audit.alone()
    if not unit.backtests.end(backtest_id, status, now, error=error, score=score):
        return False
    record(unit, BacktestEnded(backtest_id, status.value, error), actor=actor, at=now)
    return True
