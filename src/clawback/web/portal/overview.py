"""The first page: mail seen, threats, what waits, exposure, false positives, and each source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from litestar import Request
from litestar.response import Redirect, Template

from clawback.engine.brake import breaker_of, outcomes_of
from clawback.engine.exposure import exposure_since
from clawback.engine.policies import policy_of
from clawback.engine.sign_in import Caller
from clawback.response.investigation import InvestigationStatus
from clawback.response.plan import RemediationStatus
from clawback.store import Unit
from clawback.store.figures import Days
from clawback.web.given import GivenParts
from clawback.web.portal.frame import GivenPage, Page, page_at

WEEK = timedelta(days=7)
DAYS = 14
"""Days that the plots show."""


@page_at("/")
def overview(request: Request[Any, Any, Any], parts: GivenParts) -> Template | Redirect:
    """The overview, or the way to sign in."""
    if not isinstance(request.user, Caller):
        return Redirect("/sign-in", status_code=303)
    page = Page(request, parts, request.user)
    now = parts.now()
    with parts.store.read() as unit:
        facts = _facts(unit, now)
    sources = _sources(parts.connectors, facts.pop("known"))
    return page.show("overview.html", "Overview", "/", sources=sources, **facts)


def _facts(unit: Unit, now: datetime) -> dict[str, Any]:
    today = _midnight(now)
    days = [today - timedelta(days=n) for n in reversed(range(DAYS))]
    pending, _ = unit.remediations.list(statuses={RemediationStatus.PENDING}, limit=5)
    newest, _ = unit.investigations.list(limit=6)
    seen = unit.figures.messages(days[0])
    removed, restored = unit.figures.removed(days[0]), unit.figures.restored(days[0])
    return _tiles(unit, now, seen, removed, restored) | {
        "seen": _plot(days, {"messages": seen}),
        "acted": _plot(days, {"taken out": removed, "put back": restored}, ("--good", "--bad")),
        "pending": pending,
        "newest": newest,
        "exposure": exposure_since(unit, now - WEEK, now),
        "breaker": breaker_of(unit),
        "outcomes": outcomes_of(unit, now),
        "policy": policy_of(unit),
        "dead": unit.jobs.given_up(),
        "queued": unit.jobs.waiting(),
        "known": unit.deliveries.mailboxes(),
    }


def _tiles(unit: Unit, now: datetime, seen: Days, removed: Days, restored: Days) -> dict[str, Any]:
    """The figures at the top, from what was counted by day; a week's at least."""
    statuses, week = unit.investigations.by_status(), now - WEEK
    return {
        "seen_today": seen.get(_midnight(now), 0),
        "messages": unit.messages.count(),
        "threats": statuses.get(InvestigationStatus.THREATS_FOUND, 0),
        "running": statuses.get(InvestigationStatus.RUNNING, 0),
        "waiting": unit.remediations.by_status().get(RemediationStatus.PENDING, 0),
        "removed": sum(n for day, n in removed.items() if day >= week),
        "restored": sum(n for day, n in restored.items() if day >= week),
    }


def _midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def _plot(
    days: list[datetime],
    series: Mapping[str, Mapping[datetime, int]],
    colors: tuple[str, ...] = ("--accent",),
) -> dict[str, Any]:
    return {
        "x": [int(day.timestamp()) for day in days],
        "series": [
            {"label": name, "values": [found.get(day, 0) for day in days], "color": color, "filled": True}
            for (name, found), color in zip(series.items(), colors, strict=True)
        ],
    }


def _sources(names: Iterable[str], known: Iterable[tuple[str, str, int]]) -> list[dict[str, Any]]:
    """Each source with how many mailboxes were read, and copies remembered."""
    found: dict[str, dict[str, Any]] = {name: {"name": name, "mailboxes": 0, "copies": 0} for name in names}
    for source, _, copies in known:
        row = found.setdefault(
            source, {"name": f"{source} (not in the settings)", "mailboxes": 0, "copies": 0}
        )
        row["mailboxes"] += 1
        row["copies"] += copies
    return sorted(found.values(), key=lambda row: str(row["name"]))


@page_at("/overview/tiles")
def tiles(page: GivenPage, parts: GivenParts) -> Template:
    """The figures at the top, anew: asked for whenever something happens, so no more than these."""
    now = parts.now()
    with parts.store.read() as unit:
        seen, week = unit.figures.messages(_midnight(now)), now - WEEK
        facts = _tiles(unit, now, seen, unit.figures.removed(week), unit.figures.restored(week))
    return page.part("overview_tiles.html", **facts)


HANDLERS: tuple[Any, ...] = (overview, tiles)
