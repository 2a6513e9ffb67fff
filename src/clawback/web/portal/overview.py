"""The first page: mail seen, threats, what waits, exposure, false positives, and each source.

Figures of days are counted beforehand (`day_figures`), and the watch tells how each source is doing: a page
asks for no more than some rows, however much mail there is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from litestar import Request
from litestar.params import FromQuery
from litestar.response import Redirect, Template

from clawback.engine.brake import breaker_of, outcomes_of
from clawback.engine.day_figures import days_of
from clawback.engine.parts import Parts
from clawback.engine.policies import policy_of
from clawback.engine.pulse import TELL_SECONDS
from clawback.engine.sign_in import Caller
from clawback.errors import BadParameter
from clawback.response.investigation import InvestigationStatus
from clawback.response.overview import DayFigures, EventPath, SourceHealth, added, decided
from clawback.response.plan import RemediationStatus
from clawback.response.submissions import SubmissionState
from clawback.store import Unit
from clawback.web.given import GivenParts
from clawback.web.portal.frame import GivenPage, Page, page_at

SPANS = (7, 14, 30, 90)
"""Days that the plots may show."""
WEEK = 7
ROWS = 6
WAITING = 100
"""Reports that wait are counted up to so many."""
SILENT = timedelta(seconds=4 * TELL_SECONDS)
"""A watch that has told nothing for so long runs no more."""
_MINUTE = timedelta(minutes=1)
Pick = Callable[[DayFigures], float | None]


@page_at("/")
def overview(
    request: Request[Any, Any, Any], parts: GivenParts, days: FromQuery[int] = 14
) -> Template | Redirect:
    """The overview, or the way to sign in."""
    if not isinstance(request.user, Caller):
        return Redirect("/sign-in", status_code=303)
    if days not in SPANS:
        raise BadParameter(f"an overview is over {', '.join(map(str, SPANS))} days")
    counted = days_of(parts, max(days, WEEK))
    with parts.store.read() as unit:
        facts = _tiles(unit, counted) | _facts(unit, parts)
    shown = counted[-days:]
    page = Page(request, parts, request.user)
    return page.show(
        "overview.html",
        "Overview",
        "/",
        days=days,
        spans=SPANS,
        span=added(shown),
        plots=_plots(shown),
        **facts,
    )


def _facts(unit: Unit, parts: Parts) -> dict[str, Any]:
    now = parts.now()
    pending, _ = unit.remediations.list(statuses={RemediationStatus.PENDING}, limit=ROWS)
    newest, _ = unit.investigations.list(limit=ROWS)
    return {
        "pending": pending,
        "newest": newest,
        "reports": unit.submissions.newest({SubmissionState.UNDECIDED}, ROWS),
        "breaker": breaker_of(unit),
        "outcomes": outcomes_of(unit, now),
        "policy": policy_of(unit),
        "dead": unit.jobs.given_up(),
        "queued": unit.jobs.waiting(),
        "sources": _sources(parts.connectors, unit.overview.health(), now),
    }


def _tiles(unit: Unit, counted: Sequence[DayFigures]) -> dict[str, Any]:
    """The figures at the top."""
    statuses = unit.investigations.by_status()
    reports, more = unit.submissions.list(states={SubmissionState.UNDECIDED}, limit=WAITING)
    return {
        "today": counted[-1],
        "week": added(counted[-WEEK:]),
        "threats": statuses.get(InvestigationStatus.THREATS_FOUND, 0),
        "running": statuses.get(InvestigationStatus.RUNNING, 0),
        "waiting": unit.remediations.by_status().get(RemediationStatus.PENDING, 0),
        "to_judge": f"{len(reports)}{'+' if more else ''}",
    }


@dataclass(frozen=True, slots=True)
class Plot:
    """One plot of the overview: its title, what it says, where it leads, and its series."""

    title: str
    label: str
    href: str
    data: dict[str, Any]


def _plots(days: Sequence[DayFigures]) -> list[Plot]:
    span = f"on each of the last {len(days)} days"
    return [
        Plot("Mail seen", f"Messages first seen {span}", "/explorer", _data(days, ("messages", "--accent"))),
        Plot(
            "Threats",
            f"Investigations begun that found threats {span}",
            "/investigations",
            _data(days, ("threats", "--bad")),
        ),
        Plot(
            "Taken out and put back",
            f"Copies taken out of mailboxes and put back {span}",
            "/actions",
            _data(days, ("removed", "--good"), ("restored", "--bad")),
        ),
        Plot(
            "Exposure: minutes",
            f"For how long what was taken out could be opened, all copies together, {span}",
            "/exposure",
            _series(days, ("minutes", "--doubt", lambda one: one.exposure.minutes if one.exposure else 0.0)),
        ),
        Plot(
            "Detect, decide, act: minutes",
            f"How long it took at the median {span}",
            "/exposure",
            _series(
                days,
                (
                    "to detect",
                    "--bad",
                    lambda one: _minutes(one.exposure.to_detect if one.exposure else None),
                ),
                (
                    "to decide",
                    "--doubt",
                    lambda one: _minutes(decided(one.exposure) if one.exposure else None),
                ),
                ("to act", "--good", lambda one: _minutes(one.exposure.to_act if one.exposure else None)),
            ),
        ),
        Plot(
            "Put back and undone: %",
            f"Of what was taken out, copies put back since, and of the removals those undone since, {span}",
            "/actions",
            _series(
                days,
                ("copies put back", "--bad", lambda one: _share(added([one]).wrong_share)),
                ("removals undone", "--doubt", lambda one: _share(added([one]).undone_share)),
            ),
        ),
    ]


def _data(days: Sequence[DayFigures], *named: tuple[str, str]) -> dict[str, Any]:
    return _series(days, *((name, color, _picked(name)) for name, color in named))


def _picked(name: str) -> Pick:
    return lambda one: getattr(one, name)


def _series(days: Sequence[DayFigures], *series: tuple[str, str, Pick]) -> dict[str, Any]:
    return {
        "x": [int(one.day.timestamp()) for one in days],
        "series": [
            {"label": name, "values": [pick(one) for one in days], "color": color, "filled": True}
            for name, color, pick in series
        ],
    }


def _minutes(time: timedelta | None) -> float | None:
    return None if time is None else round(time / _MINUTE, 2)


def _share(part: float | None) -> float | None:
    return None if part is None else round(part * 100, 1)


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A source as the overview shows it: what is to be said of it, and how bad that is."""

    name: str
    said: str
    tone: str
    health: SourceHealth | None
    sweep_age: timedelta | None = None


