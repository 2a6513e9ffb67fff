"""An investigation with 100,000 members: from the alert to the plan, and the cluster cut again.

    benchmarks/investigation.py [--members N] [--siblings N] [--mailboxes N] [--url URL]

The messages are made and stored first (not counted). Then a URL that all members carry is listed, and the
worker does what follows: the look back, the cluster with a reason for each member, similar messages, where
each copy is now (asked of a mail system in memory), the brake's estimate, and the sealed plan, which waits.
Of the siblings, which carry no URL but have the same text, a similar cluster is made when there are any.
Last, that cluster (or the URL's) is cut again, at a line that half of its members are below. Peak memory is
that of the whole process with the mailboxes in it. Without --url a SQLite file in a temporary folder is
used; any other URL must name an empty database.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import pstats
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from corpus import machine

from clawback.analysis.clusters import ClusterKind, Member
from clawback.analysis.features import Features, extract
from clawback.analysis.indicators import IndicatorKind, indicator
from clawback.app import ease_collector
from clawback.engine import commands
from clawback.engine.parts import Parts
from clawback.engine.reading import InlineReader
from clawback.engine.workflow import Worker
from clawback.mailboxes.memory import MemoryConnector
from clawback.message.delivery import Delivery, DeliveryAction, DeliveryLocation
from clawback.message.message import Message, Organisation
from clawback.message.parse import parse
from clawback.store import Store

URL = "https://login.evil.example/session"
STORY = (
    "Dear colleague, the parcel that you expect could not be handed over because nobody was there. Please "
    "choose another day for the courier and pay the small fee that is still open, else it goes back to the "
    "people who sent it to you. We are sorry for the trouble and wish you a pleasant rest of the week."
)
BATCH = 2_000
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def letter(link: str, domain: str) -> bytes:
    """The raw mail that all of a kind are made of."""
    return (
        f"From: Parcels <desk@{domain}>\r\nTo: user@northwind.example\r\n"
        f"Subject: Your parcel could not be delivered\r\nMessage-ID: <1@{domain}>\r\n"
        f"Date: Tue, 24 Nov 2026 09:00:00 +0000\r\n\r\n{STORY} {link}\r\n"
    ).encode()


def fill(store: Store, mail: MemoryConnector, raw: bytes, first: int, count: int, boxes: list[str]) -> None:
    """So many messages made of one, each with an id of its own and one copy in a mailbox."""
    template = parse(raw, Organisation())
    features = extract(template)
    for start in range(first, first + count, BATCH):
        numbers = range(start, min(start + BATCH, first + count))
        made = [_made(template, features, number) for number in numbers]
        copies = [_copy(mail, m, raw, n, boxes) for n, (m, _) in zip(numbers, made, strict=True)]
        with store.write() as unit:
            unit.messages.add(made, now=NOW - timedelta(hours=1))
            unit.deliveries.save(copies)


def _made(template: Message, features: Features, number: int) -> tuple[Message, Features]:
    message = replace(template, id=f"msg-{number:020}", internet_message_id=f"<{number}@x.example>")
    return message, replace(features, message_id=message.id)


def _copy(mail: MemoryConnector, message: Message, raw: bytes, number: int, boxes: list[str]) -> Delivery:
    at = NOW - timedelta(hours=2)
    seen = mail.deliver(boxes[number % len(boxes)], raw, date=at)
    inbox = DeliveryLocation.INBOX
    return Delivery(
        id=f"dlv-{number:020}",
        message_id=message.id,
        raw_sha256=message.raw_sha256,
        size=len(raw),
        handle=seen.handle,
        flags=seen.flags,
        internal_date=at,
        action=DeliveryAction.DELIVERED,
        original_location=inbox,
        original_folder="INBOX",
        location=inbox,
        located_at=at,
        first_seen=at,
    )


def investigate(parts: Parts) -> tuple[float, float]:
    """List the URL and work until nothing is due: seconds, and processor seconds of this process."""
    listed = indicator(IndicatorKind.URL, URL, added_at=NOW)
    begun, worked = time.perf_counter(), time.process_time()
    commands.add_indicator(parts, listed, "benchmark")
    asyncio.run(Worker(parts, "worker").drain())
    return time.perf_counter() - begun, time.process_time() - worked


def tell(store: Store, took: float, worked: float) -> None:
    """What came of it."""
    with store.read() as unit:
        plans, _ = unit.remediations.list()
        heads = [c for i in unit.investigations.list()[0] for c in unit.clusters.heads_of(i.id)]
        sizes = unit.clusters.sizes([c.id for c in heads])
    for cluster in heads:
        print(f"  {cluster.kind.value}: {sizes[cluster.id]:,} members, {cluster.verdict.value}")
    for plan in plans:
        print(f"  plan: {plan.tally.open:,} copies, {plan.tally.skipped:,} left alone, {plan.status.value}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"from alert to plan: {took:.2f} s ({worked:.2f} s of processor time), peak memory {peak:,.0f} MB")


def cut_again(store: Store, members: int) -> None:
    """A cluster of so many, half of them below the line, cut again and back: seconds of each."""
    with store.write() as unit:
        head = unit.clusters.heads_of(unit.investigations.list()[0][0].id)[0]
        whole = unit.clusters.get(head.id)
        half = [Member(f"msg-x{n:019}", whole.members[0].reasons, 0.75 + n % 2 / 5) for n in range(members)]
        made = replace(whole, id="clu-bench", kind=ClusterKind.NEAR_DUPLICATE, line=0.5, members=tuple(half))
        unit.clusters.save(made, "inv-bench")
    for line in (0.9, 0.5):
        with store.write(durable=True) as unit:
            begun, worked = time.perf_counter(), time.process_time()
            unit.clusters.recut("clu-bench", line)
            size = unit.clusters.sizes(["clu-bench"])["clu-bench"]
        took, worked = time.perf_counter() - begun, time.process_time() - worked
        print(
            f"{members:,} members cut again at {line:g}: {took:.2f} s ({worked:.2f} s of processor time), "
            f"{size:,} are left in"
        )


def play(url: str, folder: Path, args: argparse.Namespace) -> None:
    """Fill, investigate, cut again."""
    boxes = [f"user{n}@northwind.example" for n in range(args.mailboxes)]
    mail = MemoryConnector("mail", boxes)
    store = Store.open(url, folder / "blobs")
    store.migrate()
    begun = time.perf_counter()
    fill(store, mail, letter(URL, "parcels.example"), 0, args.members, boxes)
    if args.siblings:
        fill(store, mail, letter("", "couriers.example"), args.members, args.siblings, boxes)
    print(
        f"{args.members:,} members and {args.siblings:,} siblings made in {time.perf_counter() - begun:.0f} s"
    )
    parts = Parts(store, {"mail": mail}, InlineReader(Organisation()))
    profile = cProfile.Profile()
    run: Callable[[Parts], tuple[float, float]] = investigate
    took = profile.runcall(run, parts) if args.profile else run(parts)
    if args.profile:
        pstats.Stats(profile).sort_stats("cumulative").print_stats(60)
    tell(store, *took)
    cut_again(store, args.members)
    store.close()


def main() -> None:
    """Measure it."""
    parser = argparse.ArgumentParser(description="From alert to plan with very many members.")
    parser.add_argument("--members", type=int, default=100_000)
    parser.add_argument("--siblings", type=int, default=1_000)
    parser.add_argument("--mailboxes", type=int, default=1_000)
    parser.add_argument("--url", default="")
    parser.add_argument("--profile", action="store_true", help="Say where the time goes.")
    args = parser.parse_args()
    print(machine())
    ease_collector()
    with tempfile.TemporaryDirectory(prefix="investigation-") as folder:
        url = args.url or f"sqlite:///{Path(folder) / 'clawback.sqlite3'}"
        play(url, Path(folder), args)


if __name__ == "__main__":
    main()
