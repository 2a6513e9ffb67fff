"""Submissions: what users reported, and what a person says to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template

from clawback.analysis.indicators import Threat
from clawback.engine import report_commands
from clawback.errors import BadParameter
from clawback.response.submissions import OPEN_SUBMISSIONS, SubmissionState
from clawback.web.given import GivenParts
from clawback.web.lists import SUBMISSIONS
from clawback.web.portal.forms import Cursor, NoteForm, Word
from clawback.web.portal.frame import GivenPage, form_at, page_at
from clawback.web.portal.listing import Place, list_page

HERE = "/submissions"
THREATS = {"phish": Threat.PHISH, "malware": Threat.MALWARE, "spam": Threat.SPAM}


@dataclass(frozen=True, slots=True)
class ConfirmForm:
    """What a person says that the reported message is."""

    csrf: str
    threat: str
    note: str = ""


@page_at(HERE)
def listed(page: GivenPage, parts: GivenParts, status: Word = "", cursor: Cursor = "") -> Template:
    """Reports, newest first unless sorted otherwise."""
    with parts.store.read() as unit:
        rows, listing = list_page(SUBMISSIONS, page, unit, Place(HERE), cursor)
        trust = unit.submissions.reputations([one.reporter for one in rows])
    return page.show(
        "submissions.html",
        "Submissions",
        HERE,
        rows=rows,
        trust=trust,
        listing=listing,
        tabs=[
            (name, f"{HERE}?{urlencode({'status': words})}" if words else HERE, None) for name, words in TABS
        ],
        tab=next((name for name, words in TABS if words == status), ""),
    )


TABS = (
    ("All", ""),
    ("Without a result", ",".join(state.value for state in SubmissionState if state in OPEN_SUBMISSIONS)),
    ("Refused", SubmissionState.REFUSED.value),
)


@page_at(HERE + "/{submission_id:str}")
def shown(submission_id: FromPath[str], page: GivenPage, parts: GivenParts) -> Template:
    """One report, with the message it is about."""
    with parts.store.read() as unit:
        one = unit.submissions.get(submission_id)
        trust = unit.submissions.reputations([one.reporter])[one.reporter.lower()]
        known = unit.messages.get_many([one.message_id]) if one.message_id else {}
        others = unit.submissions.of_message(one.message_id) if one.message_id else ()
    return page.show(
        "submission.html",
        one.subject or one.id,
        HERE,
        one=one,
        trust=trust,
        message=known.get(one.message_id),
        others=[other for other in others if other.id != one.id],
        open=one.state in OPEN_SUBMISSIONS,
        threats=THREATS,
    )


@form_at(HERE + "/{submission_id:str}/confirm")
def confirm(
    submission_id: FromPath[str], page: GivenPage, parts: GivenParts, data: URLEncodedBody[ConfirmForm]
) -> Redirect:
    """A person's word that the message is bad."""
    actor = page.ordered(data.csrf)
    if data.threat not in THREATS:
        raise BadParameter(f"a report is confirmed as one of {', '.join(THREATS)}")
    report_commands.confirm(parts, submission_id, THREATS[data.threat], actor, note=data.note)
    return page.done(f"{HERE}/{submission_id}", "confirmed")


@form_at(HERE + "/{submission_id:str}/dismiss")
def dismiss(
    submission_id: FromPath[str], page: GivenPage, parts: GivenParts, data: URLEncodedBody[NoteForm]
) -> Redirect:
    """A person's word that it is not."""
    actor = page.ordered(data.csrf)
    report_commands.dismiss(parts, submission_id, actor, note=data.note)
    return page.done(f"{HERE}/{submission_id}", "dismissed")


HANDLERS: tuple[Any, ...] = (listed, shown, confirm, dismiss)
