"""How the store grows and how fast it answers, on synthetic messages of 27 index keys each.

    benchmarks/store_million.py [--messages N] [--copies N] [--url URL]

Templates, senders and URLs are skewed as in real mail (Zipf: the n-th most popular is 1/n as frequent).
Only the store's own work is timed, not the making of the messages. One URL stands in 10,000 messages
(or a tenth of them), which is the cluster that is looked up at the end. Without --url a SQLite file in
a temporary folder is used; any other URL must name an empty database.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy

from clawback.analysis.entities import Entity, EntityKind
from clawback.analysis.features import Features
from clawback.analysis.fingerprints import Fingerprint
from clawback.message.address import Address
from clawback.message.authentication import Authentication
from clawback.message.delivery import Delivery, DeliveryAction, DeliveryLocation, Handle
from clawback.message.link import Link, LinkLocation
from clawback.message.message import Direction, Message
from clawback.message.received import Hop
from clawback.store import MessageQuery, Store, Unit, database
from clawback.store.index import Index

BATCH = 1_000
PROGRESS = 100_000
LOOKUPS = 2_000
CLUSTER = 10_000
SIGNATURE = 456
"""Bytes of a body's shingles: the mean over the mail of shared/data."""
START = datetime(2026, 1, 1, tzinfo=UTC)
CAMPAIGN = Entity(EntityKind.URL, "https://campaign.example/login")


