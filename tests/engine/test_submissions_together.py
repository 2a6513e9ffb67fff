"""Reports, workers and people at once on one store: nobody waits for ever, each report has its result."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import msgspec
from tests.engine.report_world import attached
from tests.engine.test_standing_together import ROUNDS, Crowd
from tests.engine.world import AUTOMATIC, URL, World, mail, read, turn

from clawback.analysis.indicators import Threat
from clawback.app import App
from clawback.cli.session import finish
from clawback.engine import commands, report_commands
from clawback.engine.ingest import sync_all
from clawback.errors import BadParameter, PlanStale
from clawback.response.submissions import SubmissionState
from clawback.settings import OrganisationSettings, ReportSettings, Settings

ONE_AT_A_TIME = Lock()
BODY = (
    "Dear customer, your account will be closed today unless you confirm your password on the page that "
    f"you find behind this button {URL} and it takes only a minute, thank you for your patience."
)


@dataclass(slots=True)
class ReportingWorld(World):
    """Maildirs with one for reports."""

    @property
    def settings(self) -> Settings:
        return msgspec.structs.replace(
            super(ReportingWorld, self).settings,
            organisation=OrganisationSettings(("example.org",)),
            reports=(ReportSettings(mailbox="report@example.org", days=3_650),),
        )


def report(world: World, user: str, original: bytes) -> Callable[[App, int], object]:
    def act(app: App, n: int) -> None:
        content = attached(original, f"{user}@example.org", note=f"look {n}")
        with ONE_AT_A_TIME:  # or two would write one file
            world.deliver("report", "", raw=content)
        app.run(sync_all)
        finish(app)

    return act


def decide(app: App, n: int) -> None:
    """About reports that were read: one that is dismissed before is closed without its original."""
    with app.store.read() as unit:
        known = unit.submissions.list(states=set(SubmissionState) - {SubmissionState.RECEIVED})[0]
    for one in known[n % 3 :: 5]:
        with suppress(BadParameter, PlanStale):
            if n % 2:
                report_commands.confirm(app.parts, one.id, Threat.PHISH, "ann")
            else:
                report_commands.dismiss(app.parts, one.id, "ben")
    finish(app)


def test_reports_workers_and_people_do_not_block_each_other(tmp_path: Path, store_url: str) -> None:
    world = ReportingWorld(tmp_path / "world", store_url)
    original = mail(1, BODY)
    for user in ("user0", "user1"):
        world.deliver(user, "", raw=original)
    world.deliver("report", "hello")
    with world.app() as app:
        commands.set_policy(app.parts, AUTOMATIC, "ann")
        read(app)
        turn(app)
        crowd = Crowd(world)
        for user in ("user0", "user1"):
            crowd.add(report(world, user, original))
        crowd.add(lambda app, n: finish(app))
        crowd.add(decide)
        crowd.act()
        read(app)
        with app.store.read() as unit:
            found = unit.submissions.list()[0]
            assert unit.audit.verify().ok
            assert [job for job in unit.jobs.list()[0] if job.error.startswith("StoreUnavailable")] == []
    about = [one for one in found if one.message_id]
    assert len(about) == 2 * ROUNDS
    assert {one.state for one in about} == {SubmissionState.CLOSED}
