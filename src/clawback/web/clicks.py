"""``/api/clicks``: who followed which link, as a log says."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import post
from litestar.params import QueryParameter, RawBody

from clawback.engine.clicks import read_clicks, record_clicks
from clawback.response.events_inquiries import ClicksRecorded
from clawback.web.answers import Answer
from clawback.web.orders import GivenOrder


@post("/api/clicks", sync_to_thread=True, status_code=202, summary="Hand in clicks from a log")
def hand_in_clicks(
    body: RawBody, order: GivenOrder, source: Annotated[str, QueryParameter(min_length=1, max_length=200)]
) -> Answer[ClicksRecorded]:
    """The body has a line of JSON for each: `user`, `url`, perhaps `at`, `message_id`. Bad ones are counted.

    Clicks on what is listed as malicious raise an alert.
    """
    lines = body.decode("utf-8", "replace").splitlines()

    def work() -> ClicksRecorded:
        rows = read_clicks(lines, source, order.parts.now())
        return record_clicks(order.parts, source, rows, order.actor)

    return order.once(work, 202)


HANDLERS: tuple[Any, ...] = (hand_in_clicks,)
