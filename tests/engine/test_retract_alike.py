"""What a retraction does with messages that were only alike, by the roll-up of similar clusters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.engine.memory_world import MANNERS, OTHER_URL, URL, USERS, MemoryWorld

from clawback.analysis.indicators import VerdictKind
from clawback.engine.retract import outlook, retract
from clawback.response.retraction import Outlook, Turn


@pytest.fixture(params=sorted(MANNERS))
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MemoryWorld]:
    made = MemoryWorld(tmp_path, manner=MANNERS[request.param])
    yield made
    made.close()


def taken_back(world: MemoryWorld, text: str = URL) -> Outlook:
    retraction = retract(world.parts, text, "ben")
    world.drain()
    with world.store.read() as unit:
        return outlook(unit, retraction)


STORY = (
    "Dear colleague, your mailbox has reached its limit and messages are waiting outside. Sign in today "
    "to keep your account, or the waiting messages will be sent back to those who wrote them."
)


def alike(world: MemoryWorld, count: int, words: str) -> None:
    for n in range(count):
        world.deliver(USERS[n % 3], f"{STORY} {words}")


def test_what_was_only_alike_comes_back_with_what_it_was_like(world: MemoryWorld) -> None:
    alike(world, 7, URL)
    alike(world, 2, "Nothing is here.")
    before = world.seen()
    world.automate()
    world.read()
    world.turn()
    world.settle()
    assert world.visible("your mailbox has reached") == []
    taken_back(world)
    world.settle()
    assert world.seen() == before
    with world.store.read() as unit:
        verdicts = {head.verdict for head in unit.clusters.list()[0]}
    assert verdicts == {VerdictKind.NO_THREATS_FOUND}


def test_what_is_alike_stays_out_while_enough_of_the_others_are_malicious(world: MemoryWorld) -> None:
    alike(world, 7, OTHER_URL)
    alike(world, 1, URL)
    world.automate()
    world.read()
    world.turn(OTHER_URL)
    world.turn()
    world.settle()
    assert world.visible("your mailbox has reached") == []
    found = taken_back(world)
    world.settle()
    assert world.visible("your mailbox has reached") == []
    assert found.count(Turn.BACK) == 0
    taken_back(world, OTHER_URL)
    world.settle()
    assert len(world.visible("your mailbox has reached")) == 8
