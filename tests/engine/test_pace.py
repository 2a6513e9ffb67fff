"""The bounds that reading keeps: bytes in memory, messages a second; and whose turn it is to be read."""

from __future__ import annotations

import asyncio

import pytest
from tests.engine.virtual_time import run

from clawback.engine.looks import STRAGGLING, Looks
from clawback.engine.pace import Pace, each
from clawback.engine.turns import PATIENCE, Turns

ANN, BEN, CAT = ("main", "ann"), ("main", "ben"), ("main", "cat")


def now() -> float:
    return asyncio.get_running_loop().time()


async def ticks(number: int = 5) -> None:
    """Let everybody else come as far as they can."""
    for _ in range(number):
        await asyncio.sleep(0)


def test_no_more_bytes_are_held_than_there_is_room_for_and_everybody_gets_some() -> None:
    async def story() -> None:
        pace, held, most, served = Pace(most=100), 0, 0, 0

        async def hold(size: int) -> None:
            nonlocal held, most, served
            async with pace.holding(size):
                held += min(size, 100)
                most = max(most, held)
                await asyncio.sleep(size)
                held -= min(size, 100)
                served += 1

        await asyncio.gather(*(hold(size) for size in [30, 60, 5_000, 10, 100, 1, 99, 50, 50, 0]))
        assert (most, served, held) == (100, 10, 0)

    run(story())


def test_who_waits_for_room_in_vain_leaves_nothing_behind() -> None:
    async def story() -> None:
        pace = Pace(most=100)

        async def hold(size: int, gate: asyncio.Event) -> None:
            async with pace.holding(size):
                await gate.wait()

        gate = asyncio.Event()
        first, large, small = (asyncio.create_task(hold(size, gate)) for size in (60, 100, 40))
        await ticks()
        large.cancel()
        await ticks()
        assert (large.cancelled(), small.done()) == (True, False)
        # Cancelled in the very moment in which there is room.
        late = asyncio.create_task(hold(100, gate))
        await ticks()
        first.cancel()
        small.cancel()
        await asyncio.sleep(0)
        late.cancel()
        await asyncio.gather(first, small, late, return_exceptions=True)
        async with asyncio.timeout(1), pace.holding(100):
            pass

    run(story())


@pytest.mark.parametrize(("asks", "seconds"), [([100] * 10, 19.0), ([50], 0.0), ([1_000], 19.0)])
def test_messages_are_fetched_at_the_pace_that_is_set(asks: list[int], seconds: float) -> None:
    async def story() -> float:
        pace = Pace(per_second=50.0)
        for messages in asks:
            await pace.may_fetch(messages)
        return now()

    assert run(story()) == pytest.approx(seconds)
    assert Pace(per_second=50.0).copies(400) == 50
    assert Pace(per_second=0.2).copies(400) == 1
    assert Pace().copies(400) == 400


def test_without_a_pace_nobody_waits() -> None:
    async def story() -> float:
        for _ in range(100):
            await Pace().may_fetch(1_000)
        return now()

    assert run(story()) == 0.0


def test_work_is_done_so_many_at_once_and_the_first_error_ends_it() -> None:
    async def story() -> None:
        running, most, done = 0, 0, []

        async def work(item: int) -> None:
            nonlocal running, most
            running += 1
            most = max(most, running)
            try:
                await asyncio.sleep(1)
                if item == 7:
                    raise LookupError(item)
                done.append(item)
            finally:
                running -= 1

        await each(range(6), work, 4)
        assert (most, sorted(done)) == (4, list(range(6)))
        with pytest.raises(LookupError):
            await each(range(6, 100), work, 4)
        assert running == 0
        assert len(done) < 15
        await each([], work, 4)

    run(story())


