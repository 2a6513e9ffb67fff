"""Investigations: the list, and each with its graph, alerts, mailboxes, evidence, log and actions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template

from clawback.analysis.entities import EntityKind
from clawback.analysis.indicators import VerdictKind
from clawback.engine import alerting, starting
from clawback.engine.evidence import evidence_of
from clawback.response.evidence_summary import EvidenceCounts, EvidenceItem, EvidenceType
from clawback.response.investigation import OPEN_STATUSES, Investigation
from clawback.response.plan import Remediation
from clawback.store import Unit
from clawback.web.given import GivenParts
from clawback.web.investigations import Edge, Node, graph_of
from clawback.web.listed import Asked, Declared
from clawback.web.lists import ACTIONS, INVESTIGATIONS
from clawback.web.lists_inside import ALERTS, ENTITIES, LOG, evidence_list
from clawback.web.portal.addresses import address_by_id, address_of
from clawback.web.portal.forms import Cursor, NoteForm, Word
from clawback.web.portal.frame import GivenPage, Page, form_at, page_at
from clawback.web.portal.listing import Place, list_page
from clawback.web.portal.words import word

HERE = "/investigations"
TABS = ("Graph", "Alerts", "Mailboxes", "Evidence", "Entities", "Pending", "History", "Log")
SUMMED = 200
"""Actions of one investigation whose copies are added up."""
_COUNTED = (
    "total",
    "remediated",
    "malicious",
    "suspicious",
    "verified",
    "no_threats_found",
    "unknown",
    "not_found",
    "unremediated",
    "partially_remediated",
)
_ENTITIES = {
    EvidenceType.FILES: EntityKind.FILE,
    EvidenceType.URLS: EntityKind.URL,
    EvidenceType.EMAILS: EntityKind.MESSAGE,
    EvidenceType.IPS: EntityKind.IP,
    EvidenceType.CLUSTERS: EntityKind.CLUSTER,
    EvidenceType.MAILBOXES: EntityKind.MAILBOX,
}


@dataclass(frozen=True, slots=True)
class StartForm:
    """What to investigate."""

    csrf: str
    entity: str


@page_at(HERE)
def listed(page: GivenPage, parts: GivenParts, cursor: Cursor = "") -> Template:
    """The list, filtered and sorted."""
    with parts.store.read() as unit:
        rows, listing = list_page(INVESTIGATIONS, page, unit, Place(HERE), cursor)
    return page.show("investigations.html", "Investigations", HERE, rows=rows, listing=listing)


@form_at(HERE)
def start(page: GivenPage, parts: GivenParts, data: URLEncodedBody[StartForm]) -> Redirect:
    """Start an investigation, and go to it."""
    actor = page.ordered(data.csrf)
    investigation_id = starting.start(parts, data.entity.strip(), actor)
    return page.done(f"{HERE}/{investigation_id}", "started")


@form_at(HERE + "/{investigation_id:str}/stop")
def stop(
    investigation_id: FromPath[str], page: GivenPage, parts: GivenParts, data: URLEncodedBody[NoteForm]
) -> Redirect:
    """End an investigation before its outcome."""
    actor = page.ordered(data.csrf)
    alerting.stop(parts, investigation_id, actor, note=data.note)
    return page.done(f"{HERE}/{investigation_id}", "stopped")


@page_at(HERE + "/{investigation_id:str}")
def shown(
    investigation_id: FromPath[str],
    page: GivenPage,
    parts: GivenParts,
    tab: Word = "Graph",
    cursor: Cursor = "",
) -> Template:
    """One investigation, by its tabs."""
    here = tab if tab in TABS else "Graph"
    with parts.store.read() as unit:
        one = unit.investigations.get(investigation_id)
        actions, _ = unit.remediations.list(investigation_id=one.id, limit=SUMMED)
        # A message may be in several clusters.
        messages = unit.clusters.messages_of(one.id) if len(one.clusters) > 1 else _in_clusters(one)
        facts = _of_tab(page, unit, one, here, cursor)
        numbers = {tab: _count(unit, one.id, tab == "History") for tab in ("Pending", "History")}
    return page.show(
        "investigation.html",
        one.title,
        HERE,
        one=one,
        tab=here,
        tabs=_tabs(one, numbers),
        messages=messages,
        **facts,
        **_figures(one, actions, parts.now()),
    )


def _of_tab(page: Page, unit: Unit, one: Investigation, tab: str, cursor: str) -> dict[str, Any]:
    """What one tab shows: the graph, or a list."""
    if tab == "Graph":
        drawn = graph_of(one)
        nodes = [
            {"label": n.label, "kind": n.kind, "detail": n.detail, "href": _href(n)} for n in drawn.nodes
        ]
        return {"graph": _elements(drawn.nodes, drawn.edges), "nodes": nodes}
    facts: dict[str, Any] = {}
    place = Place(f"{HERE}/{one.id}", one.id, {}, {"tab": tab})
    declared = _LISTS.get(tab, ACTIONS)
    if tab in ("Alerts", "Log"):
        place = replace(place, sort="-raised_at" if tab == "Alerts" else "-at")
    elif tab in ("Pending", "History"):
        fixed = {"investigation_id": one.id, "history": "true" if tab == "History" else "false"}
        place = replace(place, fixed=fixed)
    elif tab in ("Evidence", "Mailboxes"):
        items, counts = evidence_of(unit, one.id)
        declared = evidence_list(lambda *_: items)
        place = replace(place, fixed={"type": EvidenceType.MAILBOXES.value} if tab == "Mailboxes" else {})
        facts = {"counts": [_counts(row) for row in counts], "count_names": [word(name) for name in _COUNTED]}
    rows, listing = list_page(declared, page, unit, place, cursor)
    if tab in ("Evidence", "Mailboxes"):
        rows = tuple(_item(item) for item in rows)
    elif tab == "Entities":
        rows = tuple((entity, address_of(entity.kind, entity.value)) for entity in rows)
    elif tab == "Alerts":
        rows = tuple((alert, address_of(alert.cause.kind, alert.cause.value)) for alert in rows)
    return {**facts, "rows": rows, "listing": listing}


_LISTS: Mapping[str, Declared[Any]] = {"Alerts": ALERTS, "Entities": ENTITIES, "Log": LOG}


def _count(unit: Unit, investigation_id: str, history: bool) -> int:
    asked = {"investigation_id": (investigation_id,), "history": ("true" if history else "false",)}
    return ACTIONS.count(unit, "", ACTIONS.listing(Asked(asked), 1))


def _tabs(one: Investigation, actions: Mapping[str, int]) -> list[tuple[str, str, int | None]]:
    numbers = {"Alerts": len(one.alerts), "Log": len(one.log), **actions}
    return [(name, f"{HERE}/{one.id}?tab={name}", numbers.get(name)) for name in TABS]


def _in_clusters(one: Investigation) -> int:
    return sum(cluster.messages for cluster in one.clusters)


def _figures(one: Investigation, actions: Sequence[Remediation], now: datetime) -> dict[str, Any]:
    return {
        "open": one.status in OPEN_STATUSES and not one.terminated,
        "bad": any(c.verdict is VerdictKind.MALICIOUS for c in one.clusters),
        "places_now": sum(c.now.left for c in one.clusters),
        "places_then": sum(c.then.left for c in one.clusters),
        "taken": sum(a.tally.removed for a in actions if not a.undoes and not a.follows),
        "duration": (one.ended_at or now) - one.created_at,
    }


def _item(item: EvidenceItem) -> dict[str, Any]:
    kind = _ENTITIES.get(item.type)
    return {
        "entity": item.entity,
        "href": address_of(kind, item.entity) if kind else address_by_id(item.entity),
        "type": item.type,
        "verdict": item.verdict,
        "status": item.status,
        "details": item.details,
        "assets": ", ".join(item.impacted),
        "origin": item.origin,
        "first_seen": item.first_seen,
    }


def _counts(row: EvidenceCounts) -> dict[str, Any]:
    return {"name": word(row.type), "figures": [getattr(row, name) for name in _COUNTED]}


def _elements(nodes: Sequence[Node], edges: Sequence[Edge]) -> list[dict[str, Any]]:
    """The graph as cytoscape reads it."""
    return [*_drawn_nodes(nodes), *_drawn_edges(edges)]


def _drawn_nodes(nodes: Sequence[Node]) -> Iterator[dict[str, Any]]:
    for node in nodes:
        label = f"{word(node.kind)}\n{node.label[:60]}"
        data = {"id": node.id, "label": label, "kind": node.kind, "verdict": node.detail, "href": _href(node)}
        yield {"data": data}


def _drawn_edges(edges: Sequence[Edge]) -> Iterator[dict[str, Any]]:
    for edge in edges:
        yield {"data": {"source": edge.source, "target": edge.target, "label": edge.label}}


def _href(node: Node) -> str:
    if by_id := address_by_id(node.id):
        return by_id
    known = {kind.value for kind in EntityKind}
    return address_of(EntityKind(node.kind), node.label) if node.kind in known else ""


HANDLERS: tuple[Any, ...] = (listed, start, stop, shown)
