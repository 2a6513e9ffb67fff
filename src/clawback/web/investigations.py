"""``/api/investigations``: inquiries, in clawback's own words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Request, get, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from clawback.analysis.entities import Entity, EntityKind
from clawback.engine import commands
from clawback.engine.parts import Parts
from clawback.response.alerts import Alert
from clawback.response.evidence import Evidence
from clawback.response.evidence_summary import EvidenceItem
from clawback.response.investigation import Investigation, LogEntry
from clawback.web.answers import Answer, Cursor, Limit, Page
from clawback.web.given import GivenParts
from clawback.web.listed import exported, in_path, page_of
from clawback.web.lists import INVESTIGATIONS
from clawback.web.lists_inside import ALERTS, ENTITIES, EVIDENCE, INSIDE, LOG
from clawback.web.orders import GivenOrder

MOST_DRAWN = 60
"""Pieces of evidence that a graph shows, and alerts: more is a list, not a picture."""


@dataclass(frozen=True, slots=True)
class Start:
    """What to investigate: a message id, internet message id, URL, SHA-256, sender, host or IP."""

    entity: Annotated[str, Meta(min_length=1, max_length=8_000)]


@dataclass(frozen=True, slots=True)
class Started:
    """The investigation that was opened or joined; the work is queued."""

    investigation_id: str


@dataclass(frozen=True, slots=True)
class Node:
    """One thing in the graph: ``investigation``, ``alert``, ``cluster``, ``action`` or a kind of entity."""

    id: str
    kind: str
    label: str
    detail: str


@dataclass(frozen=True, slots=True)
class Edge:
    """One arrow in the graph, and what it says."""

    source: str
    target: str
    label: str


@dataclass(frozen=True, slots=True)
class Graph:
    """An investigation as it is drawn."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


@get("/api/investigations", sync_to_thread=True, summary="List investigations")
def investigations(
    request: Request[Any, Any, Any], parts: GivenParts, limit: Limit = 100, cursor: Cursor = ""
) -> Answer[Page[Investigation]]:
    """Newest first, unless `sort` says otherwise."""
    return page_of(INVESTIGATIONS, request, parts, limit, cursor)


@post("/api/investigations", sync_to_thread=True, status_code=202, summary="Start an investigation")
def start_investigation(data: JSONBody[Start], order: GivenOrder) -> Answer[Started]:
    """Opens an investigation, or joins the one with the same cause."""

    def work() -> Started:
        return Started(commands.start(order.parts, data.entity, order.actor))

    return order.once(work, 202)


@get("/api/investigations/{investigation_id:str}", sync_to_thread=True, summary="Show one investigation")
def investigation(investigation_id: FromPath[str], parts: GivenParts) -> Answer[Investigation]:
    """The whole record: alerts, evidence, clusters, actions, log."""
    return Answer(_get(parts, investigation_id))


@get("/api/investigations/{investigation_id:str}/graph", sync_to_thread=True, summary="The graph")
def graph(investigation_id: FromPath[str], parts: GivenParts) -> Answer[Graph]:
    """Alerts, clusters, actions and the entities they rest on, with arrows between them."""
    return Answer(graph_of(_get(parts, investigation_id)))


def graph_of(found: Investigation) -> Graph:
    """An investigation as it is drawn: each thing once, and arrows between those that are there."""
    nodes = {node.id: node for node in _nodes(found)}
    edges = tuple(edge for edge in _edges(found) if edge.source in nodes and edge.target in nodes)
    return Graph(tuple(nodes.values()), edges)


@get("/api/investigations/{investigation_id:str}/alerts", sync_to_thread=True, summary="Its alerts")
def alerts(
    investigation_id: FromPath[str],
    request: Request[Any, Any, Any],
    parts: GivenParts,
    limit: Limit = 100,
    cursor: Cursor = "",
) -> Answer[Page[Alert]]:
    """The alerts that started it or joined it, as they came unless `sort` says otherwise."""
    return page_of(ALERTS, request, parts, limit, cursor, investigation_id)


