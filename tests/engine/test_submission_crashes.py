"""A death of the process at any step: every report still has its result, and its reporter is told once."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

from tests.engine.memory_world import URL, Killed
from tests.engine.report_world import ANN, BEN, DESK, PHISH, ReportWorld, attached, copies

from clawback.analysis.indicators import Threat
from clawback.engine import report_commands
from clawback.response.submissions import FeedbackState, SubmissionResult, SubmissionState

LEAST = 20
"""Steps at which the shortest of these stories can be cut, at least: fewer would prove nothing."""


def _template(folder: Path, *, listed: bool) -> ReportWorld:
    """A world in which a phish lies in two mailboxes, or lay there until its URL was listed."""
    folder.mkdir()
    world = ReportWorld(folder)
    world.automate()
    original = world.letter(f"{PHISH} {URL}")
    for user in (ANN, BEN):
        world.again(user, original)
    world.read()
    if listed:
        world.turn()
        world.again(DESK, attached(original, ANN))
    else:
        world.reported(ANN, attached(original, ANN))
    world.close()
    return world


def _again(template: ReportWorld, folder: Path) -> ReportWorld:
    """The same world once more, with its store, its mail and its clock."""
    shutil.copytree(template.root, folder)
    world = ReportWorld(folder, clock=template.clock, count=template.count, serial=template.serial)
    world.mail = deepcopy(template.mail, {id(template.fuse): world.fuse})
    world.connectors = {"main": world.mail}
    world.bag.fuse = world.fuse
    world.bag.letters = list(template.bag.letters)
    return world


def _killed(world: ReportWorld, step: int, story: Callable[[], object]) -> bool:
    """Tell a story and die at that step of it; whether it went so far."""
    world.fuse.left = step
    try:
        story()
    except Killed:
        world.restart()
        return True
    world.fuse.left = 0
    return False


def test_wherever_it_dies_a_listed_phish_goes_and_its_reporter_is_told_once(tmp_path: Path) -> None:
    template = _template(tmp_path / "template", listed=True)
    step = 0
    while True:
        step += 1
        world = _again(template, tmp_path / str(step))
        died = _killed(world, step, world.read)
        world.read()
        world.settle()
        (one,) = world.submissions()
        assert (one.state, one.result) == (SubmissionState.CLOSED, SubmissionResult.PHISHING_OR_MALWARE)
        assert one.feedback is FeedbackState.SENT
        assert {letter.message_id for letter in world.bag.letters} == {
            f"<{one.id}.phishing_or_malware@example.org>"
        }
        # Only a death between sending and writing down that it was sent repeats it.
        assert len(world.bag.letters) <= (2 if died else 1)
        assert copies(world, "please look", (DESK,)) == [DESK]
        world.close()
        if not died:
            break
    assert step > LEAST


def test_wherever_it_dies_what_a_person_confirmed_goes(tmp_path: Path) -> None:
    template = _template(tmp_path / "template", listed=False)
    step = 0
    while True:
        step += 2
        world = _again(template, tmp_path / str(step))
        (one,) = world.submissions()

        def story(world: ReportWorld = world, submission_id: str = one.id) -> None:
            report_commands.confirm(world.parts, submission_id, Threat.PHISH, "cat")
            world.settle()

        died = _killed(world, step, story)
        if died:
            story()
        assert copies(world, URL, (ANN, BEN)) == []
        (done,) = world.submissions()
        assert (done.state, done.result) == (SubmissionState.CLOSED, SubmissionResult.PHISHING_OR_MALWARE)
        with world.store.read() as unit:
            assert unit.audit.verify().ok
        world.close()
        if not died:
            break
    assert step > 2 * LEAST
