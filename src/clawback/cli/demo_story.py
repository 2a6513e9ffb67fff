"""The story that `clawback demo` plays, step by step, each with what must come of it."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click
from rich.console import Console

from clawback.analysis.clusters import ClusterKind
from clawback.analysis.indicators import Indicator, IndicatorKind, Match, VerdictKind, indicator
from clawback.cli.columns import MEMBERS, REMEDIATIONS, places
from clawback.cli.outcome import account
from clawback.cli.progress import Bar
from clawback.cli.session import finish
from clawback.cli.tables import emit
from clawback.engine import commands
from clawback.engine.ingest import Synced, sync_all
from clawback.engine.parts import Parts
from clawback.response import defender
from clawback.response.investigation import Investigation, InvestigationStatus
from clawback.response.plan import Remediation, RemediationStatus
from clawback.response.policy import Policy
from clawback.settings import OrganisationSettings, Settings, SourceSettings
from clawback.testing.campaigns import Campaign, Shape, deliver_campaign, deliver_late_copy
from clawback.testing.carriers import carriers
from clawback.testing.checksums import checksums
from clawback.testing.organisation import Organisation, build_organisation

if TYPE_CHECKING:
    from clawback.app import App

T = TypeVar("T")
Sums = dict[str, tuple[str, int, int]]
ACTOR = "you"
LATE_SECONDS = 30.0
SETTLE_SECONDS = 1.5
"""Until every mailbox was looked at once and the watch is up; only the measured time depends on it."""


class Story:
    """One telling. `play` tells it, `summary` says what held."""

    def __init__(self, root: Path, *, mailboxes: int, messages: int, shared: Path | None) -> None:
        self._root = root
        self._size = (mailboxes, messages)
        self._shared = shared
        self._console = Console(highlight=False)
        self._outcomes: list[tuple[str, bool]] = []
        self._step = 0

    def play(self) -> None:
        """Tell it from beginning to end."""
        from clawback import app

        organisation = self._found()
        with (
            Bar(sys.stdout) as bar,
            app.build(self._settings(organisation), progress=bar) as built,
        ):
            self._read(built)
            campaign = self._attack(built, organisation)
            rest = self._rest(organisation, campaign)
            before = checksums(organisation.root)
            first = self._turn(built, campaign)
            self._stays(organisation, rest, "the clean rest is untouched, byte for byte")
            self._late(built, organisation, campaign)
            self._back(built, organisation, first, before)
            self._prove(built)
        self._where_next()

    def summary(self) -> bool:
        """Print every outcome; True only if all held."""
        self._say("\n[bold]What was checked[/bold]")
        for text, held in self._outcomes:
            self._say(f"  {'[green]held  [/green]' if held else '[red]FAILED[/red]'}  {text}")
        failed = sum(1 for _, held in self._outcomes if not held)
        self._say(f"{len(self._outcomes) - failed} of {len(self._outcomes)} outcomes held")
        return failed == 0

    def _found(self) -> Organisation:
        mailboxes, messages = self._size
        real = "real mail from ../shared" if self._shared else "made-up mail"
        self._title(f"An organisation: {mailboxes} Maildirs, {messages} messages ({real})")
        made = self._timed(
            lambda: build_organisation(
                self._root / "mail", mailboxes=mailboxes, messages=messages, shared=self._shared
            )
        )
        self._check(f"{mailboxes} mailboxes were made", len(made.users) == mailboxes)
        return made

    def _settings(self, organisation: Organisation) -> Settings:
        options = {
            "root": str(organisation.root),
            "layout": "{user}/Maildir",
            "address": "{user}@" + organisation.domain,
        }
        return Settings(
            data="clawback",
            home=str(self._root),
            organisation=OrganisationSettings((organisation.domain,), (f"mx.{organisation.domain}",)),
            sources=(SourceSettings("demo", "maildir", options),),
        )

    def _read(self, app: App) -> None:
        self._title("clawback reads every mailbox once")
        seen = self._timed(lambda: app.run(_read_all))
        self._say(f"  {seen.mailboxes} mailboxes, {seen.new} copies, {seen.failed} not readable")
        self._check(f"all {self._size[1]} copies were read", seen.new >= self._size[1] and not seen.failed)

    def _attack(self, app: App, organisation: Organisation) -> Campaign:
        self._title("A phishing campaign is delivered; nobody knows its URL yet")
        campaign = deliver_campaign(organisation)
        seen = app.run(_read_all)
        finish(app)
        self._say(f"  {len(campaign.delivered)} personalised copies carry {campaign.url}")
        self._say(
            "  as " + ", ".join(sorted({copy.variant.replace("_", " ") for copy in campaign.delivered}))
        )
        with app.store.read() as unit:
            quiet = not unit.investigations.list()[0]
        self._check("no alarm while nothing is listed", quiet and seen.malicious == 0)
        second = carriers(organisation.root, campaign.indicator)
        self._check("an independent search of the raw files finds the same copies", second == campaign.paths)
        return campaign

    def _rest(self, organisation: Organisation, campaign: Campaign) -> Sums:
        bad = {str(copy.path.relative_to(organisation.root)) for copy in campaign.delivered}
        return {p: sums for p, sums in checksums(organisation.root).items() if p not in bad}

    def _stays(self, organisation: Organisation, rest: Sums, text: str) -> None:
        now = checksums(organisation.root)
        self._check(text, all(now.get(path) == sums for path, sums in rest.items()))

    def _turn(self, app: App, campaign: Campaign) -> Remediation:
        self._title("Auto-remediation is turned on, and the URL turns malicious")
        self._say("  Set-AutomatedInvestigationRemediation -EnableAutoRemediation '$true'")
        commands.set_policy(app.parts, Policy(automatic=frozenset(ClusterKind)), ACTOR)
        self._say(f"  clawback indicators add {campaign.indicator}")

        def hunt() -> int:
            commands.add_indicator(app.parts, _listing(app, campaign), ACTOR)
            return finish(app)

        self._timed(hunt)
        with app.store.read() as unit:
            investigation = unit.investigations.list()[0][0]
            done = unit.remediations.list()[0][0]
            cluster = unit.clusters.get(done.cluster_id)
        emit(cluster.members[:6], MEMBERS, False)
        self._say(f"  ... {len(cluster.members)} messages in all, each with its reason")
        emit([done], REMEDIATIONS, False)
        self._say(f"  investigation: {defender.INVESTIGATION_STATUS[investigation.status]}")
        carried = len(campaign.delivered)
        self._check(f"exactly the {carried} copies were removed", done.tally.removed == carried)
        self._check("the account adds up: " + account(done.tally), _adds_up(done))
        self._check(
            "the files are gone from the mailboxes", not any(c.path.exists() for c in campaign.delivered)
        )
        self._check("the investigation is Remediated", _is_remediated(investigation))
        return done

    def _late(self, app: App, organisation: Organisation, campaign: Campaign) -> None:
        self._title("clawback up: a late copy arrives")
        took = app.run(lambda parts: _catch(app, parts, organisation, campaign))
        if took is not None:
            self._say(f"  delivered, seen, judged and removed in {took * 1000:.0f} ms")
        self._check("the late copy was caught on arrival", took is not None)

    def _back(self, app: App, organisation: Organisation, first: Remediation, before: Sums) -> None:
        self._title("Suppose that was a mistake: undo")
        self._say(f"  Undo-AutomatedInvestigationAction -ActionId {first.id}")

        def undo() -> int:
            commands.undo(app.parts, first.id, ACTOR)
            return finish(app)

        self._timed(undo)
        with app.store.read() as unit:
            back = unit.remediations.list()[0][0]
            members = [m.message_id for m in unit.clusters.get(first.cluster_id).members]
            where = places(unit.deliveries.of_messages(members))
        emit([back], REMEDIATIONS, False)
        self._say(f"  copies are in: {where}")
        now = checksums(organisation.root)
        self._check("every copy was put back", back.tally.removed == first.tally.removed)
        same = all(now.get(path) == sums for path, sums in before.items())
        self._check("folder, name, flags, keywords, time and bytes of every file are as before", same)

    def _prove(self, app: App) -> None:
        with app.store.read() as unit:
            check = unit.audit.verify()
        self._check(f"the audit log of {check.rows} rows holds", check.ok)

    def _where_next(self) -> None:
        self._title("Your own mailboxes")
        self._say(
            "  .venv/bin/clawback init --root /var/vmail --layout '{user}/Maildir' --domain example.org"
        )
        self._say("  .venv/bin/clawback doctor && .venv/bin/clawback ingest")
        self._say("  .venv/bin/clawback up")
        self._say("  docs/tutorial.md goes through it step by step")

    def _title(self, text: str) -> None:
        self._step += 1
        self._say(f"\n[bold]{self._step}. {text}[/bold]")

    def _say(self, text: str) -> None:
        self._console.print(text, soft_wrap=True)

    def _check(self, text: str, held: bool) -> None:
        self._outcomes.append((text, held))
        if not held:
            click.echo(f"  FAILED: {text}", err=True)

    def _timed(self, work: Callable[[], T]) -> T:
        begun = time.perf_counter()
        done = work()
        self._say(f"  took {time.perf_counter() - begun:.2f} s")
        return done


async def _read_all(parts: Parts) -> Synced:
    return await sync_all(parts)


def _listing(app: App, campaign: Campaign) -> Indicator:
    return indicator(
        IndicatorKind.URL,
        campaign.indicator,
        match=Match.PREFIX if campaign.shape is Shape.PREFIX else Match.EXACT,
        verdict=VerdictKind.MALICIOUS,
        source="manual",
        added_at=app.parts.now(),
    )


def _adds_up(done: Remediation) -> bool:
    t = done.tally
    return t.found == t.removed + t.already_gone + t.failed + t.skipped and t.open == 0


def _is_remediated(investigation: Investigation) -> bool:
    return investigation.status is InvestigationStatus.REMEDIATED


async def _catch(app: App, parts: Parts, organisation: Organisation, campaign: Campaign) -> float | None:
    """Run the service, deliver one more copy, wait until it is out of the mailbox; the seconds it took."""
    stop = asyncio.Event()
    watch = asyncio.create_task(app.watch().run(stop))
    await asyncio.sleep(SETTLE_SECONDS)
    with parts.store.read() as unit:
        before = len(unit.remediations.list(limit=1_000)[0])
    path = deliver_late_copy(organisation, campaign, organisation.users[-1])
    begun = time.perf_counter()
    took = None
    while time.perf_counter() - begun < LATE_SECONDS:
        if not path.exists() and _completed(parts, before):
            took = time.perf_counter() - begun
            break
        await asyncio.sleep(0.01)
    stop.set()
    await watch
    return took


def _completed(parts: Parts, before: int) -> bool:
    with parts.store.read() as unit:
        actions, _ = unit.remediations.list(limit=1_000)
    return len(actions) > before and actions[0].status is RemediationStatus.COMPLETED
