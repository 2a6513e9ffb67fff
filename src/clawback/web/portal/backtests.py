"""Backtests: ask what a setting would have done, follow it, read its result, put the setting in force."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template

from clawback.engine import commands
from clawback.engine.backtest_jobs import KEPT, LEAST_DAYS, MOST_DAYS, cancel_backtest, order_backtest
from clawback.errors import BadParameter
from clawback.response.backtest import Label
from clawback.response.backtests import UNDER_WAY, BacktestFigures, OrderedBacktest
from clawback.store import Unit
from clawback.web.given import GivenParts
from clawback.web.portal.forms import Cursor, Word
from clawback.web.portal.frame import GivenPage, Page, form_at, page_at
from clawback.web.portal.listing import ROWS, ListPage
from clawback.web.portal.policies import TABS
from clawback.web.portal.policy_form import BACKTESTED, PolicyForm, differences, sent_back

HERE = "/policies/backtests"
NAV = "/policies"
PLANS = 20
"""Plans of a result that are shown; the API has more."""
_LABELS = {
    Label.PUT_BACK: "A person had them put back",
    Label.TAKEN_BACK: "What spoke against them is not listed any more",
    Label.GOOD: "An entry says since that they are good",
}


@dataclass(frozen=True, slots=True)
class CancelForm:
    """Nothing but who asks."""

    csrf: str


@page_at(HERE)
def listed(page: GivenPage, parts: GivenParts, setting: Word = "", cursor: Cursor = "") -> Template:
    """The question as a form, filled with the policy in force or another backtest's, and the last results."""
    now = commands.policy(parts)
    with parts.store.read() as unit:
        rows, after = unit.backtests.list(limit=ROWS, cursor=cursor)
        policy = unit.backtests.get(setting).policy if setting else now
    return page.show(
        "backtests.html",
        "Backtests",
        NAV,
        tabs=TABS,
        form=PolicyForm(policy, now),
        rows=rows,
        listing=ListPage(HERE, {}, len(rows), cursor, after, formats=(("JSON", "/api/backtests"),)),
        working=[one.id for one in rows if one.status in UNDER_WAY],
        least=LEAST_DAYS,
        most=MOST_DAYS,
        kept=KEPT,
    )


@form_at(HERE)
def order(page: GivenPage, parts: GivenParts, data: URLEncodedBody[dict[str, Any]]) -> Redirect:
    """Ask, and go to the page that follows it."""
    actor = page.ordered(str(data.get("csrf", "")))
    policy = replace(sent_back(commands.policy(parts), data, BACKTESTED), shadow=False)
    made = order_backtest(parts, policy, _days(str(data.get("days", ""))), actor)
    return page.done(f"{HERE}/{made.id}", "backtest")


def _days(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise BadParameter(f"days are a number, not {text!r:.40}") from None


@page_at(HERE + "/{backtest_id:str}")
def shown(
    backtest_id: FromPath[str], page: GivenPage, parts: GivenParts, wrong: Word = "", cursor: Cursor = ""
) -> Template:
    """How far it has come, or its result."""
    now = commands.policy(parts)
    with parts.store.read() as unit:
        one = unit.backtests.get(backtest_id)
        facts = _result(unit, one, wrong, cursor) if one.figures else {}
    return page.show(
        "backtest.html",
        "Backtest",
        NAV,
        one=one,
        working=one.status in UNDER_WAY,
        differences=differences(replace(one.policy, shadow=now.shadow), now),
        **facts,
    )


def _result(unit: Unit, one: OrderedBacktest, wrong: str, cursor: str) -> dict[str, Any]:
    assert one.figures is not None
    rows, after = unit.backtests.copies(one.id, wrong=bool(wrong), limit=ROWS, cursor=cursor)
    api = f"/api/backtests/{one.id}"
    formats = (("Copies as CSV", f"{api}/export"), ("Days as CSV", f"{api}/export?days=true"), ("JSON", api))
    return {
        "found": one.figures,
        "labels": [(_LABELS[label], n) for label, n in one.figures.false_positives.items() if n],
        "label_names": _LABELS,
        "taken": _plot(one.figures, ("taken", "--accent"), ("false_positives", "--bad")),
        "saved": _plot(one.figures, ("minutes_saved", "--good")),
        "plans": one.figures.runs[:PLANS],
        "rows": rows,
        "wrong": wrong,
        "formats": formats,
        "listing": ListPage(f"{HERE}/{one.id}", {"wrong": wrong}, len(rows), cursor, after),
    }


def _plot(found: BacktestFigures, *series: tuple[str, str]) -> dict[str, Any]:
    return {
        "x": [int(one.day.timestamp()) for one in found.days],
        "series": [
            {
                "label": name.replace("_", " "),
                "values": [round(getattr(one, name), 1) for one in found.days],
                "color": color,
                "filled": True,
            }
            for name, color in series
        ],
    }


@page_at(HERE + "/{backtest_id:str}/progress")
def progress(backtest_id: FromPath[str], page: GivenPage, parts: GivenParts) -> Template:
    """The part of the page that follows the work; at its end it has the whole page asked for anew."""
    with parts.store.read() as unit:
        one = unit.backtests.get(backtest_id)
    return _progress(page, one)


def _progress(page: Page, one: OrderedBacktest) -> Template:
    working = one.status in UNDER_WAY
    part = page.part("backtest_progress.html", one=one, working=working)
    if not working:
        part.headers["HX-Refresh"] = "true"
    return part


@form_at(HERE + "/{backtest_id:str}/cancel")
def cancel(
    backtest_id: FromPath[str], page: GivenPage, parts: GivenParts, data: URLEncodedBody[CancelForm]
) -> Redirect:
    """End one that waits or runs."""
    actor = page.ordered(data.csrf)
    cancel_backtest(parts, backtest_id, actor)
    return page.done(f"{HERE}/{backtest_id}", "backtest_cancelled")


HANDLERS: tuple[Any, ...] = (listed, order, shown, progress, cancel)
