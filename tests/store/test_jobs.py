from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from tests.store.make import HOUR, NOW

from clawback.errors import PlanStale
from clawback.store import Job, JobState, Store

LEASE = timedelta(minutes=5)
LATER = NOW + timedelta(minutes=6)


def _put(store: Store, key: str = "k", kind: str = "investigate", **payload: int) -> None:
    with store.write() as unit:
        unit.jobs.put(kind, key, payload, NOW)


def _claim(store: Store, worker: str = "w", *, late: bool = False) -> Job | None:
    with store.write() as unit:
        return unit.jobs.claim(worker, LATER if late else NOW, LEASE)


def _claimed(store: Store, worker: str = "w", *, late: bool = False) -> Job:
    job = _claim(store, worker, late=late)
    assert job is not None
    return job


def test_work_is_leased_done_and_struck_off(store: Store) -> None:
    _put(store, "k\udce9", n=7)
    job = _claimed(store)
    assert (job.kind, job.key, job.payload, job.attempts) == ("investigate", "k\udce9", {"n": 7}, 1)
    assert (job.state, job.worker, job.lease_until) == (JobState.LEASED, "w", NOW + LEASE)
    assert _claim(store) is None
    with store.write() as unit:
        assert unit.jobs.waiting() == 1
        unit.jobs.done(job)
        assert unit.jobs.waiting() == 0
        with pytest.raises(PlanStale):
            unit.jobs.done(job)


def test_the_same_work_waits_only_once(store: Store) -> None:
    _put(store, n=1)
    _put(store, n=2)
    _put(store, kind="remediate")
    with store.read() as unit:
        jobs, _ = unit.jobs.list()
        assert [(job.kind, job.payload) for job in jobs] == [("remediate", {}), ("investigate", {"n": 1})]


def test_work_put_while_it_is_done_waits_behind_it(store: Store) -> None:
    _put(store, n=1)
    first = _claimed(store)
    _put(store, n=2)
    assert _claim(store, "other") is None
    with store.write() as unit:
        unit.jobs.done(first)
    assert _claimed(store).payload == {"n": 2}


def test_work_may_wait_for_its_time_and_be_asked_for_sooner(store: Store) -> None:
    with store.write() as unit:
        unit.jobs.put("expire", "k", {}, NOW, not_before=NOW + HOUR)
        assert unit.jobs.claim("w", NOW, LEASE) is None
        unit.jobs.put("expire", "k", {}, NOW, not_before=NOW + 2 * HOUR)
        unit.jobs.put("expire", "k", {}, NOW)
        assert unit.jobs.claim("w", NOW, LEASE) is not None


def test_the_oldest_work_of_the_wanted_kinds_comes_first(store: Store) -> None:
    for number, kind in enumerate(("a", "b", "a", "c")):
        _put(store, f"k{number}", kind)
    with store.write() as unit:
        taken = [unit.jobs.claim("w", NOW, LEASE, kinds=("a", "c")) for _ in range(4)]
        assert [job and job.key for job in taken] == ["k0", "k2", "k3", None]
        assert unit.jobs.waiting(("b",)) == 1


def test_a_lease_that_ran_out_frees_the_job_and_bars_its_late_worker(store: Store) -> None:
    _put(store)
    slow = _claimed(store, "slow")
    quick = _claimed(store, "quick", late=True)
    assert (quick.no, quick.attempts, quick.worker) == (slow.no, 2, "quick")
    with store.write() as unit:
        with pytest.raises(PlanStale):
            unit.jobs.done(slow)
        with pytest.raises(PlanStale):
            unit.jobs.renew(slow, LATER, LEASE)
        with pytest.raises(PlanStale):
            unit.jobs.fail(slow, "x", None)
        unit.jobs.done(quick)


def test_a_renewed_lease_holds(store: Store) -> None:
    _put(store)
    job = _claimed(store)
    with store.write() as unit:
        renewed = unit.jobs.renew(job, NOW + 4 * LEASE / 5, LEASE)
    assert _claim(store, late=True) is None
    with store.write() as unit:
        unit.jobs.done(renewed)


def test_the_work_of_a_dead_worker_is_free_at_once(store: Store) -> None:
    _put(store)
    dead = _claimed(store, "dead")
    with store.write() as unit:
        unit.jobs.abandon(dead)
    alive = _claimed(store, "alive")
    with store.write() as unit:
        unit.jobs.abandon(dead)
        assert unit.jobs.claim("other", NOW, LEASE) is None
        unit.jobs.done(alive)


def test_failed_work_waits_again_or_is_kept_dead(store: Store) -> None:
    _put(store)
    with store.write() as unit:
        unit.jobs.fail(_first(unit.jobs.claim("w", NOW, LEASE)), "no \udce9 luck", NOW + HOUR)
        assert unit.jobs.claim("w", NOW, LEASE) is None
        again = _first(unit.jobs.claim("w", NOW + HOUR, LEASE))
        assert (again.error, again.attempts) == ("no \udce9 luck", 2)
        unit.jobs.fail(again, "hopeless", None)
        assert unit.jobs.claim("w", NOW + 9 * HOUR, LEASE) is None
        assert unit.jobs.waiting() == 0
        (dead,), _ = unit.jobs.list(state=JobState.DEAD)
        assert (dead.error, dead.state) == ("hopeless", JobState.DEAD)


def test_failed_work_gives_way_to_the_same_work_waiting(store: Store) -> None:
    _put(store, n=1)
    job = _claimed(store)
    _put(store, n=2)
    with store.write() as unit:
        unit.jobs.fail(job, "x", NOW)
        (only,), _ = unit.jobs.list()
        assert only.payload == {"n": 2}


def _first(job: Job | None) -> Job:
    assert job is not None
    return job


def test_many_workers_never_take_the_same_job(store: Store) -> None:
    with store.write() as unit:
        for number in range(60):
            unit.jobs.put("investigate", str(number), {}, NOW)
    taken: list[str] = []

    def work(name: str) -> None:
        while job := _claim(store, name):
            taken.append(job.key)
            with store.write() as unit:
                unit.jobs.done(job)

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with store.read() as unit:
        assert unit.jobs.waiting() == 0
    assert sorted(taken, key=int) == [str(n) for n in range(60)]


def test_settings_are_replaced(store: Store) -> None:
    with store.write() as unit:
        assert unit.settings.get("policy") is None
        unit.settings.put("policy", {"automatic": ["malicious_url"], "limit": 1, "odd": "\udce9\x00"})
        assert unit.settings.get("policy") == {
            "automatic": ["malicious_url"],
            "limit": 1,
            "odd": "\udce9\x00",
        }
        unit.settings.put("policy", {})
        assert unit.settings.get("policy") == {}
