"""The story that `clawback demo` plays, step by step, each with what must come of it."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from clawback.analysis.clusters import ClusterKind
from clawback.analysis.indicators import Indicator, IndicatorKind, Match, VerdictKind, indicator
from clawback.cli.columns import places
from clawback.cli.demo_arrival import Sums, catch
from clawback.cli.demo_reasons import REASONS, reason_kinds
from clawback.cli.demo_stage import Stage
from clawback.cli.progress import Bar
from clawback.cli.session import finish
from clawback.cli.settings_file import maildir_source, settings_text, write_settings
from clawback.engine import commands
from clawback.engine.ingest import Synced, sync_all
from clawback.engine.parts import Parts
from clawback.response.investigation import InvestigationStatus
from clawback.response.plan import Remediation, RemediationStatus
from clawback.response.policy import Policy
from clawback.response.records import account
from clawback.settings import FILE_NAME, WebSettings, load
from clawback.testing.campaigns import Campaign, Shape, deliver_campaign
from clawback.testing.carriers import carriers
from clawback.testing.checksums import checksums
from clawback.testing.organisation import Organisation, build_organisation

if TYPE_CHECKING:
    from clawback.app import App

Meddle = Callable[[str, Organisation], None]
"""Told the name of each step when it is done and not yet checked; for tests that want an outcome to fail."""

ACTOR = "you"


def leave_alone(step: str, organisation: Organisation) -> None:
    """The meddling of nobody."""


class Story:
    """One telling, in a folder of its own."""

    def __init__(
        self,
        root: Path,
        *,
        mailboxes: int,
        messages: int,
        shared: Path | None,
        meddle: Meddle = leave_alone,
    ) -> None:
        self._root = root
        self._size = (mailboxes, messages)
        self._shared = shared
        self._meddle = meddle
        self.stage = Stage()

    def play(self) -> None:
        """Tell it from beginning to end."""
        from clawback import app

        organisation = self._found()
        with Bar(sys.stdout) as bar, app.build(load(self._settings(organisation)), progress=bar) as built:
            self._read(built, organisation)
            campaign = self._attack(built, organisation)
            before = checksums(organisation.root)
            first = self._turn(built, organisation, campaign, before)
            before |= self._late(built, organisation, campaign, first)
            self._back(built, organisation, first, before)
            self._prove(built)

    def _found(self) -> Organisation:
        mailboxes, messages = self._size
        self.stage.title("A sample organisation")
        made = build_organisation(
            self._root / "mail", mailboxes=mailboxes, messages=messages, shared=self._shared
        )
        kind = "real mail from ../shared/data" if self._shared else "made-up mail"
        self.stage.say(f"{mailboxes} people at {made.domain}, {messages:,} messages ({kind}), as Maildirs")
        self.stage.check(f"{mailboxes} mailboxes were made", len(made.users) == mailboxes)
        return made

    def _settings(self, organisation: Organisation) -> Path:
        path = self._root / FILE_NAME
        source = maildir_source(
            root=organisation.root.name,
            layout="{user}/Maildir",
            address="{user}@" + organisation.domain,
        )
        text = settings_text(
            source,
            domains=[organisation.domain],
            data="data",
            trusted_hops=sorted(organisation.trusted_hops),
        )
        write_settings(path, f"{text}\n[web]\nport = {_port()}\n")
        return path

    def _read(self, app: App, organisation: Organisation) -> None:
        self.stage.title("clawback reads every mailbox once")
        self.stage.typed("clawback ingest")
        seen, took = self.stage.timed(lambda: app.run(_read_all))
        self._meddle("read", organisation)
        self.stage.say(f"{seen.new:,} copies parsed, analysed and indexed in {took:.1f} s")
        all_read = seen.new == self._size[1] and not seen.failed
        self.stage.check(f"all {self._size[1]:,} copies were read", all_read)

    def _attack(self, app: App, organisation: Organisation) -> Campaign:
        self.stage.title("A phishing campaign is delivered; nobody knows its URL yet")
        campaign = deliver_campaign(organisation)
        seen = app.run(_read_all)
        finish(app)
        self._meddle("attack", organisation)
        variants = sorted({copy.variant.replace("_", " ") for copy in campaign.delivered})
        self.stage.say(f"{len(campaign.delivered)} personalised copies lead to {campaign.url}")
        self.stage.say(f"as {', '.join(variants)}")
        with app.store.read() as unit:
            quiet = not unit.investigations.list()[0]
        self.stage.check("no alarm while nothing is listed", quiet and seen.malicious == 0)
        second = carriers(organisation.root, campaign.indicator)
        self.stage.check(
            "an independent search of the raw files finds the same copies", second == campaign.paths
        )
        return campaign

    def _turn(self, app: App, organisation: Organisation, campaign: Campaign, before: Sums) -> Remediation:
        self.stage.title("Automation is turned on, and the URL turns malicious")
        self.stage.typed("clawback automation set --on urls --on files")
        self.stage.typed(f"clawback indicators add {campaign.indicator}")
        kinds = frozenset({ClusterKind.MALICIOUS_URL, ClusterKind.MALICIOUS_FILE})
        commands.set_policy(app.parts, Policy(automatic=kinds), ACTOR)

        def hunt() -> int:
            commands.add_indicator(app.parts, _listing(app, campaign), ACTOR)
            return finish(app)

        _, took = self.stage.timed(hunt)
        self._meddle("turn", organisation)
        with app.store.read() as unit:
            made, _ = unit.remediations.list()
        done = next(one for one in made if one.key.value == campaign.indicator and not one.follows)
        self._show_reasons(app, done)
        self.stage.say(f"{account(done)}, in {took:.2f} s", "bold")
        self._check_removal(app, organisation, campaign, before, done)
        copies = f"{done.tally.removed} of {len(campaign.delivered)}"
        self.stage.headline(
            copies, f"copies found, explained and removed, {took:.2f} s after the URL was listed"
        )
        return done

    def _show_reasons(self, app: App, done: Remediation) -> None:
        with app.store.read() as unit:
            cluster = unit.clusters.get(done.cluster_id)
            messages = unit.messages.get_many([member.message_id for member in cluster.members])
        self.stage.say(
            f"{len(cluster.members)} messages are one cluster; why each belongs, by kind of reason:"
        )
        self.stage.table(reason_kinds(cluster, messages), REASONS)

    def _check_removal(
        self, app: App, organisation: Organisation, campaign: Campaign, before: Sums, done: Remediation
    ) -> None:
        bad = {path.relative_to(organisation.root).as_posix() for path in campaign.paths}
        clean = {path: sums for path, sums in before.items() if path not in bad}
        now = checksums(organisation.root)
        check, t = self.stage.check, done.tally
        check(f"exactly the {len(bad)} copies were removed", t.removed == len(bad) == t.found)
        adds_up = t.found == t.removed + t.already_gone + t.failed + t.skipped
        check(f"the account adds up: {account(done)}", adds_up)
        check("their files are gone from the mailboxes", bad.isdisjoint(now))
        self._check_similar(app)
        check(f"the other {len(clean):,} files are untouched, byte for byte", now == clean)

    def _check_similar(self, app: App) -> None:
        """What carries another link but the same text is found too, and left to a person."""
        with app.store.read() as unit:
            status = unit.investigations.list()[0][0].status
            waiting, _ = unit.remediations.list(statuses={RemediationStatus.PENDING})
        copies = sum(one.tally.open for one in waiting)
        if not copies:
            self.stage.check("the investigation is Remediated", status is InvestigationStatus.REMEDIATED)
            return
        self.stage.say(f"{copies} more copies have the same text and another link; they wait for a person")
        held = status is InvestigationStatus.PENDING_ACTION
        self.stage.check("what is only similar waits for a person", held)

    def _late(self, app: App, organisation: Organisation, campaign: Campaign, first: Remediation) -> Sums:
        """Answers the late copy's file as it was delivered: the undo brings it back too."""
        self.stage.title("A late copy arrives while clawback watches")
        self.stage.typed("clawback up")
        took, lies = app.run(lambda parts: catch(app, parts, organisation, campaign))
        self._meddle("late", organisation)
        if took is not None:
            self.stage.say(f"delivered, seen, judged and removed in {took:.2f} s")
            self.stage.headline(
                f"{took:.2f} s", "from the delivery of a late copy until it was out of its mailbox"
            )
        self.stage.check("the late copy was caught on arrival", took is not None)
        with app.store.read() as unit:
            done = unit.remediations.get(first.id)
        one_more = (done.late, done.tally.found) == (1, first.tally.found + 1)
        self.stage.check(f"it is in the account of the same action: {account(done)}", one_more)
        return lies

    def _back(self, app: App, organisation: Organisation, first: Remediation, before: Sums) -> None:
        self.stage.title("Suppose that was a mistake: undo")
        self.stage.typed(f"Undo-AutomatedInvestigationAction -ActionId {first.id}")

        def undo() -> int:
            commands.undo(app.parts, first.id, ACTOR)
            return finish(app)

        _, took = self.stage.timed(undo)
        self._meddle("undo", organisation)
        with app.store.read() as unit:
            back, removal = unit.remediations.list()[0][0], unit.remediations.get(first.id)
            restored = [deed.delivery_id for deed, _ in unit.remediations.receipts(back.id)]
            where = places(tuple(unit.deliveries.get_many(restored).values()))
        now = checksums(organisation.root)
        same = sum(1 for path, sums in before.items() if now.get(path) == sums)
        self.stage.say(f"{back.tally.removed} copies are back in {took:.2f} s: {where}")
        self.stage.say(
            f"{same:,} of {len(before):,} files are as before: folder, name, flags, keywords, time, bytes"
        )
        self.stage.headline(
            f"{back.tally.removed} of {removal.tally.removed}",
            f"copies put back exactly as they were, the late one too, in {took:.2f} s",
        )
        self.stage.check(
            "every copy was put back, the late one too", back.tally.removed == removal.tally.removed
        )
        self.stage.check(
            "folder, name, flags, keywords, time and bytes of every file are as before", now == before
        )

    def _prove(self, app: App) -> None:
        with app.store.read() as unit:
            check = unit.audit.verify()
        self.stage.check(f"the audit log of {check.rows} rows holds", check.ok)


def _port() -> int:
    """The portal's usual port, or any other when somebody listens there already."""
    usual = WebSettings().port
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", usual))
        except OSError:
            return 0
    return usual


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
