"""The action center: what waits, what was done, and each action with its copies, reasons and account."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template

from clawback.engine import commands, decisions
from clawback.engine.exposure import exposure_of
from clawback.engine.policies import policy_of
from clawback.engine.undoing import undos_of
from clawback.errors import BadParameter
from clawback.response.collateral import Why, described
from clawback.response.deciding import second_for, waits_for
from clawback.response.exposure import Exposure
from clawback.response.outcomes import told_undos
from clawback.response.parting import EVERYTHING, Chosen
from clawback.response.plan import Remediation, RemediationStatus
from clawback.store import Unit
from clawback.web.given import GivenParts
from clawback.web.lists import ACTIONS
from clawback.web.portal.addresses import address_by_id
from clawback.web.portal.forms import Cursor, NoteForm, Word
from clawback.web.portal.frame import GivenPage, Page, form_at, page_at
from clawback.web.portal.listing import ROWS, ListPage, Place, list_page
from clawback.web.portal.words import word
from clawback.web.results import wanted

HERE = "/actions"
COPIES = 200
"""Copies of a plan that are shown; the API has all."""
CLOCKED = 2_000
"""Copies up to which the exposure of an action is counted before its page is sent."""
SELECTED = 100
"""Actions that one order decides about at most."""


@dataclass(frozen=True, slots=True)
class ApproveForm:
    """What is approved: the plan that was looked at, or only its copies in these mailboxes."""

    csrf: str
    plan_hash: str
    note: str = ""
    mailboxes: str = ""


@dataclass(frozen=True, slots=True)
class BulkForm:
    """What is to become of the actions that were chosen, each as ``id:plan hash``."""

    csrf: str
    decision: str
    chosen: list[str]
    note: str = ""


@page_at(HERE)
def listed(page: GivenPage, parts: GivenParts, status: Word = "", cursor: Cursor = "") -> Template:
    """Pending and history, newest first."""
    with parts.store.read() as unit:
        rows, listing = list_page(ACTIONS, page, unit, Place(HERE), cursor)
        counts = unit.remediations.by_status(listed=True)
    tabs = [("All", HERE, sum(counts.values()))]
    for one in RemediationStatus:
        if counts.get(one):
            tabs.append((word(one), f"{HERE}?status={one.value}", counts[one]))
    here = word(RemediationStatus(status)) if status in list(RemediationStatus) else "" if status else "All"
    return page.show("actions.html", "Action center", HERE, rows=rows, listing=listing, tabs=tabs, tab=here)


@form_at(HERE)
def bulk(page: GivenPage, parts: GivenParts, data: URLEncodedBody[BulkForm]) -> Redirect:
    """Approve or reject what was chosen. Stops at the first that cannot be."""
    actor = page.ordered(data.csrf)
    if len(data.chosen) > SELECTED:
        raise BadParameter(f"one order decides about at most {SELECTED} actions")
    if data.decision not in ("approve", "reject"):
        raise BadParameter(f"there is no decision {data.decision!r:.40}")
    for one in data.chosen:
        action_id, _, plan_hash = one.partition(":")
        if data.decision == "approve":
            decisions.approve(parts, action_id, actor, plan_hash=plan_hash, note=data.note)
        else:
            decisions.reject(parts, action_id, actor, note=data.note)
    return page.done(f"{HERE}?status=pending", "approved" if data.decision == "approve" else "rejected")


@page_at(HERE + "/{action_id:str}")
def shown(
    action_id: FromPath[str], page: GivenPage, parts: GivenParts, result: Word = "", cursor: Cursor = ""
) -> Template:
    """One action: what it would do or did to each copy, what the brake says, and the ways on."""
    with parts.store.read() as unit:
        one = unit.remediations.get(action_id)
        facts = _facts(page, unit, one) | _results(page, unit, one, result, cursor)
    return page.show("action.html", f"{one.id}", HERE, one=one, **facts)


def _facts(page: Page, unit: Unit, one: Remediation) -> dict[str, Any]:
    weighed = unit.brake.get(one.id)
    pending = one.status is RemediationStatus.PENDING
    return {
        "skipped": one.tally.skipped,
        "weighed": weighed,
        "estimate": described(weighed.estimate) if weighed else "",
        "whys": tuple(Why),
        "order": unit.standing.of_remediation(one.id),
        "pending": pending,
        "working": one.status in (RemediationStatus.APPROVED, RemediationStatus.RUNNING),
        "justify": policy_of(unit).justify,
        "exposure": _exposure(unit, one, page) if one.tally.found <= CLOCKED else None,
        "clocked": not one.undoes and one.tally.found > CLOCKED,
        "undoable": _undoable(one),
        "others": [(name, i, address_by_id(i)) for name, i in _others(one, weighed.rest if weighed else "")],
        "progress": one.tally.found - one.tally.open,
        "undos": told_undos(one, undos_of(unit, one)),
        "again": _again(unit, one),
        **_planned(unit, one, pending),
    }


def _planned(unit: Unit, one: Remediation, pending: bool) -> dict[str, Any]:
    """What is still to be done: the first copies; of what waits its mailboxes, and whether it takes two."""
    deeds = unit.remediations.planned(one.id, COPIES) if one.tally.open else ()
    mailboxes = unit.results.mailboxes(one.id) if pending else ()
    second = second_for(one.kind, one.tally.open, len(mailboxes), policy_of(unit)) if pending else ""
    return {
        "deeds": deeds,
        "now_at": unit.deliveries.get_many([deed.delivery_id for deed in deeds]),
        "mailboxes": mailboxes,
        "second": second,
        "waits_for": waits_for(one),
    }


def _exposure(unit: Unit, one: Remediation, page: Page) -> Exposure | None:
    return None if one.undoes else exposure_of(unit, one.id, page.parts.now())[0]


def _results(page: Page, unit: Unit, one: Remediation, key: str, cursor: str) -> dict[str, Any]:
    """The results by class, and the copies of one class or of all, once there are any."""
    classes = unit.results.classes(one.id)
    if not classes:
        return {"classes": (), "copies": ()}
    copies, after = unit.results.copies(one.id, wanted(key), limit=ROWS, cursor=cursor)
    total = sum(row.copies for row in classes if key in ("", row.key))
    api = f"/api/actions/{one.id}/copies"
    exports = (("CSV", f"{api}/export"),) if page.may("analyse") else ()
    listing = ListPage(
        f"{HERE}/{one.id}",
        {"result": key},
        len(copies),
        cursor,
        after,
        total=total,
        formats=(*exports, ("JSON", api)),
    )
    return {"classes": classes, "copies": copies, "results": listing, "result": key}


def _again(unit: Unit, one: Remediation) -> str:
    """What to investigate again for the copies that a removal failed on, "" where nothing failed."""
    if one.undoes or not one.tally.failed or not one.ended_at:
        return ""
    return unit.investigations.get(one.investigation_id).cause.value


def _undoable(one: Remediation) -> bool:
    ended = one.status in (RemediationStatus.COMPLETED, RemediationStatus.FAILED)
    return ended and bool(one.tally.removed) and not one.undoes and not one.undone_by


def _others(one: Remediation, rest: str) -> list[tuple[str, str]]:
    named = (
        ("Investigation", one.investigation_id),
        ("Cluster", one.cluster_id),
        ("Undoes", one.undoes),
        ("Undone by", one.undone_by),
        ("Follows", one.follows),
        ("Part of", one.part_of),
        ("The rest", rest),
    )
    return [(name, i) for name, i in named if i]


@form_at(HERE + "/{action_id:str}/approve")
def approve(
    action_id: FromPath[str], page: GivenPage, parts: GivenParts, data: URLEncodedBody[ApproveForm]
) -> Redirect:
    """Let it run, whole or in part; or be the first of two."""
    actor = page.ordered(data.csrf)
    named = frozenset(
        name.strip().lower() for name in data.mailboxes.replace(",", "\n").splitlines() if name.strip()
    )
    only = Chosen(mailboxes=named) if named else EVERYTHING
    done = decisions.approve(parts, action_id, actor, plan_hash=data.plan_hash, note=data.note, only=only)
    waits = done.status is RemediationStatus.PENDING
    return page.done(f"{HERE}/{done.id}", "proposed" if waits else "approved")


def _decided(path: str, what: str, order: Callable[..., Remediation]) -> Any:
    """The handler of a decision that carries nothing but a reason."""

    @form_at(f"{HERE}/{{action_id:str}}/{path}", name=f"portal_{path}")
    def handler(
        action_id: FromPath[str], page: GivenPage, parts: GivenParts, data: URLEncodedBody[NoteForm]
    ) -> Redirect:
        """Give the order and go to what came of it."""
        actor = page.ordered(data.csrf)
        done = order(parts, action_id, actor, note=data.note)
        return page.done(f"{HERE}/{done.id}", what)

    return handler


@form_at(HERE + "/{action_id:str}/disarm")
def disarm(
    action_id: FromPath[str], page: GivenPage, parts: GivenParts, data: URLEncodedBody[NoteForm]
) -> Redirect:
    """Leave late copies alone from now on."""
    actor = page.ordered(data.csrf)
    commands.disarm(parts, action_id, actor, note=data.note)
    return page.done(f"{HERE}/{action_id}", "disarmed")


@page_at(HERE + "/{action_id:str}/exposure")
def exposure(action_id: FromPath[str], page: GivenPage, parts: GivenParts) -> Template:
    """The clocks of a large action's copies, added up: asked for when its page is there already."""
    with parts.store.read() as unit:
        found = _exposure(unit, unit.remediations.get(action_id), page)
    return page.part("action_exposure.html", exposure=found)


@page_at(HERE + "/{action_id:str}/progress")
def progress(action_id: FromPath[str], page: GivenPage, parts: GivenParts) -> Template:
    """The part of the page that follows the work; at its end the whole page is asked for anew."""
    with parts.store.read() as unit:
        one = unit.remediations.get(action_id)
    working = one.status in (RemediationStatus.APPROVED, RemediationStatus.RUNNING)
    facts = {"one": one, "working": working, "progress": one.tally.found - one.tally.open}
    answer = page.part("action_progress.html", **facts)
    if not working:
        answer.headers["HX-Refresh"] = "true"
    return answer


HANDLERS: tuple[Any, ...] = (
    listed,
    bulk,
    shown,
    approve,
    _decided("reject", "rejected", decisions.reject),
    _decided("undo", "undone", commands.undo),
    disarm,
    exposure,
    progress,
)
