from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from tests.engine.live_run import LiveRun, Mail, Moment, differences, picture
from tests.engine.owners import deletes, held, reads

from clawback.analysis.clusters import ClusterKind
from clawback.analysis.indicators import Indicator, IndicatorKind, Match, VerdictKind, indicator
from clawback.engine import commands
from clawback.engine.backtest import backtest, replayed
from clawback.engine.retract import retract
from clawback.engine.workflow import Worker
from clawback.mailboxes.stand_in import StandIn
from clawback.response.backtest import Backtest, Label
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


HOUR = timedelta(hours=1)
URL = "https://one.example/a"


def short(world: LiveRun, policy: Policy, *, undone: bool = False) -> None:
    """Six letters with a URL and two without in six hours; after the third the URL is listed."""
    moments = [
        Moment(
            BEGIN + n * HOUR / 2, (Mail(USERS[n % 3], letter(n, f"x{n}@mail.example", body, BEGIN, "you")),)
        )
        for n, body in enumerate([f"see {URL}"] * 3 + ["Minutes"] + [f"see {URL}"] * 3 + ["Minutes"])
    ]
    at = BEGIN + HOUR + HOUR / 4
    moments.insert(3, Moment(at, listed=(listed(URL, at),)))
    world.live(moments, policy, BEGIN + 5 * HOUR)
    if undone:
        with world.store.read() as unit:
            done = [a for a in unit.remediations.list()[0] if a.tally.removed]
        for action in done:
            commands.undo(world.parts, action.id, "ann")
        asyncio.run(Worker(world.parts, "ann").drain())
    world.live([], None, BEGIN + 6 * HOUR)


def backtested(world: LiveRun, policy: Policy) -> Backtest:
    return asyncio.run(backtest(world.parts, StandIn, policy, BEGIN, BEGIN + 6 * HOUR))


def test_exposure_is_counted_up_to_when_a_copy_left_in_truth(world: LiveRun) -> None:
    short(world, OFF)
    found = backtested(world, AUTOMATIC)
    assert (found.messages, found.copies, len(found.taken)) == (8, 8, 6)
    assert (found.messages_taken, found.mailboxes_touched) == (6, 3)
    ends = [6 * HOUR - (one.at - BEGIN) for one in found.taken]
    assert [one.saved for one in found.taken] == ends
    assert all(one.label is None for one in found.taken)
    assert {run.by_itself for run in found.runs} == {True}


def test_a_setting_that_was_live_saves_nothing(world: LiveRun) -> None:
    short(world, AUTOMATIC)
    found = backtested(world, AUTOMATIC)
    assert len(found.taken) == 6
    assert found.saved == timedelta()


def test_what_would_have_waited_is_told_with_its_reason(world: LiveRun) -> None:
    short(world, OFF)
    off, small = backtested(world, OFF), backtested(world, replace(AUTOMATIC, limit=2))
    assert (off.taken, {w.reason for w in off.waits}) == ((), {"auto-remediation is off for malicious_url"})
    assert "3 copies are over the limit of 2" in {w.reason for w in small.waits}
    shadow = backtested(world, replace(AUTOMATIC, shadow=True))
    assert shadow.taken == ()
    assert any(w.reason.startswith("shadow mode: would have run") for w in shadow.waits)


def test_copies_that_a_person_had_put_back_are_false_positives(world: LiveRun) -> None:
    short(world, AUTOMATIC, undone=True)
    found = backtested(world, AUTOMATIC)
    assert found.labelled(Label.PUT_BACK) == len(found.taken) == 6


@pytest.mark.parametrize("kept", [True, False])
def test_copies_whose_verdict_was_taken_back_are_false_positives(world: LiveRun, kept: bool) -> None:
    short(world, OFF)
    if kept:
        with world.store.write() as unit:
            unit.indicators.add([said_to_be_good(URL, world.clock.at)])
    else:
        retract(world.parts, URL, "ann", allow=False)
    found = backtested(world, AUTOMATIC)
    assert len(found.taken) == 6
    assert found.labelled(Label.GOOD if kept else Label.TAKEN_BACK) == 6
