"""``/api/retractions``: taking a wrong verdict back. ``/api/breaker``: what stops all automation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Meta

from clawback.analysis.indicators import IndicatorKind
from clawback.engine import retract as orders
from clawback.engine.brake import breaker_of, close_breaker, open_breaker
from clawback.response.brake import Breaker
from clawback.response.retraction import Outlook, Retraction
from clawback.web.answers import Answer
from clawback.web.given import GivenCaller, GivenParts
from clawback.web.orders import GivenOrder

Note = Annotated[str, Meta(max_length=4_000)]
What = Annotated[
    str,
    QueryParameter(
        min_length=1,
        max_length=8_000,
        description="URL, host, sender, IP, SHA-256, indicator, message.",
    ),
]


@dataclass(frozen=True, slots=True)
class Retract:
    """What to take the verdict back of. With `allow` it is listed as good, so that no feed brings it back."""

    what: Annotated[str, Meta(min_length=1, max_length=8_000)]
    kind: IndicatorKind | None = None
    allow: bool = True
    note: Note = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """Why."""

    note: Note = ""


@get("/api/retractions/preview", sync_to_thread=True, summary="What taking a verdict back would do")
def preview(
    what: What, parts: GivenParts, caller: GivenCaller, kind: FromQuery[IndicatorKind | None] = None
) -> Answer[Outlook]:
    """Nothing is kept of it."""
    return Answer(orders.preview(parts, what, caller.name, kind=kind))


@post("/api/retractions", sync_to_thread=True, status_code=202, summary="Take a verdict back")
def retract(data: JSONBody[Retract], order: GivenOrder) -> Answer[Retraction]:
    """What was removed because of it alone comes back, exactly."""

    def work() -> Retraction:
        return orders.retract(
            order.parts, data.what, order.actor, kind=data.kind, allow=data.allow, note=data.note
        )

    return order.once(work, 202)


@get("/api/retractions/{retraction_id:str}", sync_to_thread=True, summary="Show one retraction")
def retraction(retraction_id: FromPath[str], parts: GivenParts) -> Answer[Outlook]:
    """What it has done so far, and what still has to end."""
    with parts.store.read() as unit:
        return Answer(orders.outlook(unit, unit.retractions.get(retraction_id)))


@get("/api/breaker", sync_to_thread=True, summary="Whether automation is stopped")
def breaker(parts: GivenParts) -> Answer[Breaker]:
    """While it is open nothing runs by itself."""
    with parts.store.read() as unit:
        return Answer(breaker_of(unit))


@post("/api/breaker/open", sync_to_thread=True, status_code=200, summary="Stop automation")
def stop(data: JSONBody[Turn], order: GivenOrder) -> Answer[Breaker]:
    """Nothing runs by itself from now on."""
    return order.once(lambda: open_breaker(order.parts, order.actor, note=data.note))


@post("/api/breaker/close", sync_to_thread=True, status_code=200, summary="Let automation go on")
def go_on(data: JSONBody[Turn], order: GivenOrder) -> Answer[Breaker]:
    """What was undone until now counts no more."""
    return order.once(lambda: close_breaker(order.parts, order.actor, note=data.note))


HANDLERS: tuple[Any, ...] = (preview, retract, retraction, breaker, stop, go_on)
