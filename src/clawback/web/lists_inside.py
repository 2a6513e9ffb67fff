"""The declarations of the lists inside one investigation, which are read with it as a whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from clawback.analysis.entities import Entity, EntityKind
from clawback.analysis.indicators import VerdictKind
from clawback.engine.evidence import evidence_of
from clawback.response.alerts import Alert, AlertKind, Severity
from clawback.response.evidence import EvidenceStatus
from clawback.response.evidence_summary import EvidenceItem, EvidenceType
from clawback.response.investigation import LogEntry
from clawback.store import Unit
from clawback.store.listings import Listing
from clawback.store.text import micros
from clawback.store.whole_lists import Readers, count, cut
from clawback.web.listed import Declared, Filter, Table, choice, contains, same, since, table, until

T = TypeVar("T")
_HERE = "/api/investigations/{investigation_id}"
_GRAVITY = {severity: place for place, severity in enumerate(Severity)}


def _whole(
    name: str,
    items: Callable[[Unit, str], Sequence[T]],
    readers: Readers[T],
    sorts: Sequence[str],
    filters: Sequence[Filter],
    shown: Table[T],
    default: str = "",
) -> Declared[T]:
    """A list of what `items` reads by the id of its investigation."""

    def search(unit: Unit, of: str, listing: Listing) -> tuple[tuple[T, ...], str]:
        return cut(items(unit, of), readers, listing)

    def counted(unit: Unit, of: str, listing: Listing) -> int:
        return count(items(unit, of), readers, listing)

    words = {sort: sort for sort in sorts}
    return Declared(name, f"{_HERE}/{name}", words, filters, search, counted, lambda _: shown, default)


def _entities(unit: Unit, of: str) -> tuple[Entity, ...]:
    """The cause, the evidence and the keys of the clusters, each once."""
    found = unit.investigations.get(of)
    named = [found.cause, *(e.entity for e in found.evidence), *(c.key for c in found.clusters)]
    return tuple(dict.fromkeys(named))


ALERTS: Declared[Alert] = _whole(
    "alerts",
    lambda unit, of: unit.investigations.get(of).alerts,
    {
        "title": lambda one: one.title,
        "kind": lambda one: one.kind.value,
        "severity": lambda one: _GRAVITY[one.severity],
        "severity_word": lambda one: one.severity.value,
        "source": lambda one: one.source,
        "raised_at": lambda one: micros(one.raised_at),
    },
    ("title", "kind", "severity", "source", "raised_at"),
    (
        contains("title", "Title contains"),
        choice("severity", "Severity", Severity, "severity_word"),
        choice("kind", "Kind", AlertKind),
        same("source", "Source"),
    ),
    table(
        Alert_ID=lambda one: one.id,
        Title=lambda one: one.title,
        Kind=lambda one: one.kind.value,
        Severity=lambda one: one.severity.value,
        Source=lambda one: one.source,
        Raised=lambda one: one.raised_at,
        Detail=lambda one: one.detail,
    ),
)


def evidence_list(items: Callable[[Unit, str], Sequence[EvidenceItem]]) -> Declared[EvidenceItem]:
    """The evidence of an investigation, by how its items are read."""
    return _whole(
        "evidence",
        items,
        {
            "entity": lambda one: one.entity,
            "type": lambda one: one.type.value,
            "verdict": lambda one: one.verdict.value,
            "status": lambda one: one.status.value,
            "origin": lambda one: one.origin,
            "first_seen": lambda one: micros(one.first_seen) if one.first_seen else 0,
        },
        ("entity", "type", "verdict", "status", "origin", "first_seen"),
        (
            contains("entity", "Entity contains"),
            choice("type", "Type", EvidenceType),
            choice("verdict", "Verdict", VerdictKind),
            choice("status", "Remediation status", EvidenceStatus),
        ),
        table(
            Entity=lambda one: one.entity,
            Type=lambda one: one.type.value,
            Verdict=lambda one: one.verdict.value,
            Threat=lambda one: one.threat.value if one.threat else None,
            Remediation_status=lambda one: one.status.value,
            Detection_origin=lambda one: one.origin,
            First_seen=lambda one: one.first_seen,
            Details=lambda one: one.details,
            Impacted=lambda one: "; ".join(one.impacted),
        ),
    )


EVIDENCE = evidence_list(lambda unit, of: evidence_of(unit, of)[0])
ENTITIES: Declared[Entity] = _whole(
    "entities",
    _entities,
    {"kind": lambda one: one.kind.value, "value": lambda one: one.value},
    ("kind", "value"),
    (contains("value", "Value contains"), choice("kind", "Kind", EntityKind)),
    table(Kind=lambda one: one.kind.value, Value=lambda one: one.value),
)
LOG: Declared[LogEntry] = _whole(
    "log",
    lambda unit, of: unit.investigations.get(of).log,
    {
        "at": lambda one: micros(one.at),
        "actor": lambda one: one.actor,
        "event": lambda one: one.event,
        "text": lambda one: one.text,
    },
    ("at", "actor", "event"),
    (
        contains("text", "Text contains"),
        same("actor", "Who"),
        same("event", "What"),
        since("Since", "at"),
        until("Before", "at"),
    ),
    table(
        At=lambda one: one.at,
        Who=lambda one: one.actor,
        What=lambda one: one.event,
        Text=lambda one: one.text,
    ),
)
INSIDE: Mapping[str, Declared[Any]] = {one.name: one for one in (ALERTS, EVIDENCE, ENTITIES, LOG)}
