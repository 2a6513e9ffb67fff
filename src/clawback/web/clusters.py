"""``/api/clusters``: messages that belong together, each with the reason why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Meta

from clawback.analysis.clusters import Member
from clawback.engine import commands
from clawback.engine.export import export_cluster
from clawback.engine.recut import recut
from clawback.engine.spread import spread_of
from clawback.response.spread import Spread
from clawback.web.answers import Answer, Cursor, Limit, Page
from clawback.web.cluster_heads import ClusterHead, heads
from clawback.web.files import sent
from clawback.web.given import GivenCaller, GivenParts
from clawback.web.listed import exported, in_path, page_of
from clawback.web.lists import CLUSTERS, MEMBERS
from clawback.web.orders import GivenOrder


class Form(StrEnum):
    """How an export is written."""

    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


_TYPES = {
    Form.CSV: "text/csv; charset=utf-8",
    Form.JSON: "application/json",
    Form.PARQUET: "application/vnd.apache.parquet",
}


@dataclass(frozen=True, slots=True)
class Propose:
    """Which of the messages that moved on to propose the removal of; none names all that are offered."""

    message_ids: Annotated[tuple[str, ...], Meta(max_length=1_000)] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """The score from which on a candidate is a member."""

    line: Annotated[float, Meta(ge=0.0, le=1.0)]


@dataclass(frozen=True, slots=True)
class Proposed:
    """The messages that a plan will be made for; it waits for an approval."""

    message_ids: tuple[str, ...]


@get("/api/clusters", sync_to_thread=True, summary="List clusters")
def clusters(
    request: Request[Any, Any, Any], parts: GivenParts, limit: Limit = 100, cursor: Cursor = ""
) -> Answer[Page[ClusterHead]]:
    """Each with its key, verdict and counts; newest first, unless `sort` says otherwise."""
    return page_of(CLUSTERS, request, parts, limit, cursor)


@get("/api/clusters/{cluster_id:str}", sync_to_thread=True, summary="Show one cluster")
def cluster(cluster_id: FromPath[str], parts: GivenParts) -> Answer[ClusterHead]:
    """Its key, verdict and counts."""
    with parts.store.read() as unit:
        return Answer(heads(unit, [unit.clusters.head(cluster_id)])[0])


@get("/api/clusters/{cluster_id:str}/members", sync_to_thread=True, summary="Its members")
def members(
    cluster_id: FromPath[str],
    request: Request[Any, Any, Any],
    parts: GivenParts,
    limit: Limit = 100,
    cursor: Cursor = "",
) -> Answer[Page[Member]]:
    """Each with the reasons why it is one, in the order in which they came unless `sort` says otherwise."""
    return page_of(MEMBERS, request, parts, limit, cursor, cluster_id)


@get("/api/clusters/{cluster_id:str}/spread", sync_to_thread=True, summary="How its copies got there")
def spread(cluster_id: FromPath[str], parts: GivenParts) -> Answer[Spread]:
    """The way of every copy, and what moved on beyond the cluster's key."""
    with parts.store.read() as unit:
        return Answer(spread_of(unit, cluster_id))


@post(
    "/api/clusters/{cluster_id:str}/propose",
    sync_to_thread=True,
    status_code=202,
    summary="Propose the removal of what moved on",
)
def propose(cluster_id: FromPath[str], data: JSONBody[Propose], order: GivenOrder) -> Answer[Proposed]:
    """The plan waits for an approval like any other."""

    def work() -> Proposed:
        return Proposed(commands.take_up(order.parts, cluster_id, data.message_ids, order.actor))

    return order.once(work, 202)


@post(
    "/api/clusters/{cluster_id:str}/recut",
    sync_to_thread=True,
    status_code=200,
    summary="Cut a cluster again at another line",
)
def cut_again(cluster_id: FromPath[str], data: JSONBody[Line], order: GivenOrder) -> Answer[ClusterHead]:
    """Candidates at or above the line are members, no others. Plans that wait make way for another."""

    def work() -> ClusterHead:
        found = recut(order.parts, cluster_id, data.line, order.actor)
        with order.parts.store.read() as unit:
            return heads(unit, [found])[0]

    return order.once(work)


@get(
    "/api/clusters/{cluster_id:str}/export",
    sync_to_thread=True,
    summary="Export one cluster",
    media_type="application/octet-stream",
)
def export(
    cluster_id: FromPath[str],
    parts: GivenParts,
    caller: GivenCaller,
    form: FromQuery[Form] = Form.CSV,
) -> Response[Any]:
    """Every copy of its members with reasons, places and results, as a file. Written into the audit log."""
    with parts.store.read() as unit:
        name = unit.clusters.head(cluster_id).id

    def write(path: Path) -> None:
        export_cluster(parts, cluster_id, path, caller.name)

    return sent(write, f"{name}.{form.value}", _TYPES[form])


HANDLERS: tuple[Any, ...] = (
    clusters,
    cluster,
    members,
    spread,
    propose,
    cut_again,
    export,
    exported(CLUSTERS),
    exported(MEMBERS, in_path("cluster_id")),
)
