"""``/api/messages/remediation``: an action on messages that were chosen, previewed before it is ordered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from litestar import post
from litestar.params import JSONBody
from msgspec import Meta

from clawback.engine.parts import Parts
from clawback.engine.selection import MOST_NAMED, Selection, act, preview
from clawback.engine.sign_in import Caller
from clawback.errors import Forbidden
from clawback.response.people import Permission
from clawback.response.plan import ActionKind
from clawback.response.selection import Ordered, Preview
from clawback.store import MessageFilter
from clawback.web.answers import Answer
from clawback.web.given import GivenParts
from clawback.web.orders import GivenOrder

_Ids = Annotated[tuple[str, ...], Meta(max_length=MOST_NAMED)]


@dataclass(frozen=True, slots=True)
class Choose:
    """What to do with which messages: those with these ids, or all that the filter `query` means."""

    action: ActionKind
    message_ids: _Ids = ()
    query: MessageFilter = MessageFilter()


@dataclass(frozen=True, slots=True)
class Act:
    """The same as was previewed, with the preview's `hash` and a justification.

    With `approved` it is approved at once, by whoever orders it and may approve.
    """

    action: ActionKind
    preview_hash: Annotated[str, Meta(min_length=1, max_length=100)]
    note: Annotated[str, Meta(min_length=3, max_length=4_000)]
    message_ids: _Ids = ()
    query: MessageFilter = MessageFilter()
    approved: bool = False


@post(
    "/api/messages/remediation/preview",
    sync_to_thread=True,
    status_code=200,
    summary="Preview an action on chosen messages",
)
def preview_action(data: JSONBody[Choose], parts: GivenParts) -> Answer[Preview]:
    """How many copies in how many mailboxes, where they are, what is left out and why, what the brake says.

    Nothing is touched, and nothing is written down.
    """
    return Answer(preview(parts, Selection(data.message_ids, data.query), data.action))


@post(
    "/api/messages/remediation",
    sync_to_thread=True,
    status_code=202,
    summary="Order an action on chosen messages",
)
def order_action(data: JSONBody[Act], order: GivenOrder) -> Answer[Ordered]:
    """An investigation is opened for it. The action waits for an approval, unless `approved` is set.

    Refused when what would be done is not what was previewed any more. A running `clawback up` does it.
    """
    chosen = Selection(data.message_ids, data.query)

    def work() -> Ordered:
        return ordered(
            order.parts, order.caller, chosen, data.action, data.preview_hash, data.note, data.approved
        )

    return order.once(work, 202)


def ordered(
    parts: Parts,
    caller: Caller,
    chosen: Selection,
    action: ActionKind,
    preview_hash: str,
    note: str,
    approved: bool,
) -> Ordered:
    """Give the order in the caller's name; raises Forbidden for an approval by whoever may not approve."""
    if approved and Permission.APPROVE not in caller.permissions:
        raise Forbidden("to approve at once needs the permission approve; without, it waits for somebody")
    return act(parts, chosen, action, caller.name, preview_hash=preview_hash, note=note, approved=approved)


HANDLERS: tuple[Any, ...] = (preview_action, order_action)