@get("/api/investigations/{investigation_id:str}/evidence", sync_to_thread=True, summary="Its evidence")
def evidence(
    investigation_id: FromPath[str],
    request: Request[Any, Any, Any],
    parts: GivenParts,
    limit: Limit = 100,
    cursor: Cursor = "",
) -> Answer[Page[EvidenceItem]]:
    """Each entity of the evidence with its verdict and what became of it, at most 200 of each type."""
    return page_of(EVIDENCE, request, parts, limit, cursor, investigation_id)


@get("/api/investigations/{investigation_id:str}/entities", sync_to_thread=True, summary="Its entities")
def entities(
    investigation_id: FromPath[str],
    request: Request[Any, Any, Any],
    parts: GivenParts,
    limit: Limit = 100,
    cursor: Cursor = "",
) -> Answer[Page[Entity]]:
    """What it is about: its cause, its evidence and the keys of its clusters, each once."""
    return page_of(ENTITIES, request, parts, limit, cursor, investigation_id)


@get("/api/investigations/{investigation_id:str}/log", sync_to_thread=True, summary="Its log")
def log(
    investigation_id: FromPath[str],
    request: Request[Any, Any, Any],
    parts: GivenParts,
    limit: Limit = 100,
    cursor: Cursor = "",
) -> Answer[Page[LogEntry]]:
    """What happened in it, oldest first unless `sort` says otherwise."""
    return page_of(LOG, request, parts, limit, cursor, investigation_id)


@get("/api/alerts", sync_to_thread=True, summary="List alerts, newest first")
def all_alerts(parts: GivenParts, limit: Limit = 100, cursor: Cursor = "") -> Answer[Page[Alert]]:
    """What deserved an investigation."""
    with parts.store.read() as unit:
        found, after = unit.alerts.list(limit=limit, cursor=cursor)
    return Answer(Page(found, after))


def _get(parts: Parts, investigation_id: str) -> Investigation:
    with parts.store.read() as unit:
        return unit.investigations.get(investigation_id)


def _nodes(found: Investigation) -> Iterator[Node]:
    yield Node(found.id, "investigation", found.title, found.status.value)
    yield Node(str(found.cause), found.cause.kind.value, found.cause.value, "cause")
    for alert in found.alerts[-MOST_DRAWN:]:
        yield Node(alert.id, "alert", alert.title, alert.severity.value)
    for piece in _pieces(found):
        yield Node(str(piece.entity), piece.entity.kind.value, piece.entity.value, piece.status.value)
    for cluster in found.clusters:
        yield Node(str(cluster.key), cluster.key.kind.value, cluster.key.value, cluster.verdict.value)
        label = f"{cluster.messages} messages, {cluster.kind.value.replace('_', ' ')}"
        yield Node(cluster.cluster_id, "cluster", label, cluster.verdict.value)
    for action in found.remediations:
        yield Node(action.remediation_id, "action", action.kind.value, action.status.value)


def _pieces(found: Investigation) -> list[Evidence]:
    """The evidence that is neither the cause nor a cluster, which are drawn by themselves; a bounded part."""
    drawn = [e for e in found.evidence if e.entity != found.cause and e.entity.kind is not EntityKind.CLUSTER]
    return drawn[:MOST_DRAWN]


def _edges(found: Investigation) -> Iterator[Edge]:
    for alert in found.alerts[-MOST_DRAWN:]:
        yield Edge(alert.id, found.id, "raised")
    yield Edge(found.id, str(found.cause), "is about")
    for piece in _pieces(found):
        yield Edge(found.id, str(piece.entity), piece.role)
    for cluster in found.clusters:
        yield Edge(found.id, cluster.cluster_id, "found")
        yield Edge(cluster.cluster_id, str(cluster.key), "carries")
    for action in found.remediations:
        yield Edge(action.remediation_id, action.cluster_id, "acts on")


HANDLERS: tuple[Any, ...] = (
    investigations,
    start_investigation,
    investigation,
    graph,
    alerts,
    all_alerts,
    evidence,
    entities,
    log,
    exported(INVESTIGATIONS),
    *(exported(one, in_path("investigation_id")) for one in INSIDE.values()),
)
