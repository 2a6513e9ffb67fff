"""Throttling: too many inquiries at once wait their turn, whatever dies meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.engine.memory_world import AUTOMATIC, OTHER_URL, URL, USERS, Killed
from tests.engine.report_world import ReportWorld
from tests.engine.stories import listed

from clawback.engine import commands
from clawback.response.investigation import Investigation
from clawback.response.investigation import InvestigationStatus as S
from clawback.response.policy import Policy

ANN = USERS[0]


@pytest.fixture
def world(tmp_path: Path, store_url: str) -> Iterator[ReportWorld]:
    made = ReportWorld(tmp_path, store_url)
    yield made
    made.close()


def policy(world: ReportWorld, **fields: Any) -> None:
    commands.set_policy(world.parts, replace(Policy(), **fields), "ann")


def by_title(world: ReportWorld) -> dict[str, Investigation]:
    return {state.title.rpartition(" - ")[2]: state for state in world.investigations()}


def urls(world: ReportWorld, count: int) -> list[str]:
    found = [f"https://login.evil.example/{n}/x" for n in range(count)]
    for url in found:
        world.deliver(ANN, f"see {url}")
    world.read()
    return found


def test_what_is_too_much_waits_in_its_order_and_a_person_does_not(world: ReportWorld) -> None:
    policy(world, investigations_per_hour=2)
    found = urls(world, 6)
    for url in found[:5]:
        listed(world, url, source="feed")
    listed(world, found[5])
    states = by_title(world)
    assert [states[url].status for url in found] == [
        *([S.PENDING_ACTION] * 2),
        *([S.QUEUED_BY_THROTTLING] * 3),
        S.PENDING_ACTION,
    ]
    commands.start(world.parts, found[4], "ann")
    world.drain()
    assert by_title(world)[found[4]].status is S.PENDING_ACTION
    world.wait(timedelta(hours=1, seconds=2))
    world.drain()
    assert {state.status for state in world.investigations()} == {S.PENDING_ACTION}
    assert len(world.investigations()) == 6
    began = [e for e in by_title(world)[found[2]].log if e.event == "investigation_began"]
    assert len(began) == 1


def test_each_hour_has_its_own_room(world: ReportWorld) -> None:
    policy(world, investigations_per_hour=1)
    found = urls(world, 3)
    for url in found:
        listed(world, url, source="feed")
    for waiting in (1, 0):
        world.wait(timedelta(hours=1, seconds=2))
        world.drain()
        statuses = [state.status for state in world.investigations()]
        assert statuses.count(S.QUEUED_BY_THROTTLING) == waiting


def test_late_copies_do_not_wait_for_room(world: ReportWorld) -> None:
    commands.set_policy(world.parts, replace(AUTOMATIC, investigations_per_hour=1), "ann")
    world.campaign(2, clean=0)
    world.read()
    listed(world, URL, source="feed")
    assert world.visible(URL) == []
    world.deliver(ANN, f"late {URL}")
    world.read()
    assert world.visible(URL) == []


def test_killed_anywhere_the_same_inquiries_wait_and_end(tmp_path: Path) -> None:
    ends, step = set(), 0
    while True:
        step += 5
        folder = tmp_path / str(step)
        folder.mkdir()
        world = ReportWorld(folder)
        try:
            ends.add(_queued_and_killed(world, step))
            if not world.fuse.left:
                continue
        finally:
            world.close()
        break
    assert step > 30
    assert ends == {((S.PENDING_ACTION, 1, 1), (S.PENDING_ACTION, 1, 1))}


def _queued_and_killed(world: ReportWorld, step: int) -> tuple[tuple[S, int, int], ...]:
    """Two inquiries of which one waits; the process dies at this step, if it comes so far."""
    policy(world, investigations_per_hour=1)
    for url in (URL, OTHER_URL):
        world.deliver(ANN, f"see {url}")
    world.read()
    with world.store.write() as unit:
        bad = [replace(world.listed(url), source="feed") for url in (URL, OTHER_URL)]
        unit.indicators.add(bad)
        unit.jobs.put("retro_hunt", "both", {"indicators": [one.id for one in bad]}, world.now())
    world.fuse.left = step
    for _ in range(2):
        try:
            world.drain()
            world.wait(timedelta(hours=1, seconds=5))
            world.drain()
        except Killed:
            world.restart()
            world.fuse.left = 0
    states = world.investigations()
    plans = [sum(a.investigation_id == state.id for a in world.actions()) for state in states]
    return tuple((state.status, len(state.alerts), plan) for state, plan in zip(states, plans, strict=True))
