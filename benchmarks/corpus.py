"""The files that benchmarks read: real phishing and ham of the shared data folder, else generated samples."""

from __future__ import annotations

import os
import platform
import random
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from clawback.testing.carriers import message_files
from clawback.testing.organisation import build_organisation

REPOSITORY = Path(__file__).resolve().parent.parent
_FOLDERS = (
    "phish/phishing_pot",
    "ham/spamassassin",
    "ham/csdmc2010",
    "ham/usrp_users",
    "ham/bounces_sisimai",
)
_SAMPLES = 3_000


def machine() -> str:
    """Processor, cores and Python, to stand beside every figure."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        if line.startswith("model name")
    ]
    processor = names[0] if names else platform.machine()
    return f"{processor}, {os.cpu_count()} cores, Python {platform.python_version()}"


@dataclass(frozen=True, slots=True)
class Corpus:
    """Raw messages, and in words where they are from."""

    label: str
    messages: tuple[bytes, ...]

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(map(len, self.messages))

    def write(self, folder: Path) -> None:
        """One file a message, as a Maildir's ``cur``, which every peer can read."""
        for part in ("cur", "new", "tmp"):
            (folder / part).mkdir(parents=True)
        for number, raw in enumerate(self.messages):
            (folder / "cur" / f"{number:06d}.bench:2,S").write_bytes(raw)


def load(limit: int = 0) -> Corpus:
    """The corpus, shuffled the same way every time; at most `limit` messages when that is not 0."""
    shared = Path(os.environ.get("CLAWBACK_SHARED", REPOSITORY.parent / "shared")) / "data"
    paths = [
        p for f in _FOLDERS for p in sorted((shared / f).rglob("*")) if p.is_file() and p.suffix != ".tsv"
    ]
    if paths:
        label, messages = "phishing_pot and ham of shared/data", [path.read_bytes() for path in paths]
    else:
        label, messages = "generated samples (no shared/data here)", _generated()
    random.Random(5).shuffle(messages)
    return Corpus(label, tuple(messages[: limit or None]))


def _generated() -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        build_organisation(Path(folder), messages=_SAMPLES, now=datetime(2026, 11, 1, tzinfo=UTC))
        return [path.read_bytes() for path in message_files(Path(folder))]
