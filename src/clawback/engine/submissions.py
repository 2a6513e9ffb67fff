"""Submissions: users' reports are taken down as they arrive, read, and become inquiries."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice

from clawback import ids
from clawback.analysis.entities import Entity, EntityKind
from clawback.analysis.features import entities_of
from clawback.analysis.indicators import VerdictKind
from clawback.analysis.matching import carries
from clawback.analysis.submitted import Found, FoundBy, Known, Reported, Submitted, alike, find
from clawback.engine.ended import SETTLE
from clawback.engine.opening import opened
from clawback.engine.parts import Parts
from clawback.engine.policies import policy_of
from clawback.engine.record import record
from clawback.engine.reporting import Reporting
from clawback.engine.requests import Request, raised
from clawback.errors import HandleStale, LoginFailed, MailboxError, NotFound, Refused, Throttled, Unavailable
from clawback.mailboxes.base import Failure, RawMessage
from clawback.message.delivery import Delivery
from clawback.message.message import Message
from clawback.message.reports import ReportFormat
from clawback.response.alerts import AlertKind
from clawback.response.events_reports import SubmissionReceived, SubmissionRefused
from clawback.response.investigation import OPEN_STATUSES
from clawback.response.submissions import (
    ReportPlace,
    Submission,
    SubmissionState,
    place_of,
    why_not_believed,
)
from clawback.store import MessageQuery, Unit
from clawback.store.similar import Narrow

REPORT = "report"
"""The kind of job that reads a report and opens the inquiry into its original; its key is the submission."""

RECENT = 500
"""Submissions under inquiry among which one of a message like this is looked for."""

CANDIDATES = 500
"""Messages of a reporter that share something with a reported one and are compared with it."""

SHARING = 5_000
"""Messages that share a fingerprint with a reported one, the newest first, whoever got them."""

ALERTS = 100
"""Reports that raise an alert in one investigation; more of them join it without one."""

Arrival = tuple[Delivery, Message]


def receive(unit: Unit, reporting: Reporting, arrived: Iterable[Arrival], now: datetime) -> None:
    """Take down the reports among copies that are new to us, in the transaction that records them."""
    if not reporting.places:
        return
    placed = ((d, m, place_of(d.handle, d.location, reporting.places)) for d, m in arrived)
    _take_down(
        unit,
        [
            _submission(delivery, message, place, now)
            for delivery, message, place in placed
            if place is not None and now - delivery.internal_date <= place.age
        ],
        now,
    )


def receive_moved(
    unit: Unit, reporting: Reporting, before: Iterable[Delivery], after: Sequence[Delivery], now: datetime
) -> None:
    """Take down what owners have moved into a folder for reports."""
    places = [place for place in reporting.places if place.holds_originals]
    if not places:
        return
    was = {delivery.id: delivery.handle.folder for delivery in before}
    moved = [d for d in after if was.get(d.id, d.handle.folder) != d.handle.folder]
    placed = [(d, place) for d in moved if (place := place_of(d.handle, d.location, places))]
    messages = unit.messages.get_many([d.message_id for d, _ in placed])
    known = ((d, messages[d.message_id], place) for d, place in placed if d.message_id in messages)
    _take_down(unit, [_submission(*one, now) for one in known], now)


def _take_down(unit: Unit, new: Sequence[Submission], now: datetime) -> None:
    unit.submissions.add(new)
    for one in new:
        if one.state is SubmissionState.RECEIVED:
            unit.jobs.put(REPORT, one.id, {"submission": one.id}, now)


def _submission(delivery: Delivery, message: Message, place: ReportPlace, now: datetime) -> Submission:
    if place.holds_originals:
        owner = delivery.handle.mailbox.lower()
        return Submission(
            id=ids.make("sub", "moved", owner, message.id),
            reporter=owner,
            reported_at=now,
            reported_as=place.reported_as,
            state=SubmissionState.RECEIVED,
            delivery_id=delivery.id,
            kept=False,
            format=ReportFormat.MOVED,
            subject=message.subject,
            message_id=message.id,
            found_by=FoundBy.MOVED,
            reason=f"its owner moved it to {delivery.handle.folder}",
        )
    doubt = why_not_believed(message, place)
    return Submission(
        id=ids.make("sub", delivery.id),
        reporter=message.sender.address.lower(),
        reported_at=now,
        reported_as=place.reported_as,
        state=SubmissionState.REFUSED if doubt else SubmissionState.RECEIVED,
        report_id=message.id,
        delivery_id=delivery.id,
        raw_sha256=delivery.raw_sha256,
        kept=place.kept,
        subject=message.subject,
        reason=doubt,
    )


async def take_up_report(parts: Parts, submission_id: str, *, last_try: bool = False) -> None:
    """Read a report, find what it is about, and let that be investigated; repeatable.

    Raises Unavailable or Throttled when the report cannot be fetched now; on the last try it goes on with
    what is known of it.
    """
    with parts.store.read() as unit:
        submission = unit.submissions.get(submission_id)
    if submission.state is SubmissionState.RECEIVED:
        await _read(parts, submission, last_try)
    with parts.store.write() as unit:
        one = unit.submissions.get(submission_id)
        if one.state is SubmissionState.INVESTIGATING:
            queue(unit, one, parts.now())


async def _read(parts: Parts, submission: Submission, last_try: bool) -> None:
    """Read a report, and write down what it is and what it is about."""
    if submission.format is ReportFormat.MOVED:
        read = Submitted(ReportFormat.MOVED)
    else:
        raw = await _content(parts, submission, last_try)
        read = (
            await asyncio.to_thread(parts.reader.read_report, raw) if raw else _from_index(parts, submission)
        )
    originals = read.originals
    if not submission.report_id and read.itself is not None:
        originals = (*originals, read.itself)
    with parts.store.read() as unit:
        found = (
            Found(submission.message_id, submission.found_by, submission.reason)
            if submission.message_id
            else _original(unit, submission, originals)
        )
    _open(parts, submission.id, read, found)


async def _content(parts: Parts, submission: Submission, last_try: bool) -> bytes:
    """The bytes of a report, b"" when they are nowhere any more."""
    if parts.store.blobs.has(submission.raw_sha256):
        return parts.store.blobs.get(submission.raw_sha256)
    with parts.store.read() as unit:
        known = unit.deliveries.get_many([submission.delivery_id]).values()
    for delivery in known:
        answer = await _fetched(parts, delivery)
        if isinstance(answer, RawMessage):
            return answer.content
        if isinstance(answer, Unavailable | Throttled | HandleStale | LoginFailed) and not last_try:
            # A stale handle is looked up anew by the next sweep.
            raise answer if isinstance(answer, Throttled) else Unavailable(str(answer))
    return b""


async def _fetched(parts: Parts, delivery: Delivery) -> RawMessage | Failure | NotFound:
    try:
        (answer,) = await parts.connector(delivery.handle.source).fetch([delivery.handle])
    except (NotFound, MailboxError, Refused) as error:
        return error
    return answer


def _from_index(parts: Parts, submission: Submission) -> Submitted:
    """What is known of a report whose bytes are gone: the messages that were attached to it."""
    with parts.store.read() as unit:
        known = unit.messages.get_many([submission.report_id]).values()
    originals = tuple(
        Reported(one.id, one.internet_message_id, one.sender, one.subject)
        for message in known
        for one in message.nested
    )
    return Submitted(ReportFormat.ATTACHED if originals else ReportFormat.NONE, None, originals)


def _original(unit: Unit, submission: Submission, originals: Sequence[Reported]) -> Found:
    """The first of the messages in a report that we know."""
    for one in originals:
        found = find(one, _candidates(unit, one, submission))
        if found.message_id:
            return found
    return Found() if originals else Found(reason="there is no message in the report")


def _candidates(unit: Unit, one: Reported, submission: Submission) -> tuple[Known, ...]:
    """The messages that may be the reported one: by id, by Message-ID, and what the reporter got."""
    near = dict.fromkeys([one.id] if one.id else [])
    if one.internet_message_id:
        near |= dict.fromkeys(islice(unit.messages.by_internet_id(one.internet_message_id), CANDIDATES))
    owners = {owner.lower(): owner for owner in unit.deliveries.owners()}
    mine = MessageQuery(mailbox=owners.get(submission.reporter, submission.reporter), limit=CANDIDATES)
    shared = unit.similar.with_fingerprints(one.fingerprints, Narrow(), SHARING)
    got = {m.id for m in unit.messages.search(replace(mine, message_ids=shared))[0]}
    if "@" in one.sender:
        got |= {m.id for m in unit.messages.search(replace(mine, sender=one.sender))[0]}
    got |= {m.id for m in unit.messages.search(replace(mine, message_ids=tuple(near)))[0]}
    known = unit.messages.get_many([*near, *sorted(got.difference(near))])
    known.pop(submission.report_id, None)
    signatures = unit.messages.signatures(list(known))
    # What the reporter sent is no original: the report itself lies among it.
    return tuple(
        Known(m, signatures.get(m.id, b""), m.id in got)
        for m in known.values()
        if m.sender.address.lower() != submission.reporter or one.sender == submission.reporter
    )


def _open(parts: Parts, submission_id: str, read: Submitted, found: Found) -> None:
    """Write down what the report is, and ask for the inquiry into its original."""
    now = parts.now()
    with parts.store.write(durable=True) as unit:
        before = unit.submissions.hold(submission_id)
        if before.state is not SubmissionState.RECEIVED:
            return
        subject = next((one.subject for one in read.originals if one.subject), before.subject)
        after = replace(
            before,
            format=read.format,
            reported_as=read.reported_as or before.reported_as,
            subject=subject,
            message_id=found.message_id,
            found_by=found.by,
            reason=found.reason,
        )
        if read.automatic:
            after = replace(after, state=SubmissionState.REFUSED, reason="a machine sent it, and no person")
            record(
                unit, SubmissionRefused(after.id, after.reporter, after.reason), actor=after.reporter, at=now
            )
        elif not found.message_id:
            after = replace(after, state=SubmissionState.UNDECIDED)
            record(unit, _received(after), actor=after.reporter, at=now)
        else:
            after = replace(after, state=SubmissionState.INVESTIGATING)
            request = request_for(unit, after, now, "")
            after = replace(after, investigation_id=joined(unit, request, now))
            record(unit, _received(after), actor=after.reporter, at=now)
        unit.submissions.save(after)


def _received(one: Submission) -> SubmissionReceived:
    return SubmissionReceived(
        one.id,
        one.reporter,
        one.reported_as,
        one.format,
        one.message_id,
        one.found_by,
        one.investigation_id,
        one.reason,
    )


def queue(unit: Unit, one: Submission, now: datetime, asked: str = "") -> Request:
    """Ask for the inquiry into a reported message; `asked` is the person who wants it now.

    Not for whoever has the audit log's lock already: others take these two the other way round.
    """
    request = request_for(unit, one, now, asked)
    unit.jobs.put("investigate", request.key, request.encode(), now)
    return request


def joined(unit: Unit, request: Request, now: datetime) -> str:
    """The id of the investigation that a report opens, or joins.

    Reports of one message, and of messages with nearly the same body, join one.
    """
    many = "" if request.asked else _with_many(unit, request.cause)
    investigation_id = many or opened(unit, request, now)
    # Of an inquiry that was ended early nothing more is heard.
    unit.jobs.put(SETTLE, investigation_id, {"investigation": investigation_id}, now)
    return investigation_id


def _with_many(unit: Unit, cause: Entity) -> str:
    """The open investigation of a cause that has so many reports that one more needs no alert of its own."""
    for investigation_id in unit.investigations.by_cause(str(cause))[:1]:
        is_open = unit.investigations.get(investigation_id).status in OPEN_STATUSES
        if is_open and unit.submissions.count_of(investigation_id) >= ALERTS:
            return investigation_id
    return ""


def look_again(unit: Unit, arrived: Iterable[Delivery], now: datetime) -> None:
    """Ask for the inquiries into confirmed messages of which more copies have come."""
    for one in unit.submissions.confirmed(sorted({delivery.message_id for delivery in arrived})):
        queue(unit, one, now)


def request_for(unit: Unit, one: Submission, now: datetime, asked: str) -> Request:
    """What is to be investigated because of a report."""
    return raised(
        AlertKind.USER_REPORT,
        _cause(unit, one),
        f"submission:{one.id}:{asked}:{now.isoformat()}" if asked else f"submission:{one.id}",
        asked or one.reporter,
        indicators=listed_in(unit, one.message_id),
        asked=bool(asked),
        messages=(one.message_id,),
        detail=f"{one.reporter} reported it as {one.reported_as.value.replace('_', ' ')}",
    )


def listed_in(unit: Unit, message_id: str) -> tuple[str, ...]:
    """The ids of the malicious indicators that a message carries."""
    found: list[str] = []
    for message in unit.messages.get_many([message_id]).values():
        near = unit.indicators.matching(entities_of(message))
        found += [i.id for i in near if i.verdict is VerdictKind.MALICIOUS and carries(message, i)]
    return tuple(found)


def _cause(unit: Unit, one: Submission) -> Entity:
    """What the inquiry is about: the message, or one like it that somebody has reported and that is open."""
    known = [other.investigation_id for other in unit.submissions.of_message(one.message_id)]
    if mine := one.investigation_id or next(filter(None, reversed(known)), ""):
        return unit.investigations.get(mine).cause
    others = {
        other.message_id: other.investigation_id
        for other in unit.submissions.newest([SubmissionState.INVESTIGATING], RECENT)
        if other.message_id and other.investigation_id
    }
    signatures = unit.messages.signatures([*others, one.message_id])
    signature = signatures.pop(one.message_id, b"")
    near = alike(signatures, signature, policy_of(unit).likeness)
    if near:
        return unit.investigations.get(others[near[0]]).cause
    return Entity(EntityKind.MESSAGE, one.message_id)
