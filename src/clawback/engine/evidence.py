"""Evidence gathered for one investigation: everything its clusters and alerts are about, as it stands now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from clawback.analysis.entities import Entity, EntityKind
from clawback.analysis.features import entities_of
from clawback.analysis.indicators import Indicator, Threat, VerdictKind
from clawback.analysis.matching import entity_of
from clawback.analysis.verdict import Judged
from clawback.engine.compromise import account_entity
from clawback.message.delivery import Delivery
from clawback.message.message import Message
from clawback.response.evidence import EvidenceStatus
from clawback.response.evidence_summary import (
    IMPACTED,
    EvidenceCounts,
    EvidenceItem,
    EvidenceType,
    bounded,
    counts,
    gravest,
    status_of_copies,
)
from clawback.response.investigation import Investigation
from clawback.store import Unit

LOOKED_AT = 400
"""Messages of one investigation whose entities are gathered, those that it began with first."""
_TYPES = {
    EntityKind.FILE: EvidenceType.FILES,
    EntityKind.URL: EvidenceType.URLS,
    EntityKind.HOST: EvidenceType.URLS,
    EntityKind.DOMAIN: EvidenceType.URLS,
    EntityKind.IP: EvidenceType.IPS,
    EntityKind.MAILBOX: EvidenceType.MAILBOXES,
    EntityKind.CLUSTER: EvidenceType.CLUSTERS,
}
_OF_MESSAGES = frozenset({EntityKind.URL, EntityKind.FILE, EntityKind.IP})


@dataclass(frozen=True, slots=True)
class Ground:
    """What the evidence is made of: the investigation, messages with their copies, and what is listed.

    All but what is listed by message id.
    """

    state: Investigation
    messages: Mapping[str, Message]
    copies: Mapping[str, Sequence[Delivery]]
    clusters: Mapping[str, frozenset[str]]
    said: Mapping[str, Judged]
    listed: Mapping[Entity, Indicator]
    entities: Mapping[str, frozenset[Entity]]


def evidence_of(
    unit: Unit, investigation_id: str
) -> tuple[tuple[EvidenceItem, ...], tuple[EvidenceCounts, ...]]:
    """The entities of an investigation, at most 200 of each type, and the counts of each type.

    Raises NotFound.
    """
    state = unit.investigations.get(investigation_id)
    ground = _gather(unit, state)
    found = [*_stated(ground), *_emails(ground), *_carried(ground), *_mailboxes(ground)]
    found += list(_submissions(unit, state))
    items, more = bounded(found)
    if sum(c.messages for c in state.clusters) > LOOKED_AT:
        more |= dict.fromkeys(
            (EvidenceType.EMAILS, EvidenceType.IPS, EvidenceType.MAILBOXES, EvidenceType.URLS), True
        )
    return items, counts(items, more)


def _gather(unit: Unit, state: Investigation) -> Ground:
    causes = [item.entity.value for item in state.evidence if item.entity.kind is EntityKind.MESSAGE]
    members: dict[str, set[str]] = defaultdict(set)
    for cluster in state.clusters:
        for message_id in unit.clusters.ends(cluster.cluster_id, LOOKED_AT):
            members[message_id].add(cluster.cluster_id)
    ids = list(dict.fromkeys([*causes, *members]))[:LOOKED_AT]
    messages = unit.messages.get_many(ids)
    copies: dict[str, list[Delivery]] = defaultdict(list)
    for delivery in unit.deliveries.of_messages(ids):
        copies[delivery.message_id].append(delivery)
    entities = {message_id: entities_of(message) for message_id, message in messages.items()}
    near = unit.indicators.matching(frozenset[Entity]().union(*entities.values()))
    listed = {entity_of(one): one for one in near}
    clusters = {message_id: frozenset(mine) for message_id, mine in members.items()}
    return Ground(state, messages, copies, clusters, unit.detections.verdicts(ids), listed, entities)


def _stated(ground: Ground) -> Iterator[EvidenceItem]:
    """What the investigation itself keeps as evidence: causes, clusters, clicks, mail rules."""
    alert = ground.state.alerts[0]
    for item in ground.state.evidence:
        kind = _TYPES.get(item.entity.kind)
        if kind is not None:
            name = item.detail if item.role == "cluster" else item.entity.value
            value = item.entity.value
            details = f"{value}: {name}" if item.role == "cluster" else item.detail
            yield EvidenceItem(
                kind,
                value,
                item.verdict,
                item.threat,
                item.status,
                item.first_seen,
                details,
                (value,) if kind is EvidenceType.MAILBOXES else (),
                alert.source,
            )


def _verdict(ground: Ground, message_id: str) -> tuple[VerdictKind, str]:
    """What an email is, and by what: what is said against it, or the cluster that it is a member of."""
    said = ground.said.get(message_id)
    own = [said.verdict] if said else []
    mine = ground.clusters.get(message_id, frozenset())
    bad = [c.verdict for c in ground.state.clusters if c.cluster_id in mine]
    if not own and not bad:
        return VerdictKind.NO_THREATS_FOUND, ""
    return gravest([*own, *bad]), "detection" if own else "cluster"


def _emails(ground: Ground) -> Iterator[EvidenceItem]:
    for message_id, message in ground.messages.items():
        verdict, origin = _verdict(ground, message_id)
        copies = ground.copies.get(message_id, ())
        said = ground.said.get(message_id)
        yield EvidenceItem(
            EvidenceType.EMAILS,
            message_id,
            verdict,
            said.threat if said else _threat(ground, message_id),
            status_of_copies(verdict, [d.location for d in copies], _statuses(ground, message_id)),
            min((d.first_seen for d in copies), default=None),
            f"{message.subject[:100]} from {message.sender.address}",
            tuple(sorted({d.handle.mailbox for d in copies}))[:IMPACTED],
            origin,
        )


def _threat(ground: Ground, message_id: str) -> Threat | None:
    mine = ground.clusters.get(message_id, frozenset())
    bad = [c for c in ground.state.clusters if c.cluster_id in mine and c.verdict is VerdictKind.MALICIOUS]
    return bad[0].threat if bad else None


def _statuses(ground: Ground, message_id: str) -> list[EvidenceStatus]:
    mine = ground.clusters.get(message_id, frozenset())
    return [
        item.status for item in ground.state.evidence if item.role == "cluster" and item.entity.value in mine
    ]


def _carried(ground: Ground) -> Iterator[EvidenceItem]:
    """Files, URLs and IP addresses in the messages, each with what it is listed as."""
    stated = {item.entity: item for item in ground.state.evidence}
    for message_id, carried in ground.entities.items():
        copies = ground.copies.get(message_id, ())
        seen = min((d.first_seen for d in copies), default=None)
        impacted = tuple(sorted({d.handle.mailbox for d in copies}))[:IMPACTED]
        for entity in sorted(carried):
            if entity.kind in _OF_MESSAGES:
                known, listed = stated.get(entity), ground.listed.get(entity)
                yield EvidenceItem(
                    _TYPES[entity.kind],
                    entity.value,
                    known.verdict if known else listed.verdict if listed else VerdictKind.UNKNOWN,
                    listed.threat if listed and listed.verdict is VerdictKind.MALICIOUS else None,
                    known.status if known else _unclustered(ground, message_id, listed),
                    seen,
                    "",
                    impacted,
                    listed.source if listed else "",
                )


def _unclustered(ground: Ground, message_id: str, listed: Indicator | None) -> EvidenceStatus:
    if listed is None or listed.verdict is not VerdictKind.MALICIOUS:
        return EvidenceStatus.NONE
    places = [d.location for d in ground.copies.get(message_id, ())]
    return status_of_copies(listed.verdict, places, _statuses(ground, message_id))


def _mailboxes(ground: Ground) -> Iterator[EvidenceItem]:
    """The owners of copies of malicious mail, and of whatever else is known of them."""
    places: dict[str, list[Delivery]] = defaultdict(list)
    statuses: dict[str, list[EvidenceStatus]] = defaultdict(list)
    for message_id, copies in ground.copies.items():
        if _verdict(ground, message_id)[0] is VerdictKind.MALICIOUS:
            for delivery in copies:
                places[delivery.handle.mailbox].append(delivery)
                statuses[delivery.handle.mailbox] += _statuses(ground, message_id)
    for mailbox, mine in sorted(places.items()):
        where = [d.location for d in mine]
        yield EvidenceItem(
            EvidenceType.MAILBOXES,
            account_entity(mailbox).value,
            VerdictKind.UNKNOWN,
            None,
            status_of_copies(VerdictKind.MALICIOUS, where, statuses[mailbox]),
            min(d.first_seen for d in mine),
            f"{sum(place.in_mailbox for place in where)} of {len(where)} malicious copies are there",
            (mailbox,),
        )


def _submissions(unit: Unit, state: Investigation) -> Iterator[EvidenceItem]:
    for one in unit.submissions.of_investigation(state.id):
        mine = [e for e in state.evidence if e.entity == Entity(EntityKind.MESSAGE, one.message_id)]
        verdict = mine[0].verdict if mine else VerdictKind.UNKNOWN
        yield EvidenceItem(
            EvidenceType.SUBMISSIONS,
            one.id,
            verdict,
            one.confirmed_as,
            mine[0].status if mine else EvidenceStatus.NONE,
            one.reported_at,
            f"reported as {one.reported_as.value}",
            (one.reporter,),
            "user report",
        )
