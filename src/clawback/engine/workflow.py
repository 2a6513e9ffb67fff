"""The driver: takes queued work under a lease, does it, and tries again what the world refused for now.

Leases on our own table rather than a workflow library: every workflow is repeatable from its start
(the ledger and the mailboxes say what is done), so all that is needed is that each is taken by one
worker at a time and taken again when that worker dies. docs/ideas/architecture.md has the figures.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

from clawback.engine.arrivals import LATE
from clawback.engine.backtest_jobs import BACKTEST, run_ordered
from clawback.engine.canary import release
from clawback.engine.compromise import judge_sending
from clawback.engine.elsewhere import plan_elsewhere
from clawback.engine.history import fill_history
from clawback.engine.investigate import investigate
from clawback.engine.late_copies import REMEDIATE, take_out
from clawback.engine.parts import Parts
from clawback.engine.record import AUTOMATION, record
from clawback.engine.refresh import refresh
from clawback.engine.remediate import remediate
from clawback.engine.requests import Request
from clawback.engine.retract import RETRACT, carry_out
from clawback.engine.retro_hunt import retro_hunt
from clawback.engine.selection import act_on
from clawback.engine.settling import settle, tell
from clawback.engine.similar import conclude, cut_similar
from clawback.engine.spread import take_up
from clawback.engine.submissions import take_up_report
from clawback.errors import ClawbackError, Corrupt, PlanStale, Throttled, Unavailable
from clawback.ids import key64
from clawback.response.events import InvestigationFailed
from clawback.store import Job, Unit

LEASE = timedelta(seconds=60)
TRIES = 300
"""Tries in a row without any headway before work is given up: with the pauses between them about a day."""
LONGEST = 300.0
"""Seconds between two tries at most, unless a mail system asks for more."""
PATIENCE = 3_600.0
"""Seconds for which a mail system may put us off at most."""
JITTER = 0.1
"""The part of a pause that is left to chance: what failed together shall not come back together."""
URGENT = (LATE, REMEDIATE, RETRACT)
"""Work that goes before all other: what comes late is to go on sight, and what is wrong is to stop."""

APART = (BACKTEST,)
"""Work that lasts and that nothing waits for: only a worker for it alone takes it."""


@dataclass(slots=True)
class Headway:
    """Whether a try brought the work forward, though it may not have brought it to its end."""

    made: bool = False


async def run(parts: Parts, job: Job, headway: Headway) -> None:
    """Do one piece of queued work."""

    def still_ours(unit: Unit) -> None:
        unit.jobs.renew(job, parts.now(), LEASE)
        headway.made = True

    match job.kind:
        case "investigate":
            request = Request.decode(job.payload)
            await cut_similar(parts, await investigate(parts, request), request)
        case "plan_cluster":
            await conclude(parts, str(job.payload["cluster"]), True)
        case "late_copies":
            last, remediation_id = job.attempts >= TRIES, str(job.payload["remediation"])
            await take_out(parts, remediation_id, last_try=last, guard=still_ours)
        case "remediate" | "remediate_late":
            last = job.attempts >= TRIES
            await remediate(parts, str(job.payload["remediation"]), last_try=last, guard=still_ours)
        case "take_up":
            messages = [str(m) for m in job.payload["messages"]]
            await take_up(parts, str(job.payload["cluster"]), messages, str(job.payload["actor"]))
        case "act_on_selection":
            await act_on(parts, job.payload)
        case "retract":
            carry_out(parts, str(job.payload["retraction"]), still_ours)
        case "report":
            await take_up_report(parts, str(job.payload["submission"]), last_try=job.attempts >= TRIES)
        case "settle_reports":
            settle(parts, str(job.payload["investigation"]))
        case "feedback":
            await tell(parts, str(job.payload["submission"]), last_try=job.attempts >= TRIES)
        case "refresh":
            await refresh(parts, str(job.payload["remediation"]))
        case "plan_elsewhere":
            await plan_elsewhere(parts, str(job.payload["remediation"]))
        case "sending":
            judge_sending(parts, str(job.payload["account"]))
        case "release_rest":
            release(parts, str(job.payload["remediation"]))
        case "backtest":
            await run_ordered(parts, str(job.payload["backtest"]), still_ours)
        case "history":
            fill_history(parts)
        case "retro_hunt":
            retro_hunt(parts, [str(i) for i in job.payload["indicators"]])
        case _:
            raise Corrupt(f"the queue holds work of an unknown kind: {job.kind}")


def pause_of(job: Job, error: ClawbackError, tries: int) -> float:
    """Seconds until the next try: longer with each in vain, and never less than a mail system asked for."""
    chance = JITTER * (key64(job.key, str(job.attempts)) % 1_000) / 1_000
    grown = min(2.0**tries, LONGEST) * (1.0 - chance)
    after = error.after if isinstance(error, Throttled) and error.after > 0 else 0.0
    return max(grown, min(after, PATIENCE) * (1.0 + chance))


class Worker:
    """One taker of queued work. Several may share a store, on one machine or many.

    With `kinds` it takes only such work, else all but what is done `APART`.
    """

    def __init__(self, parts: Parts, name: str, kinds: tuple[str, ...] | None = None) -> None:
        self._parts = parts
        self._name = name
        self._kinds = kinds

    def only(self, kinds: tuple[str, ...]) -> Worker:
        """Another worker of this process, for such work alone."""
        return Worker(self._parts, self._name, kinds)

    async def step(self) -> bool:
        """Take one piece of work that is due and do it; False when there was none."""
        with self._parts.store.write() as unit:
            first = URGENT if self._kinds is None else self._kinds
            job = unit.jobs.claim(self._name, self._parts.now(), LEASE, first)
            if job is None and self._kinds is None:
                job = unit.jobs.claim(self._name, self._parts.now(), LEASE, but=APART)
        if job is None:
            return False
        # Whoever has the work now also settles it.
        with contextlib.suppress(PlanStale):
            await self._work(job)
        return True

    async def _work(self, job: Job) -> None:
        """Do leased work and settle its job. Raises PlanStale when the lease was lost meanwhile."""
        headway = Headway()
        try:
            async with self._renewing(job):
                await run(self._parts, job, headway)
        except (Unavailable, Throttled, PlanStale) as error:
            self._later(job, error, headway)
        except Corrupt:
            raise
        except ClawbackError as error:
            self._give_up(job, error)
        else:
            with self._parts.store.write() as unit:
                unit.jobs.done(job)

    async def drain(self) -> int:
        """Work until nothing is due; answers how many pieces were done."""
        done = 0
        while await self.step():
            done += 1
        return done

    def _later(self, job: Job, error: ClawbackError, headway: Headway) -> None:
        """Try again after a pause that grows with every try in vain, and starts anew after headway."""
        if job.attempts >= TRIES:
            self._give_up(job, error)
            return
        tries = 1 if headway.made else job.attempts
        with self._parts.store.write() as unit:
            retry_at = self._parts.now() + timedelta(seconds=pause_of(job, error, tries))
            unit.jobs.fail(job, str(error), retry_at, tries=tries)

    def _give_up(self, job: Job, error: ClawbackError) -> None:
        now = self._parts.now()
        with self._parts.store.write(durable=True) as unit:
            unit.jobs.fail(job, f"{type(error).__name__}: {error}", None)
            if job.kind == "investigate":
                request = Request.decode(job.payload)
                joined = unit.alerts.investigation_of(request.alert(now).id)
                same = unit.investigations.by_cause(str(request.cause))
                for investigation_id in ((joined,) if joined else same)[:1]:
                    event = InvestigationFailed(investigation_id, str(error))
                    record(unit, event, actor=AUTOMATION, at=now)

    @contextlib.asynccontextmanager
    async def _renewing(self, job: Job) -> AsyncIterator[None]:
        async def renew() -> None:
            while True:
                await asyncio.sleep(LEASE.total_seconds() / 3)
                with self._parts.store.write() as unit:
                    unit.jobs.renew(job, self._parts.now(), LEASE)

        task = asyncio.create_task(renew())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})  # not the task itself: our own cancelling must stay what it is
            if not task.cancelled():
                task.result()
