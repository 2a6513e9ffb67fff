"""``/api/actions``: the action center."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from litestar import Request, get, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from clawback.engine import commands
from clawback.engine.exposure import exposure_of
from clawback.response.exposure import Exposure
from clawback.response.parting import Chosen
from clawback.response.plan import Deed, Receipt, Remediation, Skip
from clawback.response.standing import StandingOrder
from clawback.store import Unit
from clawback.web.answers import Answer, Cursor, Limit, Page
from clawback.web.given import GivenParts
from clawback.web.listed import exported, page_of
from clawback.web.lists import ACTIONS
from clawback.web.offsets import cut, cut_stream
from clawback.web.orders import GivenOrder

Text = Annotated[str, Meta(max_length=4_000)]
Names = Annotated[tuple[str, ...], Meta(max_length=10_000)]


@dataclass(frozen=True, slots=True)
class Approve:
    """What is approved: the hash of the plan that was looked at; and why.

    With mailboxes or messages only their copies are approved, and the rest waits as another action.
    """

    plan_hash: Annotated[str, Meta(min_length=1, max_length=200)]
    note: Text = ""
    mailboxes: Names = ()
    message_ids: Names = ()
    but_mailboxes: Names = ()


@dataclass(frozen=True, slots=True)
class Decide:
    """Why."""

    note: Text = ""


@dataclass(frozen=True, slots=True)
class Action:
    """An action; `armed_until` is set while late copies are taken out for it."""

    action: Remediation
    armed_until: datetime | None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one copy."""

    mailbox: str
    message_id: str
    delivery_id: str
    receipt: Receipt


@get("/api/actions", sync_to_thread=True, summary="List actions")
def actions(
    request: Request[Any, Any, Any], parts: GivenParts, limit: Limit = 100, cursor: Cursor = ""
) -> Answer[Page[Remediation]]:
    """What waits and what was done, each with its account; newest first, unless `sort` says otherwise."""
    return page_of(ACTIONS, request, parts, limit, cursor)


@get("/api/actions/{action_id:str}", sync_to_thread=True, summary="Show one action")
def action(action_id: FromPath[str], parts: GivenParts) -> Answer[Action]:
    """Its account, and the hash of its plan, which is what is approved."""
    with parts.store.read() as unit:
        return Answer(_whole(unit, action_id))


@get("/api/actions/{action_id:str}/plan", sync_to_thread=True, summary="What is planned for each copy")
def plan(
    action_id: FromPath[str], parts: GivenParts, limit: Limit = 100, cursor: Cursor = ""
) -> Answer[Page[Deed]]:
    """The deeds of the plan as it was made."""
    with parts.store.read() as unit:
        return Answer(cut(unit.remediations.plan(action_id).deeds, limit, cursor))


@get("/api/actions/{action_id:str}/results", sync_to_thread=True, summary="What became of each copy")
def results(
    action_id: FromPath[str], parts: GivenParts, limit: Limit = 100, cursor: Cursor = ""
) -> Answer[Page[Result]]:
    """The receipts of the whole account: its own, then those of late copies."""
    with parts.store.read() as unit:
        page = cut_stream(unit.remediations.results(action_id), limit, cursor)
    return Answer(Page(tuple(_result(deed, receipt) for deed, receipt in page.items), page.next))


@get("/api/actions/{action_id:str}/skipped", sync_to_thread=True, summary="What is left alone, and why")
def skipped(
    action_id: FromPath[str], parts: GivenParts, limit: Limit = 100, cursor: Cursor = ""
) -> Answer[Page[Skip]]:
    """The copies that were found and are deliberately not acted on."""
    with parts.store.read() as unit:
        return Answer(cut(unit.remediations.left_alone(action_id), limit, cursor))


@post("/api/actions/{action_id:str}/approve", sync_to_thread=True, status_code=200, summary="Approve")
def approve(action_id: FromPath[str], data: JSONBody[Approve], order: GivenOrder) -> Answer[Remediation]:
    """Let a pending action run, or wait for a second person where the policy wants two.

    Refused when the plan is not the one that was looked at.
    """

    def work() -> Remediation:
        return commands.approve(
            order.parts, action_id, order.actor, plan_hash=data.plan_hash, note=data.note, only=_chosen(data)
        )

    return order.once(work)


@post("/api/actions/{action_id:str}/reject", sync_to_thread=True, status_code=200, summary="Reject")
def reject(action_id: FromPath[str], data: JSONBody[Decide], order: GivenOrder) -> Answer[Remediation]:
    """Say no to a pending action; nothing is touched."""
    return order.once(lambda: commands.reject(order.parts, action_id, order.actor, note=data.note))


@post("/api/actions/{action_id:str}/undo", sync_to_thread=True, status_code=202, summary="Undo")
def undo(action_id: FromPath[str], data: JSONBody[Decide], order: GivenOrder) -> Answer[Remediation]:
    """Put every copy back as it was. Answers the action that does it."""
    return order.once(lambda: commands.undo(order.parts, action_id, order.actor, note=data.note), 202)


@post("/api/actions/{action_id:str}/disarm", sync_to_thread=True, status_code=200, summary="Disarm")
def disarm(action_id: FromPath[str], data: JSONBody[Decide], order: GivenOrder) -> Answer[StandingOrder]:
    """Leave late copies alone from now on; what was removed stays removed."""
    return order.once(lambda: commands.disarm(order.parts, action_id, order.actor, note=data.note))


@get(
    "/api/actions/{action_id:str}/exposure", sync_to_thread=True, summary="For how long people could open it"
)
def exposure(action_id: FromPath[str], parts: GivenParts) -> Answer[Exposure]:
    """The clocks of its copies, added up."""
    with parts.store.read() as unit:
        return Answer(exposure_of(unit, action_id, parts.now())[0])


def _chosen(data: Approve) -> Chosen:
    mailboxes = frozenset(name.lower() for name in data.mailboxes)
    left_out = frozenset(name.lower() for name in data.but_mailboxes)
    return Chosen(mailboxes, frozenset(data.message_ids), left_out)


def _whole(unit: Unit, action_id: str) -> Action:
    found, standing = unit.remediations.get(action_id), unit.standing.of_remediation(action_id)
    return Action(found, standing.until if standing else None)


def _result(deed: Deed, receipt: Receipt) -> Result:
    return Result(deed.handle.mailbox, deed.message_id, deed.delivery_id, receipt)


HANDLERS: tuple[Any, ...] = (
    actions,
    exported(ACTIONS),
    action,
    plan,
    results,
    skipped,
    exposure,
    approve,
    reject,
    undo,
    disarm,
)
