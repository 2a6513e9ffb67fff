"""``/api/overview``: what the first page shows, for scripts and walls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from litestar import get
from litestar.params import QueryParameter

from clawback.engine.day_figures import DAYS, days_of
from clawback.response.overview import DayFigures, SourceHealth
from clawback.web.answers import Answer
from clawback.web.given import GivenParts


@dataclass(frozen=True, slots=True)
class Overview:
    """The last days, oldest first, and each source as the watch told of it last."""

    days: tuple[DayFigures, ...]
    sources: tuple[SourceHealth, ...]


@get("/api/overview", sync_to_thread=True, summary="Figures of days, and the health of each source")
def overview(
    parts: GivenParts,
    days: Annotated[int, QueryParameter(ge=1, le=DAYS, description="Days to tell of, today too.")] = 14,
) -> Answer[Overview]:
    """Today's figures are of now; those of exposure and undone actions are some minutes old at most."""
    found = days_of(parts, days)
    with parts.store.read() as unit:
        return Answer(Overview(found, unit.overview.health()))


HANDLERS: tuple[Any, ...] = (overview,)
