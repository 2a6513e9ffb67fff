"""The first page: mail seen, threats, what waits, exposure, false positives, and each source."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from litestar import Request, get
from litestar.response import Redirect, Template

from clawback.engine.brake import breaker_of, outcomes_of
from clawback.engine.exposure import exposure_since
from clawback.engine.policies import policy_of
from clawback.engine.sign_in import Caller
from clawback.response.investigation import InvestigationStatus
from clawback.response.plan import RemediationStatus
from clawback.store import Unit
from clawback.web.given import GivenParts
from clawback.web.portal.frame import GivenPage, Page

DAYS = 14
"""Days that the plots show."""


@get("/", sync_to_thread=True, media_type="text/html", include_in_schema=False)
def overview(request: Request[Any, Any, Any], parts: GivenParts) -> Template | Redirect:
    """The overview, or the way to sign in."""
    if not isinstance(request.user, Caller):
        return Redirect("/sign-in", status_code=303)
    page = Page(request, parts, request.user)
    now = parts.now()
    with parts.store.read() as unit:
        facts = _facts(unit, now)
    return page.show("overview.html", "Overview", "/", sources=_sources(page), **facts)


def _facts(unit: Unit, now: datetime) -> dict[str, Any]:
    since = (now - timedelta(days=DAYS - 1)).replace(hour=0, minute=0, second=0, microsecond=0)
    week = now - timedelta(days=7)
    days = [since + timedelta(days=n) for n in range(DAYS)]
    pending, _ = unit.remediations.list(statuses={RemediationStatus.PENDING}, limit=5)
    newest, _ = unit.investigations.list(limit=6)
    seen, removed = unit.figures.messages(since), unit.figures.removed(since)
    restored, alerts = unit.figures.restored(since), unit.figures.alerts(since)
    statuses = unit.investigations.by_status()
    return {
        "seen": _plot(days, {"messages": seen}),
        "acted": _plot(days, {"taken out": removed, "put back": restored}, ("--good", "--bad")),
        "raised": _plot(days, {"alerts": alerts}, ("--doubt",)),
        "seen_today": seen.get(days[-1], 0),
        "messages": unit.messages.count(),
        "threats": statuses.get(InvestigationStatus.THREATS_FOUND, 0),
        "running": statuses.get(InvestigationStatus.RUNNING, 0),
        "waiting": unit.remediations.by_status().get(RemediationStatus.PENDING, 0),
        "pending": pending,
        "newest": newest,
        "removed": sum(n for day, n in removed.items() if day >= week),
        "restored": sum(n for day, n in restored.items() if day >= week),
        "exposure": exposure_since(unit, week, now),
        "breaker": breaker_of(unit),
        "outcomes": outcomes_of(unit, now),
        "policy": policy_of(unit),
        "dead": unit.jobs.given_up(),
        "queued": unit.jobs.waiting(),
    }


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


def _sources(page: Page) -> list[dict[str, Any]]:
    """Each source with how many mailboxes were read, and copies remembered."""
    with page.parts.store.read() as unit:
        known = unit.deliveries.mailboxes()
    found: dict[str, dict[str, Any]] = {
        name: {"name": name, "mailboxes": 0, "copies": 0} for name in page.parts.connectors
    }
    for source, _, copies in known:
        row = found.setdefault(
            source, {"name": f"{source} (not in the settings)", "mailboxes": 0, "copies": 0}
        )
        row["mailboxes"] += 1
        row["copies"] += copies
    return sorted(found.values(), key=lambda row: str(row["name"]))


@get("/overview/tiles", sync_to_thread=True, media_type="text/html", include_in_schema=False)
def tiles(page: GivenPage, parts: GivenParts) -> Template:
    """The figures at the top, anew."""
    with parts.store.read() as unit:
        facts = _facts(unit, parts.now())
    return page.show("overview_tiles.html", "Overview", "/", **facts)


HANDLERS: tuple[Any, ...] = (overview, tiles)
