from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.engine.armed import audit, by_a_feed, late_ones
from tests.engine.memory_world import (
    MANNERS,
    OTHER_URL,
    URL,
    USERS,
    Killed,
    MemoryWorld,
)

from clawback.analysis.indicators import IndicatorKind, VerdictKind
from clawback.analysis.verdict import Said
from clawback.engine import commands
from clawback.engine.retract import outlook, preview, retract
from clawback.errors import NotFound, Unavailable
from clawback.response.investigation import InvestigationStatus
from clawback.response.plan import Outcome, RemediationStatus
from clawback.response.retraction import Outlook, Retraction, Turn

S = RemediationStatus


@pytest.fixture(params=sorted(MANNERS))
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MemoryWorld]:
    made = MemoryWorld(tmp_path, manner=MANNERS[request.param])
    yield made
    made.close()


def seen(world: MemoryWorld, retraction: Retraction) -> Outlook:
    with world.store.read() as unit:
        return outlook(unit, retraction)


def taken_back(world: MemoryWorld, text: str = URL) -> Outlook:
    retraction = retract(world.parts, text, "ben", note="it is ours")
    world.drain()
    return seen(world, retraction)


def removed_by_itself(world: MemoryWorld, copies: int = 6) -> None:
    world.automate()
    world.campaign(copies)
    world.read()
    world.turn()
    assert world.visible(URL) == []


def test_all_that_rested_on_a_verdict_is_put_back_exactly(world: MemoryWorld) -> None:
    world.campaign(6)
    before = world.seen()
    world.automate()
    world.read()
    world.turn()
    by_a_feed(world)
    assert world.visible(URL) == []
    found = taken_back(world)
    assert world.seen() == before
    assert (found.count(Turn.BACK), len(found.fates)) == (6, 6)
    undo, removal = world.actions()
    assert (undo.undoes, undo.status, undo.tally.removed) == (removal.id, S.COMPLETED, 6)
    assert removal.undone_by == undo.id
    (investigation,) = world.investigations()
    assert investigation.status is InvestigationStatus.NO_THREATS_FOUND
    assert [c.verdict for c in investigation.clusters] == [VerdictKind.NO_THREATS_FOUND]
    assert world.orders() == []


def test_a_retraction_is_exact_on_both_databases(empty_url: str, tmp_path: Path) -> None:
    world = MemoryWorld(tmp_path, empty_url)
    both = world.deliver(USERS[0], f"see {URL} and {OTHER_URL}")
    world.campaign(4)
    before = world.seen()
    world.automate()
    world.read()
    world.turn()
    world.turn(OTHER_URL)
    assert taken_back(world).count(Turn.BACK) == 4
    assert [f.mailbox for f in taken_back(world, OTHER_URL).fates] == [both.handle.mailbox]
    assert world.seen() == before
    world.close()


def test_every_source_is_named_and_a_feed_cannot_bring_it_back(world: MemoryWorld) -> None:
    removed_by_itself(world)
    by_a_feed(world)
    retraction = retract(world.parts, URL, "ben", note="it is ours")
    assert {one.source for one in retraction.indicators} == {"manual", "feed"}
    world.drain()
    (said,) = audit(world, "verdict_retracted")
    assert (said["messages"], said["note"]) == (6, "it is ours")
    by_a_feed(world)
    world.deliver(USERS[0], f"once more {URL}")
    world.read()
    assert len(world.visible(URL)) == 7


def test_without_an_allow_entry_it_may_be_listed_again_and_what_is_back_stays(world: MemoryWorld) -> None:
    removed_by_itself(world)
    retract(world.parts, URL, "ben", allow=False)
    world.drain()
    by_a_feed(world)
    assert len(world.visible(URL)) == 6
    world.deliver(USERS[0], f"once more {URL}")
    world.read()
    assert len(world.visible(URL)) == 6


def test_what_another_source_speaks_against_stays_out_until_that_goes_too(world: MemoryWorld) -> None:
    both = world.deliver(USERS[0], f"see {URL} and {OTHER_URL}")
    alone = world.deliver(USERS[1], f"see {URL}")
    before = world.seen()
    world.automate()
    world.read()
    world.turn()
    world.turn(OTHER_URL)
    first = taken_back(world)
    assert [held.mailbox for held in world.visible(URL)] == [alone.handle.mailbox]
    assert (first.count(Turn.BACK), first.count(Turn.OUT)) == (1, 1)
    ((why, copies),) = first.why(Turn.OUT)
    assert (why, copies) == (f"the url {OTHER_URL} in it is listed by manual", 1)
    removal = next(a for a in world.actions() if not a.undoes)
    assert removal.undone_by == ""
    second = taken_back(world, OTHER_URL)
    assert world.seen() == before
    assert [(f.mailbox, f.turn) for f in second.fates] == [(both.handle.mailbox, Turn.BACK)]
    removal = next(a for a in world.actions() if a.id == removal.id)
    assert removal.undone_by == next(a for a in world.actions() if a.undoes).id


