"""Removal and undo of 10,000 messages over five folders of a real Dovecot, compared by an independent reader.

    benchmarks/undo.py [--format maildir] [--mailboxes N] [--each N] [--doveadm] [--json FILE]

Every message has flags, keywords and a time of arrival of its own (in several time zones). Clawback reads all
mailboxes by IMAP, the URL is listed with automation on, and every message is removed; then the removal is
undone. imaplib, logged in as each owner, writes down all there is to see before and after: folder, bytes,
flags, keywords, INTERNALDATE and Dovecot's GUID. Anything that differs is counted and shown; the UID, which
IMAP cannot keep, is not compared. Ends with 1 when anything differs.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from corpus import machine
from imapclient import IMAPClient
from tests.mailboxes.independent import Seen, everything
from tests.servers.dovecot import PASSWORD, Dovecot, dovecot
from tests.servers.sources import imap_settings

from clawback import app
from clawback.analysis.indicators import IndicatorKind, indicator
from clawback.engine import commands
from clawback.engine.ingest import Synced, sync_all
from clawback.engine.parts import Parts
from clawback.testing.policies import unbraked

FOLDERS = ("INBOX", "Archive/2024", "Projects", "M&APw-ll", "Junk")
KEYWORDS = ("$Forwarded", "project-x", "later", "$label1", "seen-by-boss")
SYSTEM = ("\\Seen", "\\Answered", "\\Flagged", "\\Draft")
URL = "https://login.bad.example/verify?id=17"


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds of each part, the account, and how many messages differ."""

    messages: int
    reading: float
    removal: float
    undo: float
    removed: int
    put_back: int
    gone: int
    differ: int


def fill(server: Dovecot, users: list[str], each: int) -> int:
    """Append messages with flags, keywords and times drawn from a seed."""
    drawn = random.Random(17)
    number = 0
    for user in users:
        client = IMAPClient("127.0.0.1", server.port, ssl=False, timeout=60)
        client.login(user, PASSWORD)
        client.folder_encode = False
        for folder in FOLDERS:
            if not client.folder_exists(folder.encode()):
                client.create_folder(folder.encode())
            for _ in range(each):
                number += 1
                flags = [f for f in (*SYSTEM, *KEYWORDS) if drawn.random() < 0.3]
                zone = timezone(timedelta(minutes=drawn.choice((0, 60, -300, 330))))
                at = datetime(2024, 1, 1, tzinfo=zone) + timedelta(seconds=drawn.randrange(60_000_000))
                client.append(folder.encode(), _letter(number, drawn), flags, at)
        client.logout()
    return number


def _letter(number: int, drawn: random.Random) -> bytes:
    head = f"From: eve@bad.example\r\nTo: all@example.org\r\nSubject: number {number}\r\n"
    text = f"look: {URL}\r\n" + "".join(f"line {drawn.random()}\r\n" for _ in range(drawn.randrange(40)))
    return (head + f"Message-ID: <{number}@bad.example>\r\n\r\n{text}").encode()


def seen(server: Dovecot, users: list[str]) -> dict[str, list[Seen]]:
    """All that each owner can see, but for the UIDs, by folder."""
    found: dict[str, list[Seen]] = {}
    for user in users:
        with server.client(user) as client:
            found[user] = [replace(copy, uid=0) for copy in everything(client)]
    return found


def differing(before: dict[str, list[Seen]], after: dict[str, list[Seen]]) -> list[str]:
    """In words, what is not as it was."""
    found: list[str] = []
    for user, copies in before.items():
        now = after[user]
        if len(now) != len(copies):
            found.append(f"{user}: {len(now)} messages, there were {len(copies)}")
        for one, other in zip(copies, now, strict=False):
            parts = [f.name for f in fields(Seen) if getattr(one, f.name) != getattr(other, f.name)]
            if parts:
                found.append(f"{user} {one.folder}: {', '.join(parts)} differ")
    return found


def play(form: str, mailboxes: int, each: int, doveadm: bool) -> Figures:
    """Once."""
    users = [f"u{n:04d}" for n in range(mailboxes)]
    with (
        dovecot(
            form, users=users, passwd_file=True, auth_cache_size="10M", mail_max_userip_connections=0
        ) as server,
        tempfile.TemporaryDirectory(prefix="undo-") as folder,
    ):
        messages = fill(server, users, each)
        before = seen(server, users)
        command = ["doveadm", "-c", str(server.config)] if doveadm else []
        with app.build(imap_settings(server, Path(folder), mailboxes=users, doveadm=command)) as built:
            started = time.perf_counter()
            built.run(_read)
            reading = time.perf_counter() - started
            commands.set_policy(built.parts, unbraked(), "benchmark")
            started = time.perf_counter()
            listed = indicator(IndicatorKind.URL, URL, added_at=datetime.now(UTC))
            commands.add_indicator(built.parts, listed, "benchmark")
            _finish(built)
            removal = time.perf_counter() - started
            left = sum(map(len, seen(server, users).values()))
            with built.store.read() as unit:
                done = unit.remediations.list()[0][0]
            started = time.perf_counter()
            undone = commands.undo(built.parts, done.id, "benchmark")
            _finish(built)
            undo = time.perf_counter() - started
            with built.store.read() as unit:
                put_back = unit.remediations.get(undone.id).tally.removed
        found = differing(before, seen(server, users))
        for problem in found[:20]:
            print(f"  {problem}")
    return Figures(
        messages, reading, removal, undo, done.tally.removed, put_back, messages - left, len(found)
    )


def _finish(built: app.App) -> None:
    worker = built.worker()

    async def drain(parts: Parts) -> int:
        return await worker.drain()

    built.run(drain)


async def _read(parts: Parts) -> Synced:
    return await sync_all(parts)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--format", default="maildir")
    parser.add_argument("--mailboxes", type=int, default=50)
    parser.add_argument("--each", type=int, default=40, help="messages in each of five folders of a mailbox")
    parser.add_argument("--doveadm", action="store_true", help="move by doveadm instead of by IMAP")
    parser.add_argument("--json", type=Path)
    told = parser.parse_args()
    print(machine())
    figures = play(told.format, told.mailboxes, told.each, told.doveadm)
    way = "doveadm" if told.doveadm else "IMAP"
    print(
        f"{told.format}, {figures.messages:,} messages, {told.mailboxes} mailboxes, 5 folders each, by {way}"
    )
    print(
        f"  first reading     {figures.reading:8.2f} s  {figures.messages / figures.reading:10,.0f} a second"
    )
    print(
        f"  listed to gone    {figures.removal:8.2f} s  {figures.removed / figures.removal:10,.0f} copies/s"
    )
    print(f"  undo              {figures.undo:8.2f} s  {figures.put_back / figures.undo:10,.0f} copies/s")
    print(f"  {figures.gone:,} were out of their owners' sight; after the undo {figures.differ} differ")
    if told.json:
        told.json.write_text(json.dumps(asdict(figures), indent=2))
    sys.exit(1 if figures.differ or figures.gone != figures.messages else 0)


if __name__ == "__main__":
    main()
