"""Work that waits, is leased to a worker, or is dead. A lease that runs out frees its job."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, exists, func, or_, select, update
from sqlalchemy.exc import IntegrityError

from clawback.errors import PlanStale
from clawback.ids import digest
from clawback.store.repository import Repository
from clawback.store.schema import jobs
from clawback.store.text import armour, canonical_json, disarm, micros, moment, moment_or_none


class JobState(StrEnum):
    """Where a job stands."""

    WAITING = "waiting"
    LEASED = "leased"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of work. `attempts` counts the leases given, this one too; `error` is the last failure."""

    no: int
    kind: str
    key: str
    payload: dict[str, Any]
    state: JobState
    put_at: datetime
    not_before: datetime
    lease_until: datetime | None
    worker: str
    attempts: int
    error: str


class Jobs(Repository):
    """The queue."""

    def put(
        self,
        kind: str,
        key: str,
        payload: dict[str, Any],
        now: datetime,
        *,
        not_before: datetime | None = None,
    ) -> None:
        """Let work wait, from `not_before` on. Work of that kind and key that waits already does for both.

        Work of that kind and key that is being done now does not: more is put behind it.
        """
        start = micros(not_before or now)
        waiting = and_(jobs.c.digest == digest(kind, key), jobs.c.state == JobState.WAITING.value)
        found = None
        while found is None:
            self._put(kind, key, payload, now, start)
            later = update(jobs).where(waiting, jobs.c.not_before > start)
            self._connection.execute(later.values(not_before=start))
            # Nobody may take the waiting work up before what this unit writes for it can be seen.
            held = select(jobs.c.no).where(waiting).with_for_update(read=True)
            found = self._connection.execute(held).scalar()

    def under_way(self, kind: str, key: str) -> bool:
        """Whether work of that kind and key waits or is being done."""
        alive = jobs.c.state.in_([JobState.WAITING.value, JobState.LEASED.value])
        return bool(
            self._connection.execute(
                select(exists().where(jobs.c.digest == digest(kind, key), alive))
            ).scalar()
        )

    def _put(self, kind: str, key: str, payload: dict[str, Any], now: datetime, start: int) -> None:
        row = (armour(kind), armour(key), digest(kind, key), canonical_json(payload), micros(now), start)
        columns = (
            "kind",
            "key",
            "digest",
            "payload",
            "put_at",
            "not_before",
            "state",
            "worker",
            "attempts",
            "error",
        )
        tail = "ON CONFLICT (digest) WHERE state = 'waiting' DO NOTHING"
        self._insert(jobs, columns, [(*row, JobState.WAITING.value, "", 0, "")], tail)

    def claim(
        self,
        worker: str,
        now: datetime,
        lease: timedelta,
        kinds: tuple[str, ...] | None = None,
        *,
        but: tuple[str, ...] = (),
    ) -> Job | None:
        """Lease the work that waits longest, None when there is none that may start.

        Of these kinds only, or of all `but` some. Two jobs of one kind and key are never leased at the same
        time.
        """
        query = select(jobs.c.no).where(_claimable(micros(now)))
        if kinds is not None:
            query = query.where(jobs.c.kind.in_([armour(kind) for kind in kinds]))
        if but:
            query = query.where(jobs.c.kind.not_in([armour(kind) for kind in but]))
        query = query.order_by(jobs.c.not_before, jobs.c.no).limit(1).with_for_update(skip_locked=True)
        no = self._connection.execute(query).scalar()
        if no is None:
            return None
        changes = {
            "state": JobState.LEASED.value,
            "worker": armour(worker),
            "lease_until": micros(now + lease),
            "attempts": jobs.c.attempts + 1,
        }
        leased = update(jobs).where(jobs.c.no == no).values(changes).returning(jobs)
        return _job(self._connection.execute(leased).one())

    def renew(self, job: Job, now: datetime, lease: timedelta) -> Job:
        """Keep a leased job for longer; raises PlanStale when the lease was lost to another worker."""
        query = update(jobs).where(_held(job)).values(lease_until=micros(now + lease)).returning(jobs)
        found = self._connection.execute(query).first()
        if found is None:
            raise _lost(job)
        return _job(found)

    def done(self, job: Job) -> None:
        """Strike a leased job off; raises PlanStale when the lease was lost to another worker."""
        if self._connection.execute(delete(jobs).where(_held(job))).rowcount != 1:
            raise _lost(job)

    def fail(self, job: Job, error: str, retry_at: datetime | None, *, tries: int | None = None) -> None:
        """Put a leased job back until `retry_at`, or keep it as dead when that is None.

        `tries` is how many tries it counts from now on, as many as before when None.

        Raises PlanStale when the lease was lost to another worker.
        """
        changes: dict[str, Any] = {"error": armour(error), "worker": "", "lease_until": None}
        if retry_at is None:
            changes["state"] = JobState.DEAD.value
        else:
            changes |= {"state": JobState.WAITING.value, "not_before": micros(retry_at)}
        if tries is not None:
            changes["attempts"] = tries
        try:
            with self._connection.begin_nested():
                failed = self._connection.execute(update(jobs).where(_held(job)).values(changes)).rowcount
        except IntegrityError:
            # The same work was put meanwhile and waits already.
            self.done(job)
        else:
            if failed != 1:
                raise _lost(job)

    def abandon(self, job: Job) -> None:
        """End the lease of a worker known to be dead, so that another need not wait until it runs out."""
        self._connection.execute(update(jobs).where(_held(job)).values(lease_until=0))

    def waiting(self, kinds: tuple[str, ...] | None = None) -> int:
        """How many jobs are still to be done: waiting or leased, not dead."""
        query = select(func.count()).select_from(jobs).where(jobs.c.state != JobState.DEAD.value)
        if kinds is not None:
            query = query.where(jobs.c.kind.in_([armour(kind) for kind in kinds]))
        return self._connection.execute(query).scalar_one()

    def next_due(self) -> datetime | None:
        """When the next of the waiting jobs may start; None when none waits."""
        waiting = jobs.c.state == JobState.WAITING.value
        return moment_or_none(
            self._connection.execute(select(func.min(jobs.c.not_before)).where(waiting)).scalar()
        )

    def given_up(self) -> int:
        """How many jobs are dead."""
        dead = jobs.c.state == JobState.DEAD.value
        return self._connection.execute(select(func.count()).select_from(jobs).where(dead)).scalar_one()

    def list(
        self, *, state: JobState | None = None, limit: int = 100, cursor: str = ""
    ) -> tuple[tuple[Job, ...], str]:
        """A page, newest first, and the cursor of the next ("" at the end)."""
        query = select(jobs)
        if state is not None:
            query = query.where(jobs.c.state == state.value)
        rows, after = self._page(query, jobs.c.no, limit, cursor)
        return tuple(_job(row) for row in rows), after


