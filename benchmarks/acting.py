"""Taking copies out of a real Dovecot, by each way clawback has, beside `doveadm move` and the bare renames.

    benchmarks/acting.py [--formats maildir,sdbox] [--shapes 0,1,2,3] [--rounds N] [--json FILE]

For each store and shape a Dovecot with LMTP is started from a temporary folder, mail is delivered (two clean
messages for each mailbox, and the malicious one in those that are hit, with one Message-ID), and then every
way takes all malicious copies out and puts them back, round after round, in an order that turns. What is
counted is taking out: for clawback from known handles to the last receipt with the new handle (flags, date,
GUID and new UID); for doveadm until it ends, which tells nothing. After each, doveadm itself says that no
malicious copy is left in an INBOX, and that all are back.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from corpus import machine
from tests.servers.dovecot import Dovecot, dovecot
from tests.servers.sources import processor_seconds

from clawback.mailboxes.base import Connector, Move
from clawback.mailboxes.imap.connector import ImapConnector
from clawback.mailboxes.imap.options import Access, Login, Mailboxes, Options, Server, Tls
from clawback.mailboxes.maildir import MaildirConnector
from clawback.message.delivery import DeliveryLocation, Observed

BAD = "malicious@bad.example"
GOAL = "Quarantine"
BIG = 2_000
"""Bytes that a malicious letter has at least, and a clean one never."""
_EXTRA = """
service imap {
  process_min_avail = 2
  service_count = 500
}
service imap-login {
  service_count = 0
  process_min_avail = 2
}
mail_always_cache_fields = hdr.message-id hdr.from hdr.subject hdr.date date.received size.virtual
"""


@dataclass(frozen=True, slots=True)
class Shape:
    """How many mailboxes there are, how many of them are hit, and with how many copies each."""

    mailboxes: int
    hit: int
    copies: int

    def __str__(self) -> str:
        return f"{self.mailboxes:,} mailboxes, {self.hit:,} hit, {self.copies} each"

    @property
    def total(self) -> int:
        """Copies to take out."""
        return self.hit * self.copies


SHAPES = (Shape(2_000, 2_000, 1), Shape(2_000, 100, 1), Shape(200, 200, 10), Shape(200, 200, 100))


@dataclass(frozen=True, slots=True)
class Figure:
    """Seconds and processor seconds of one way in one round."""

    way: str
    seconds: float
    undo: float
    server: float
    client: float


class Ground:
    """A running server with its mail, and who is hit."""

    def __init__(self, server: Dovecot, shape: Shape) -> None:
        self.server = server
        self.shape = shape
        self.users = [user(n) for n in range(shape.mailboxes)]
        step = shape.mailboxes // shape.hit
        self.hit = self.users[::step][: shape.hit]

    def fill(self) -> None:
        """Deliver, and let the server index what it has."""
        with self.server.lmtp() as line:
            for n in range(2):
                for some in _chunks(self.users, 50):
                    line.send([_address(u) for u in some], _letter(f"clean-{n}@good.example", 100))
            for _ in range(self.shape.copies):
                for some in _chunks(self.hit, 50):
                    line.send([_address(u) for u in some], _letter(BAD, 400))
        self.doveadm("fetch", "-A", "uid guid hdr.message-id", "mailbox", "INBOX")
        self.doveadm("mailbox", "status", "-A", "messages", GOAL)

    def doveadm(self, *words: str) -> str:
        """Run doveadm to its end."""
        return subprocess.run(self.command(*words), check=True, capture_output=True, text=True).stdout

    def command(self, *words: str) -> list[str]:
        """doveadm on this server."""
        return ["doveadm", "-c", str(self.server.config), *words]

    def left(self) -> int:
        """Malicious copies that doveadm sees in INBOXes."""
        told = self.doveadm(
            "-f", "flow", "fetch", "-A", "uid", "mailbox", "INBOX", "HEADER", "Message-ID", BAD
        )
        return sum(1 for line in told.splitlines() if "uid=" in line)


def user(number: int) -> str:
    """A user's name."""
    return f"u{number:05d}"


def _address(name: str) -> str:
    return f"{name}@example.org"


def _chunks(names: Sequence[str], size: int) -> list[Sequence[str]]:
    return [names[i : i + size] for i in range(0, len(names), size)]


