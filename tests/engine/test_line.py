"""The straight line on real Maildirs and both databases: found, removed, proven gone, put back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.engine.world import AUTOMATIC, URL, World, actions, investigations, listed, mail, read, turn

from clawback.analysis.indicators import IndicatorKind, VerdictKind
from clawback.app import App
from clawback.cli.session import finish
from clawback.engine import commands
from clawback.engine.ingest import sync_all
from clawback.errors import BadIndicator, NotFound, PlanStale
from clawback.response.investigation import InvestigationStatus as S
from clawback.response.plan import Outcome, RemediationStatus


@pytest.fixture
def world(tmp_path: Path, store_url: str) -> World:
    return World(tmp_path / "world", store_url)


@pytest.fixture
def app(world: World) -> Iterator[App]:
    with world.app() as app:
        yield app


def automatic(app: App) -> None:
    commands.set_policy(app.parts, AUTOMATIC, "ann")


def test_off_it_waits_for_approval_and_undo_brings_all_back(world: World, app: App) -> None:
    bad = world.campaign(20)
    before = world.snapshot()
    assert read(app).new == 23
    turn(app)
    (waiting,) = actions(app)
    assert (waiting.status, waiting.tally.open) == (RemediationStatus.PENDING, 20)
    assert investigations(app)[0].status is S.PENDING_ACTION
    assert world.snapshot() == before

    commands.approve(app.parts, waiting.id, "ann", plan_hash=waiting.plan_hash)
    finish(app)
    (done,) = actions(app)
    assert (done.status, done.tally.removed, done.tally.found) == (RemediationStatus.COMPLETED, 20, 20)
    assert not any(path.exists() for path in bad)
    clean = {name: sums for name, sums in before.items() if world.root / "mail" / name not in bad}
    assert world.snapshot() == clean
    assert investigations(app)[0].status is S.REMEDIATED

    commands.undo(app.parts, done.id, "ann")
    finish(app)
    assert world.snapshot() == before
    back, done = actions(app)
    assert (back.tally.removed, done.undone_by) == (20, back.id)
    assert investigations(app)[0].status is S.THREATS_FOUND
    with app.store.read() as unit:
        assert unit.audit.verify().ok


def test_on_it_runs_at_once_and_only_what_carries_it_goes(world: World, app: App) -> None:
    automatic(app)
    bad = world.campaign(12)
    read(app)
    turn(app)
    (done,) = actions(app)
    assert done.approval is not None
    assert (done.approval.by, done.tally.removed) == ("Automation", 12)
    assert [p for p in world.delivered if p.exists()] == world.delivered[12:]
    assert not any(path.exists() for path in bad)


def test_a_late_copy_is_caught_by_the_same_investigation(world: World, app: App) -> None:
    automatic(app)
    world.campaign(4)
    read(app)
    turn(app)
    late = world.deliver("user1", f"late {URL}")
    assert read(app).malicious == 1
    assert not late.exists()
    (done,) = actions(app)
    assert (done.tally.removed, done.tally.found, done.late) == (5, 5, 1)
    (investigation,) = investigations(app)
    assert (investigation.status, len(investigation.alerts)) == (S.REMEDIATED, 2)
    assert read(app).new == 0


def test_known_before_any_mail_it_is_caught_on_arrival(world: World, app: App) -> None:
    automatic(app)
    turn(app)
    assert investigations(app) == ()
    bad = world.campaign(3)
    read(app)
    assert not any(path.exists() for path in bad)


def test_what_was_put_back_stays_until_a_person_asks(world: World, app: App) -> None:
    automatic(app)
    bad = world.campaign(4)
    read(app)
    turn(app)
    commands.undo(app.parts, actions(app)[0].id, "ann")
    finish(app)
    late = world.deliver("user1", f"late {URL}")
    read(app)
    assert all(path.exists() for path in bad)
    assert not late.exists()
    commands.start(app.parts, URL, "ann")
    finish(app)
    assert not any(path.exists() for path in bad)


def test_a_plan_over_the_limit_waits(world: World, app: App) -> None:
    commands.set_policy(app.parts, replace(AUTOMATIC, limit=3), "ann")
    world.campaign(4)
    read(app)
    turn(app)
    assert actions(app)[0].status is RemediationStatus.PENDING


def test_an_excluded_mailbox_is_never_touched(world: World, app: App) -> None:
    policy = replace(AUTOMATIC, excluded_mailboxes=frozenset({"user0@example.org"}))
    commands.set_policy(app.parts, policy, "ann")
    bad = world.campaign(5)
    read(app)
    turn(app)
    (done,) = actions(app)
    assert (done.tally.removed, done.tally.skipped, done.tally.found) == (4, 1, 5)
    assert bad[0].exists()
    assert investigations(app)[0].status is S.PARTIALLY_REMEDIATED


def test_what_users_do_meanwhile_is_seen(world: World, app: App) -> None:
    bad = [world.deliver("ann", f"one {n} {URL}", flags="") for n in range(4)]
    read(app)
    turn(app)
    bad[0].unlink()
    flagged = bad[1].with_name(bad[1].name + "FS")
    bad[1].rename(flagged)
    filed = world.maildir("ann", ".Filed") / "cur" / "1799999999.M9P9.host.M1P1.:2,S"
    bad[2].rename(filed)
    before = world.snapshot()
    commands.approve(app.parts, actions(app)[0].id, "ann")
    finish(app)
    (done,) = actions(app)
    t = done.tally
    assert (t.found, t.removed, t.already_gone, t.failed) == (4, 3, 1, 0)
    assert world.snapshot() == {}
    assert investigations(app)[0].status is S.REMEDIATED
    commands.undo(app.parts, done.id, "ann")
    finish(app)
    assert world.snapshot() == before


def test_equal_copies_in_one_mailbox_are_counted_apart(world: World, app: App) -> None:
    raw = mail(1, f"see {URL}")
    copies = [world.deliver("ann", "", flags="", raw=raw) for _ in range(3)]
    read(app)
    turn(app)
    copies[0].unlink()
    commands.approve(app.parts, actions(app)[0].id, "ann")
    finish(app)
    t = actions(app)[0].tally
    assert (t.found, t.removed, t.already_gone) == (3, 2, 1)
    assert not any(path.exists() for path in copies)


def test_moves_between_readings_keep_the_delivery(world: World, app: App) -> None:
    path = world.deliver("ann", "plain", flags="S")
    read(app)
    path.rename(world.maildir("ann", ".Filed") / "cur" / "1799999999.other.M1P1.:2,S")
    seen = read(app)
    assert (seen.new, seen.moved, seen.gone) == (0, 1, 0)
    with app.store.read() as unit:
        (copy,) = unit.deliveries.known("main", "ann@example.org").values()
    assert (copy.original_folder, copy.handle.folder) == ("INBOX", "Filed")
    os.unlink(world.maildir("ann", ".Filed") / "cur" / "1799999999.other.M1P1.:2,S")
    assert read(app).gone == 1


def test_rejected_and_expired_plans_touch_nothing(world: World, app: App) -> None:
    world.campaign(2)
    before = world.snapshot()
    read(app)
    turn(app)
    commands.reject(app.parts, actions(app)[0].id, "ann", note="known sender")
    with pytest.raises(PlanStale):
        commands.approve(app.parts, actions(app)[0].id, "ann")
    commands.start(app.parts, URL, "ann")
    finish(app)
    assert actions(app)[0].status is RemediationStatus.PENDING
    later = replace(app.parts, now=lambda: app.parts.now() + timedelta(days=8))
    assert commands.expire_due(later) == 1
    assert actions(app)[0].status is RemediationStatus.EXPIRED
    assert world.snapshot() == before


def test_undo_appends_a_sealed_copy_when_the_vault_lost_it(tmp_path: Path, store_url: str) -> None:
    world = World(tmp_path / "world", store_url, bodies="remediated")
    with world.app() as app:
        automatic(app)
        (bad,) = world.campaign(1, clean=0)
        content, stamp = bad.read_bytes(), bad.stat().st_mtime
        read(app)
        turn(app)
        for path in (world.root / "mail" / ".clawback").rglob("*.M1P1.*"):
            path.unlink()
        commands.undo(app.parts, actions(app)[0].id, "ann")
        finish(app)
        (back,) = [p for p in (world.root / "mail" / "user0").rglob("*") if p.is_file()]
        assert back.read_bytes() == content
        assert int(back.stat().st_mtime) == int(stamp)
        assert actions(app)[0].tally.removed == 1


def test_a_file_by_its_hash_and_an_allow_entry_over_a_feed(world: World, app: App) -> None:
    automatic(app)
    bad = world.campaign(3)
    read(app)
    good = listed(app, verdict=VerdictKind.NO_THREATS_FOUND)
    commands.add_indicator(app.parts, good, "ann")
    event = commands.import_indicators(app.parts, "feed", [listed(app, source="feed")], "ann")
    finish(app)
    assert (event.added, all(path.exists() for path in bad)) == (1, True)
    commands.remove_indicator(app.parts, good.id, "ann")
    turn(app, "0" * 64, IndicatorKind.SHA256)
    assert actions(app) == ()


def test_asking_about_what_nobody_listed(world: World, app: App) -> None:
    world.campaign(3)
    read(app)
    commands.start(app.parts, URL, "ann")
    finish(app)
    (investigation,) = investigations(app)
    assert (investigation.status, investigation.clusters[0].messages) == (S.NO_THREATS_FOUND, 3)
    commands.start(app.parts, "<1@sender.example>", "ann")
    finish(app)
    assert investigations(app)[0].status is S.NO_THREATS_FOUND
    with pytest.raises(NotFound):
        commands.start(app.parts, "msg-ffffffffffffffffffff", "ann")
    with pytest.raises(BadIndicator):
        commands.start(app.parts, "no such thing", "ann")


def test_every_copy_of_a_named_message_with_a_listed_url_goes(world: World, app: App) -> None:
    automatic(app)
    bad = world.campaign(3)
    read(app)
    bad_url = listed(app)
    with app.store.write() as unit:
        unit.indicators.add([bad_url])
    commands.start(app.parts, "<1@sender.example>", "ann")
    finish(app)
    assert not any(path.exists() for path in bad)


def test_asking_about_a_url_below_a_listed_prefix(world: World, app: App) -> None:
    automatic(app)
    bad = world.campaign(3, clean=0)
    read(app)
    with app.store.write() as unit:
        unit.indicators.add([listed(app, "https://login.evil.example/", prefix=True)])
    commands.start(app.parts, URL, "ann")
    finish(app)
    assert not any(path.exists() for path in bad)


def test_the_ledger_names_every_copy(world: World, app: App) -> None:
    automatic(app)
    world.campaign(6)
    read(app)
    turn(app)
    with app.store.read() as unit:
        results = list(unit.remediations.receipts(actions(app)[0].id))
    assert {r.outcome for _, r in results} == {Outcome.REMOVED}
    assert all(r.after is not None and r.after.folder.startswith("soft_deleted/") for _, r in results)
    assert [d.seq for d, _ in results] == list(range(6))


def test_reading_again_changes_nothing(world: World, app: App) -> None:
    world.campaign(5)
    read(app)
    again = app.run(sync_all)
    assert (again.new, again.moved, again.changed, again.gone) == (0, 0, 0, 0)
