"""A world in which something was removed and is armed, and what the tests of late copies ask of it."""

from __future__ import annotations

from datetime import datetime

from tests.engine.memory_world import URL, Killed, MemoryWorld

from clawback.analysis.indicators import IndicatorKind, VerdictKind, indicator
from clawback.engine import commands
from clawback.response.plan import Remediation, RemediationStatus, Tally

S = RemediationStatus


def armed(world: MemoryWorld, copies: int = 3) -> Remediation:
    """A removal that a person approved, with automation off, has ended."""
    world.campaign(copies, clean=1)
    world.read()
    world.turn()
    commands.approve(world.parts, world.actions()[0].id, "ann", note="seen by me")
    world.drain()
    (done,) = world.actions()
    assert (done.status, done.tally.removed) == (S.COMPLETED, copies)
    return done


def removed(n: int, **more: int) -> Tally:
    return Tally(found=n + sum(more.values()), removed=n, **more)


def only(world: MemoryWorld) -> Remediation:
    (one,) = world.actions()
    return one


def audit(world: MemoryWorld, type: str) -> list[dict[str, object]]:
    with world.store.read() as unit:
        assert unit.audit.verify().ok
        return [row.body for row in unit.audit.list(types=[type], limit=1_000)]


def late_ones(world: MemoryWorld) -> tuple[Remediation, ...]:
    return tuple(r for r in world.every_action() if r.follows)


def by_a_feed(world: MemoryWorld, expires_at: datetime | None = None) -> None:
    """A feed lists the URL, and what follows is done."""
    bad = indicator(IndicatorKind.URL, URL, source="feed", added_at=world.now(), expires_at=expires_at)
    commands.add_indicator(world.parts, bad, "feed")
    world.drain()


def said_to_be_good(world: MemoryWorld) -> None:
    good = VerdictKind.NO_THREATS_FOUND
    allow = indicator(IndicatorKind.URL, URL, verdict=good, source="manual", added_at=world.now())
    commands.add_indicator(world.parts, allow, "ann")


def planned_until(world: MemoryWorld, status: S) -> bool:
    """Die at each step until the remediation of late copies stands so when the next process comes up."""
    for step in range(1, 60):
        world.fuse.left = step
        try:
            world.drain()
        except Killed:
            world.restart()
        if any(r.status is status for r in late_ones(world)):
            return True
        world.fuse.left = 0
    return False
