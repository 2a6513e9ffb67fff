"""The replay of a false verdict: what becomes of legitimate mail before the brake holds, and of real phish.

    benchmarks/false_verdict.py [--messages N] [--mailboxes N] [--campaigns N] [--folder DIR] [--json FILE]

An organisation of so many messages (Maildirs; real ham from ../shared/data where it is) in which a third of
the legitimate mail links to one domain. Automation is on for everything, else the policy is as it ships. Each
of these is declared malicious in turn, what was touched is counted, and one retraction must bring it back:

- the domain that a third of all mail links to;
- a newsletter's domain that nobody had seen before last week, and one that began yesterday;
- a price list that suppliers send around;
- the domain of a partner, as a sender;
- a phish in the words of legitimate delivery notices: its URL, and what is similar to it.

Then the contrary: real phish of ../shared/data, each in 30 mailboxes, of this hour, and of five days ago and
half read; its first URL is declared malicious. Printed is how many run at once. Ends with 1 when more
legitimate copies were touched than the policy lets go, or when anything differs after a retraction.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from corpus import machine

from clawback import app
from clawback.analysis.clusters import ClusterKind
from clawback.analysis.indicators import Indicator, IndicatorKind, indicator
from clawback.analysis.matching import carries, keys_of
from clawback.cli.session import finish
from clawback.engine import commands
from clawback.engine.brake import close_breaker
from clawback.engine.ingest import sync_all
from clawback.engine.retract import retract
from clawback.errors import PlanStale
from clawback.message.delivery import Delivery
from clawback.message.message import Organisation as Ours
from clawback.message.parse import parse
from clawback.response.plan import RemediationStatus
from clawback.response.policy import Policy
from clawback.settings import OrganisationSettings, Settings, SourceSettings
from clawback.testing import false_verdicts as legit
from clawback.testing import maildir_tree
from clawback.testing.letters import Desk, Letter, chance
from clawback.testing.mail_samples_outside import parcel
from clawback.testing.organisation import Organisation, build_organisation, checksums, deliver

SHARED = Path(os.environ.get("CLAWBACK_SHARED", "../shared")) / "data"
PHISH = "https://follow.parcel-desk.example/p"
COPIES = 30
"""Mailboxes that get one real phish."""


@dataclass(frozen=True, slots=True)
class Case:
    """One verdict: how many legitimate copies carry what it is about, how many were touched, and the rest."""

    name: str
    legitimate: int
    touched: int
    seconds: float
    waits_because: str
    differ: int
    retracted_in: float


def main() -> None:
    """Build, read, declare, count, retract."""
    args = _arguments()
    folder = Path(args.folder or tempfile.mkdtemp(prefix="false-verdict-"))
    shared = SHARED if (SHARED / "ham").is_dir() else None
    print(machine())
    begun = time.perf_counter()
    organisation = build_organisation(
        folder / "mail", mailboxes=args.mailboxes, messages=args.messages, shared=shared,
        also=legit.shared_link, share=1 / 3, now=datetime.now(UTC).replace(microsecond=0),
    )  # fmt: skip
    more = _legitimate(organisation)
    print(f"built {args.messages + more:,} messages in {time.perf_counter() - begun:.0f} s")
    with app.build(_settings(folder, organisation)) as built:
        begun = time.perf_counter()
        built.run(sync_all)
        finish(built)
        took = time.perf_counter() - begun
        print(f"read them in {took:.0f} s, {(args.messages + more) / took:,.0f} a second")
        commands.set_policy(built.parts, Policy(automatic=frozenset(ClusterKind)), "bench")
        cases = [_case(built, organisation, name, kind, value) for name, kind, value in _verdicts()]
        phish = _phish(built, organisation, shared, args.campaigns) if shared else {}
    for case in cases:
        _print(case)
    for name, fates in phish.items():
        print(f"{fates.total()} real phish {name}:")
        for fate, count in fates.most_common():
            print(f"    {count} {fate}")
    if args.json:
        plain = {"cases": [asdict(case) for case in cases], "phish": phish}
        Path(args.json).write_text(json.dumps(plain, indent=2))
    if not args.folder:
        shutil.rmtree(folder)
    most = Policy().collateral
    held = [c for c in cases if c.touched <= most or c.name.startswith("a newsletter that began")]
    sys.exit(0 if len(held) == len(cases) and not any(c.differ for c in cases) else 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--mailboxes", type=int, default=250)
    parser.add_argument("--campaigns", type=int, default=150)
    parser.add_argument("--folder")
    parser.add_argument("--json")
    return parser.parse_args()


def _settings(folder: Path, organisation: Organisation) -> Settings:
    options = {
        "root": str(organisation.root),
        "layout": "{user}/Maildir",
        "address": "{user}@" + organisation.domain,
    }
    ours = OrganisationSettings((organisation.domain,), tuple(sorted(organisation.trusted_hops)))
    source = SourceSettings("main", "maildir", options)
    return Settings(home=str(folder), organisation=ours, sources=(source,))


def _legitimate(organisation: Organisation) -> int:
    """Deliver the newsletters, the price lists and the imitations of a third of the delivery notices."""
    random, number = chance(5), 1_000_000
    now = organisation.now

    def write(writer: Callable[[Desk], list[Letter]], ages: Iterable[timedelta]) -> None:
        nonlocal number
        for age in ages:
            desk = Desk(random, organisation.people, organisation.domain, now - age)
            for letter in writer(desk):
                number += deliver(organisation, letter, random, number, 1_000_000)

    write(legit.young_newsletter, (timedelta(days=7), timedelta(days=4)))
    write(legit.newest_newsletter, (timedelta(hours=20),))
    write(legit.price_list, (timedelta(hours=random.uniform(1, 60 * 24)) for _ in range(150)))
    write(parcel, (timedelta(hours=random.uniform(1, 60 * 24)) for _ in range(300)))
    write(lambda desk: legit.imitation(desk, PHISH), (timedelta(minutes=n) for n in range(1, 41)))
    return number - 1_000_000


def _verdicts() -> Iterable[tuple[str, IndicatorKind, str]]:
    yield "a domain that a third of all mail links to", IndicatorKind.DOMAIN, legit.SHARED
    yield "a newsletter of last week", IndicatorKind.DOMAIN, legit.YOUNG
    yield "a price list", IndicatorKind.SHA256, legit.prices_sha256()
    yield "a partner who writes to us", IndicatorKind.SENDER, "@haldenfreight.example"
    yield "a phish in the words of legitimate mail", IndicatorKind.URL, PHISH
    yield "a newsletter that began yesterday", IndicatorKind.DOMAIN, legit.NEWEST


def _case(built: app.App, organisation: Organisation, name: str, kind: IndicatorKind, value: str) -> Case:
    before = checksums(organisation.root)
    begun, since = time.perf_counter(), built.parts.now()
    commands.add_indicator(built.parts, _listed(built, kind, value), "feed")
    finish(built)
    took = time.perf_counter() - begun
    gone = before.keys() - checksums(organisation.root).keys()
    phish = _carriers(built, kind, value) if value == PHISH else set()
    bad = {path for path in gone if before[path][0] in phish}
    reasons = _reasons(built, since)
    begun = time.perf_counter()
    retract(built.parts, value, "ann", kind=kind)
    finish(built)
    back = time.perf_counter() - begun
    with contextlib.suppress(PlanStale):
        close_breaker(built.parts, "ann", note="the verdict was wrong, and is taken back")
        print("the breaker had opened, and was closed")
    after = checksums(organisation.root)
    differ = sum(1 for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    return Case(name, len(_copies(built, kind, value)), len(gone - bad), took, reasons, differ, back)


def _listed(built: app.App, kind: IndicatorKind, value: str) -> Indicator:
    return indicator(kind, value, source="feed", added_at=built.parts.now())


def _copies(built: app.App, kind: IndicatorKind, value: str) -> Sequence[Delivery]:
    """The copies that carry it."""
    asked = _listed(built, kind, value)
    with built.store.read() as unit:
        ids = [m.id for m in unit.messages.sharing(keys_of(asked)) if carries(m, asked)]
        return unit.deliveries.of_messages(ids)


def _carriers(built: app.App, kind: IndicatorKind, value: str) -> set[str]:
    """The SHA-256 of the copies that carry it."""
    return {delivery.raw_sha256 for delivery in _copies(built, kind, value)}


def _reasons(built: app.App, since: datetime) -> str:
    """Why what was planned since then waits."""
    with built.store.read() as unit:
        pending, _ = unit.remediations.list(statuses=frozenset({RemediationStatus.PENDING}))
        weighed = [unit.brake.get(action.id) for action in pending if action.made_at >= since]
    return "; ".join(sorted({one.reason for one in weighed if one and one.reason}))


def _print(case: Case) -> None:
    print(f"{case.name}: {case.legitimate:,} copies carry it, {case.touched:,} legitimate ones touched")
    print(f"    {case.seconds:.1f} s; retracted in {case.retracted_in:.1f} s, {case.differ} files differ")
    if case.waits_because:
        print(f"    waits: {case.waits_because}")


def _phish(
    built: app.App, organisation: Organisation, shared: Path, campaigns: int
) -> dict[str, Counter[str]]:
    """Deliver real phish, once of this hour and once older and half read; how many ran at once."""
    found = list(_with_urls(shared, campaigns))
    half = len(found) // 2
    ages = {"of this hour": (found[:half], timedelta(hours=1), False)}
    ages["of five days ago, half of it read"] = (found[half:], timedelta(days=5), True)
    answers: dict[str, Counter[str]] = {}
    for name, (some, age, read) in ages.items():
        for n, (content, _) in enumerate(some):
            _spread(organisation, content, age, read, chance(1_000 * read + n))
        built.run(sync_all)
        finish(built)
        answers[name] = Counter(_fate(built, url) for _, url in some)
    return answers


def _fate(built: app.App, url: str) -> str:
    """Declare a URL malicious; what became of the copies that carry it."""
    commands.add_indicator(built.parts, _listed(built, IndicatorKind.URL, url), "feed")
    finish(built)
    with built.store.read() as unit:
        mine = [a for a in unit.remediations.list(limit=100)[0] if a.key.value == url]
        if not mine:
            return "in another plan already"
        waiting = [a for a in mine if a.status is RemediationStatus.PENDING]
        if not waiting:
            return "all at once"
        weighed = unit.brake.get(waiting[0].id)
        if waiting[0].rest and weighed and not weighed.held:
            return "some first, the others after the wait"
        return f"waits for a person: {re.sub('[0-9,]+', 'N', weighed.reason)[:90] if weighed else ''}"


def _with_urls(shared: Path, most: int) -> Iterable[tuple[bytes, str]]:
    taken: set[str] = set()
    for path in sorted((shared / "phish" / "phishing_pot").glob("*.eml")):
        if len(taken) == most:
            return
        content = path.read_bytes()
        message = parse(content, Ours())
        url = next((link.url for link in message.links if link.url.startswith("http")), "")
        if url and url not in taken and len(content) < 200_000:
            taken.add(url)
            yield content, url


def _spread(organisation: Organisation, content: bytes, age: timedelta, read: bool, random: Random) -> None:
    for n, person in enumerate(random.sample(organisation.people, min(COPIES, len(organisation.people)))):
        arrived = organisation.now - age + timedelta(seconds=n)
        name = maildir_tree.unique_name(arrived, random.randrange(10**9), len(content))
        flags = "S" if read and n % 2 else None
        maildir_tree.put(organisation.maildir(person.user), maildir_tree.INBOX, name, content, arrived, flags)


if __name__ == "__main__":
    main()
