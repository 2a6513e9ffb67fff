"""Sinks are told of every event at least once, by the same id, whatever happens; over real HTTP."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.engine.memory_world import Fuse, Killed, MortalStore
from tests.engine.telling_desk import Desk
from tests.sinks.receiver import receiving

from clawback.engine import webhooks
from clawback.engine.telling import BATCH, LEASE, Telling
from clawback.response import sinks
from clawback.response.sinks import PATIENCE, REFUSED_TRIES, TRIES, Outcome, SinkState
from clawback.store import Store


@pytest.fixture
def desk(store: Store) -> Iterator[Desk]:
    with receiving() as receiver:
        yield Desk(store, receiver)


def test_every_event_is_told_once_in_order_signed_and_with_an_id_of_its_own(desk: Desk) -> None:
    desk.happen()  # before the webhook: not its business
    desk.add()
    desk.happen(2 * BATCH + 5)
    for _ in range(3):
        desk.tell()
    assert desk.told()[1:] == desk.wrote[1:]  # the first tells of the webhook itself
    assert desk.receiver.types[0] == "sink_added"
    assert len(set(desk.receiver.ids)) == 2 * BATCH + 6
    for one in desk.receiver.got:
        body = one.verified(desk.secret)
        assert body == {**one.body, "id": one.id}
        assert {"type", "timestamp", "actor", "seq", "data"} < set(body)
    assert (desk.now.behind, desk.now.dead, desk.now.failing_since) == (0, 0, None)
    desk.tell()
    assert len(desk.receiver.got) == 2 * BATCH + 6


def test_only_what_it_wants_is_told_and_the_rest_passes_by(desk: Desk) -> None:
    desk.add("investigation_", "indicator_added")
    desk.happen(3)
    desk.happen(2, "signed_in")
    desk.happen(1, "indicator_added")
    desk.happen(1, "indicator_removed")
    desk.tell()
    assert desk.receiver.types == ["investigation_failed"] * 3 + ["indicator_added"]
    assert desk.now.behind == 0


@pytest.mark.parametrize("step", range(1, 7))
def test_a_death_at_any_step_loses_nothing_and_doubles_only_with_the_same_id(
    desk: Desk, store_url: str, tmp_path: Path, step: int
) -> None:
    desk.add("investigation_")
    desk.happen(3)
    alive = desk.store
    desk.store = mortal = MortalStore.open(store_url, tmp_path / "blobs")
    assert isinstance(mortal, MortalStore)
    mortal.fuse = Fuse(step)  # 1 to 3 are around the claim, 4 to 6 around the writing of what was told
    with pytest.raises(Killed):
        desk.tell("dies")
    mortal.close()
    desk.store = alive
    sent, written = (3 if step > 3 else 0), step == 6
    assert len(desk.receiver.got) == sent
    assert desk.now.behind == (0 if written else 3)
    desk.turn(LEASE)
    desk.tell("other")
    assert len(desk.receiver.got) == (3 if written else 3 + sent)
    assert sorted(set(desk.told())) == desk.wrote
    assert len(set(desk.receiver.ids)) == 3


def test_while_the_lease_of_a_dead_worker_holds_nobody_else_tells(desk: Desk) -> None:
    desk.add("investigation_")
    desk.happen()
    with desk.store.write() as unit:
        assert unit.sinks.claim(desk.id, "dead", desk.at, desk.at + LEASE)
    desk.tell("other")
    assert desk.receiver.got == []
    desk.turn(LEASE)
    desk.tell("other")
    assert desk.told() == desk.wrote


def test_a_receiver_that_is_unwell_gets_the_same_event_again_at_longer_and_longer_times(desk: Desk) -> None:
    desk.add("investigation_")
    desk.happen(2)
    desk.receiver.answer = lambda got: 500
    pauses = []
    for _ in range(TRIES - 1):
        desk.tell()
        now = desk.now
        assert now.error == "answered 500"
        assert now.next_try_at
        pauses.append((now.next_try_at - desk.at).total_seconds())
        desk.at = now.next_try_at - timedelta(seconds=1)
        desk.tell()  # too early: nothing is sent
        desk.at = now.next_try_at
    assert len(desk.receiver.got) == TRIES - 1
    assert len(set(desk.receiver.ids)) == 1
    assert pauses[:7] == sorted(pauses[:7])
    assert 3.75 <= pauses[0] <= 5
    assert 2_700 <= pauses[-1] <= 3_600
    desk.receiver.answer = lambda got: 204
    desk.tell()
    assert desk.told()[-2:] == desk.wrote
    assert (desk.now.behind, desk.now.dead, desk.now.failing_since, desk.now.error) == (0, 0, None, "")
    (_, first) = desk.deliveries()
    assert (first.outcome, first.tries) == (Outcome.DELIVERED, TRIES)


@pytest.mark.parametrize(
    ("headers", "status", "least"),
    [
        ({"Retry-After": "900"}, 429, 900),
        ({"Retry-After": "900"}, 503, 900),
        ({"Retry-After": "9" * 9}, 503, 3_600),
    ],
)
def test_a_receiver_that_asks_for_patience_gets_it_within_bounds(
    desk: Desk, headers: dict[str, str], status: int, least: float
) -> None:
    desk.add("investigation_")
    desk.happen()
    desk.receiver.answer, desk.receiver.headers = (lambda got: status), headers
    desk.tell()
    assert desk.now.next_try_at
    assert least <= (desk.now.next_try_at - desk.at).total_seconds() <= least * 1.25


def test_what_is_refused_becomes_a_dead_letter_and_keeps_nothing_waiting(desk: Desk) -> None:
    desk.add("investigation_")
    desk.happen(3)
    bad = desk.wrote[1]
    desk.receiver.answer = lambda got: 422 if got.body["data"]["investigation_id"] == bad else 204
    for _ in range(REFUSED_TRIES):
        desk.tell()
        desk.at = desk.now.next_try_at or desk.at
    assert desk.told().count(bad) == REFUSED_TRIES
    assert desk.told()[-1] == desk.wrote[2]
    assert (desk.now.dead, desk.now.behind, desk.now.state) == (1, 0, SinkState.ON)
    (dead,) = desk.deliveries(Outcome.DEAD)
    assert (dead.status, dead.tries, dead.error) == (422, REFUSED_TRIES, "answered 422")
    assert dead.event_id in desk.receiver.ids


def test_a_dead_letter_is_sent_once_more_when_a_person_says_so(desk: Desk) -> None:
    desk.add("investigation_")
    desk.happen(2)
    desk.exhaust(400)
    assert desk.now.dead == 2
    first = desk.deliveries(Outcome.DEAD)[-1]
    assert webhooks.replay(desk.parts, desk.id, "ann", ["evt-nothing"]) == 0
    assert webhooks.replay(desk.parts, desk.id, "ann", [first.event_id]) == 1
    desk.tell()  # the receiver still refuses: dead again, and counted
    assert {(d.event_id, d.tries) for d in desk.deliveries(Outcome.DEAD)} >= {
        (first.event_id, REFUSED_TRIES + 1)
    }
    desk.receiver.answer = lambda got: 200
    assert webhooks.replay(desk.parts, desk.id, "ann") == 2
    desk.tell()
    assert sorted(desk.receiver.ids[-2:]) == sorted(set(desk.receiver.ids))
    assert (desk.now.dead, len(desk.deliveries(Outcome.DELIVERED))) == (0, 2)
    assert desk.events().count("sink_replayed") == 2


def test_nothing_is_lost_when_the_receiver_is_away_for_a_day(desk: Desk) -> None:
    desk.add("investigation_")
    desk.happen(40)
    away = desk.receiver
    with receiving() as gone:
        pass  # its port is nobody's now
    webhooks.change_webhook(desk.parts, desk.id, "ann", url=gone.address)
    until = desk.at + timedelta(days=1)
    while desk.at < until:
        desk.tell()
        assert desk.now.error == "cannot be connected to"
        desk.at = desk.now.next_try_at or desk.at
    webhooks.change_webhook(desk.parts, desk.id, "ann", url=away.address)
    webhooks.replay(desk.parts, desk.id, "ann")
    for _ in range(3):
        desk.tell()
    assert sorted(set(desk.told())) == sorted(desk.wrote)
    assert (desk.now.dead, desk.now.behind) == (0, 0)


def test_after_long_failure_it_is_switched_off_and_says_so_and_goes_on_from_there(desk: Desk) -> None:
    desk.add("investigation_")
    desk.happen(60)
    began = desk.at
    desk.exhaust(500)
    assert desk.at - began >= PATIENCE
    now = desk.now
    assert now.state is SinkState.OFF
    assert "5 days" in now.why
    assert desk.events()[-1] == "sink_switched_off"
    assert desk.events().count("sink_switched_off") == 1
    count = len(desk.receiver.got)
    desk.turn(timedelta(days=1))
    desk.tell()
    assert len(desk.receiver.got) == count
    desk.receiver.answer = lambda got: 204
    webhooks.change_webhook(desk.parts, desk.id, "ann", on=True)
    webhooks.replay(desk.parts, desk.id, "ann")
    for _ in range(3):
        desk.tell()
    assert set(desk.told()) == set(desk.wrote)
    assert (desk.now.state, desk.now.why, desk.now.dead, desk.now.behind) == (SinkState.ON, "", 0, 0)


def test_a_receiver_that_is_gone_for_good_is_told_nothing_more(desk: Desk) -> None:
    desk.add("investigation_")
    desk.happen(3)
    assert desk.exhaust(410) == 1
    assert desk.now.state is SinkState.OFF
    assert "gone" in desk.now.why


def test_too_many_dead_letters_switch_it_off(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks, "MOST_DEAD", 2)
    desk.add("investigation_")
    desk.happen(6)
    desk.exhaust(404)
    assert (desk.now.state, desk.now.dead) == (SinkState.OFF, 3)
    assert "dead letters" in desk.now.why


def test_one_that_hangs_keeps_no_other_waiting(desk: Desk) -> None:
    release = threading.Event()
    desk.add("investigation_")
    with receiving() as slow:
        slow.answer = lambda got: (release.wait(60) and 204) or 204
        webhooks.add_webhook(desk.parts, slow.address, ["investigation_"], "ann")
        desk.happen(BATCH + 10)

        async def both() -> None:
            stop = asyncio.Event()
            running = asyncio.create_task(Telling(desk.parts, "one").run(stop))
            await asyncio.to_thread(desk.receiver.wait, BATCH + 10)  # more than one turn of the quick one
            assert len(slow.got) <= 1
            release.set()
            await asyncio.to_thread(slow.wait, BATCH + 10)
            stop.set()
            await running

        asyncio.run(both())
    assert len(set(slow.ids)) == BATCH + 10


def test_a_slow_receiver_is_not_waited_for(desk: Desk) -> None:
    release = threading.Event()
    desk.seconds = 0.3
    desk.add("investigation_")
    desk.happen()
    desk.receiver.answer = lambda got: (release.wait(60) and 204) or 204
    desk.tell()
    release.set()
    assert desk.now.error == "did not answer within 0.3 s"
    assert desk.now.behind > 0


def test_two_workers_do_not_tell_the_same_at_once(desk: Desk) -> None:
    desk.add("investigation_")
    desk.happen(50)

    async def both() -> None:
        parts = desk.parts
        await asyncio.gather(*(Telling(parts, name).step() for name in ("one", "two")))

    asyncio.run(both())
    assert desk.told() == desk.wrote


def test_no_more_deliveries_are_remembered_than_needed(desk: Desk) -> None:
    desk.add("investigation_")
    desk.happen(250)
    for _ in range(3):
        desk.tell()
    assert len(desk.receiver.got) == 250
    assert len(desk.deliveries()) == 200
