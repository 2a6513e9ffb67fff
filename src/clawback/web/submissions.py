"""``/api/submissions``: what users have reported, and what a person says to it."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Request, get, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from clawback.analysis.indicators import Threat
from clawback.engine import report_commands
from clawback.errors import BadParameter
from clawback.message.reports import ReportedAs
from clawback.response.submissions import Submission
from clawback.web.answers import Answer, Cursor, Limit, Page
from clawback.web.given import GivenParts
from clawback.web.listed import exported, page_of
from clawback.web.lists import SUBMISSIONS
from clawback.web.orders import GivenOrder

Note = Annotated[str, Meta(max_length=4_000)]


@dataclass(frozen=True, slots=True)
class Submit:
    """A message, or a report that holds one, in base64, and what somebody says that it is."""

    raw: Annotated[str, Meta(min_length=1)]
    reported_as: ReportedAs
    reporter: Annotated[str, Meta(max_length=320)] = ""


@dataclass(frozen=True, slots=True)
class Confirm:
    """What the message is, and why."""

    threat: Threat
    note: Note = ""


@dataclass(frozen=True, slots=True)
class Dismiss:
    """Why."""

    note: Note = ""


@get("/api/submissions", sync_to_thread=True, summary="List reports")
def submissions(
    request: Request[Any, Any, Any], parts: GivenParts, limit: Limit = 100, cursor: Cursor = ""
) -> Answer[Page[Submission]]:
    """What was refused too, unless `status` names others. Newest first, unless `sort` says otherwise."""
    return page_of(SUBMISSIONS, request, parts, limit, cursor)


@post("/api/submissions", sync_to_thread=True, status_code=202, summary="Report a message")
def submit(data: JSONBody[Submit], order: GivenOrder) -> Answer[Submission]:
    """As if a person had reported it; it is looked into later. `reporter` is oneself when it is left out."""
    try:
        raw = base64.b64decode(data.raw, validate=True)
    except (binascii.Error, ValueError):
        raise BadParameter("the message is not base64") from None

    def work() -> Submission:
        return report_commands.submit(order.parts, raw, data.reported_as, data.reporter, order.actor)

    return order.once(work, 202)


@get("/api/submissions/{submission_id:str}", sync_to_thread=True, summary="Show one report")
def submission(submission_id: FromPath[str], parts: GivenParts) -> Answer[Submission]:
    """What it is about, how that was found, and what came of it."""
    with parts.store.read() as unit:
        return Answer(unit.submissions.get(submission_id))


@post(
    "/api/submissions/{submission_id:str}/confirm",
    sync_to_thread=True,
    status_code=202,
    summary="Say that a reported message is bad",
)
def confirm(submission_id: FromPath[str], data: JSONBody[Confirm], order: GivenOrder) -> Answer[Submission]:
    """Its copies are looked into, and planned for."""

    def work() -> Submission:
        return report_commands.confirm(order.parts, submission_id, data.threat, order.actor, note=data.note)

    return order.once(work, 202)


@post(
    "/api/submissions/{submission_id:str}/dismiss",
    sync_to_thread=True,
    status_code=200,
    summary="Say that a reported message is no threat",
)
def dismiss(submission_id: FromPath[str], data: JSONBody[Dismiss], order: GivenOrder) -> Answer[Submission]:
    """A confirmation of it is taken back, and what was removed because of it alone comes back."""

    def work() -> Submission:
        return report_commands.dismiss(order.parts, submission_id, order.actor, note=data.note)

    return order.once(work)


HANDLERS: tuple[Any, ...] = (submissions, submit, submission, confirm, dismiss, exported(SUBMISSIONS))
