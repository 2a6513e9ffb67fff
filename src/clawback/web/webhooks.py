"""``/api/webhooks``: whom events are told by signed HTTP requests, and what became of each event."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

import msgspec
from litestar import delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import UNSET, Meta, UnsetType

from clawback.engine import webhooks as orders
from clawback.engine.webhooks import Webhook
from clawback.response.sinks import MOST_DEAD, MOST_EVENTS, Delivery, Outcome, Sent
from clawback.web.answers import Answer, Cursor, Limit, Page, check_tag, tag_of
from clawback.web.given import GivenParts
from clawback.web.indicators import IfMatch
from clawback.web.orders import GivenOrder

Url = Annotated[str, Meta(min_length=1, max_length=2_000)]
Beginning = Annotated[str, Meta(min_length=1, max_length=100)]
Events = Annotated[tuple[Beginning, ...], Meta(max_length=MOST_EVENTS)]
Name = Annotated[str, Meta(min_length=1, max_length=100)]


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """Whom to tell. `events` are the beginnings of the events that are wanted, none for all."""

    url: Url
    events: Events = ()
    name: Annotated[str, Meta(max_length=100)] = ""


@dataclass(frozen=True, slots=True)
class MadeWebhook:
    """The webhook, and its secret: shown now and never again."""

    webhook: Webhook
    secret: str


class ChangeWebhook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to change; what is not given stays. `on` pauses it, or lets it go on from where it stood."""

    name: Name | UnsetType = UNSET
    url: Url | UnsetType = UNSET
    events: Events | UnsetType = UNSET
    on: bool | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class Rotation:
    """For how many hours the old secret signs beside the new one."""

    hours: Annotated[float, Meta(ge=0, le=168)] = 24


@dataclass(frozen=True, slots=True)
class Letters:
    """Which dead letters to send once more, by the ids of their events; all when none are named."""

    events: Annotated[tuple[Annotated[str, Meta(max_length=100)], ...], Meta(max_length=MOST_DEAD)] = ()


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many dead letters are sent once more."""

    letters: int


@get("/api/webhooks", sync_to_thread=True, summary="List webhooks, newest first")
def webhooks(parts: GivenParts, limit: Limit = 100, cursor: Cursor = "") -> Answer[Page[Webhook]]:
    """Each with how far it has come, and why it fails or was switched off."""
    return Answer(Page(*orders.listed(parts, limit, cursor)))


@post("/api/webhooks", sync_to_thread=True, status_code=201, summary="Tell a URL of events")
def add_webhook(data: JSONBody[NewWebhook], order: GivenOrder) -> Answer[MadeWebhook]:
    """From now on. Never answered twice: an Idempotency-Key is not looked at, for the secret is shown once.

    Only https, no user names, and no host inside this network unless the settings allow it.
    """
    made, secret = orders.add_webhook(order.parts, data.url, data.events, order.actor, name=data.name)
    return Answer(MadeWebhook(made, secret), status_code=201)


@get("/api/webhooks/{webhook_id:str}", sync_to_thread=True, summary="Show one webhook")
def show_webhook(webhook_id: FromPath[str], parts: GivenParts) -> Answer[Webhook]:
    """With its ETag, which a change must send back; what is delivered meanwhile does not change it."""
    found = orders.webhook(parts, webhook_id)
    return Answer(found, headers={"ETag": tag_of(orders.version_of(found))})


@patch("/api/webhooks/{webhook_id:str}", sync_to_thread=True, summary="Change one webhook")
def change_webhook(
    webhook_id: FromPath[str], data: JSONBody[ChangeWebhook], order: GivenOrder, if_match: IfMatch
) -> Answer[Webhook]:
    """Its name, URL, events, or whether it is on. Refused when somebody else changed it in between."""

    def work() -> Webhook:
        before = orders.webhook(order.parts, webhook_id)
        check_tag(if_match, orders.version_of(before))
        given = {name: value for name, value in msgspec.structs.asdict(data).items() if value is not UNSET}
        return orders.change_webhook(order.parts, webhook_id, order.actor, was=before, **given)

    return order.once(work)


@delete("/api/webhooks/{webhook_id:str}", sync_to_thread=True, status_code=200, summary="Remove one webhook")
def remove_webhook(webhook_id: FromPath[str], order: GivenOrder) -> Answer[Webhook]:
    """It is told nothing more, and its dead letters are forgotten."""
    return order.once(lambda: orders.remove_webhook(order.parts, webhook_id, order.actor))


@post(
    "/api/webhooks/{webhook_id:str}/test", sync_to_thread=True, status_code=200, summary="Send a test event"
)
def test_webhook(webhook_id: FromPath[str], order: GivenOrder) -> Answer[Sent]:
    """At once, and answers what came of it: the receiver's status, or why there is none. Never its answer."""
    return order.once(lambda: orders.send_test(order.parts, webhook_id, order.actor))


@post(
    "/api/webhooks/{webhook_id:str}/rotate", sync_to_thread=True, status_code=200, summary="Make a new secret"
)
def rotate(webhook_id: FromPath[str], data: JSONBody[Rotation], order: GivenOrder) -> Answer[MadeWebhook]:
    """Both sign for some hours, so that the receiver can change over. Never answered twice, as a new one."""
    overlap = timedelta(hours=data.hours)
    made, secret = orders.rotate_secret(order.parts, webhook_id, order.actor, overlap=overlap)
    return Answer(MadeWebhook(made, secret))


@get("/api/webhooks/{webhook_id:str}/deliveries", sync_to_thread=True, summary="What became of its events")
def deliveries(
    webhook_id: FromPath[str],
    parts: GivenParts,
    outcome: FromQuery[Outcome | None] = None,
    limit: Limit = 100,
    cursor: Cursor = "",
) -> Answer[Page[Delivery]]:
    """Newest event first: the last ones delivered, what is tried again, and what is a dead letter."""
    return Answer(Page(*orders.deliveries(parts, webhook_id, outcome, limit, cursor)))


@post(
    "/api/webhooks/{webhook_id:str}/replay",
    sync_to_thread=True,
    status_code=200,
    summary="Send dead letters once more",
)
def replay(webhook_id: FromPath[str], data: JSONBody[Letters], order: GivenOrder) -> Answer[Replayed]:
    """Those of the events named, or all. Each keeps its id; what fails again is a dead letter again."""

    def work() -> Replayed:
        return Replayed(orders.replay(order.parts, webhook_id, order.actor, data.events or None))

    return order.once(work)


HANDLERS: tuple[Any, ...] = (
    webhooks,
    add_webhook,
    show_webhook,
    change_webhook,
    remove_webhook,
    test_webhook,
    rotate,
    deliveries,
    replay,
)