def test_an_undo_after_a_part_puts_the_rest_back(world: MemoryWorld) -> None:
    world.deliver(USERS[0], f"see {URL} and {OTHER_URL}")
    world.deliver(USERS[1], f"see {URL}")
    before = world.seen()
    world.automate()
    world.read()
    world.turn()
    world.turn(OTHER_URL)
    taken_back(world)
    removal = next(a for a in world.actions() if not a.undoes)
    rest = commands.undo(world.parts, removal.id, "ann")
    assert (rest.tally.found, rest.tally.open, rest.tally.skipped) == (2, 1, 1)
    world.drain()
    assert world.seen() == before
    with world.store.read() as unit:
        assert unit.remediations.get(removal.id).undone_by == rest.id


def test_late_copies_come_back_with_the_others(world: MemoryWorld) -> None:
    removed_by_itself(world)
    world.deliver(USERS[2], f"late, see {URL}")
    world.read()
    assert late_ones(world)
    found = taken_back(world)
    assert found.count(Turn.BACK) == 7
    assert len(world.visible(URL)) == 7


def test_what_waits_is_cancelled_and_what_is_approved_does_not_begin(world: MemoryWorld) -> None:
    world.campaign(3)
    world.read()
    world.turn()
    (waiting,) = world.actions()
    commands.approve(world.parts, waiting.id, "ann")
    found = taken_back(world)
    (cancelled,) = world.actions()
    assert (cancelled.status, found.cancelled) == (S.CANCELLED, (waiting.id,))
    assert cancelled.note == f"the verdict on url {URL} was taken back by ben"
    assert len(world.visible(URL)) == 3


def test_a_removal_that_runs_is_cut_short_and_what_it_took_out_comes_back(world: MemoryWorld) -> None:
    world.campaign(6)
    before = world.seen()
    world.read()
    world.turn()
    commands.approve(world.parts, world.actions()[0].id, "ann")
    world.fail(Unavailable("busy"), USERS[2])
    world.drain()
    (running,) = world.actions()
    assert (running.status, len(world.visible(URL))) == (S.RUNNING, 2)
    retraction = retract(world.parts, URL, "ben")
    world.drain()
    assert seen(world, retraction).running == (running.id,)
    world.fail(None, USERS[2])
    world.settle()
    assert world.seen() == before
    undo, removal = world.actions()
    assert (removal.status, removal.undone_by) == (S.COMPLETED, undo.id)


def test_deeds_that_nobody_has_laid_hands_on_are_never_done(world: MemoryWorld) -> None:
    world.campaign(4)
    world.read()
    world.turn()
    (waiting,) = world.actions()
    commands.approve(world.parts, waiting.id, "ann")
    running = frozenset({S.APPROVED})
    with world.store.write() as unit:
        unit.remediations.set_status(waiting.id, S.RUNNING, expected=running, at=world.now())
        unit.remediations.intend(waiting.id, [0], world.now())
    retract(world.parts, URL, "ben")
    world.settle()
    (undo, removal) = world.actions()
    assert (removal.tally.removed, removal.tally.skipped, undo.tally.removed) == (1, 3, 1)
    assert [r.outcome for r in world.receipts(removal)] == [Outcome.REMOVED, *[Outcome.SKIPPED] * 3]
    assert len(world.visible(URL)) == 4


def test_an_investigation_that_is_under_way_plans_nothing_any_more(world: MemoryWorld) -> None:
    world.campaign(3)
    world.automate()
    world.read()
    bad = world.listed()
    commands.add_indicator(world.parts, bad, "ann")
    for step in range(1, 200):
        world.fuse.left = step
        try:
            world.drain()
        except Killed:
            world.restart()
        world.fuse.left = 0
        with world.store.read() as unit:
            if unit.clusters.list()[0] and not world.actions():
                break
    else:
        pytest.skip("no step lies between cluster and plan")
    taken_back(world)
    world.settle()
    assert [a for a in world.actions() if a.tally.removed and not a.undoes] == []
    assert len(world.visible(URL)) == 3


def test_looking_first_changes_nothing_and_says_what_would_come_back(world: MemoryWorld) -> None:
    removed_by_itself(world)
    with world.store.read() as unit:
        head = unit.audit.head()
    found = preview(world.parts, URL, "ben")
    assert (found.count(Turn.DUE), len(found.retraction.indicators)) == (6, 1)
    assert world.drain() == 0
    with world.store.read() as unit:
        assert unit.audit.head() == head
        assert unit.retractions.count() == 0
    assert world.visible(URL) == []


