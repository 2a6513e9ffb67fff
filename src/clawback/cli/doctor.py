"""`clawback doctor`: is everything as it must be, and how will each source act?"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from clawback.cli.brake import breaker_line, breaker_now
from clawback.cli.options import as_json
from clawback.cli.session import Session
from clawback.cli.tables import Column, emit
from clawback.errors import ClawbackError

if TYPE_CHECKING:
    from clawback.app import App
    from clawback.engine.parts import Parts

LEAST_FREE = 1 << 30
"""Bytes below which a disk is said to be full soon."""
CLOCK_SECONDS = 5.0
_CAN = {
    "move": "take copies out and put them back",
    "exact_undo": "exactly as they were",
    "delete": "delete for good",
    "append": "put a copy back from its bytes",
    "keywords": "keep keywords",
    "watch": "see mail arrive",
}


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, whether it holds (None: there is nothing to hold), and what was seen."""

    check: str
    ok: bool | None
    seen: str


CHECKS = (
    Column("Check", lambda c: c.check, whole=True),
    Column("Holds", lambda c: {True: "yes", False: "NO", None: ""}[c.ok], whole=True),
    Column("What was seen", lambda c: c.seen, wrap=True),
)


@click.command()
@as_json
@click.pass_obj
def doctor(session: Session, as_json: bool) -> None:
    """Check settings, store, clocks, disk, audit log and every source, and say how each will act and why.

    Changes nothing in any mailbox. Ends with 1 when something does not hold.
    """
    with session.app() as app:
        names, sources = app.run(_sources)
        checks = [*_store(app), _disk(app), *_clocks(app), *_people(app, names), *_sign_in(app), *sources]
    emit(checks, CHECKS, as_json)
    if any(check.ok is False for check in checks):
        raise click.exceptions.Exit(1)


def _store(app: App) -> Iterator[Check]:
    with app.store.read() as unit:
        audit, messages = unit.audit.verify(), unit.messages.count()
        waiting, dead = unit.jobs.waiting(), unit.jobs.given_up()
    yield Check("settings", True, str(app.settings.file))
    yield Check("store", True, f"{app.store.describe()}; {messages:,} messages; keeps {_bodies(app)}")
    yield Check("queue", dead == 0, f"{waiting} pieces of work wait, {dead} were given up")
    seal = (
        f"every seal holds, the last is {audit.head[:12]}"
        if audit.ok
        else f"row {audit.broken_at} was changed"
    )
    yield Check(
        "audit log", audit.ok, f"{audit.rows:,} rows; {seal}" if audit.rows else "nothing has happened yet"
    )


def _bodies(app: App) -> str:
    words = {"none": "no raw mail", "remediated": "the raw mail of what it removes", "all": "all raw mail"}
    return words[app.settings.store.bodies]


def _disk(app: App) -> Check:
    folder = app.settings.data_folder
    usage = shutil.disk_usage(folder)
    seen = f"{usage.free / 2**30:,.1f} of {usage.total / 2**30:,.1f} GiB are free for {folder}"
    return Check("disk", usage.free >= LEAST_FREE, seen)


def _clocks(app: App) -> Iterator[Check]:
    """Whether files and records bear the time of this machine."""
    now = app.parts.now()
    with tempfile.NamedTemporaryFile(dir=app.settings.data_folder, prefix=".clock-") as file:
        written = datetime.fromtimestamp(Path(file.name).stat().st_mtime, UTC)
    with app.store.read() as unit:
        newest = unit.audit.list(after_seq=max(0, unit.audit.count() - 1), limit=1)
    apart = abs((written - now).total_seconds())
    ahead = max((row.at - now).total_seconds() for row in newest) if newest else 0.0
    seen = f"it is {now:%Y-%m-%d %H:%M:%S} UTC; the data folder's disk is {apart:.1f} s apart"
    if ahead > CLOCK_SECONDS:
        seen += f"; the newest record is {ahead:.0f} s in the future"
    yield Check("clock", apart <= CLOCK_SECONDS and ahead <= CLOCK_SECONDS, seen)


