"""What reporters are told, once for each result, and what their word was worth so far."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.engine.report_world import (
    ANN,
    BEN,
    CLEAN,
    PHISH,
    ReportWorld,
    attached,
)

from clawback.analysis.indicators import Threat
from clawback.analysis.submitted import FoundBy
from clawback.engine import commands, report_commands
from clawback.errors import Unavailable
from clawback.message.reports import ReportFormat
from clawback.response.alerts import AlertKind
from clawback.response.investigation import InvestigationStatus
from clawback.response.submissions import FeedbackState, SubmissionResult, SubmissionState


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ReportWorld]:
    made = ReportWorld(tmp_path)
    yield made
    made.close()


def test_a_clean_report_closes_by_itself_and_the_reporter_is_told_once(world: ReportWorld) -> None:
    original = world.letter(CLEAN, sender="bob@partner.example")
    world.again(ANN, original)
    world.read()
    world.reported(ANN, attached(original, ANN))
    (one,) = world.submissions()
    assert (one.state, one.result) == (SubmissionState.CLOSED, SubmissionResult.NO_THREATS_FOUND)
    assert (one.found_by, one.format, one.decided_by) == (
        FoundBy.SAME_CONTENT,
        ReportFormat.ATTACHED,
        "Automation",
    )
    (letter,) = world.bag.letters
    assert letter.to == ANN
    assert "no threat" in letter.text
    assert "Your account" in letter.text
    (investigation,) = world.investigations()
    assert investigation.kind is AlertKind.USER_REPORT
    assert investigation.alerts[0].title == "Email reported by user as malware or phish"
    assert investigation.status is InvestigationStatus.NO_THREATS_FOUND
    world.settle()
    assert len(world.bag.letters) == 1
    assert one.feedback is FeedbackState.SENT


def test_reputation_counts_what_came_of_reports(world: ReportWorld) -> None:
    for text, threat in ((PHISH, Threat.PHISH), (CLEAN, None)):
        original = world.letter(text)
        world.again(ANN, original)
        world.read()
        world.reported(ANN, attached(original, ANN))
        if threat is not None:
            one = world.submissions()[-1]
            report_commands.confirm(world.parts, one.id, threat, "cat")
            world.settle()
            for action in world.actions():
                commands.reject(world.parts, action.id, "cat")
            world.settle()
    with world.store.read() as unit:
        reputation = unit.submissions.reputations([ANN, BEN])
    assert (reputation[ANN].right, reputation[ANN].wrong, reputation[ANN].share) == (1, 1, 0.5)
    assert reputation[BEN].share == 0.5


def test_feedback_waits_for_a_server_that_is_away_and_is_not_sent_twice(world: ReportWorld) -> None:
    world.bag.error = Unavailable("away")
    original = world.letter(CLEAN)
    world.again(ANN, original)
    world.read()
    world.reported(ANN, attached(original, ANN))
    (one,) = world.submissions()
    assert (one.state, one.feedback) == (SubmissionState.CLOSED, FeedbackState.SENDING)
    world.bag.error = None
    world.settle()
    (letter,) = world.bag.letters
    assert letter.message_id == f"<{one.id}.no_threats_found@example.org>"
    report_commands.dismiss(world.parts, one.id, "cat")
    world.settle()
    assert world.bag.letters == [letter]


def test_whoever_was_told_the_wrong_thing_is_told_the_right_one(world: ReportWorld) -> None:
    world.automate()
    original = world.letter(PHISH)
    world.again(ANN, original)
    world.read()
    world.reported(ANN, attached(original, ANN))
    (one,) = world.submissions()
    report_commands.confirm(world.parts, one.id, Threat.PHISH, "cat")
    world.settle()
    clean, bad = world.bag.letters
    assert "no threat" in clean.text
    assert "You were right" in bad.text
    assert clean.message_id != bad.message_id


def test_a_clean_result_can_wait_for_a_person(world: ReportWorld) -> None:
    world.hold = timedelta(hours=1)
    world.automate()
    original = world.letter(PHISH)
    world.again(ANN, original)
    world.read()
    world.reported(ANN, attached(original, ANN))
    (one,) = world.submissions()
    assert (one.state, world.bag.letters) == (SubmissionState.CLOSED, [])
    report_commands.confirm(world.parts, one.id, Threat.PHISH, "cat")
    world.settle()
    (bad,) = world.bag.letters
    assert "You were right" in bad.text


def test_feedback_that_is_refused_for_good_is_not_tried_again(world: ReportWorld) -> None:
    world.bag.refusal = "550 no such user"
    original = world.letter(CLEAN)
    world.again(ANN, original)
    world.read()
    world.reported(ANN, attached(original, ANN))
    assert world.submissions()[0].feedback is FeedbackState.FAILED
    assert world.drain() == 0
