"""Investigations: the list, and each with its graph, alerts, mailboxes, evidence, log and actions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import Any

from litestar import Response, get
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template

from clawback.analysis.entities import EntityKind
from clawback.analysis.indicators import VerdictKind
from clawback.engine import alerting, starting
from clawback.engine.center import INVESTIGATION_COLUMNS, as_csv, investigation_rows
from clawback.engine.evidence import evidence_of
from clawback.errors import BadParameter
from clawback.response.alerts import AlertKind
from clawback.response.evidence_summary import EvidenceCounts, EvidenceItem, EvidenceType
from clawback.response.investigation import OPEN_STATUSES, Investigation, InvestigationStatus
from clawback.response.plan import Remediation, RemediationStatus
from clawback.store.conditions import Both, Compare, Compared, Condition, Find, Found
from clawback.store.listings import Listing, Order
from clawback.store.text import micros
from clawback.web.given import GivenParts
from clawback.web.investigations import Edge, Node, graph_of
from clawback.web.portal.addresses import address_by_id, address_of
from clawback.web.portal.forms import Cursor, NoteForm, Word, moment_of, one_of
from clawback.web.portal.frame import GivenPage, form_at, page_at
from clawback.web.portal.listing import ROWS, ListPage
from clawback.web.portal.words import word

HERE = "/investigations"
SORTED = ("title", "status", "threats", "actions", "created_at", "changed_at")
TABS = ("Graph", "Alerts", "Mailboxes", "Evidence", "Pending", "History", "Log")
EXPORTED = 10_000
"""Investigations in one export at most."""
PIECES = 100
"""Pieces of evidence on a page; the counts are of all of them."""
ACTIONS = 200
"""Actions of one investigation that are shown."""
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
def listed(
    page: GivenPage,
    parts: GivenParts,
    text: Word = "",
    status: Word = "",
    kind: Word = "",
    since: Word = "",
    sort: Word = "-created_at",
    cursor: Cursor = "",
) -> Template:
    """The list, filtered and sorted."""
    asked = {"text": text, "status": status, "kind": kind, "since": since}
    listing = _listing(asked, sort, ROWS, cursor)
    with parts.store.read() as unit:
        rows, after = unit.investigations.search(listing)
        total = unit.investigations.count(listing)
    formats = (("CSV", "/investigations.csv"), ("JSON", "/api/investigations"))
    shown = ListPage(HERE, asked, len(rows), cursor, after, sort, total, formats)
    return page.show(
        "investigations.html",
        "Investigations",
        HERE,
        rows=rows,
        listing=shown,
        asked=asked,
        filtered=any(asked.values()),
        statuses=tuple(InvestigationStatus),
        kinds=tuple(AlertKind),
    )


def _listing(asked: dict[str, str], sort: str, limit: int, cursor: str) -> Listing:
    column = sort.removeprefix("-")
    if column not in SORTED:
        raise BadParameter(f"the list is not sorted by {column!r:.40}")
    return Listing(_where(asked), (Order(column, sort.startswith("-")),), limit=limit, cursor=cursor)


@get("/investigations.csv", sync_to_thread=True, include_in_schema=False)
def exported(
    parts: GivenParts,
    text: Word = "",
    status: Word = "",
    kind: Word = "",
    since: Word = "",
    sort: Word = "-created_at",
) -> Response[bytes]:
    """What the list shows, all pages of it, as Defender exports it."""
    asked = {"text": text, "status": status, "kind": kind, "since": since}
    with parts.store.read() as unit:
        rows, _ = unit.investigations.search(_listing(asked, sort, EXPORTED, ""))
    headers = {"Content-Disposition": 'attachment; filename="investigations.csv"'}
    content = as_csv(INVESTIGATION_COLUMNS, investigation_rows(rows))
    return Response(content, media_type="text/csv", headers=headers)


def _where(asked: dict[str, str]) -> Condition | None:
    parts: list[Condition] = []
    if asked["text"]:
        parts.append(Find("title", Found.CONTAINS, asked["text"]))
    chosen = (
        ("status", one_of(InvestigationStatus, asked["status"])),
        ("kind", one_of(AlertKind, asked["kind"])),
    )
    parts += [Compare(column, Compared.EQ, value.value) for column, value in chosen if value]
    if since := moment_of(asked["since"]):
        parts.append(Compare("created_at", Compared.GE, micros(since)))
    return reduce(Both, parts) if parts else None


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
    investigation_id: FromPath[str], page: GivenPage, parts: GivenParts, tab: Word = "Graph"
) -> Template:
    """One investigation, by its tabs."""
    here = tab if tab in TABS else "Graph"
    with parts.store.read() as unit:
        one = unit.investigations.get(investigation_id)
        actions, _ = unit.remediations.list(investigation_id=one.id, limit=ACTIONS)
        # A message may be in several clusters.
        messages = unit.clusters.messages_of(one.id) if len(one.clusters) > 1 else _in_clusters(one)
        items, counts = evidence_of(unit, one.id) if here in ("Evidence", "Mailboxes") else ((), ())
    pending = [action for action in actions if action.status is RemediationStatus.PENDING]
    history = [action for action in actions if action.status is not RemediationStatus.PENDING]
    drawn = graph_of(one) if here == "Graph" else None
    return page.show(
        "investigation.html",
        one.title,
        HERE,
        one=one,
        tab=here,
        tabs=_tabs(one, len(pending), len(history)),
        actions=pending if here == "Pending" else history,
        evidence=[_item(item) for item in items if here == "Evidence" or _is_mailbox(item)][:PIECES],
        pieces=len(items),
        counts=[_counts(row) for row in counts],
        count_names=[word(name) for name in _COUNTED],
        graph=_elements(drawn.nodes, drawn.edges) if drawn else [],
        nodes=[{"label": n.label, "kind": n.kind, "detail": n.detail, "href": _href(n)} for n in drawn.nodes]
        if drawn
        else [],
        messages=messages,
        **_figures(one, actions, parts.now()),
    )


def _tabs(one: Investigation, pending: int, history: int) -> list[tuple[str, str, int | None]]:
    numbers = {"Alerts": len(one.alerts), "Pending": pending, "History": history, "Log": len(one.log)}
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


def _is_mailbox(item: EvidenceItem) -> bool:
    return item.type is EvidenceType.MAILBOXES


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


HANDLERS: tuple[Any, ...] = (listed, exported, start, stop, shown)
