"""Parse every message of the shared data: how many, how fast, the slowest, and the memory it took.

Data: mime/, phish/ and ham/ of the shared data (``CLAWBACK_SHARED`` or ``../shared`` beside the
repository); mailboxes of mbox files are split first. Ends with 1 if a message raised, took more than
2 s, or the process needed more than 500 MB.
"""

from __future__ import annotations

import gzip
import os
import re
import resource
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, process_time

from clawback.message.mime import walk
from clawback.message.parse import parse

SLOWEST_ALLOWED = 2.0
MOST_MEMORY = 500
NOT_MAIL = {".json", ".tsv", ".md"}
FROM_LINE = re.compile(rb"(?m)^From .{0,200}\d{2}:\d{2}.{0,200}$")


@dataclass(slots=True)
class Figures:
    """What was seen so far."""

    messages: int = 0
    size: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    slowest_name: str = ""
    raised: list[str] = field(default_factory=list)
    found: Counter[str] = field(default_factory=Counter)


def shared_data() -> Path:
    """The folder of the shared data."""
    named = os.environ.get("CLAWBACK_SHARED")
    shared = Path(named) if named else Path(__file__).resolve().parents[2] / "shared"
    return shared / "data"


def messages(data: Path) -> Iterator[tuple[str, bytes]]:
    """(name, raw message) of every file there: what is no mail must parse too."""
    for folder in ("mime", "phish", "ham"):
        for path in sorted((data / folder).rglob("*")):
            if not path.is_file() or path.suffix.lower() in NOT_MAIL or path.name.startswith("LICENSE"):
                continue
            raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            yield from _split(path.relative_to(data).as_posix(), raw)


def _split(name: str, raw: bytes) -> Iterator[tuple[str, bytes]]:
    starts = [found.start() for found in FROM_LINE.finditer(raw)] if raw.startswith(b"From ") else []
    if len(starts) < 2:
        yield name, raw
        return
    for number, (start, end) in enumerate(zip(starts, [*starts[1:], len(raw)], strict=True)):
        yield f"{name}#{number}", raw[start:end]


def measure(figures: Figures, name: str, raw: bytes) -> None:
    """Parse one message and keep its figures."""
    started = perf_counter()
    try:
        message = parse(raw)
    except Exception as error:
        figures.raised.append(f"{name}: {error!r}")
        return
    took = perf_counter() - started
    figures.messages += 1
    figures.size += len(raw)
    figures.seconds += took
    if took > figures.slowest:
        figures.slowest, figures.slowest_name = took, name
    figures.found.update(links=len(message.links), attachments=len(message.attachments))
    figures.found.update(parts=len(message.parts), defects=len(message.defects))
    figures.found["messages with a defect"] += bool(message.defects)
    figures.found["messages with a wrapper"] += bool(message.wrappers)


def plain_walk(data: Path) -> str:
    """The walk alone over phishing_pot: heads, parts and offsets, nothing decoded."""
    raws = [path.read_bytes() for path in sorted((data / "phish" / "phishing_pot").glob("*.eml"))]
    started = process_time()
    for raw in raws:
        walk(raw)
    return f"plain walk: {len(raws) / max(process_time() - started, 1e-9):,.0f} messages/s ({len(raws)})"


def main() -> int:
    """Print the figures; 1 if a promise is broken."""
    data = shared_data()
    if not data.is_dir():
        print("no shared data: nothing parsed")
        return 0
    figures = Figures()
    for name, raw in messages(data):
        measure(figures, name, raw)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rate = figures.messages / max(figures.seconds, 1e-9)
    print(
        f"{figures.messages:,} messages, {figures.size / 1e6:,.1f} MB, {rate:,.0f} messages/s with everything"
    )
    print(f"slowest: {figures.slowest:.2f} s, {figures.slowest_name}")
    print(f"peak resident memory: {memory:,.0f} MB")
    print(", ".join(f"{count:,} {word}" for word, count in figures.found.items()))
    print(plain_walk(data))
    for line in figures.raised:
        print("RAISED", line)
    broken = figures.raised or figures.slowest > SLOWEST_ALLOWED or memory > MOST_MEMORY
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
