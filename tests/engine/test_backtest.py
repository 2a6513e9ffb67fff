from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from tests.engine.live_run import LiveRun, Mail, Moment, differences, picture
from tests.engine.owners import deletes, held, reads

from clawback.analysis.clusters import ClusterKind
from clawback.analysis.indicators import Indicator, IndicatorKind, Match, VerdictKind, indicator
from clawback.engine.backtest import backtest, replayed
from clawback.mailboxes.stand_in import StandIn
from clawback.response.backtest import Backtest
from clawback.response.policy import Policy
from clawback.store import scratch_store

BEGIN = datetime(2026, 11, 2, tzinfo=UTC)
SINCE, UNTIL = BEGIN + timedelta(days=4), BEGIN + timedelta(days=10)
AUTOMATIC = Policy(automatic=frozenset(ClusterKind))
OFF = Policy()
USERS = tuple(f"user{n}@example.org" for n in range(12))


def letter(n: int, sender: str, body: str, at: datetime, to: str) -> bytes:
    return (
        f"From: <{sender}>\r\nTo: {to}\r\nSubject: Note {n}\r\n"
        f"Message-ID: <{n}@{sender.partition('@')[2]}>\r\n"
        f"Date: {at:%a, %d %b %Y %H:%M:%S} +0000\r\n\r\n{body}\r\n"
    ).encode()


def listed(
    value: str,
    at: datetime,
    kind: IndicatorKind = IndicatorKind.URL,
    verdict: VerdictKind = VerdictKind.MALICIOUS,
    source: str = "feed",
    prefix: bool = False,
) -> Indicator:
    match = Match.PREFIX if prefix else Match.EXACT
    return indicator(kind, value, match=match, verdict=verdict, source=source, added_at=at)


def said_to_be_good(value: str, at: datetime) -> Indicator:
    return listed(value, at, verdict=VerdictKind.NO_THREATS_FOUND, source="manual")


def a_week(count: int, seed: int = 5) -> Iterator[Moment]:
    """Letters and campaigns over ten days; lists change in the midst of them."""
    random, at = Random(seed), BEGIN
    step = (UNTIL - BEGIN) / count
    lists = {
        count * 2 // 10: lambda at: Moment(at, listed=(listed("https://one.example/a", at),)),
        count * 5 // 10: lambda at: Moment(
            at,
            listed=(
                listed("https://two.example/", at, prefix=True),
                listed("bad@three.example", at, IndicatorKind.SENDER),
            ),
        ),
        count * 6 // 10: lambda at: Moment(at, listed=(listed("shop.example", at, IndicatorKind.DOMAIN),)),
        count * 7 // 10: lambda at: Moment(at, taken_off=listed("shop.example", at, IndicatorKind.DOMAIN).id),
        count * 8 // 10: lambda at: Moment(at, listed=(said_to_be_good("https://one.example/a", at),)),
    }
    for n in range(count):
        at += step
        kind, user = random.random(), random.choice(USERS)
        body, sender = f"Minutes {n}: https://shop.example/item/{n}", f"desk{n % 5}@partner{n % 7}.example"
        if kind < 0.1 and at > SINCE:
            body, sender = f"Dear {n}, see https://one.example/a now", f"x{n}@mail.example"
        elif kind < 0.2:
            body = f"Dear {n}, see https://two.example/{n % 4} now"
        elif kind < 0.25:
            sender = "bad@three.example"
        mailboxes = {user, *random.sample(USERS, random.choice((0, 0, 1, 3)))}
        yield Moment(at, tuple(Mail(m, letter(n, sender, body, at, m)) for m in sorted(mailboxes)))
        if n % 9 == 4:
            yield Moment(at + step / 4, acts=(reads(user),))
        if n % 31 == 30:
            yield Moment(at + step / 3, acts=(deletes(random.choice(sorted(mailboxes))),))
        if n in lists:
            yield lists[n](at + step / 2)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[LiveRun]:
    made = LiveRun(tmp_path, BEGIN)
    yield made
    made.store.close()


def run(world: LiveRun, policy: Policy) -> Backtest:
    return asyncio.run(backtest(world.parts, StandIn, policy, SINCE, UNTIL))


def test_a_backtest_equals_what_a_live_run_did_member_by_member(world: LiveRun, tmp_path: Path) -> None:
    before = [moment for moment in a_week(400) if moment.at < SINCE]
    during = [moment for moment in a_week(400) if moment.at >= SINCE]
    world.live(before, OFF, SINCE)
    world.live(during, AUTOMATIC, UNTIL)
    folder = tmp_path / "scratch"
    folder.mkdir()
    scratch = scratch_store(folder)
    asyncio.run(replayed(world.parts, scratch, StandIn, AUTOMATIC, SINCE, UNTIL))
    mine, truth = picture(scratch, SINCE), picture(world.store, SINCE)
    assert differences(mine, truth) == []
    scratch.close()


def test_nothing_is_touched_or_written(world: LiveRun) -> None:
    world.live(a_week(120), OFF, UNTIL)
    with world.store.read() as unit:
        head, jobs = unit.audit.head(), unit.jobs.waiting()
    before = {m: held(world.mail, m) for m in USERS}
    found = run(world, AUTOMATIC)
    with world.store.read() as unit:
        assert (unit.audit.head(), unit.jobs.waiting()) == (head, jobs)
    assert {m: held(world.mail, m) for m in USERS} == before
    assert found.taken
