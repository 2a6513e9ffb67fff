"""``/api/indicators``: what is listed as bad, and as good (the allow list)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Request, delete, get, patch, post
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody, QueryParameter, RawBody

from clawback.analysis.canonical import guess_kind
from clawback.analysis.indicators import Indicator, IndicatorKind, Match, Threat, VerdictKind, indicator
from clawback.analysis.lists import Terms, read_lines
from clawback.engine import commands
from clawback.response.events import IndicatorsImported
from clawback.web.answers import Answer, Cursor, Limit, Page, check_tag, tag_of
from clawback.web.given import GivenParts
from clawback.web.listed import exported, page_of
from clawback.web.lists import INDICATORS
from clawback.web.orders import GivenOrder

IfMatch = Annotated[str, HeaderParameter(name="If-Match", max_length=1_000, description="The ETag it had.")]


@dataclass(frozen=True, slots=True)
class Add:
    """What to list. `kind` is guessed when not given; `verdict` no_threats_found makes an allow entry."""

    value: Annotated[str, msgspec.Meta(min_length=1, max_length=8_000)]
    kind: IndicatorKind | None = None
    match: Match = Match.EXACT
    verdict: VerdictKind = VerdictKind.MALICIOUS
    threat: Threat | None = None
    confidence: Annotated[int, msgspec.Meta(ge=0, le=100)] = 100
    expires_at: datetime | None = None
    note: Annotated[str, msgspec.Meta(max_length=8_192)] = ""


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to change; what is not given stays."""

    confidence: Annotated[int, msgspec.Meta(ge=0, le=100)] | msgspec.UnsetType = msgspec.UNSET
    expires_at: datetime | msgspec.UnsetType | None = msgspec.UNSET
    note: Annotated[str, msgspec.Meta(max_length=8_192)] | msgspec.UnsetType = msgspec.UNSET


@get("/api/indicators", sync_to_thread=True, summary="List indicators")
def indicators(
    request: Request[Any, Any, Any], parts: GivenParts, limit: Limit = 100, cursor: Cursor = ""
) -> Answer[Page[Indicator]]:
    """The allow list is those with `verdict=no_threats_found`. Newest first, unless `sort` says otherwise."""
    return page_of(INDICATORS, request, parts, limit, cursor)


@post("/api/indicators", sync_to_thread=True, status_code=201, summary="List something as bad or good")
def add_indicator(data: JSONBody[Add], order: GivenOrder) -> Answer[Indicator]:
    """All mail that is there is looked through for it."""

    def work() -> Indicator:
        listed = indicator(
            data.kind or guess_kind(data.value),
            data.value,
            match=data.match,
            verdict=data.verdict,
            threat=data.threat,
            confidence=data.confidence,
            added_at=order.parts.now(),
            expires_at=data.expires_at,
            note=data.note,
        )
        return commands.add_indicator(order.parts, listed, order.actor)

    return order.once(work, 201)


@post("/api/indicators/import", sync_to_thread=True, status_code=200, summary="List every line of a file")
def import_indicators(
    body: RawBody,
    order: GivenOrder,
    source: Annotated[str, QueryParameter(min_length=1, max_length=200)],
    kind: FromQuery[IndicatorKind | None] = None,
) -> Answer[IndicatorsImported]:
    """The body is a plain list, a hosts file, or CSV with a header. Bad lines are only counted."""
    lines = body.decode("utf-8", "replace").splitlines()

    def work() -> IndicatorsImported:
        rows = read_lines(lines, Terms(order.parts.now(), source, kind, confidence=80))
        return commands.import_indicators(order.parts, source, rows, order.actor)

    return order.once(work)


@get("/api/indicators/{indicator_id:str}", sync_to_thread=True, summary="Show one indicator")
def show_indicator(indicator_id: FromPath[str], parts: GivenParts) -> Answer[Indicator]:
    """With its ETag, which a change must send back."""
    with parts.store.read() as unit:
        found = unit.indicators.get(indicator_id)
    return Answer(found, headers={"ETag": tag_of(found)})


@patch("/api/indicators/{indicator_id:str}", sync_to_thread=True, summary="Change one indicator")
def change_indicator(
    indicator_id: FromPath[str], data: JSONBody[Change], order: GivenOrder, if_match: IfMatch
) -> Answer[Indicator]:
    """Its confidence, expiry and note. Refused when somebody else changed it in between."""

    def work() -> Indicator:
        with order.parts.store.read() as unit:
            before = unit.indicators.get(indicator_id)
        check_tag(if_match, before)
        return commands.add_indicator(order.parts, _changed(before, data), order.actor, was=before)

    return order.once(work)


@delete("/api/indicators/{indicator_id:str}", sync_to_thread=True, status_code=200, summary="Take one off")
def remove_indicator(indicator_id: FromPath[str], order: GivenOrder) -> Answer[Indicator]:
    """What was done because of it stays until somebody undoes it."""
    return order.once(lambda: commands.remove_indicator(order.parts, indicator_id, order.actor))


def _changed(before: Indicator, change: Change) -> Indicator:
    fields = msgspec.structs.asdict(change)
    given = {name: value for name, value in fields.items() if value is not msgspec.UNSET}
    kept = {"confidence": before.confidence, "expires_at": before.expires_at, "note": before.note}
    return indicator(
        before.kind,
        before.value,
        match=before.match,
        verdict=before.verdict,
        threat=before.threat,
        source=before.source,
        added_at=before.added_at,
        **{**kept, **given},
    )


HANDLERS: tuple[Any, ...] = (
    indicators,
    add_indicator,
    import_indicators,
    show_indicator,
    change_indicator,
    remove_indicator,
    exported(INDICATORS),
)
