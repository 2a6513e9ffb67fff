"""How quickly the portal and the API answer with a million messages and 5,000 investigations in the store.

    benchmarks/web_pages.py [--folder FOLDER] [--messages N] [--only WORD] [--json FILE] [--minutes M]

Each page and each listing of the API is asked for alone, then by 20 people at once, each of whom asks again
as soon as there is an answer; then 20 people walk through all of them, one page a second each, with their
streams of events open, as people work. The server is a process of its own, as `clawback serve` makes it, on
SQLite. A FOLDER is filled once (some ten minutes) and kept.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import aiohttp
import web_incidents
import web_mail
from corpus import machine
from yarl import URL

from clawback import app, settings
from clawback.analysis.entities import EntityKind
from clawback.engine import accounts
from clawback.engine.day_figures import DAYS, days_of
from clawback.web.portal.addresses import address_of

ALONE = 20
"""Answers that one person waits for, one after the other."""
PEOPLE = 20
EACH = 5
"""Answers that each of the people waits for when they ask at once."""
CLOCK = os.sysconf("SC_CLK_TCK")
MARK = "filled.json"


def pages() -> dict[str, str]:
    """Every page that is measured, and its address; `!` marks the API's."""
    rare, news = "https://host9.example/9", web_mail.NEWSLETTER
    large, small, notice = f"{0:020d}", f"{200:020d}", web_incidents.message_id(web_mail.EVERYBODY)
    url = web_mail.CAMPAIGNS[0]
    day = "since=2026-11-23"
    named = {
        "Overview": "/",
        "Overview, its figures": "/overview/tiles",
        "Investigations": "/investigations",
        "Investigations by status": "/investigations?status=pending_action",
        "Investigations by kind": "/investigations?kind=malicious_file",
        "Investigations by title": "/investigations?text=host42",
        "Investigations since": f"/investigations?{day}",
        **{f"Investigations, -{c}": f"/investigations?sort=-{c}" for c in ("title", "status", "threats")},
        **{f"Investigations, {c}": f"/investigations?sort={c}" for c in ("actions", "changed_at")},
        "Investigation": f"/investigations/inv-{small}",
        "Investigation of 100,000": f"/investigations/inv-{large}",
        "its evidence": f"/investigations/inv-{large}?tab=Evidence",
        "its history": f"/investigations/inv-{large}?tab=History",
        "Action center": "/actions",
        "Action center, pending": "/actions?status=pending",
        "Action": f"/actions/rem-{small}",
        "Action on 100,000": f"/actions/rem-{large}",
        "its failed copies": f"/actions/rem-{large}?result=failed",
        "Explorer": "/explorer",
        "Explorer, words": "/explorer?q=order+17",
        "Explorer, words of none": "/explorer?q=nobody+wrote+this",
        "Explorer, a URL": f"/explorer?q={quote(rare, safe='')}",
        "Explorer, the host": f"/explorer?q={web_mail.HOST}",
        "Explorer, a sender": "/explorer?sender=sender49000%40company9000.example",
        "Explorer, the newsletter": f"/explorer?sender={quote(news)}",
        "Explorer, a mailbox": "/explorer?mailbox=user42%40corp.example",
        "Explorer, a day": f"/explorer?{day}&until=2026-11-24",
        "Explorer, plot of a month": "/explorer/over-time?since=2026-10-25",
        "Explorer, plot of the host": f"/explorer/over-time?host={web_mail.HOST}",
        "Message": f"/messages/{web_incidents.message_id(12_346)}",
        "Message to everybody": f"/messages/{notice}",
        "Clusters": "/clusters",
        "Cluster": f"/clusters/clu-{small}",
        "Cluster of 5,000": f"/clusters/clu-{7:020d}",
        "Cluster of 100,000": f"/clusters/clu-{large}",
        "URL": address_of(EntityKind.URL, rare),
        "URL of a campaign": address_of(EntityKind.URL, url),
        "Host in a third": f"/entities/host/{web_mail.HOST}",
        "File": f"/entities/file/{web_mail.FILE}",
        "Sender of 50,000": f"/entities/sender/{quote(news, safe='')}",
        "Mailbox": "/mailboxes/user42%40corp.example",
        "Submissions": "/submissions",
        "Submissions, open": "/submissions?show=open",
        "Submissions of one": "/submissions?reporter=user7%40corp.example",
        "Submission": f"/submissions/sub-{17_000:020d}",
        "Allow and block list": "/indicators",
        "the list by source": "/indicators?source=manual",
        "Audit": "/audit",
        "Exposure": "/exposure",
        "Sources": "/sources",
        "Policies": "/policies",
        "Settings": "/settings",
    }
    return named | listings()


