"""Settling: submissions get their result once the inquiry has ended, and reporters are told."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from clawback.analysis.indicators import Threat, VerdictKind
from clawback.engine.ended import SETTLE
from clawback.engine.parts import Parts
from clawback.engine.record import AUTOMATION, record
from clawback.engine.requests import key_of
from clawback.engine.submissions import REPORT
from clawback.errors import BadSettings, LoginFailed, MailboxError, ProtocolViolation, Unavailable
from clawback.response.events_reports import FeedbackSent, SubmissionClosed
from clawback.response.feedback import feedback, may_be_told
from clawback.response.investigation import OPEN_STATUSES, Investigation, InvestigationStatus
from clawback.response.submissions import (
    OPEN_SUBMISSIONS,
    FeedbackState,
    Submission,
    SubmissionResult,
    SubmissionState,
    result_of,
)
from clawback.store import Unit

FEEDBACK = "feedback"
"""The kind of job that tells a reporter the result; its key is the submission."""

SOON = timedelta(seconds=2)
"""Until an inquiry that is being looked into again is asked once more."""

_GRAVEST = (SubmissionResult.PHISHING_OR_MALWARE, SubmissionResult.SPAM, SubmissionResult.NO_THREATS_FOUND)


def settle(parts: Parts, investigation_id: str) -> None:
    """Close the submissions of an investigation that has ended; repeatable."""
    now = parts.now()
    with parts.store.write(durable=True) as unit:
        unit.audit.alone()
        state = unit.investigations.get(investigation_id)
        if state.status in OPEN_STATUSES:
            return
        if _is_busy(unit, state):
            unit.jobs.put(SETTLE, state.id, {"investigation": state.id}, now, not_before=now + SOON)
            return
        for one in unit.submissions.of_investigation(investigation_id):
            if one.state is SubmissionState.INVESTIGATING:
                _settle(parts, unit, one, state, now)


def _is_busy(unit: Unit, state: Investigation) -> bool:
    """Whether an investigation is about to be looked into again, though it has ended for the moment."""
    if any(unit.jobs.under_way("investigate", key_of(state.cause, asked)) for asked in (False, True)):
        return True
    waiting = (s for s in unit.submissions.of_investigation(state.id) if s.state in OPEN_SUBMISSIONS)
    return any(unit.jobs.under_way(REPORT, one.id) for one in waiting)


def _settle(parts: Parts, unit: Unit, one: Submission, state: Investigation, now: datetime) -> None:
    if state.status is InvestigationStatus.FAILED:
        why = f"the investigation failed: {state.failure}"
        unit.submissions.save(replace(one, state=SubmissionState.UNDECIDED, reason=why))
        return
    result = outcome(unit, one, state)
    if state.status in _CUT_SHORT and result is SubmissionResult.NO_THREATS_FOUND:
        why = "the investigation ended before it was through"
        unit.submissions.save(replace(one, state=SubmissionState.UNDECIDED, reason=why))
        return
    close(parts, unit, one, result, one.decided_by or AUTOMATION, now)


_CUT_SHORT = (InvestigationStatus.TERMINATED_BY_SYSTEM, InvestigationStatus.TERMINATED_BY_USER)


def outcome(unit: Unit, one: Submission, state: Investigation) -> SubmissionResult:
    """What the inquiry says about a reported message: the gravest of all that speaks about it.

    That is what is detected in the message itself, and the verdict of the clusters that it is a member of
    (or, where the inquiry began with it, that its evidence has from them).
    """
    mine = set(unit.clusters.with_message(one.message_id))
    said: list[tuple[VerdictKind, Threat | None]] = [
        (c.verdict, c.threat) for c in state.clusters if c.cluster_id in mine
    ]
    said += [(j.verdict, j.threat) for j in unit.detections.verdicts([one.message_id]).values()]
    results = [result_of(verdict, threat) for verdict, threat in said if verdict is not VerdictKind.UNKNOWN]
    return min(results, key=_GRAVEST.index, default=SubmissionResult.NO_THREATS_FOUND)


def close(
    parts: Parts, unit: Unit, one: Submission, result: SubmissionResult, actor: str, now: datetime
) -> Submission:
    """Give a submission its result, in the transaction at hand, and let its reporter be told."""
    closed = replace(one, state=SubmissionState.CLOSED, result=result, decided_by=actor, decided_at=now)
    record(unit, SubmissionClosed(one.id, one.investigation_id, result), actor=actor, at=now)
    unit.submissions.save(closed)
    if parts.reporting.postman is not None and closed.told is not result:
        clean = result is SubmissionResult.NO_THREATS_FOUND and actor == AUTOMATION
        start = now + parts.reporting.hold if clean else now
        unit.jobs.put(FEEDBACK, one.id, {"submission": one.id}, now, not_before=start)
    return closed


async def tell(parts: Parts, submission_id: str, *, last_try: bool = False) -> None:
    """Send a reporter the result, once; another one only if the result has changed since.

    That it is being sent is written down before, that it was sent after. When the process dies in between
    it is sent again, with the same Message-ID, by which a mail system that looks knows it as a repeat.
    Raises Unavailable when it cannot be sent now.
    """
    postman = parts.reporting.postman
    one = _about_to_tell(parts, submission_id)
    if one is None or postman is None:
        return
    letter = feedback(one, parts.reporting.templates, postman.sender)
    if not may_be_told(one.reporter, parts.reporting.domains):
        _told(parts, one, letter.message_id, "the reporter is none of our own people")
        return
    try:
        failure = await postman.send(letter)
    except (MailboxError, BadSettings) as error:
        if not last_try:
            # What is wrong with the settings or the login is put right while it waits.
            waits = isinstance(error, LoginFailed | ProtocolViolation | BadSettings)
            raise Unavailable(str(error)) if waits else error from error
        failure = str(error)
    _told(parts, one, letter.message_id, failure)


def _about_to_tell(parts: Parts, submission_id: str) -> Submission | None:
    with parts.store.write(durable=True) as unit:
        one = unit.submissions.hold(submission_id)
        if one.state is not SubmissionState.CLOSED or one.told is one.result:
            return None
        sending = replace(one, feedback=FeedbackState.SENDING)
        unit.submissions.save(sending)
        return sending


def _told(parts: Parts, told: Submission, internet_message_id: str, failure: str) -> None:
    now = parts.now()
    with parts.store.write(durable=True) as unit:
        one = unit.submissions.hold(told.id)
        after = FeedbackState.FAILED if failure else FeedbackState.SENT
        unit.submissions.save(replace(one, feedback=after, feedback_at=now, told=told.result))
        event = FeedbackSent(one.id, one.reporter, internet_message_id, failure)
        record(unit, event, actor=AUTOMATION, at=now)