def test_a_mailbox_is_read_by_one_at_a_time_and_others_beside_it() -> None:
    async def story() -> float:
        turns, reading = Turns(), []

        async def read(mailbox: str) -> None:
            async with turns.reading("main", mailbox):
                assert mailbox not in reading
                reading.append(mailbox)
                try:
                    await asyncio.sleep(1)
                finally:
                    reading.remove(mailbox)

        waits = asyncio.create_task(read("ann"))
        tasks = [read(mailbox) for mailbox in ("ann", "ben", "ann", "cat", "ben", "ann")]
        await asyncio.sleep(0.5)
        waits.cancel()
        await asyncio.gather(*tasks)
        return now()

    assert run(story()) == pytest.approx(0.5 + 3.0)


def test_a_reading_waits_for_moves_but_not_for_ever() -> None:
    async def story() -> list[tuple[str, float]]:
        turns, told = Turns(), []

        async def read(mailbox: str) -> None:
            async with turns.reading("main", mailbox):
                told.append((mailbox, now()))

        with turns.moving([BEN]), turns.moving([ANN, BEN, ANN]):
            readers = [asyncio.create_task(read(mailbox)) for mailbox in ("ann", "ben", "cat")]
            await ticks()
            with turns.moving([ANN]):
                await asyncio.sleep(PATIENCE / 4)
        await asyncio.gather(*readers)
        with turns.moving([ANN]):
            await read("ann")
        return told

    soon = PATIENCE / 4
    assert run(story()) == [("cat", 0.0), ("ann", soon), ("ben", soon), ("ann", soon + PATIENCE)]


def test_news_goes_before_a_sweep_and_each_mailbox_is_in_hand_once() -> None:
    async def story() -> None:
        looks = Looks()
        begun = looks.sweep([CAT, BEN, ANN])
        looks.news(CAT)
        looks.news(CAT)
        assert await looks.take(news_only=True) == CAT
        assert await looks.take() == ANN
        assert looks.waiting == 1
        looks.news(ANN)
        looks.sweep([ANN, CAT])
        assert looks.pressed(ANN)
        assert await looks.take() == BEN
        only_news = asyncio.create_task(looks.take(news_only=True))
        await ticks()
        assert not only_news.done()
        looks.done(ANN)
        assert await only_news == ANN
        assert not looks.pressed(ANN)
        for key in (ANN, BEN, CAT):
            looks.done(key)
        await looks.ended(begun)
        assert now() == 0.0

    run(story())


def test_a_sweep_does_not_wait_for_a_mailbox_that_hangs() -> None:
    async def story() -> None:
        looks = Looks()
        begun = looks.sweep([ANN, BEN])
        assert await looks.take() == ANN
        ending = asyncio.create_task(looks.ended(begun))
        await asyncio.sleep(STRAGGLING * 3)
        assert not ending.done()  # the other one was not looked at yet
        assert await looks.take() == BEN
        looks.done(BEN)
        await ending
        assert now() == STRAGGLING * 3

    run(story())


def test_what_fails_is_put_off_and_then_tried_by_few_hands() -> None:
    async def story() -> None:
        looks = Looks(again=1)
        for key in (ANN, BEN):
            looks.news(key)
            assert await looks.take() == key
            looks.done(key)
            looks.put_off(key, 30.0)
        looks.news(ANN)
        looks.sweep([ANN, BEN, CAT])
        assert await looks.take() == CAT
        assert looks.waiting == 0
        assert await looks.take() == ANN
        assert now() == 30.0
        second = asyncio.create_task(looks.take())
        await ticks()
        assert not second.done()
        looks.sweep([CAT])
        looks.done(CAT)
        looks.done(ANN)
        assert await second == BEN
        looks.put_off(CAT, 5.0)
        looks.end()

    run(story())


def test_a_closed_source_is_left_alone_but_for_what_is_put_off() -> None:
    async def story() -> None:
        looks, other = Looks(), ("other", "ann")
        begun = looks.sweep([ANN, BEN, other])
        looks.news(BEN)
        looks.close("main")
        looks.put_off(CAT, 60.0)
        looks.news(ANN)
        looks.sweep([ANN, other])
        assert await looks.take() == other
        looks.done(other)
        await looks.ended(begun)
        assert await looks.take() == CAT
        assert now() == 60.0
        looks.open("main")
        looks.done(CAT)
        looks.news(ANN)
        assert await looks.take() == ANN

    run(story())
