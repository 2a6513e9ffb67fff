"""Messages a second that clawback parses, analyses and indexes on one core, beside its peers.

    benchmarks/ingest.py [--limit N] [--rounds N] [--alone] [--json FILE]

One round is one run of every contestant over the same messages, in turn; the figures are medians over
the rounds. Processor seconds count, for other programs may share the machine. For clawback they are
all of: parsing (links, QR codes, PDF, Office, archives), features (entities and fingerprints),
look-ups in the list of indicators, and everything the store writes (SQLite), commits among it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import corpus as corpora
import peers
from peers import Contestant, Measured, pinned

from clawback.analysis.features import extract
from clawback.analysis.indicators import IndicatorKind, indicator
from clawback.message.message import Organisation
from clawback.message.parse import parse
from clawback.store import Store

BATCH = 400
INDICATORS = 20_000
ORGANISATION = Organisation(frozenset({"northwind.example"}), frozenset())


class Stages:
    """Processor seconds by stage, summed over a run."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Count what is done inside as this stage's."""
        start = time.process_time()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.process_time() - start


def clawback(corpus: corpora.Corpus, core: int, stages: Stages) -> Measured:
    """One run from raw bytes to a committed store."""
    with tempfile.TemporaryDirectory(prefix="ingest-") as folder, _store(Path(folder)) as store, pinned(core):
        wall, processor = time.perf_counter(), time.process_time()
        for start in range(0, len(corpus.messages), BATCH):
            _take_in(store, corpus.messages[start : start + BATCH], stages)
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
    return Measured(
        "clawback", len(corpus.messages), processor, wall, 0, "parses, analyses, looks up, indexes"
    )


def _take_in(store: Store, raws: tuple[bytes, ...], stages: Stages) -> None:
    with stages.of("parse"):
        messages = [parse(raw, ORGANISATION) for raw in raws]
    with stages.of("features"):
        readings = [(message, extract(message)) for message in messages]
    with stages.of("store"), store.write() as unit:
        unit.messages.add(readings)
        unit.indicators.matching({entity for _, features in readings for entity in features.entities})


@contextlib.contextmanager
def _store(folder: Path) -> Iterator[Store]:
    store = Store.open(f"sqlite:///{folder / 'clawback.sqlite3'}", folder / "blobs")
    store.migrate()
    now = datetime.now(UTC)
    urls = (f"https://listed-{number}.example/login/{number % 97}" for number in range(INDICATORS))
    listed = [indicator(IndicatorKind.URL, url, added_at=now, source="benchmark") for url in urls]
    with store.write() as unit:
        unit.indicators.add(listed)
    try:
        yield store
    finally:
        store.close()


def measure(corpus: corpora.Corpus, rounds: int, alone: bool) -> tuple[dict[str, list[Measured]], Stages]:
    """All contestants in turn, `rounds` times."""
    core, stages = max(os.sched_getaffinity(0)), Stages()
    results: dict[str, list[Measured]] = {}
    with contextlib.ExitStack() as stack:
        runs: list[tuple[str, Callable[[], Measured] | Contestant]]
        runs = [("clawback", lambda: clawback(corpus, core, stages))]
        runs += [] if alone else list(peers.contestants(corpus, stack, core))
        for number in range(rounds):
            for name, run in runs:
                results.setdefault(name, []).append(run())
                last = results[name][-1]
                rate = last.messages / last.processor
                print(f"round {number + 1}: {name}: {rate:,.0f}/s", flush=True)
    return results, stages


def summary(results: dict[str, list[Measured]]) -> list[dict[str, float | int | str]]:
    """One row a contestant: medians, and how clawback's rate compares."""
    own = statistics.median(run.processor for run in results["clawback"])
    rows: list[dict[str, float | int | str]] = []
    for name, runs in results.items():
        processor = statistics.median(run.processor for run in runs)
        wall = statistics.median(run.wall for run in runs)
        rows.append(
            {
                "name": name,
                "per_processor_second": round(runs[0].messages / processor, 1),
                "per_second": round(runs[0].messages / wall, 1),
                "processor_seconds": round(processor, 3),
                "wall_seconds": round(wall, 3),
                "clawback_is_times_as_fast": round(processor / own, 2),
                "refused": runs[-1].failures,
                "note": runs[-1].note,
            }
        )
    return rows


def show(corpus: corpora.Corpus, rows: list[dict[str, float | int | str]], stages: Stages) -> None:
    """The table, and where clawback's time goes."""
    print(f"\n{corpora.machine()}")
    print(f"{len(corpus.messages):,} messages, {corpus.size / 1e6:.1f} MB: {corpus.label}")
    print(f"{'':30}{'messages per':>16}{'messages per':>14}{'clawback':>10}")
    print(f"{'':30}{'processor second':>16}{'second':>14}{'is times':>10}  does")
    for row in rows:
        refused = f" (refused {row['refused']})" if row["refused"] else ""
        print(
            f"{row['name']:30}{row['per_processor_second']:>16,.0f}{row['per_second']:>14,.0f}"
            f"{row['clawback_is_times_as_fast']:>10.2f}  {row['note']}{refused}"
        )
    total = sum(stages.seconds.values())
    parts = ", ".join(f"{name} {seconds / total:.0%}" for name, seconds in stages.seconds.items())
    print(f"clawback's time: {parts}")
    if missing := peers.missing():
        print(f"not measured, for it is not installed: {', '.join(missing)} (benchmarks/peers.py --install)")


def main() -> None:
    """Run the benchmark as the options say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--limit", type=int, default=0, help="at most so many messages")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--alone", action="store_true", help="clawback only")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    corpus = corpora.load(options.limit)
    results, stages = measure(corpus, options.rounds, options.alone)
    rows = summary(results)
    show(corpus, rows, stages)
    if options.json:
        figures = {
            "corpus": corpus.label,
            "messages": len(corpus.messages),
            "bytes": corpus.size,
            "rounds": options.rounds,
            "machine": corpora.machine(),
            "stages": {name: round(seconds, 3) for name, seconds in stages.seconds.items()},
            "results": rows,
        }
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
