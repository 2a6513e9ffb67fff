"""First reading of 2,000 mailboxes with 200,000 messages by IMAP from a Dovecot, and a pass over no news.

    benchmarks/first_sync.py [--mailboxes N] [--each N] [--json FILE]

The mailboxes are written as Maildirs: real messages of up to 8 KB where ../shared/data is, each made its
own by a header, so that each is parsed. Clawback lists, fetches, parses and writes them all down
(index, fingerprints, deliveries; no bodies kept). Then it goes over all mailboxes once more, which have no
news, with the server and by itself. Peak memory is that of clawback's process and its readers together.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from corpus import load, machine
from tests.servers.dovecot import MAIL_UID, Dovecot, dovecot
from tests.servers.sources import imap_settings, processor_seconds

from clawback import app
from clawback.engine.ingest import Synced, sync_all
from clawback.engine.parts import Parts

LARGEST = 8_000
"""Bytes of a message at most."""
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds, messages, bytes of mail, and peak memory in bytes."""

    mailboxes: int
    messages: int
    mail: int
    first: float
    again: float
    peak: int
    server: float


def fill(server: Dovecot, users: list[str], each: int) -> tuple[int, int]:
    """Write the Maildirs; how many messages, and their bytes."""
    corpus = [m for m in load().messages if len(m) < LARGEST]
    number = size = 0
    for user in users:
        maildir = server.mail / user / "Maildir"
        for sub in ("cur", "new", "tmp"):
            (maildir / sub).mkdir(parents=True, exist_ok=True)
        for _ in range(each):
            content = b"X-Number: %d\n" % number + corpus[number % len(corpus)].replace(b"\r\n", b"\n")
            name = f"{1_795_500_000 + number}.M{number}P1.bench,S={len(content)}:2,S"
            (maildir / "cur" / name).write_bytes(content)
            number += 1
            size += len(content)
        for folder, _, names in os.walk(server.mail / user):
            os.chown(folder, MAIL_UID, MAIL_UID)
            for name in names:
                os.chown(Path(folder, name), MAIL_UID, MAIL_UID)
    return number, size


class Memory(threading.Thread):
    """Looks at the memory of this process and its children, and keeps the most."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._over = threading.Event()

    def run(self) -> None:
        """Look ten times a second."""
        while not self._over.wait(0.1):
            self.peak = max(self.peak, _resident(os.getpid()))

    def end(self) -> int:
        """The most there was."""
        self._over.set()
        self.join()
        return self.peak


def _resident(pid: int) -> int:
    total = 0
    try:
        total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                total += _resident(int(child))
    except OSError:
        return total
    return total


def play(mailboxes: int, each: int) -> Figures:
    """Once."""
    users = [f"u{n:05d}" for n in range(mailboxes)]
    with (
        dovecot(
            "maildir", users=users, passwd_file=True, auth_cache_size="10M", mail_max_userip_connections=0
        ) as server,
        tempfile.TemporaryDirectory(prefix="first-") as folder,
    ):
        messages, size = fill(server, users, each)
        memory = Memory()
        memory.start()
        served = processor_seconds(server)
        with app.build(imap_settings(server, Path(folder), mailboxes=users)) as built:
            started = time.perf_counter()
            told = built.run(_read)
            first = time.perf_counter() - started
            assert (told.new, told.unreachable, told.failed) == (messages, 0, 0), told
            served = processor_seconds(server) - served
            started = time.perf_counter()
            told = built.run(_read)
            again = time.perf_counter() - started
            assert (told.new, told.unreachable, told.failed) == (0, 0, 0), told
        return Figures(mailboxes, messages, size, first, again, memory.end(), served)


async def _read(parts: Parts) -> Synced:
    return await sync_all(parts)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mailboxes", type=int, default=2_000)
    parser.add_argument("--each", type=int, default=100)
    parser.add_argument("--json", type=Path)
    told = parser.parse_args()
    print(machine())
    f = play(told.mailboxes, told.each)
    print(f"{f.mailboxes:,} mailboxes, {f.messages:,} messages, {f.mail / 1e6:,.0f} MB")
    rate, bulk = f.messages / f.first, f.mail / f.first / 1e6
    print(f"  first reading {f.first:8.1f} s  {rate:8,.0f} messages/s  {bulk:6.1f} MB/s")
    print(f"  no news       {f.again:8.1f} s  {f.mailboxes / f.again:8,.0f} mailboxes/s")
    print(f"  peak memory {f.peak / 2**20:,.0f} MiB; the server took {f.server:.1f} processor seconds")
    if told.json:
        told.json.write_text(json.dumps(asdict(f), indent=2))


if __name__ == "__main__":
    main()
