"""``/api/air``: investigations as a Defender user asks for them, with OData queries and Defender's names."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, cast
from urllib.parse import urlencode

import msgspec
from litestar import Request, get
from litestar.datastructures import MultiDict
from litestar.params import FromPath

from clawback.errors import BadQuery
from clawback.response import defender
from clawback.response.records import air_record, whole_air_record
from clawback.store.listings import Listing
from clawback.web import odata
from clawback.web.answers import MOST, Answer
from clawback.web.given import GivenParts
from clawback.web.odata import Field, Kind

CONTEXT = "{base}api/air/$metadata#investigations"
PATH = "api/air/investigations"
DEFAULT = 100


def _shown(strings: Mapping[Any, str]) -> dict[str, str]:
    return {ours.value: text for ours, text in strings.items()}


FIELDS: Mapping[str, Field] = {
    "InvestigationId": Field("id", Kind.TEXT),
    "Status": Field("status", Kind.WORD, _shown(defender.INVESTIGATION_STATUS)),
    "InvestigationType": Field("kind", Kind.WORD, _shown(defender.INVESTIGATION_TYPE)),
    "Investigation": Field("title", Kind.TEXT),
    "CreationTime": Field("created_at", Kind.TIME),
    "LastChangedTime": Field("changed_at", Kind.TIME),
    "EndTime": Field("ended_at", Kind.TIME),
    "ThreatCount": Field("threats", Kind.NUMBER),
    "ActionCount": Field("actions", Kind.NUMBER),
}
"""The fields that can be asked about."""
SORTED = {name: field for name, field in FIELDS.items() if name != "EndTime"}
"""The fields to sort by: an end that has not come yet has no place in an order."""
PROPERTIES = frozenset({*FIELDS, "DetectionSource", "Users", "Duration"})


class AirInvestigation(msgspec.Struct, frozen=True, omit_defaults=True, rename="pascal"):
    """A row of Defender's list; with `$select` only what was asked for is there."""

    investigation_id: str | msgspec.UnsetType = msgspec.UNSET
    status: str | msgspec.UnsetType = msgspec.UNSET
    investigation_type: str | msgspec.UnsetType = msgspec.UNSET
    investigation: str | msgspec.UnsetType = msgspec.UNSET
    detection_source: str | msgspec.UnsetType = msgspec.UNSET
    users: list[str] | msgspec.UnsetType = msgspec.UNSET
    creation_time: datetime | msgspec.UnsetType = msgspec.UNSET
    last_changed_time: datetime | msgspec.UnsetType = msgspec.UNSET
    end_time: datetime | msgspec.UnsetType | None = msgspec.UNSET
    threat_count: int | msgspec.UnsetType = msgspec.UNSET
    action_count: int | msgspec.UnsetType = msgspec.UNSET
    duration: timedelta | msgspec.UnsetType = msgspec.UNSET


class AirPage(msgspec.Struct, frozen=True, omit_defaults=True):
    """An answer of OData; the link is there while there is more, the count when it was asked for."""

    context: str = msgspec.field(name="@odata.context")
    value: list[AirInvestigation]
    count: int | msgspec.UnsetType = msgspec.field(name="@odata.count", default=msgspec.UNSET)
    next_link: str | msgspec.UnsetType = msgspec.field(name="@odata.nextLink", default=msgspec.UNSET)


OPTIONS = {
    "$filter": "A condition, such as Status eq 'Pending Action'.",
    "$orderby": "Fields to sort by, each with asc or desc.",
    "$top": "Entries on the page, at most 1,000.",
    "$skip": "Entries to skip.",
    "$skiptoken": "Where the page before ended; @odata.nextLink has it.",
    "$count": "true: how many there are on all pages.",
    "$select": "The properties to answer.",
    "$format": "Looked at by nobody: the answer is JSON.",
}
"""The options of a query, and what each says."""


@get("/api/air/investigations", sync_to_thread=True, summary="List investigations, as Defender does")
def air_investigations(request: Request[Any, Any, Any], parts: GivenParts) -> Answer[AirPage]:
    """OData: `$filter`, `$orderby`, `$top`, `$skip` or `$skiptoken`, `$count`, `$select`."""
    asked = _asked(request.query_params)
    listing, top = _listing(asked), _top(asked)
    chosen = odata.select_of(asked["$select"], PROPERTIES) if asked.get("$select") else PROPERTIES
    base = str(request.base_url)
    answer: dict[str, Any] = {"@odata.context": CONTEXT.format(base=base)}
    with parts.store.read() as unit:
        if asked.get("$count", "").lower() == "true":
            answer["@odata.count"] = unit.investigations.count(listing)
        found, cursor = unit.investigations.search(listing) if top else ((), "")
    records = [air_record(investigation) for investigation in found]
    answer["value"] = [{k: v for k, v in record.items() if k in chosen} for record in records]
    if cursor:
        kept = {name: text for name, text in asked.items() if name not in ("$skip", "$skiptoken")}
        answer["@odata.nextLink"] = f"{base}{PATH}?{urlencode({**kept, '$skiptoken': cursor}, safe='$')}"
    return Answer(cast(Any, answer))


@get("/api/air/investigations/{investigation_id:str}", sync_to_thread=True, summary="Show one investigation")
def air_investigation(investigation_id: FromPath[str], parts: GivenParts) -> Answer[dict[str, Any]]:
    """One investigation with its clusters, actions and log, in Defender's words."""
    with parts.store.read() as unit:
        return Answer(dict(whole_air_record(unit.investigations.get(investigation_id))))


def _asked(params: MultiDict[Any]) -> dict[str, str]:
    """The options by their names in lower case, each given once; those without ``$`` are nobody's."""
    asked: dict[str, str] = {}
    for name, value in params.multi_items():
        option = name.lower()
        if option not in OPTIONS or option in asked:
            known = ", ".join(sorted(OPTIONS))
            raise BadQuery(f"{name!r:.80} is no option, or is given twice; there are: {known}")
        asked[option] = str(value)
    return asked


def _listing(asked: Mapping[str, str]) -> Listing:
    return Listing(
        where=odata.filter_of(asked["$filter"], FIELDS) if asked.get("$filter") else None,
        order=odata.order_of(asked["$orderby"], SORTED) if asked.get("$orderby") else (),
        skip=_whole("$skip", asked.get("$skip", "0")),
        limit=_top(asked) or 1,
        cursor=asked.get("$skiptoken", ""),
    )


def _top(asked: Mapping[str, str]) -> int:
    top = _whole("$top", asked.get("$top", str(DEFAULT)))
    if top > MOST:
        raise BadQuery(f"$top is at most {MOST:,}; @odata.nextLink goes on from there")
    return top


def _whole(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadQuery(f"{name} is a whole number, not {text!r:.40}")
    return int(text)
