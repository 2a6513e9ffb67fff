"""From indicator to last copy removed: 10,000 copies over 200 Maildirs, beside renaming the same files.

    benchmarks/remediate.py [--copies N] [--mailboxes N] [--clean N] [--rounds N] [--json FILE]

Every round builds the mailboxes anew, renames the malicious files away and back with nothing but
os.rename (the bare cost), lets clawback read all mail once (not counted), then lists the URL with
automation on and waits until the work is done: search, plan, approval, every move with intent and
receipt, and a last look at every mailbox that proves the copies gone. Then it undoes all. An
independent search of the raw files says whether exactly the malicious copies were taken and put back.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from corpus import machine

from clawback import app
from clawback.analysis.indicators import IndicatorKind, indicator
from clawback.engine import commands
from clawback.engine.ingest import Synced, sync_all
from clawback.engine.parts import Parts
from clawback.response.plan import Tally
from clawback.settings import OrganisationSettings, Settings, SourceSettings
from clawback.testing.campaigns import Campaign, carriers
from clawback.testing.many import deliver_many
from clawback.testing.organisation import Organisation
from clawback.testing.policies import unbraked

ACTOR = "benchmark"


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds of one round, the account of the removal, and whether the raw files agree."""

    bare_rename: float
    first_reading: float
    removal: float
    undo: float
    removed: int
    failed: int
    right: bool

    @property
    def ratio(self) -> float:
        """How many times the bare renames the removal took."""
        return self.removal / self.bare_rename


def bare_rename(campaign: Campaign, aside: Path) -> float:
    """Seconds for taking every malicious file away, each into a folder of its mailbox's, and nothing else."""
    moves: list[tuple[Path, Path]] = []
    for number, copy in enumerate(campaign.delivered):
        folder = aside / copy.mailbox
        folder.mkdir(parents=True, exist_ok=True)
        moves.append((copy.path, folder / f"{number}.{copy.path.name}"))
    started = time.perf_counter()
    for path, target in moves:
        os.rename(path, target)
    took = time.perf_counter() - started
    for path, target in moves:
        target.rename(path)
    return took


def settings(organisation: Organisation, home: Path) -> Settings:
    """What an administrator would write for these mailboxes."""
    options = {
        "root": str(organisation.root),
        "layout": "{user}/Maildir",
        "address": "{user}@" + organisation.domain,
    }
    return Settings(
        data="clawback",
        home=str(home),
        organisation=OrganisationSettings((organisation.domain,), tuple(organisation.trusted_hops)),
        sources=(SourceSettings("mail", "maildir", options),),
    )


async def _read(parts: Parts) -> Synced:
    return await sync_all(parts)


def _finish(built: app.App) -> None:
    worker = built.worker()

    async def drain(parts: Parts) -> int:
        return await worker.drain()

    built.run(drain)


def remove(built: app.App, campaign: Campaign) -> tuple[float, Tally, str]:
    """List the URL and work until nothing is left to do: seconds, account, and the remediation's id."""
    commands.set_policy(built.parts, unbraked(), ACTOR)
    listed = indicator(IndicatorKind.URL, campaign.indicator, added_at=datetime.now(UTC))
    started = time.perf_counter()
    commands.add_indicator(built.parts, listed, ACTOR)
    _finish(built)
    took = time.perf_counter() - started
    with built.store.read() as unit:
        done = unit.remediations.list()[0][0]
    return took, done.tally, done.id


def undo(built: app.App, remediation_id: str) -> float:
    """Seconds until every copy is back."""
    started = time.perf_counter()
    commands.undo(built.parts, remediation_id, ACTOR)
    _finish(built)
    return time.perf_counter() - started


def play(mailboxes: int, copies: int, clean: int) -> Round:
    """One round in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="remediate-") as folder:
        home = Path(folder)
        organisation, campaign = deliver_many(home / "mail", mailboxes, copies, clean=clean)
        bare = bare_rename(campaign, home / "aside")
        with app.build(settings(organisation, home)) as built:
            started = time.perf_counter()
            built.run(_read)
            reading = time.perf_counter() - started
            removal, tally, remediation_id = remove(built, campaign)
            gone = carriers(organisation.root, campaign.indicator) == set()
            back = undo(built, remediation_id)
        right = gone and carriers(organisation.root, campaign.indicator) == campaign.paths
    return Round(bare, reading, removal, back, tally.removed, tally.failed, right)


def show(rounds: list[Round], copies: int, mailboxes: int) -> None:
    """The figures, medians over the rounds."""
    print(machine())
    print(f"{copies:,} copies over {mailboxes:,} Maildirs, median of {len(rounds)} rounds")
    for name, text in (
        ("bare_rename", "bare os.rename of the files"),
        ("removal", "from indicator to proven gone"),
        ("undo", "undo of everything"),
        ("first_reading", "reading all mail once before"),
    ):
        seconds = statistics.median(getattr(one, name) for one in rounds)
        print(f"  {text:32}{seconds:9.2f} s{copies / seconds:12,.0f} copies/s")
    print(f"  removal takes {statistics.median(one.ratio for one in rounds):,.1f} times the bare renames")
    last = rounds[-1]
    print(
        f"  removed {last.removed:,}, failed {last.failed}; raw files agree: {all(r.right for r in rounds)}"
    )


def main() -> None:
    """Run the benchmark as the options say; ends with 1 when the raw files do not agree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--copies", type=int, default=10_000)
    parser.add_argument("--mailboxes", type=int, default=200)
    parser.add_argument("--clean", type=int, default=2_000, help="messages that must stay")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    rounds = [play(options.mailboxes, options.copies, options.clean) for _ in range(options.rounds)]
    show(rounds, options.copies, options.mailboxes)
    if options.json:
        figures = {
            "copies": options.copies,
            "mailboxes": options.mailboxes,
            "machine": machine(),
            "ratio": round(statistics.median(one.ratio for one in rounds), 2),
            "rounds": [asdict(one) for one in rounds],
        }
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    if not all(one.right for one in rounds):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
