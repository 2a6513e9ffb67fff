"""Users' reports, from their arrival to the mail that tells what came of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.engine.memory_world import URL
from tests.engine.report_world import (
    ANN,
    BEN,
    CLEAN,
    DESK,
    FOLDER,
    PHISH,
    PLACE,
    ReportWorld,
    attached,
    copies,
    inline,
)

from clawback.analysis.indicators import Threat, VerdictKind
from clawback.analysis.submitted import FoundBy
from clawback.engine import commands, report_commands
from clawback.engine.alerting import stop
from clawback.engine.ingest import sync_all
from clawback.engine.submissions import ALERTS, REPORT
from clawback.engine.workflow import Worker
from clawback.errors import BadParameter, NotFound
from clawback.message.reports import ReportedAs, ReportFormat
from clawback.response.investigation import InvestigationStatus
from clawback.response.plan import RemediationStatus
from clawback.response.submissions import SubmissionResult, SubmissionState


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ReportWorld]:
    made = ReportWorld(tmp_path)
    yield made
    made.close()


def test_a_report_of_listed_mail_says_phishing_once_its_copies_are_gone(world: ReportWorld) -> None:
    world.automate()
    original = world.letter(f"{PHISH} {URL}")
    world.again(ANN, original)
    world.again(BEN, original)
    world.read()
    world.reported(ANN, attached(original, ANN))
    assert world.submissions()[0].result is SubmissionResult.NO_THREATS_FOUND
    world.turn()
    world.reported(BEN, attached(original, BEN))
    second = world.submissions()[1]
    assert second.result is SubmissionResult.PHISHING_OR_MALWARE
    assert copies(world, URL, (ANN, BEN)) == []
    assert "You were right" in world.bag.letters[-1].text


def test_reports_stay_where_they_are_visibly_and_count_for_nothing(world: ReportWorld) -> None:
    world.automate()
    original = world.letter(f"{PHISH} {URL}")
    world.again(ANN, original)
    world.read()
    world.reported(ANN, attached(original, ANN))
    world.turn()
    assert copies(world, "please look", (DESK,)) == [DESK]
    with world.store.read() as unit:
        skips = [skip for one in world.actions() for skip in unit.remediations.left_alone(one.id)]
    assert [(skip.mailbox, skip.reason) for skip in skips] == [(DESK, "a user's report")]
    bad = [i for i in world.investigations() if i.clusters]
    assert {i.status for i in bad} == {InvestigationStatus.REMEDIATED}


def test_reports_stay_when_the_cluster_is_armed_and_looked_into_again(world: ReportWorld) -> None:
    world.automate()
    original = world.letter(f"{PHISH} {URL}")
    world.again(ANN, original)
    world.read()
    world.turn()
    world.reported(ANN, attached(original, ANN))
    world.again(BEN, original)
    world.read()
    for asked in (URL, world.submissions()[0].message_id):
        commands.start(world.parts, asked, "cat")
        world.settle()
    commands.import_indicators(
        world.parts, "feed", [replace(world.listed(), source="feed", id="ind-f")], "cat"
    )
    world.settle()
    assert copies(world, URL, (ANN, BEN)) == []
    assert copies(world, "please look", (DESK,)) == [DESK]


def test_where_the_settings_say_so_reports_go_with_what_they_are_about(world: ReportWorld) -> None:
    world.places = (replace(PLACE, kept=False),)
    world.automate()
    original = world.letter(f"{PHISH} {URL}")
    world.again(ANN, original)
    world.read()
    world.reported(ANN, attached(original, ANN))
    world.turn()
    assert copies(world, "please look", (DESK,)) == []


@pytest.fixture
def either(tmp_path: Path, store_url: str) -> Iterator[ReportWorld]:
    """A world on each database in turn."""
    made = ReportWorld(tmp_path, store_url)
    yield made
    made.close()


def test_a_person_confirms_and_every_copy_goes_and_all_reporters_are_told(either: ReportWorld) -> None:
    world = either
    originals = {user: world.letter(PHISH, to=user) for user in (ANN, BEN)}
    for user, original in originals.items():
        world.again(user, original)
    world.read()
    for user in (ANN, BEN):
        world.again(DESK, attached(originals[user], user))
    world.read()
    first, second = world.submissions()
    assert first.message_id != second.message_id
    report_commands.confirm(world.parts, first.id, Threat.PHISH, "cat")
    world.settle()
    (waiting,) = [r for r in world.actions() if r.status is RemediationStatus.PENDING]
    assert waiting.tally.open == 2
    commands.approve(world.parts, waiting.id, "cat")
    world.settle()
    assert copies(world, "your account will be closed", (ANN, BEN)) == []
    assert copies(world, "please look", (DESK,)) == [DESK, DESK]
    with world.store.read() as unit:
        assert unit.detections.of_source(first.id) == (first.message_id,)
        judged = unit.detections.verdicts([first.message_id])[first.message_id]
    assert (judged.verdict, judged.threat) == (VerdictKind.MALICIOUS, Threat.PHISH)
    assert world.submissions()[0].result is SubmissionResult.PHISHING_OR_MALWARE


def test_reports_of_one_message_and_of_messages_like_it_join_one_inquiry(world: ReportWorld) -> None:
    originals = {user: world.letter(f"{PHISH} Yours, {user[0]}", to=user) for user in (ANN, BEN)}
    for user, original in originals.items():
        world.again(user, original)
    world.read()
    for user in (ANN, BEN):
        world.again(DESK, attached(originals[user], user))
    world.again(DESK, attached(originals[BEN], BEN, note="once more"))
    world.read()
    (investigation,) = world.investigations()
    assert len(investigation.alerts) == 3
    assert {one.investigation_id for one in world.submissions()} == {investigation.id}


def test_a_flood_of_reports_raises_so_many_alerts_and_each_is_told(world: ReportWorld) -> None:
    original = world.letter(PHISH)
    world.again(ANN, original)
    world.read()
    reports = ALERTS + 5
    for n in range(reports):
        world.again(DESK, attached(original, ANN, note=f"once more: {n}"))
    world.read()
    (investigation,) = world.investigations()
    assert len(investigation.alerts) == ALERTS
    with world.store.read() as unit:
        assert unit.submissions.count_of(investigation.id) == reports
    assert len(world.bag.letters) == reports


def test_an_inquiry_that_is_stopped_leaves_its_reports_to_a_person(world: ReportWorld) -> None:
    original = world.letter(PHISH)
    world.again(ANN, original)
    world.read()
    world.again(DESK, attached(original, ANN))
    asyncio.run(sync_all(world.parts))
    asyncio.run(Worker(world.parts, "worker", (REPORT,)).drain())
    stop(world.parts, world.investigations()[0].id, "cat")
    world.settle()
    (one,) = world.submissions()
    assert (one.state, world.bag.letters) == (SubmissionState.UNDECIDED, [])


def test_an_original_is_found_by_its_content_where_headers_are_gone(world: ReportWorld) -> None:
    world.again(ANN, world.letter(PHISH))
    world.again(ANN, world.letter(CLEAN))
    world.read()
    world.reported(ANN, inline(PHISH, ANN))
    (one,) = world.submissions()
    assert (one.found_by, one.format) == (FoundBy.SIMILAR_BODY, ReportFormat.FORWARDED)
    with world.store.read() as unit:
        (original,) = unit.messages.by_internet_id("<1.letter@bad.example>")
    assert one.message_id == original


def test_by_content_only_what_the_reporter_got_is_found(world: ReportWorld) -> None:
    world.again(BEN, world.letter(PHISH, to=BEN))
    world.read()
    world.reported(ANN, inline(PHISH, ANN))
    (one,) = world.submissions()
    assert (one.state, one.message_id) == (SubmissionState.UNDECIDED, "")
    assert world.investigations() == ()
    assert world.bag.letters == []
    with pytest.raises(BadParameter, match="not known"):
        report_commands.confirm(world.parts, one.id, Threat.PHISH, "cat")


def test_mail_from_outside_is_no_report(world: ReportWorld) -> None:
    original = world.letter(PHISH)
    world.again(ANN, original)
    world.read()
    world.reported(ANN, attached(original, "eve@bad.example"))
    forged = b"Authentication-Results: mx.example.org; dmarc=fail header.from=example.org\r\n"
    world.reported(ANN, forged + attached(original, ANN))
    assert {one.state for one in world.submissions()} == {SubmissionState.REFUSED}
    assert world.investigations() == ()
    assert world.bag.letters == []
    with pytest.raises(BadParameter, match="no report"):
        report_commands.confirm(world.parts, world.submissions()[0].id, Threat.PHISH, "cat")


def test_what_a_machine_sent_is_no_report(world: ReportWorld) -> None:
    original = world.letter(PHISH)
    world.again(ANN, original)
    world.read()
    world.reported(ANN, b"Auto-Submitted: auto-replied\r\n" + attached(original, ANN))
    assert [one.state for one in world.submissions()] == [SubmissionState.REFUSED]


def test_old_reports_are_no_news(world: ReportWorld) -> None:
    original = world.letter(PHISH)
    world.again(ANN, original)
    world.wait(timedelta(days=30))
    world.reported(ANN, attached(original, ANN))
    assert world.submissions() == ()


def test_moving_a_message_into_the_folder_reports_it_and_it_may_be_taken_out(world: ReportWorld) -> None:
    original = world.letter(PHISH)
    copy = world.again(ANN, original)
    world.again(BEN, original)
    world.read()
    world.mail.user_moves(copy.handle, FOLDER.folder)
    world.wait(timedelta(days=30))
    world.read()
    (one,) = world.submissions()
    assert (one.reporter, one.found_by, one.format) == (ANN, FoundBy.MOVED, ReportFormat.MOVED)
    report_commands.confirm(world.parts, one.id, Threat.MALWARE, "cat")
    world.settle()
    (waiting,) = [r for r in world.actions() if r.status is RemediationStatus.PENDING]
    commands.approve(world.parts, waiting.id, "cat")
    world.settle()
    assert copies(world, "your account will be closed", (ANN, BEN)) == []


def test_dismissing_takes_a_confirmation_back_with_what_waits(world: ReportWorld) -> None:
    original = world.letter(CLEAN)
    world.again(ANN, original)
    world.read()
    world.reported(ANN, attached(original, ANN))
    (one,) = world.submissions()
    report_commands.confirm(world.parts, one.id, Threat.PHISH, "cat")
    world.settle()
    report_commands.dismiss(world.parts, one.id, "dan")
    world.settle()
    assert [r.status for r in world.actions()] == [RemediationStatus.CANCELLED]
    (done,) = world.submissions()
    assert (done.state, done.result) == (SubmissionState.CLOSED, SubmissionResult.NO_THREATS_FOUND)
    assert (done.decided_by, done.confirmed_as) == ("dan", None)
    with world.store.read() as unit:
        assert unit.detections.of_source(one.id) == ()
    assert copies(world, "coffee machine", (ANN,)) == [ANN]


def test_spam_is_suspicious_and_nothing_is_planned(world: ReportWorld) -> None:
    original = world.letter(CLEAN)
    world.again(ANN, original)
    world.read()
    world.reported(ANN, attached(original, ANN, subject="[spam] look"))
    (one,) = world.submissions()
    assert one.reported_as is ReportedAs.JUNK
    report_commands.confirm(world.parts, one.id, Threat.SPAM, "cat")
    world.settle()
    assert world.actions() == ()
    assert world.submissions()[0].result is SubmissionResult.SPAM


def test_a_file_can_be_handed_in(world: ReportWorld) -> None:
    original = world.letter(CLEAN)
    world.again(ANN, original)
    world.read()
    made = report_commands.submit(world.parts, attached(original, ANN), ReportedAs.PHISH, ANN, "cat")
    world.settle()
    (one,) = world.submissions()
    assert (one.id, one.reporter, one.result) == (made.id, ANN, SubmissionResult.NO_THREATS_FOUND)
    assert one.found_by is FoundBy.SAME_CONTENT
    with pytest.raises(BadParameter):
        report_commands.submit(world.parts, b"", ReportedAs.PHISH, ANN, "cat")
    with pytest.raises(NotFound):
        report_commands.dismiss(world.parts, "sub-0", "cat")


def test_a_bare_message_that_is_handed_in_is_the_original(world: ReportWorld) -> None:
    original = world.letter(PHISH)
    world.again(ANN, original)
    world.read()
    report_commands.submit(world.parts, original, ReportedAs.PHISH, ANN, "cat")
    world.settle()
    assert world.submissions()[0].found_by is FoundBy.SAME_CONTENT


def test_more_copies_of_a_confirmed_message_are_found(world: ReportWorld) -> None:
    world.automate()
    original = world.letter(PHISH)
    world.again(ANN, original)
    world.read()
    world.reported(ANN, attached(original, ANN))
    report_commands.confirm(world.parts, world.submissions()[0].id, Threat.PHISH, "cat")
    world.settle()
    assert copies(world, "your account will be closed", (ANN,)) == []
    world.again(BEN, original)
    world.read()
    assert copies(world, "your account will be closed", (BEN,)) == []