def _sources(names: Iterable[str], told: Sequence[SourceHealth], now: datetime) -> list[SourceRow]:
    """Each source of the settings, with what the watch told of it last."""
    known = {one.source: one for one in told}
    return [_source(name, known.get(name), now) for name in sorted(names)]


def _source(name: str, one: SourceHealth | None, now: datetime) -> SourceRow:
    if one is None:
        return SourceRow(name, "never watched", "doubt", None)
    said, tone = "well", "good"
    if now - one.told_at > SILENT:
        said, tone = "not watched now", "bad"
    elif one.stopped:
        said, tone = "refuses our logins", "bad"
    elif one.unreachable:
        said, tone = f"{one.unreachable:,} mailboxes do not answer", "doubt"
    elif one.events is EventPath.BROKEN:
        said, tone = "its events broke off", "doubt"
    elif one.swept_at is None:
        said, tone = "first sweep", "work"
    age = now - one.swept_at + one.sweep if one.swept_at else None
    return SourceRow(name, said, tone, one, age)


@page_at("/overview/tiles")
def tiles(page: GivenPage, parts: GivenParts) -> Template:
    """The figures at the top, anew: asked for whenever something happens, so no more than these."""
    counted = days_of(parts, WEEK)
    with parts.store.read() as unit:
        facts = _tiles(unit, counted)
    return page.part("overview_tiles.html", **facts)


HANDLERS: tuple[Any, ...] = (overview, tiles)