def _people(app: App, mailboxes: tuple[str, ...]) -> Iterator[Check]:
    """Whether the domains and the excluded mailboxes of the settings and the policy are ones that exist."""
    from clawback.engine import commands

    known = {mailbox.lower() for mailbox in mailboxes}
    ours = {domain.lower() for domain in app.settings.organisation.domains}
    foreign = sorted({mailbox.rpartition("@")[2] for mailbox in known} - ours)
    domains = ", ".join(sorted(ours)) or "no domains are set"
    seen = f"{domains}; mailboxes of {', '.join(foreign[:5])} are not among them" if foreign else domains
    yield Check("organisation", not foreign and bool(ours), seen)
    policy = commands.policy(app.parts)
    breaker = breaker_now(app.parts)
    on = ", ".join(sorted(kind.value for kind in policy.automatic)) or "nothing"
    yield Check("automation", not breaker.open, f"on for {on}; the breaker is {breaker_line(breaker)}")
    absent = sorted(policy.excluded_mailboxes - known)
    spared = f"{len(policy.excluded_mailboxes)} mailboxes are never touched"
    if absent:
        spared += f"; there is no mailbox {', '.join(absent[:5])}"
    yield Check("exclusions", not absent, spared)
    yield from _reports(app, known)


def _reports(app: App, known: set[str]) -> Iterator[Check]:
    """Where users report mail, and whether those mailboxes are read; nothing when none are set."""
    reporting = app.parts.reporting
    for place in reporting.places:
        people = "anyone" if place.anyone else f"people of {', '.join(sorted(place.domains))}"
        if place.holds_originals:
            yield Check("reports", None, f"what owners move to {place.folder}")
            continue
        found = place.mailbox in known
        seen = f"{place.mailbox} gets those of {people}" if found else f"no source has {place.mailbox}"
        yield Check("reports", found, seen)
    if reporting.places:
        postman = reporting.postman
        yield Check(
            "feedback", None, f"told by {postman.sender}" if postman else "reporters are told nothing"
        )


def _sign_in(app: App) -> Iterator[Check]:
    """Whether the identity provider answers as it must, and its secret can be read; nothing without one."""
    import msgspec

    from clawback.plugins import identity_provider

    oidc = app.settings.web.oidc
    if not oidc.issuer:
        return
    try:
        provider = identity_provider(msgspec.structs.asdict(oidc), Path(app.settings.home))
        provider.relying.secret()
        asyncio.run(provider.check())
    except ClawbackError as error:
        yield Check("OpenID Connect", False, str(error))
        return
    yield Check("OpenID Connect", True, f"{oidc.issuer} answers, and has keys")


async def _sources(parts: Parts) -> tuple[tuple[str, ...], list[Check]]:
    """The mailboxes of every source, and what there is to say about each source."""
    if not parts.connectors:
        return (), [Check("sources", False, "none are set: see `clawback init`")]
    names: list[str] = []
    checks: list[Check] = []
    for name, connector in parts.connectors.items():
        try:
            mailboxes = await connector.mailboxes()
            sentences = await connector.describe()
            can = {str(capability) for capability in connector.capabilities()}
        except ClawbackError as error:
            checks.append(Check(f"source {name}", False, str(error)))
            continue
        names.extend(mailboxes)
        checks += _source(name, mailboxes, can, sentences)
    return tuple(names), checks


def _source(
    name: str, mailboxes: tuple[str, ...], can: set[str], sentences: tuple[str, ...]
) -> Iterator[Check]:
    shown = ", ".join(mailboxes[:3]) + (", ..." if len(mailboxes) > 3 else "")
    found = f"{len(mailboxes):,} mailboxes: {shown}" if mailboxes else "no mailbox is where the layout says"
    yield Check(f"source {name}", bool(mailboxes), found)
    able = ", ".join(words for word, words in _CAN.items() if word in can)
    yield Check("  can", "move" in can, able if "move" in can else f"take nothing out here; {able}")
    for sentence in sentences:
        yield Check("  acts", None, sentence)