def test_said_twice_it_changes_nothing_more(world: MemoryWorld) -> None:
    removed_by_itself(world)
    taken_back(world)
    before, actions = world.held(), len(world.actions())
    found = taken_back(world)
    assert (found.count(Turn.BACK), found.retraction.indicators) == (6, ())
    assert (world.held(), len(world.actions())) == (before, actions)


def test_what_nobody_listed_or_acted_on_cannot_be_taken_back(world: MemoryWorld) -> None:
    removed_by_itself(world)
    for text in ("https://nobody.example/", "ind-nothing", "msg-nothing"):
        with pytest.raises(NotFound):
            retract(world.parts, text, "ben")


def test_a_message_takes_back_all_that_speaks_against_it(world: MemoryWorld) -> None:
    world.deliver(USERS[0], f"see {URL} and {OTHER_URL}")
    world.campaign(2)
    before = world.seen()
    world.automate()
    world.read()
    world.turn()
    world.turn(OTHER_URL)
    with world.store.read() as unit:
        (message_id,) = unit.messages.by_internet_id("<1@sender.example>")
    found = taken_back(world, message_id)
    assert world.seen() == before
    assert {one.value for one in found.retraction.indicators} == {URL, OTHER_URL}


def test_an_indicator_by_its_id_and_a_kind_that_is_said(world: MemoryWorld) -> None:
    removed_by_itself(world)
    with world.store.read() as unit:
        ((listed,), _) = unit.indicators.list()
    assert retract(world.parts, listed.id, "ben").indicators == (listed,)
    again = retract(world.parts, URL, "ben", kind=IndicatorKind.URL)
    assert again.indicators == ()
    world.drain()
    assert len(world.visible(URL)) == 6


def test_the_word_of_a_rule_is_taken_back_and_keeps_nothing_out(world: MemoryWorld) -> None:
    removed_by_itself(world, copies=2)
    with world.store.write() as unit:
        ids = unit.detections.of_source(world.listed().id)
        rule = Said("rule-lure", VerdictKind.MALICIOUS, None, 80)
        unit.detections.put([(ids[0], rule)], world.now())
    first = taken_back(world)
    assert first.why(Turn.OUT) == [("rule-lure speaks against it", 1)]
    second = taken_back(world, "rule-lure")
    assert (second.count(Turn.BACK), len(world.visible(URL))) == (1, 2)


def test_an_indicator_that_was_only_taken_off_keeps_its_removals(world: MemoryWorld) -> None:
    world.deliver(USERS[0], f"see {URL} and {OTHER_URL}")
    world.deliver(USERS[1], f"see {URL}")
    world.automate()
    world.read()
    listed = world.turn()
    world.turn(OTHER_URL)
    commands.remove_indicator(world.parts, listed.id, "ann")
    taken_back(world, OTHER_URL)
    assert [held.mailbox for held in world.visible(URL)] == [USERS[0]]


def test_copies_that_fail_are_tried_again_when_it_is_said_again(world: MemoryWorld) -> None:
    removed_by_itself(world)
    world.mail.make_read_only(USERS[1])
    first = taken_back(world)
    assert (first.count(Turn.BACK), first.count(Turn.FAILED)) == (4, 2)
    removal = next(a for a in world.actions() if not a.undoes)
    assert removal.undone_by == ""
    world.mail.make_read_only(USERS[1], False)
    second = taken_back(world)
    assert (second.count(Turn.BACK), len(world.visible(URL))) == (6, 6)


@pytest.mark.parametrize("manner", sorted(MANNERS))
def test_a_death_at_any_step_ends_in_the_same_state(tmp_path: Path, manner: str) -> None:
    steps = 0
    for step in range(1, 400):
        folder = tmp_path / str(step)
        folder.mkdir()
        world = MemoryWorld(folder, manner=replace(MANNERS[manner], halves=False))
        world.deliver(USERS[0], f"see {URL} and {OTHER_URL}")
        world.campaign(3, clean=1)
        before = world.seen()
        world.automate()
        world.read()
        world.turn()
        world.turn(OTHER_URL)
        world.fuse.left = step
        died = False
        try:
            retract(world.parts, URL, "ben")
            world.drain()
        except Killed:
            died = True
            world.restart()
            retract(world.parts, URL, "ben")
            world.settle()
        world.fuse.left = 0
        out = [held for held in before if OTHER_URL.encode() in held.content]
        assert [h for h in world.seen() if not h.in_vault] == [h for h in before if h not in out], step
        removal = next(a for a in world.actions() if not a.undoes and not a.follows)
        assert (removal.tally.removed, removal.undone_by) == (4, "")
        world.close()
        if not died:
            break
        steps += 1
    assert 20 < steps < 399
