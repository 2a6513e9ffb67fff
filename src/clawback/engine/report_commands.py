"""Orders about users' reports: confirm one, dismiss one, hand one in from a file."""

from __future__ import annotations

from dataclasses import replace

from clawback import ids
from clawback.analysis.indicators import Threat
from clawback.engine.confirmed import said_by, stands
from clawback.engine.parts import Parts
from clawback.engine.record import record
from clawback.engine.retract import retract
from clawback.engine.settling import close
from clawback.engine.submissions import REPORT, joined, queue
from clawback.errors import BadParameter
from clawback.message.bounds import MAX_MESSAGE
from clawback.message.reports import ReportedAs
from clawback.response.events_reports import SubmissionConfirmed, SubmissionDismissed
from clawback.response.submissions import Submission, SubmissionResult, SubmissionState


def confirm(parts: Parts, submission_id: str, threat: Threat, actor: str, *, note: str = "") -> Submission:
    """Say that a reported message is bad; its copies are looked into, and planned for, at once.

    The word is a detection against the message, with the submission as its source. Raises NotFound, and
    BadParameter when there is no original, or it is no report.
    """
    now = parts.now()
    with parts.store.write(durable=True) as unit:
        one = unit.submissions.get(submission_id)
        if one.state is SubmissionState.REFUSED:
            raise BadParameter(f"{one.id} is no report: {one.reason}")
        if not unit.messages.known([one.message_id]):
            raise BadParameter(
                f"the message that {one.id} is about is not known; list what it carries with "
                "`clawback indicators add` instead"
            )
        request = queue(unit, one, now, actor)
        one = unit.submissions.hold(submission_id)
        unit.detections.put([(one.message_id, said_by(one, threat))], now)
        said = replace(one, confirmed_as=threat, decided_by=actor, state=SubmissionState.INVESTIGATING)
        said = replace(said, investigation_id=joined(unit, request, now))
        event = SubmissionConfirmed(one.id, one.message_id, said.investigation_id, threat, note)
        record(unit, event, actor=actor, at=now)
        unit.submissions.save(said)
    return said


def dismiss(parts: Parts, submission_id: str, actor: str, *, note: str = "") -> Submission:
    """Say that a reported message is no threat: the report is closed.

    A confirmation of it is retracted: what waits because of it is cancelled, and what was removed because
    of it alone comes back. Raises NotFound, and BadParameter when it is no report.
    """
    with parts.store.read() as unit:
        confirmed = stands(unit, unit.submissions.get(submission_id))
    if confirmed:
        retract(parts, submission_id, actor, note=note)
    now = parts.now()
    with parts.store.write(durable=True) as unit:
        one = unit.submissions.hold(submission_id)
        if one.state is SubmissionState.REFUSED:
            raise BadParameter(f"{one.id} is no report: {one.reason}")
        event = SubmissionDismissed(one.id, one.message_id, one.investigation_id, note)
        record(unit, event, actor=actor, at=now)
        dismissed = replace(one, confirmed_as=None)
        return close(parts, unit, dismissed, SubmissionResult.NO_THREATS_FOUND, actor, now)


def submit(parts: Parts, raw: bytes, reported_as: ReportedAs, reporter: str, actor: str) -> Submission:
    """Hand in a message, or a report that holds one, as if a person had reported it; the work is queued.

    Raises BadParameter when it is empty or too large.
    """
    if not 0 < len(raw) <= MAX_MESSAGE:
        raise BadParameter(f"a message has 1 to {MAX_MESSAGE:,} bytes, not {len(raw):,}")
    reading = parts.reader.read([raw])[0]
    sha256 = parts.store.blobs.put(raw)
    now, who = parts.now(), (reporter or actor).lower()
    new = Submission(
        id=ids.make("sub", "file", who, sha256),
        reporter=who,
        reported_at=now,
        reported_as=reported_as,
        state=SubmissionState.RECEIVED,
        raw_sha256=sha256,
        kept=False,
        subject=reading.message.subject,
    )
    with parts.store.write(durable=True) as unit:
        unit.submissions.add([new])
        unit.jobs.put(REPORT, new.id, {"submission": new.id}, now)
        return unit.submissions.get(new.id)