def _letter(message_id: str, words: int) -> bytes:
    subject = "your account" if message_id == BAD else "minutes"
    head = f"From: eve@example.net\r\nTo: all@example.org\r\nSubject: {subject}\r\n"
    head += f"Message-ID: <{message_id}>\r\nDate: Tue, 24 Nov 2026 08:00:00 +0000\r\n\r\n"
    return (head + "hello " * words + "\r\n").encode()


Act = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Way:
    """One way: `prepare` looks up what is known beforehand; `out` takes out, `back` puts back."""

    name: str
    prepare: Act
    out: Act
    back: Act


def by_doveadm(ground: Ground, processes: int) -> Way:
    """The server's own tool over all mailboxes, by Message-ID."""
    query = ["HEADER", "Message-ID", BAD]

    def move(origin: str, goal: str) -> None:
        words = [goal, "mailbox", origin, *query]
        if processes == 1:
            ground.doveadm("move", "-A", *words)
            return
        running = []
        for part in range(processes):
            file = ground.server.config.parent / f"part{part}"
            file.write_text("".join(f"{name}\n" for name in ground.users[part::processes]))
            running.append(
                subprocess.Popen(
                    ground.command("move", "-F", str(file), *words),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )
        for process in running:
            if process.wait():
                raise RuntimeError(f"doveadm ended with {process.returncode}")

    name = f"doveadm move -A, {processes} process{'es' if processes > 1 else ''}"
    return Way(name, lambda: None, lambda: move("INBOX", GOAL), lambda: move(GOAL, "INBOX"))


def by_rename(ground: Ground) -> Way:
    """Nothing but os.rename of the files."""
    pairs: list[tuple[Path, Path]] = []

    def prepare() -> None:
        pairs.clear()
        for name in ground.hit:
            home = ground.server.mail / name
            aside = home / "aside"
            aside.mkdir(exist_ok=True)
            for sub in ("cur", "new"):
                for path in (home / "Maildir" / sub).iterdir():
                    if BAD.encode() in path.read_bytes():
                        pairs.append((path, aside / path.name))

    def out() -> None:
        for path, aside in pairs:
            os.rename(path, aside)

    def back() -> None:
        for path, aside in pairs:
            os.rename(aside, path)

    return Way("bare rename of the files", prepare, out, back)


class Hands:
    """A way by a connector: handles known from a listing, out by one bulk move, back by another."""

    def __init__(self, name: str, ground: Ground, connector: Connector) -> None:
        self.name = name
        self._ground = ground
        self._connector = connector
        self._runner = asyncio.Runner()
        self._known: list[Observed] = []
        self._away: list[Observed] = []

    def way(self) -> Way:
        """As a way."""
        return Way(self.name, self.prepare, self.out, self.back)

    def prepare(self) -> None:
        """List the mailboxes that are hit; the copies are known by their size."""
        self._known = self._runner.run(self._listed())
        assert len(self._known) == self._ground.shape.total, len(self._known)

    def out(self) -> None:
        """To the place that soft deleted copies go to."""
        self._away = self._runner.run(self._moved(self._known, None))

    def back(self) -> None:
        """To where they were."""
        self._runner.run(self._moved(self._away, "INBOX"))

    def close(self) -> None:
        """Let go."""
        self._runner.run(self._connector.close())
        self._runner.close()

    async def _listed(self) -> list[Observed]:
        few = asyncio.Semaphore(8)

        async def one(name: str) -> list[Observed]:
            async with few:
                told = await self._connector.list(_address(name), {})
            return [c for f in told if f.folder == "INBOX" for c in f.copies or ()]

        found = [copy for copies in await asyncio.gather(*map(one, self._ground.hit)) for copy in copies]
        return [copy for copy in found if copy.size > BIG]

    async def _moved(self, copies: Sequence[Observed], goal: str | None) -> list[Observed]:
        moves = []
        for copy in copies:
            handle = copy.handle
            folder = goal or await self._connector.folder_of(
                handle.mailbox, DeliveryLocation.QUARANTINE, handle.folder
            )
            moves.append(Move(handle, folder))
        answers = await self._connector.move(moves)
        wrong = [answer for answer in answers if not isinstance(answer, Observed)]
        if wrong:
            raise RuntimeError(f"{len(wrong)} of {len(answers)} were not moved: {wrong[0]!r}")
        return [answer for answer in answers if isinstance(answer, Observed)]


def ways_of(ground: Ground) -> tuple[list[Way], list[Hands]]:
    """Every way for this ground, and what must be closed."""
    server = ground.server
    told = Options(
        Server("127.0.0.1", server.port, Tls.NONE),
        Login(Access.MASTER, server.master_user, lambda: server.master_password),
        mailboxes=Mailboxes(listed=tuple(ground.hit)),
    )
    hands = [Hands("clawback by IMAP", ground, ImapConnector("imap", told))]
    command = tuple(ground.command())
    hands.append(
        Hands("clawback by doveadm", ground, ImapConnector("doveadm", replace(told, doveadm=command)))
    )
    ways = [by_doveadm(ground, 1), by_doveadm(ground, 2)]
    if server.options.format == "maildir":
        ways.append(by_rename(ground))
        hands.append(Hands("clawback on the Maildirs", ground, MaildirConnector("maildir", server.mail)))
    return [*ways, *(hand.way() for hand in hands)], hands


def measured(ground: Ground, way: Way) -> Figure:
    """One way, once out and once back, each looked at by doveadm."""
    way.prepare()
    before, ours, children = processor_seconds(ground.server), time.process_time(), _children()
    started = time.perf_counter()
    way.out()
    seconds = time.perf_counter() - started
    server = processor_seconds(ground.server) - before + _children() - children
    client = time.process_time() - ours
    if left := ground.left():
        raise RuntimeError(f"{way.name}: {left} malicious copies are left")
    started = time.perf_counter()
    way.back()
    undo = time.perf_counter() - started
    if (there := ground.left()) != ground.shape.total:
        raise RuntimeError(f"{way.name}: {there} of {ground.shape.total} copies are back")
    return Figure(way.name, seconds, undo, server, client)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def play(form: str, shape: Shape, rounds: int) -> list[Figure]:
    """All rounds of one store and shape."""
    users = [user(n) for n in range(shape.mailboxes)]
    with dovecot(
        form,
        users=users,
        passwd_file=True,
        auth_cache_size="10M",
        mail_log=True,
        mail_max_userip_connections=0,
        extra=_EXTRA,
    ) as server:
        ground = Ground(server, shape)
        ground.fill()
        ways, hands = ways_of(ground)
        figures: list[Figure] = []
        try:
            for round_number in range(rounds):
                for place in range(len(ways)):
                    figures.append(measured(ground, ways[(place + round_number) % len(ways)]))
        finally:
            for hand in hands:
                hand.close()
    return figures


def report(form: str, shape: Shape, figures: Sequence[Figure]) -> None:
    """Medians, and the ratio to the better doveadm."""
    names = list(dict.fromkeys(figure.way for figure in figures))

    def median(name: str, of: Callable[[Figure], float]) -> float:
        return statistics.median(of(figure) for figure in figures if figure.way == name)

    best = min(median(n, lambda f: f.seconds) for n in names if n.startswith("doveadm"))
    print(f"\n{form}: {shape} (medians of {len(figures) // len(names)} rounds)")
    print(f"  {'way':<30}{'copies/s':>10}{'ratio':>8}{'undo/s':>10}{'server s':>10}{'client s':>10}")
    for name in names:
        seconds, back = median(name, lambda f: f.seconds), median(name, lambda f: f.undo)
        print(
            f"  {name:<30}{shape.total / seconds:>10,.0f}{best / seconds:>8.2f}{shape.total / back:>10,.0f}"
            f"{median(name, lambda f: f.server):>10.2f}{median(name, lambda f: f.client):>10.2f}"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--formats", default="maildir,sdbox")
    parser.add_argument("--shapes", default="0,1,2,3")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    told = parser.parse_args()
    print(machine())
    everything: list[dict[str, object]] = []
    for form in told.formats.split(","):
        for number in told.shapes.split(","):
            shape = SHAPES[int(number)]
            figures = play(form, shape, told.rounds)
            report(form, shape, figures)
            everything += [{"format": form, "shape": str(shape), **asdict(figure)} for figure in figures]
    if told.json:
        told.json.write_text(json.dumps(everything, indent=2))


if __name__ == "__main__":
    main()