def listings() -> dict[str, str]:
    """The API's listings, and their addresses."""
    air = "/api/air/investigations"
    named = {
        "! air": air,
        "! air, filtered": f"{air}?$top=50&$filter=" + quote("Status eq 'Pending Action'"),
        "! air, sorted": f"{air}?$top=50&$orderby=ThreatCount%20desc,CreationTime&$count=true",
        "! air, words": f"{air}?$top=50&$filter=" + quote("contains(Investigation, 'host42')"),
    }
    lists = (
        "investigations",
        "clusters",
        "actions",
        "submissions",
        "alerts",
        "messages",
        "indicators",
        "audit",
    )
    return named | {f"! {name}": f"/api/{name}" for name in lists}


def prepare(folder: Path, size: int) -> tuple[str, str]:
    """A filled store in the folder, unless it has one; a password and a token."""
    folder.mkdir(parents=True, exist_ok=True)
    mark, until = folder / MARK, datetime(2026, 11, 24, 16, 30, tzinfo=UTC)
    (folder / "Maildir").mkdir(exist_ok=True)
    source = f'[[sources]]\nname = "maildir"\noptions = {{ root = "{folder / "Maildir"}" }}\n'
    (folder / "clawback.toml").write_text(f"[web]\nport = 0\n\n{source}")
    kept = json.loads(mark.read_text()) if mark.exists() else {}
    with app.build(settings.load(folder / "clawback.toml"), inline=True) as built:
        if "mail" not in kept:
            web_mail.fill(built.store, size, until)
            mark.write_text(json.dumps({"mail": size}))
        if "password" not in kept:
            web_incidents.Incidents(built.store, size, until).fill()
            made = accounts.first_administrator(built.parts)
            assert made is not None
            kept = {"mail": size, "password": made[1]}
            mark.write_text(json.dumps(kept))
        days_of(built.parts, DAYS)
        token = accounts.new_token(built.parts, accounts.FIRST, "bench", (), 1, "bench")[1]
    return kept["password"], token


@contextlib.contextmanager
def served(folder: Path) -> Iterator[tuple[str, int]]:
    """The address and the process of a server on that folder."""
    command = [sys.executable, "-m", "clawback", "--settings", str(folder / "clawback.toml"), "serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        try:
            yield server.stdout.readline().rpartition(" ")[2].strip(), server.pid
        finally:
            server.send_signal(signal.SIGTERM)


def processor(pid: int) -> float:
    """Milliseconds of processor time that a process and its children have had."""
    total = 0
    for name in (pid, *_children(pid)):
        fields = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return 1_000 * total / CLOCK


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(name) for name in text.split()]