def _claimable(now: int) -> ColumnElement[bool]:
    """At most one job of a kind and key: the leased one once its lease ran out, else the waiting one."""
    other = jobs.alias("other")
    leased = exists().where(other.c.digest == jobs.c.digest, other.c.state == JobState.LEASED.value)
    waits = and_(jobs.c.state == JobState.WAITING.value, jobs.c.not_before <= now, ~leased)
    return or_(waits, and_(jobs.c.state == JobState.LEASED.value, jobs.c.lease_until <= now))


def _held(job: Job) -> ColumnElement[bool]:
    leased = jobs.c.state == JobState.LEASED.value
    return and_(jobs.c.no == job.no, jobs.c.attempts == job.attempts, leased)


def _lost(job: Job) -> PlanStale:
    return PlanStale(f"the lease of job {job.kind} {job.key} ran out and another worker has it")


def _job(row: Row[Any]) -> Job:
    return Job(
        no=row.no,
        kind=disarm(row.kind),
        key=disarm(row.key),
        payload=json.loads(row.payload),
        state=JobState(row.state),
        put_at=moment(row.put_at),
        not_before=moment(row.not_before),
        lease_until=moment_or_none(row.lease_until),
        worker=disarm(row.worker),
        attempts=row.attempts,
        error=disarm(row.error),
    )
