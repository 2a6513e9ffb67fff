"""How quickly the API lists 5,000 investigations, alone and for 20 people at once, on this machine.

    python benchmarks/web_api.py [INVESTIGATIONS]

The server is a process of its own, as `clawback serve` makes it, on SQLite.
"""

from __future__ import annotations

import asyncio
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import aiohttp
from corpus import machine

from clawback import app, settings
from clawback.analysis.clusters import ClusterKind
from clawback.analysis.entities import Entity, EntityKind
from clawback.analysis.indicators import Threat, VerdictKind
from clawback.engine import accounts
from clawback.response.alerts import Alert, AlertKind, Severity
from clawback.response.counts import Places
from clawback.response.investigation import (
    ClusterStanding,
    Investigation,
    InvestigationStatus,
    LogEntry,
)

NOW = datetime(2026, 11, 24, tzinfo=UTC)
STATUSES = list(InvestigationStatus)
ASKED = {
    "the first page of 100": "",
    "a filtered page": "?$top=50&$filter=" + quote("Status eq 'Pending Action'"),
    "sorted and counted": "?$top=50&$orderby=ThreatCount%20desc,CreationTime&$count=true",
    "words in the title": "?$top=50&$filter=" + quote("contains(Investigation, 'host42')"),
}
EACH = 200
PEOPLE = 20


def investigation(n: int) -> Investigation:
    """One of many, with an alert, two clusters and a log."""
    at = NOW - timedelta(minutes=n)
    cause = Entity(EntityKind.URL, f"https://host{n % 97}.example/{n}")
    title = f"Url verdict changed to malicious - {cause.value}"
    alert = Alert(f"alr-{n}", AlertKind.URL_VERDICT_CHANGE, Severity.HIGH, title, cause, at, "feed")
    places = Places(n % 50 + 7, n % 7, 0, n % 50)
    clusters = tuple(
        ClusterStanding(
            f"clu-{n}-{k}",
            kind,
            cause,
            VerdictKind.MALICIOUS,
            Threat.MALICIOUS_URL,
            n % 90,
            n % 90,
            places,
            places,
        )
        for k, kind in enumerate((ClusterKind.MALICIOUS_URL, ClusterKind.SIMILAR_ATTRIBUTES))
    )
    log = tuple(LogEntry(at, "Automation", "cluster_linked", f"line {k} of what happened") for k in range(12))
    return Investigation(
        f"inv-{n:020d}",
        AlertKind.URL_VERDICT_CHANGE,
        title,
        cause,
        STATUSES[n % len(STATUSES)],
        at,
        at + timedelta(minutes=5),
        alerts=(alert,),
        clusters=clusters,
        log=log,
        version=1,
    )


def prepare(folder: Path, count: int) -> str:
    """A store with so many investigations, and a token."""
    (folder / "clawback.toml").write_text("[web]\nport = 0\n")
    with app.build(settings.load(folder / "clawback.toml"), inline=True) as built:
        with built.store.write() as unit:
            for n in range(count):
                unit.investigations.save(investigation(n))
        accounts.first_administrator(built.parts)
        return accounts.new_token(built.parts, accounts.FIRST, "bench", (), 1, "bench")[1]


async def ask(session: aiohttp.ClientSession, url: str, times: int) -> list[float]:
    """How long each of so many answers took, in milliseconds."""
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        async with session.get(url) as answer:
            found = await answer.read()
            assert answer.status == 200, found
        took.append(1_000 * (time.perf_counter() - begun))
    return took


async def measure(address: str, token: str) -> None:
    """Print p50 and p95 of each, alone and together."""
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        for name, query in ASKED.items():
            url = f"{address}/api/air/investigations{query}"
            await ask(session, url, 10)
            alone = await ask(session, url, EACH)
            begun = time.perf_counter()
            together = await asyncio.gather(*(ask(session, url, EACH // PEOPLE) for _ in range(PEOPLE)))
            rate = EACH / (time.perf_counter() - begun)
            crowd = [took for one in together for took in one]
            print(f"{name:22}  alone {_told(alone)}   {PEOPLE} at once {_told(crowd)}, {rate:.0f}/s")


def _told(took: list[float]) -> str:
    ordered = sorted(took)
    return f"p50 {statistics.median(ordered):6.1f} ms  p95 {ordered[int(0.95 * len(ordered))]:6.1f} ms"


def main() -> None:
    """Prepare, serve, measure."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    with tempfile.TemporaryDirectory() as name:
        token = prepare(Path(name), count)
        command = [sys.executable, "-m", "clawback", "--settings", f"{name}/clawback.toml", "serve"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout
            address = server.stdout.readline().rpartition(" ")[2].strip()
            print(f"{machine()}\n{count:,} investigations, {_size(Path(name)) / 1e6:.1f} MB")
            asyncio.run(measure(address, token))
            server.send_signal(signal.SIGTERM)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
