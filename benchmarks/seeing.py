"""From a delivery that Dovecot has confirmed to knowing whose mailbox to look at, by the log and by pushes.

    benchmarks/seeing.py [--deliveries N] [--mailboxes N] [--json FILE]

A real Dovecot with the configuration of docs/how-to/see-mail-arrive.md takes letters by LMTP, one after
another with a random pause between, each for a random mailbox. The clock starts when the reply to the letter
has come and stops when the follower has answered with that mailbox; a log line is often there before the
reply. Also: how many lines of the log one core reads per second, and what it costs to follow a log in which
nothing happens.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from corpus import machine
from tests.mailboxes import documented
from tests.servers.dovecot import Dovecot, address, dovecot

from clawback.mailboxes.mail_log import MailLog
from clawback.mailboxes.mail_log_lines import parse
from clawback.mailboxes.push import Push

SEED = 20_261_124
LONGEST_PAUSE = 0.1
IDLE = 5.0


@dataclass(frozen=True, slots=True)
class Delay:
    """Milliseconds from the reply to the answer."""

    way: str
    deliveries: int
    median: float
    p95: float
    worst: float


def letter(number: int) -> bytes:
    """A small one."""
    head = f"From: a@example.net\r\nSubject: {number}\r\nMessage-ID: <{number}@example.net>\r\n\r\n"
    return head.encode() + b"Hello.\r\n" * 20


async def delays(
    way: str, server: Dovecot, users: list[str], count: int, answers: AsyncIterator[frozenset[str]]
) -> Delay:
    """Deliver and wait, `count` times."""
    chance = random.Random(SEED)
    told: asyncio.Queue[tuple[float, frozenset[str]]] = asyncio.Queue()

    async def listen() -> None:
        async for touched in answers:
            told.put_nowait((time.perf_counter(), touched))

    listening = asyncio.create_task(listen())
    waited = []
    with server.lmtp() as connection:
        for number in range(count):
            await asyncio.sleep(chance.uniform(0, LONGEST_PAUSE))
            while not told.empty():
                told.get_nowait()
            user = address(chance.choice(users))

            def send(user: str = user, number: int = number) -> float:
                connection.send([user], letter(number))
                return time.perf_counter()

            replied = await asyncio.to_thread(send)
            while user not in (answer := await told.get())[1]:
                pass
            waited.append(max(0.0, answer[0] - replied) * 1000)
    listening.cancel()
    p95 = statistics.quantiles(waited, n=20)[-1]
    return Delay(way, count, statistics.median(waited), p95, max(waited))


def mailbox_of(user: str) -> str:
    """Every user is known, by name or by address."""
    return address(user)


async def by_log(way: str, users: list[str], count: int, extra: str) -> tuple[Delay, bytes]:
    """Follow the log of a server; what it has written too."""
    with dovecot(users=users, extra=extra) as server:
        log = MailLog(server.log, mailbox_of)
        measured = await delays(way, server, users, count, log.follow())
        await log.close()
        return measured, await asyncio.to_thread(server.log.read_bytes)


async def by_push(way: str, users: list[str], count: int) -> Delay:
    """Let the server push."""
    push = Push(mailbox_of, token="token")
    await push.start()
    with dovecot(users=users, extra=documented.exporting_to(push.port, "token")) as server:
        measured = await delays(way, server, users, count, push.follow())
    await push.close()
    return measured


def lines_per_second(log: bytes) -> float:
    """Lines of one core, of a log as it was written."""
    lines = (log * (1 + 20_000_000 // len(log))).splitlines()
    begun = time.process_time()
    for line in lines:
        parse(line)
    return len(lines) / (time.process_time() - begun)


async def cost_of_waiting(path: Path) -> float:
    """Percent of one core, while nothing is written."""
    log = MailLog(path, mailbox_of)
    following = asyncio.ensure_future(anext(log.follow()))
    await asyncio.sleep(0.1)
    begun = time.process_time()
    await asyncio.sleep(IDLE)
    used = time.process_time() - begun
    following.cancel()
    await log.close()
    return 100 * used / IDLE


def show(say: Callable[[str], None], found: list[Delay], lines: float, waiting: float) -> None:
    """For people."""
    say(f"{'way':40} {'deliveries':>10} {'median ms':>10} {'p95 ms':>8} {'worst ms':>9}")
    for delay in found:
        say(f"{delay.way:40} {delay.deliveries:10,} {delay.median:10.1f} {delay.p95:8.1f} {delay.worst:9.1f}")
    say(f"log lines read per second of one core: {lines:,.0f}")
    say(f"following a log in which nothing happens: {waiting:.2f}% of one core")


async def measure(count: int, mailboxes: int) -> tuple[list[Delay], float, float]:
    """All of it."""
    users = [f"u{number:05}" for number in range(mailboxes)]
    unchanged, _ = await by_log("log, unchanged server", users, count, "")
    plugins, log = await by_log("log, with plugins", users, count, documented.configuration("mail_log"))
    pushed = await by_push("events over HTTP", users, count)
    with tempfile.NamedTemporaryFile() as file:
        waiting = await cost_of_waiting(Path(file.name))
    return [unchanged, plugins, pushed], lines_per_second(log), waiting


def main() -> None:
    """Measure, print, and write JSON if asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--deliveries", type=int, default=500)
    parser.add_argument("--mailboxes", type=int, default=200)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    print(machine())
    found, lines, waiting = asyncio.run(measure(options.deliveries, options.mailboxes))
    show(print, found, lines, waiting)
    if options.json:
        told = {"delays": [asdict(delay) for delay in found], "lines_per_second": lines, "waiting": waiting}
        options.json.write_text(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