class World:
    """Makes messages; the same seed makes the same ones."""

    def __init__(self, size: int, seed: int = 1) -> None:
        self.size = size
        self.random = random.Random(seed)
        self.every = max(10, size // CLUSTER)

    def rank(self, most: int) -> int:
        """A popularity rank: 0 is the most popular of so many."""
        return int(most ** self.random.random()) - 1

    def url(self, rank: int) -> str:
        host = f"www.site{rank % 50_000}.example"
        return f"https://{host}/path/{hashlib.md5(str(rank).encode()).hexdigest()[:16]}?id={rank}"

    def message(self, number: int) -> tuple[Message, Features]:
        ranks = [self.rank(self.size) for _ in range(2)]
        urls = [self.url(rank) for rank in ranks]
        if number % self.every == 0:
            urls[0] = CAMPAIGN.value
        template, who = self.rank(self.size // 5 + 2), self.rank(self.size // 20 + 2)
        made = _message(number, template, who, urls)
        return made, _features(made, template, b"\x01" + self.random.randbytes(SIGNATURE))


def _message(number: int, template: int, who: int, urls: list[str]) -> Message:
    domain = f"company{who % 20_000}.example"
    sender = Address(f"Sender Number {who}", f"sender{who}@{domain}")
    at = START + timedelta(seconds=number)
    unique = hashlib.sha256(str(number).encode()).hexdigest()
    return Message(
        id=f"msg-{unique[:20]}",
        raw_sha256=unique[::-1],
        size=8_000 + number % 50_000,
        internet_message_id=f"<{unique[20:44]}@{domain}>",
        subject=f"Your order {template} of {number % 1000} is waiting for you",
        sender=sender,
        envelope_sender=f"bounce-{number % 977}@{domain}",
        to=(Address("", f"user{number % 5_000}@corp.example"),),
        recipients=(f"user{number % 5_000}@corp.example",),
        date=at,
        direction=Direction.INBOUND,
        sending_ip=_ip(who),
        authentication=Authentication("mx.corp.example", "pass", "pass", "fail", "", "", domain, domain),
        hops=(Hop(f"mail.{domain}", _ip(who), "mx.corp.example", "ESMTPS", "", at),),
        links=tuple(_link(url) for url in urls),
    )


def _ip(who: int) -> str:
    return f"198.{who % 200}.{who % 251}.{who % 241}"


def _link(url: str) -> Link:
    host = url.split("/")[2]
    domain = host.partition(".")[2] if host.startswith("www.") else host
    return Link(url, url, LinkLocation.BODY, "a.href", host, domain, part="1.2", text="Click here")


def _features(message: Message, template: int, signature: bytes) -> Features:
    entities = {
        Entity(EntityKind.SENDER, message.sender.address),
        Entity(EntityKind.DOMAIN, message.sender.domain),
        Entity(EntityKind.IP, message.sending_ip),
    }
    for link in message.links:
        entities |= {Entity(EntityKind.URL, link.url), Entity(EntityKind.HOST, link.host)}
    # Sixteen bands, the body and two pairs of attributes; with the Message-ID that makes 27 keys.
    bands = [Fingerprint(f"band.{band:02}", f"{template}/{band}") for band in range(16)]
    rest = [Fingerprint("body", str(template)), Fingerprint("subject;p2_sender", message.subject)]
    rest.append(Fingerprint("p2_sender;sending_ip", f"{message.sender.address};{message.sending_ip}"))
    return Features(message.id, frozenset(entities), (*bands, *rest), signature)


def _deliveries(messages: list[Message], copies: int) -> list[Delivery]:
    return [_delivery(message, copy) for message in messages for copy in range(copies)]


def _delivery(message: Message, copy: int) -> Delivery:
    unique = hashlib.sha256(f"{message.id}/{copy}".encode()).hexdigest()
    mailbox = f"user{int(unique[:6], 16) % 5_000}@corp.example"
    at = message.date or START
    return Delivery(
        id=f"dlv-{unique[:20]}",
        message_id=message.id,
        raw_sha256=message.raw_sha256,
        size=message.size,
        handle=Handle("maildir", mailbox, "INBOX", f"{int(at.timestamp())}.M{unique[:10]}.host", "cur:2,S"),
        flags=frozenset({"\\Seen"}),
        internal_date=at,
        action=DeliveryAction.DELIVERED,
        original_location=DeliveryLocation.INBOX,
        original_folder="INBOX",
        location=DeliveryLocation.INBOX,
        located_at=at,
        first_seen=at,
    )


def fill(store: Store, world: World, copies: int) -> None:
    """Write everything in batches, telling the speed of each hundred thousand."""
    adding = saving = mark = 0.0
    for first in range(0, world.size, BATCH):
        batch = [world.message(number) for number in range(first, min(first + BATCH, world.size))]
        deliveries = _deliveries([message for message, _ in batch], copies)
        adding += _timed(_add, store, batch)
        saving += _timed(_save, store, deliveries)
        done = first + len(batch)
        if done % PROGRESS == 0 or done == world.size:
            run = done % PROGRESS or PROGRESS
            print(f"{done:>10,} messages: {run / (adding - mark):>8,.0f} messages/s", flush=True)
            mark = adding
    print(f"add()   {world.size / adding:>12,.0f} messages/s (27 keys each, batches of {BATCH:,})")
    if copies:
        print(f"save()  {world.size * copies / saving:>12,.0f} deliveries/s")


def _add(store: Store, batch: list[tuple[Message, Features]]) -> None:
    with store.write() as unit:
        unit.messages.add(batch, now=batch[0][0].date)


def _save(store: Store, deliveries: list[Delivery]) -> None:
    with store.write() as unit:
        unit.deliveries.save(deliveries)


def _timed(work: Callable[[Store, list[Any]], None], store: Store, batch: list[Any]) -> float:
    start = time.perf_counter()
    work(store, batch)
    return time.perf_counter() - start


def sizes(url: str) -> Iterator[tuple[str, int]]:
    """(table with its indexes, bytes), largest first."""
    engine = database.engine(url)
    with engine.connect() as connection:
        if database.is_sqlite(connection):
            query = (
                "SELECT m.tbl_name, sum(s.pgsize) FROM dbstat s JOIN sqlite_schema m ON m.name = s.name "
                "WHERE s.aggregate = TRUE GROUP BY 1 ORDER BY 2 DESC"
            )
        else:
            query = (
                "SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relkind = 'r' "
                "AND relnamespace = current_schema()::regnamespace ORDER BY 2 DESC"
            )
        yield from ((name, int(size)) for name, size in connection.execute(sqlalchemy.text(query)))
    engine.dispose()


def grown(url: str, size: int) -> None:
    """Tell the bytes per message, table by table."""
    found = [(name, total) for name, total in sizes(url) if total >= size]
    print(f"growth  {sum(total for _, total in found) / size:>12,.0f} bytes/message, of which")
    for name, total in found:
        print(f"        {total / size:>12,.0f} {name}")


def look_up(store: Store, world: World) -> None:
    """Tell how long look-ups take, each in a unit of its own."""
    common = [Entity(EntityKind.URL, world.url(world.rank(world.size))) for _ in range(LOOKUPS)]
    any_url = [Entity(EntityKind.URL, world.url(world.random.randrange(world.size))) for _ in range(LOOKUPS)]
    absent = [Entity(EntityKind.URL, f"https://absent.example/{n}") for n in range(LOOKUPS)]
    _tell("one URL, any, with its messages", store, any_url, _messages)
    _tell("one URL, by popularity, numbers only", store, common, _numbers)
    _tell("one URL that nobody ever sent", store, absent, _messages)
    _tell("one cluster, with its messages", store, [CAMPAIGN] * 5, _messages)
    _tell("one cluster, where its copies are", store, [CAMPAIGN] * 5, _copies)
    _tell("subject search over all, no hit", store, [CAMPAIGN] * 3, _search)
    _tell("count of all messages", store, [CAMPAIGN] * 3, lambda unit, _: unit.messages.count())


def _messages(unit: Unit, entity: Entity) -> int:
    return sum(1 for _ in unit.messages.sharing([entity]))


def _numbers(unit: Unit, entity: Entity) -> int:
    from clawback.ids import key64

    return len(Index(unit._connection).numbers([key64(entity.kind.value, entity.value)]))


def _copies(unit: Unit, entity: Entity) -> int:
    return len(unit.deliveries.of_messages([message.id for message in unit.messages.sharing([entity])]))


def _search(unit: Unit, _entity: Entity) -> int:
    return len(unit.messages.search(MessageQuery(text="no such words anywhere"))[0])


def _tell(what: str, store: Store, asked: list[Entity], ask: Callable[[Unit, Entity], int]) -> None:
    times, found = [], 0
    for entity in asked:
        start = time.perf_counter()
        with store.read() as unit:
            found += ask(unit, entity)
        times.append((time.perf_counter() - start) * 1_000)
    p50 = statistics.median(times)
    p99 = sorted(times)[int(0.99 * (len(times) - 1))]
    print(f"{what:<38} p50 {p50:>9.3f} ms   p99 {p99:>9.3f} ms   mean answer {found / len(asked):>10,.1f}")


def _machine() -> str:
    return f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"


def main() -> None:
    """Run it all and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--copies", type=int, default=1, help="deliveries of each message")
    parser.add_argument("--url", help="an empty database instead of a temporary SQLite file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = options.url or f"sqlite:///{folder}/clawback.db"
        print(f"{_machine()}, Python {platform.python_version()}, {url.split(':')[0]}")
        store = Store.open(url, Path(folder) / "blobs")
        store.migrate()
        world = World(options.messages)
        fill(store, world, options.copies)
        grown(url, options.messages)
        look_up(store, world)
        store.close()


if __name__ == "__main__":
    main()