class Bench:
    """A server's address, and how people come in."""

    def __init__(self, address: str, pid: int, password: str, token: str) -> None:
        self.address = address
        self.pid = pid
        self.password = password
        self.token = token
        self.bytes: dict[str, int] = {}
        self.refused: dict[str, int] = {}

    async def signed_in(self, session: aiohttp.ClientSession) -> None:
        """Open a session as a browser does."""
        form = {"name": accounts.FIRST, "password": self.password}
        headers = {"Origin": self.address}
        sent = session.post(f"{self.address}/sign-in", data=form, headers=headers, allow_redirects=False)
        async with sent as answer:
            assert answer.status == 303, await answer.text()

    async def ask(self, session: aiohttp.ClientSession, path: str) -> float:
        """How long one answer took, in milliseconds."""
        headers = {"Authorization": f"Bearer {self.token}"} if path.startswith("/api") else {}
        begun = time.perf_counter()
        async with session.get(URL(self.address + path, encoded=True), headers=headers) as answer:
            found = await answer.read()
            if answer.status != 200:
                self.refused[path] = answer.status
        self.bytes[path] = len(found)
        return 1_000 * (time.perf_counter() - begun)

    async def several(self, session: aiohttp.ClientSession, path: str, times: int) -> list[float]:
        """One person who asks again and again."""
        return [await self.ask(session, path) for _ in range(times)]

    async def measure(self, named: dict[str, str], seconds: float) -> dict[str, dict[str, float]]:
        """Every page alone, by everybody at once, and while people walk through all of them."""
        found: dict[str, dict[str, float]] = {}
        async with aiohttp.ClientSession(
            cookie_jar=aiohttp.CookieJar(unsafe=True), connector=aiohttp.TCPConnector(limit=0)
        ) as session:
            await self.signed_in(session)
            for name, path in named.items():
                found[name] = await self._measured(session, path)
                print(_line(name, found[name]), flush=True)
            if seconds:
                for name, took in (await self._walked(session, named, seconds)).items():
                    found[name] |= _told("walk", took)
        for path, status in self.refused.items():
            print(f"refused at least once, with {status}: {path}")
        return found

    async def _measured(self, session: aiohttp.ClientSession, path: str) -> dict[str, float]:
        await self.several(session, path, 2)
        before = processor(self.pid)
        alone = await self.several(session, path, ALONE)
        used = (processor(self.pid) - before) / ALONE
        crowd = await asyncio.gather(*(self.several(session, path, EACH) for _ in range(PEOPLE)))
        together = [took for one in crowd for took in one]
        return (
            {"cpu": used, "kb": self.bytes[path] / 1_000} | _told("alone", alone) | _told("crowd", together)
        )

    async def _walked(
        self, session: aiohttp.ClientSession, named: dict[str, str], seconds: float
    ) -> dict[str, list[float]]:
        took: dict[str, list[float]] = {name: [] for name in named}
        streams = [asyncio.create_task(self._listen(session)) for _ in range(PEOPLE)]
        before, end = processor(self.pid), time.perf_counter() + seconds
        await asyncio.gather(*(self._walk(session, named, took, end, n) for n in range(PEOPLE)))
        busy = (processor(self.pid) - before) / seconds / 10
        for stream in streams:
            stream.cancel()
        every = [one for some in took.values() for one in some]
        told = _told("", every)
        print(
            f"\n{PEOPLE} people, a page a second each, {len(every):,} pages, {len(every) / seconds:.1f}/s: "
            f"p50 {told['p50']:.0f} ms, p95 {told['p95']:.0f} ms; the server used {busy:.0f}% of one core"
        )
        return {name: some for name, some in took.items() if some}

    async def _walk(
        self,
        session: aiohttp.ClientSession,
        named: dict[str, str],
        took: dict[str, list[float]],
        end: float,
        who: int,
    ) -> None:
        """One person, who opens a page each second; the order is the same in every run."""
        chance = random.Random(who)
        await asyncio.sleep(who / PEOPLE)
        while (begun := time.perf_counter()) < end:
            name = chance.choice(list(named))
            took[name].append(await self.ask(session, named[name]))
            await asyncio.sleep(max(0.0, 1 - (time.perf_counter() - begun)))

    async def _listen(self, session: aiohttp.ClientSession) -> None:
        timeout = aiohttp.ClientTimeout(total=None)
        async with session.get(f"{self.address}/api/events", timeout=timeout) as answer:
            async for _ in answer.content:
                pass


def _told(name: str, took: list[float]) -> dict[str, float]:
    ordered, before = sorted(took), f"{name} " if name else ""
    return {f"{before}p50": ordered[len(ordered) // 2], f"{before}p95": ordered[int(0.95 * len(ordered))]}


_COLUMNS = ("cpu", "alone p50", "alone p95", "crowd p50", "crowd p95", "walk p50", "walk p95", "kb")


def _line(name: str, found: dict[str, float]) -> str:
    cells = (f"{found[column]:>10.1f}" if column in found else f"{'':>10}" for column in _COLUMNS)
    return f"{name:28}{''.join(cells)}"


def _head() -> str:
    return f"{'milliseconds':28}{''.join(f'{column:>10}' for column in _COLUMNS)}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--folder", type=Path, help="where the filled store is, or shall be kept")
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--only", default="", help="pages with this word in their names")
    parser.add_argument("--minutes", type=float, default=2.0, help="for how long people walk; 0: not at all")
    parser.add_argument("--json", type=Path, help="where the figures are written, too")
    return parser.parse_args()


def main() -> None:
    """Prepare, serve, measure."""
    options = _options()
    named = {name: path for name, path in pages().items() if options.only.lower() in name.lower()}
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.folder or Path(temporary)).resolve()
        password, token = prepare(folder, options.messages)
        print(
            f"{machine()}\n{options.messages:,} messages, {web_incidents.COUNT:,} investigations\n\n{_head()}"
        )
        with served(folder) as (address, pid):
            bench = Bench(address, pid, password, token)
            found = asyncio.run(bench.measure(named, 60 * options.minutes))
    if options.minutes:
        print("\n".join(("", _head(), *(_line(name, row) for name, row in found.items()))))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
