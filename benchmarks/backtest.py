"""Live for weeks with automation on, then go through the same weeks again, and compare member by member.

    benchmarks/backtest.py [--copies N] [--mailboxes N] [--json FILE]

A sample organisation gets mail every ten minutes for 40 days, campaigns among it, into mailboxes in memory
and by a clock that is turned. Lists learn of each campaign hours later; for two days one of them holds the
domain of a news service, and an owner deletes a message now and then. For the first days nothing is
listed; then automation is on, and clawback does what it does. The backtest is of that time, from what the
store knows. At the end everything that can be compared is: investigations, clusters with their members,
candidates and scores, plans with their deeds and skips, receipts, decisions with their reasons and times,
and what is said against each message.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from corpus import machine
from tests.engine.live_run import LiveRun, Mail, Moment, differences, picture
from tests.engine.owners import deletes, reads

from clawback.analysis.clusters import ClusterKind
from clawback.analysis.indicators import IndicatorKind, indicator
from clawback.engine.backtest import replayed
from clawback.engine.reading import PoolReader
from clawback.engine.scoring import score
from clawback.mailboxes.stand_in import StandIn
from clawback.message.message import Organisation as Own
from clawback.response.backtest import Backtest
from clawback.response.policy import Policy
from clawback.store import scratch_store
from clawback.testing.campaigns import deliver_campaign
from clawback.testing.organisation import Organisation, build_organisation

BEGIN = datetime(2026, 10, 1, tzinfo=UTC)
DAYS, QUIET = 40, 8
SLOT = timedelta(minutes=10)
CAMPAIGNS, EACH = 12, 60
NEWS = "northwind-news.example"
SEED = 20_261_124
OFF, ON = Policy(), Policy(automatic=frozenset(ClusterKind))


@dataclass(frozen=True)
class Figures:
    """What was measured. `differ` is how many things are not the same."""

    messages: int
    copies: int
    live_seconds: float
    backtest_seconds: float
    compared: dict[str, int]
    differ: int
    investigations: int
    plans: int
    by_itself: int
    taken: int
    false_positives: int
    peak_mib: int


def main() -> None:
    """Live, go through it again, compare, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--copies", type=int, default=22_000)
    parser.add_argument("--mailboxes", type=int, default=100)
    parser.add_argument("--json", type=Path)
    told = parser.parse_args()
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        figures = play(Path(folder), told.copies, told.mailboxes)
    per_second = figures.copies / figures.backtest_seconds
    print(f"{figures.messages:,} messages, {figures.copies:,} copies in {told.mailboxes} mailboxes")
    print(f"  lived through in {figures.live_seconds:8.1f} s")
    print(f"  backtest in      {figures.backtest_seconds:8.1f} s  {per_second:8,.0f} copies a second")
    print(f"  {figures.plans} plans, {figures.by_itself} by themselves: {figures.taken} copies taken out,")
    print(f"  of these false by later labels: {figures.false_positives}; peak memory {figures.peak_mib} MiB")
    print(f"  compared {figures.compared}: {figures.differ} differ")
    if told.json:
        told.json.write_text(json.dumps(asdict(figures), indent=2))
    sys.exit(1 if figures.differ else 0)


def play(folder: Path, copies: int, mailboxes: int) -> Figures:
    """The whole story."""
    for name in ("mail", "live", "scratch"):
        (folder / name).mkdir()
    organisation = build_organisation(
        folder / "mail", mailboxes=mailboxes, messages=copies - CAMPAIGNS * EACH, seed=SEED, now=BEGIN
    )
    moments = list(story(organisation))
    since, until = BEGIN + timedelta(days=QUIET), BEGIN + timedelta(days=DAYS)
    own = Own(frozenset({organisation.domain}), organisation.trusted_hops)
    run = LiveRun(folder / "live", BEGIN, PoolReader(own, 2))
    begun = time.monotonic()
    run.live([moment for moment in moments if moment.at < since], OFF, since)
    run.live([moment for moment in moments if moment.at >= since], ON, until)
    lived = time.monotonic() - begun
    print(f"lived through in {lived:.1f} s", flush=True)
    begun = time.monotonic()
    scratch = scratch_store(folder / "scratch")
    asyncio.run(replayed(run.parts, scratch, StandIn, ON, since, until))
    found = score(run.store, scratch, ON, since, until)
    took = time.monotonic() - begun
    again, truth = picture(scratch, since), picture(run.store, since)
    for line in differences(again, truth):
        print("  " + line)
    figures = _figures(found, lived, took, again, truth)
    scratch.close()
    run.store.close()
    run.reader.close()
    return figures


