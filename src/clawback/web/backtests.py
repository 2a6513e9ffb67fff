"""``/api/backtests``: what a setting of automation would have done with the mail of the last days."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Meta

from clawback.engine import commands
from clawback.engine.backtest_jobs import LEAST_DAYS, MOST_DAYS, cancel_backtest, order_backtest
from clawback.engine.center import as_csv
from clawback.response.backtest import Taken
from clawback.response.backtests import OrderedBacktest
from clawback.store import Unit
from clawback.web.answers import Answer, Cursor, Limit, Page
from clawback.web.automation import changed
from clawback.web.given import GivenParts
from clawback.web.orders import GivenOrder

Days = Annotated[float, Meta(ge=LEAST_DAYS, le=MOST_DAYS)]
COPIES = ("mailbox", "message_id", "at", "minutes_saved", "false_positive", "plan")
DAYS = ("day", "taken", "minutes_saved", "false_positives", "plans_by_itself", "plans_waiting")
_BATCH = 5_000


@dataclass(frozen=True, slots=True)
class OrderBacktest:
    """How many days to go back, and the settings that differ from the policy in force."""

    days: Days = 7.0
    setting: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing needs to be said."""


@get("/api/backtests", sync_to_thread=True, summary="List backtests, newest first")
def backtests(parts: GivenParts, limit: Limit = 100, cursor: Cursor = "") -> Answer[Page[OrderedBacktest]]:
    """Those that wait and run, and the last results."""
    with parts.store.read() as unit:
        found, after = unit.backtests.list(limit=limit, cursor=cursor)
    return Answer(Page(found, after))


@post("/api/backtests", sync_to_thread=True, status_code=202, summary="Order a backtest")
def order(data: JSONBody[OrderBacktest], order: GivenOrder) -> Answer[OrderedBacktest]:
    """What the policy in force, changed by `setting`, would have done with the mail of the last days.

    A running `clawback up` does it, beside everything else; no mailbox is touched.
    """

    def work() -> OrderedBacktest:
        setting = changed(commands.policy(order.parts), data.setting)
        return order_backtest(order.parts, setting, data.days, order.actor)

    return order.once(work, 202)


@get("/api/backtests/{backtest_id:str}", sync_to_thread=True, summary="Show one backtest")
def backtest(backtest_id: FromPath[str], parts: GivenParts) -> Answer[OrderedBacktest]:
    """How far it has come, and what it found once it is completed."""
    with parts.store.read() as unit:
        return Answer(unit.backtests.get(backtest_id))


@post("/api/backtests/{backtest_id:str}/cancel", sync_to_thread=True, status_code=200, summary="Cancel one")
def cancel(backtest_id: FromPath[str], data: JSONBody[Nothing], order: GivenOrder) -> Answer[OrderedBacktest]:
    """End one that waits or runs."""
    return order.once(lambda: cancel_backtest(order.parts, backtest_id, order.actor))


@get("/api/backtests/{backtest_id:str}/copies", sync_to_thread=True, summary="What would have been taken out")
def copies(
    backtest_id: FromPath[str],
    parts: GivenParts,
    false_positives: FromQuery[bool] = False,
    limit: Limit = 100,
    cursor: Cursor = "",
) -> Answer[Page[Taken]]:
    """The copies that are kept of the result: false positives first, then those that lay longest."""
    with parts.store.read() as unit:
        found, after = unit.backtests.copies(backtest_id, wrong=false_positives, limit=limit, cursor=cursor)
    return Answer(Page(found, after))


@get(
    "/api/backtests/{backtest_id:str}/export",
    sync_to_thread=True,
    media_type="text/csv",
    summary="Export a result",
)
def export(backtest_id: FromPath[str], parts: GivenParts, days: FromQuery[bool] = False) -> Response[bytes]:
    """Its copies as CSV, or with `days` its figures day by day."""
    with parts.store.read() as unit:
        ordered = unit.backtests.get(backtest_id)
        if days:
            content = _csv(DAYS, _days(ordered))
        else:
            content = _csv(COPIES, map(_copy, _all_copies(unit, backtest_id)))
    headers = {"Content-Disposition": f'attachment; filename="{"days" if days else "copies"}.csv"'}
    return Response(content, media_type="text/csv; charset=utf-8", headers=headers)


def _days(ordered: OrderedBacktest) -> Iterator[Sequence[object]]:
    for one in ordered.figures.days if ordered.figures else ():
        yield (
            one.day.date().isoformat(),
            one.taken,
            round(one.minutes_saved, 1),
            one.false_positives,
            one.by_itself,
            one.waiting,
        )


def _all_copies(unit: Unit, backtest_id: str) -> Iterator[Taken]:
    cursor = ""
    while True:
        found, cursor = unit.backtests.copies(backtest_id, limit=_BATCH, cursor=cursor)
        yield from found
        if not cursor:
            return


def _copy(one: Taken) -> Sequence[object]:
    minutes = round(one.saved.total_seconds() / 60, 1)
    label = one.label.value if one.label else ""
    return one.mailbox, one.message_id, one.at.isoformat(), minutes, label, one.remediation_id


def _csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    return as_csv(columns, (dict(zip(columns, map(str, row), strict=True)) for row in rows))


HANDLERS: tuple[Any, ...] = (backtests, order, backtest, cancel, copies, export)