def _figures(
    found: Backtest, lived: float, took: float, again: dict[str, object], truth: dict[str, object]
) -> Figures:
    compared, differ = {}, 0
    for name, mine in again.items():
        theirs = truth[name]
        assert isinstance(mine, list)
        assert isinstance(theirs, list)
        compared[name] = len(mine)
        differ += sum((Counter(map(str, mine)) - Counter(map(str, theirs))).values())
        differ += sum((Counter(map(str, theirs)) - Counter(map(str, mine))).values())
    return Figures(
        messages=found.messages,
        copies=found.copies,
        live_seconds=round(lived, 1),
        backtest_seconds=round(took, 1),
        compared=compared,
        differ=differ,
        investigations=found.investigations,
        plans=len(found.runs),
        by_itself=sum(run.by_itself for run in found.runs),
        taken=len(found.taken),
        false_positives=sum(one.label is not None for one in found.taken),
        peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    )


def story(organisation: Organisation) -> Iterator[Moment]:
    """Mail in slots of ten minutes, with owners who read and delete, and lists that change between them."""
    random, slots = Random(SEED), int(timedelta(days=DAYS) / SLOT)
    letters = _everyday(organisation)
    placed = [(n * slots // len(letters), letter) for n, letter in enumerate(letters)]
    changes: dict[int, list[Callable[[datetime], Moment]]] = {}
    for number in range(CAMPAIGNS):
        url = f"https://login{number}.evil-portal{number}.example/session/verify"
        start = random.randrange(int(slots * QUIET / DAYS), slots - 500)
        placed += [(start + random.randrange(300), mail) for mail in _campaign(organisation, url, number)]
        changes.setdefault(start + random.randrange(20, 200), []).append(_lists(IndicatorKind.URL, url))
    changes.setdefault(slots // 2, []).append(_lists(IndicatorKind.DOMAIN, NEWS))
    changes.setdefault(slots // 2 + 288, []).append(_takes_off(IndicatorKind.DOMAIN, NEWS))
    placed.sort(key=lambda pair: pair[0])
    by_slot = {slot: [mail for _, mail in pairs] for slot, pairs in groupby(placed, key=lambda p: p[0])}
    for slot in range(slots):
        at = BEGIN + slot * SLOT
        mail = by_slot.get(slot, [])
        if mail:
            yield Moment(at, tuple(mail))
        if mail and slot % 7 == 3:
            act = deletes if slot % 70 == 3 else reads
            yield Moment(at + SLOT / 5, acts=(act(mail[0].mailbox),))
        for number, change in enumerate(changes.get(slot, ()), 1):
            yield change(at + SLOT / 3 + timedelta(seconds=number))


def _lists(kind: IndicatorKind, value: str) -> Callable[[datetime], Moment]:
    return lambda at: Moment(at, listed=(indicator(kind, value, source="feed", added_at=at),))


def _takes_off(kind: IndicatorKind, value: str) -> Callable[[datetime], Moment]:
    return lambda at: Moment(at, taken_off=indicator(kind, value, source="feed", added_at=at).id)


def _everyday(organisation: Organisation) -> Sequence[Mail]:
    """Every letter of the organisation in the order of its time; one in nine links to the news service."""
    files = sorted(
        (
            path
            for path in organisation.root.rglob("*")
            if path.is_file() and path.parent.name in ("cur", "new")
        ),
        key=lambda path: (path.stat().st_mtime_ns, path.name),
    )
    return [_mail(organisation, path, number) for number, path in enumerate(files)]


def _campaign(organisation: Organisation, url: str, number: int) -> list[Mail]:
    when = organisation.now + timedelta(days=number + 1)
    sent = deliver_campaign(organisation, url=url, copies=EACH, seed=number, now=when)
    return [_mail(organisation, copy.path, -1) for copy in sent.delivered]


def _mail(organisation: Organisation, path: Path, number: int) -> Mail:
    user = path.relative_to(organisation.root).parts[0]
    folder = path.parent.parent.name
    content = path.read_bytes()
    if number >= 0 and number % 9 == 0:
        content = content.replace(b"\n\n", f"\n\nhttps://{NEWS}/item/{number}\n\n".encode(), 1)
    kept = folder.lstrip(".") if folder in (".Sent", ".Junk") else "INBOX"
    return Mail(f"{user}@{organisation.domain}", content, kept)


if __name__ == "__main__":
    main()
