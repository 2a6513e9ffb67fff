"""What is known of one message without its body: its way, its links and files, its copies, its siblings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from clawback.analysis.detections import Detection, detect
from clawback.analysis.entities import Entity, EntityKind
from clawback.analysis.features import entities_of
from clawback.analysis.fingerprints import bands_of
from clawback.analysis.indicators import VerdictKind
from clawback.analysis.shingles import comparable, nearest
from clawback.message.attachment import Attachment
from clawback.message.delivery import Delivery
from clawback.message.link import Link
from clawback.message.message import Message
from clawback.message.received import Hop
from clawback.response.plan import ActionKind, Outcome
from clawback.store import Unit
from clawback.store.deliveries import Arrival
from clawback.store.similar import Narrow
from clawback.web.portal.addresses import address_by_id, address_of
from clawback.web.portal.words import word

COPIES = 200
"""Copies of one message that are shown."""
LINKS = 200
FILES = 200
MOMENTS = 400
"""Entries of a timeline at most; the oldest are kept, for they tell how it began, and so are the newest."""
OF_A_KIND = 8
"""Siblings of one kind."""
LOOKED_AT = 300
"""Messages that are looked at for a body that is alike."""
ALIKE = 0.5

_DONE = {
    Outcome.REMOVED: "done",
    Outcome.ALREADY_GONE: "it was gone already",
    Outcome.FAILED: "failed",
    Outcome.SKIPPED: "left alone",
}


@dataclass(frozen=True, slots=True)
class Moment:
    """One entry of the timeline; `href` leads to what tells more, "" for nothing."""

    at: datetime
    text: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class HopShown:
    """One hop, and how long after the one before it it was written; None when that is unknown."""

    hop: Hop
    delay: timedelta | None


@dataclass(frozen=True, slots=True)
class LinkShown:
    """One link, the page about where it leads, and what is said against it."""

    link: Link
    href: str
    verdict: VerdictKind | None


@dataclass(frozen=True, slots=True)
class FileShown:
    """One file, how deep it is packed, the page about it, and what is said against it."""

    file: Attachment
    depth: int
    href: str
    verdict: VerdictKind | None


@dataclass(frozen=True, slots=True)
class Sibling:
    """Another message, and why it is one."""

    message: Message
    why: tuple[str, ...]


def facts_of(unit: Unit, one: Message, now: datetime) -> dict[str, Any]:
    """All that the page of a message shows."""
    copies, arrival = unit.deliveries.first_of(one.id, COPIES), unit.deliveries.arrival(one.id)
    detections = detect(one, unit.indicators.matching(entities_of(one)), now)
    siblings = siblings_of(unit, one)
    others = [sibling.message.id for sibling in siblings]
    return {
        "copies": copies,
        "copies_total": arrival.copies if arrival else 0,
        "marks": unit.exposure.of([copy.id for copy in copies]),
        "verdict": unit.detections.verdicts([one.id]).get(one.id),
        "detections": detections,
        "clusters": [unit.clusters.head(cluster_id) for cluster_id in unit.clusters.with_message(one.id)],
        "submissions": unit.submissions.of_message(one.id),
        "hops": hops_of(one),
        "links": links_of(one, detections),
        "files": files_of(one, detections),
        "siblings": siblings,
        "said_of_siblings": unit.detections.verdicts(others),
        "timeline": timeline_of(unit, one, copies, arrival),
    }


def hops_of(one: Message) -> list[HopShown]:
    """Its way, in the order it went."""
    shown: list[HopShown] = []
    before: datetime | None = None
    for hop in reversed(one.hops):
        shown.append(HopShown(hop, hop.at - before if hop.at and before else None))
        before = hop.at or before
    return shown


def links_of(one: Message, detections: Sequence[Detection]) -> list[LinkShown]:
    """Its links, each with the gravest that is said against where it leads."""
    said = _spoken(detections)

    def shown(link: Link) -> LinkShown:
        named = [Entity(EntityKind.URL, link.url), Entity(EntityKind.HOST, link.host)]
        named += [Entity(EntityKind.URL, link.wrapped)] if link.wrapped else []
        return LinkShown(link, address_of(EntityKind.URL, link.url), _first(said, named))

    return [shown(link) for link in one.links[:LINKS]]


def files_of(one: Message, detections: Sequence[Detection]) -> list[FileShown]:
    """Its files as a tree: what is packed in another comes after it, deeper."""
    said = _spoken(detections)
    return [
        FileShown(
            file,
            file.path.count("!/"),
            address_of(EntityKind.FILE, file.sha256),
            _first(said, [Entity(EntityKind.FILE, file.sha256)]),
        )
        for file in sorted(one.attachments, key=lambda file: file.path)[:FILES]
    ]


def _spoken(detections: Sequence[Detection]) -> dict[Entity, VerdictKind]:
    said: dict[Entity, VerdictKind] = {}
    for detection in detections:
        for reason in detection.reasons:
            said.setdefault(reason.entity, detection.verdict)
    return said


def _first(said: dict[Entity, VerdictKind], named: Sequence[Entity]) -> VerdictKind | None:
    return next((said[entity] for entity in named if entity in said), None)


def siblings_of(unit: Unit, one: Message) -> list[Sibling]:
    """Messages like it: whose body is alike, that carry the same file or URL, or that have its sender."""
    known: dict[str, tuple[Message, list[str]]] = {}

    def add(found: Iterator[Message], why: str) -> None:
        for message in islice((m for m in found if m.id != one.id), OF_A_KIND):
            known.setdefault(message.id, (message, []))[1].append(why)

    for message, share in _alike(unit, one):
        known.setdefault(message.id, (message, []))[1].append(f"{share:.0%} of the body is the same")
    files = [Entity(EntityKind.FILE, f.sha256) for f in one.attachments[:LINKS] if f.size]
    urls = [Entity(EntityKind.URL, link.url) for link in one.links[:LINKS]]
    sender = [Entity(EntityKind.SENDER, one.sender.address)] if one.sender.address else []
    for entities, why in ((files, "the same file"), (urls, "the same URL"), (sender, "the same sender")):
        if entities:
            add(unit.messages.newest_sharing(entities), why)
    return [Sibling(message, tuple(why)) for message, why in known.values()]


def _alike(unit: Unit, one: Message) -> list[tuple[Message, float]]:
    """Messages with a body like this one's, the most alike first."""
    signature = unit.messages.signature(one.id)
    if not comparable(signature):
        return []
    near = unit.similar.with_fingerprints(bands_of(signature), Narrow(), LOOKED_AT)
    others = unit.messages.signatures([message_id for message_id in near if message_id != one.id])
    shares = {message_id: nearest(other, [signature])[1] for message_id, other in others.items()}
    best = sorted((m for m in shares if shares[m] >= ALIKE), key=lambda m: (-shares[m], m))[:OF_A_KIND]
    found = unit.messages.get_many(best)
    return [(found[message_id], shares[message_id]) for message_id in best if message_id in found]


def timeline_of(
    unit: Unit, one: Message, copies: Sequence[Delivery], arrival: Arrival | None
) -> list[Moment]:
    """What is known of its life, oldest first."""
    moments = [*_way(one, arrival), *_copies(unit, copies), *_deeds(unit, copies), *_said(unit, one)]
    moments.sort(key=lambda moment: moment.at)
    half = MOMENTS // 2
    return moments if len(moments) <= MOMENTS else moments[:half] + moments[-half:]


def _way(one: Message, arrival: Arrival | None) -> Iterator[Moment]:
    if one.date:
        yield Moment(one.date, "The sender says it was written")
    for hop in reversed(one.hops):
        if hop.at:
            way = f"{hop.from_host or hop.from_ip or 'somebody'} gave it to {hop.by_host or 'a host'}"
            yield Moment(hop.at, way)
    if arrival:
        yield Moment(arrival.delivered, f"Delivered; copies that are known: {arrival.copies:,}")
        yield Moment(arrival.first_seen, "First seen by clawback")


def _copies(unit: Unit, copies: Sequence[Delivery]) -> Iterator[Moment]:
    marks = unit.exposure.of([copy.id for copy in copies])
    for copy in copies:
        mailbox, href = copy.handle.mailbox, address_of(EntityKind.MAILBOX, copy.handle.mailbox)
        if copy.location is not copy.original_location:
            yield Moment(copy.located_at, f"The copy of {mailbox} was found in {word(copy.location)}", href)
        if mark := marks.get(copy.id):
            for what in ("read", "answered", "forwarded", "clicked"):
                if at := getattr(mark, what):
                    yield Moment(at, f"{mailbox} {what} it, as far as its flags tell", href)


def _deeds(unit: Unit, copies: Sequence[Delivery]) -> Iterator[Moment]:
    mailboxes = {copy.id: copy.handle.mailbox for copy in copies}
    for deed in unit.results.of_copies(list(mailboxes), MOMENTS):
        href, mailbox = address_by_id(deed.remediation_id), mailboxes[deed.delivery_id]
        what = "Put back" if deed.kind is ActionKind.RESTORE else word(deed.kind)
        yield Moment(deed.at, f"{what} of the copy of {mailbox}: {_DONE[deed.outcome]}", href)


def _said(unit: Unit, one: Message) -> Iterator[Moment]:
    for report in unit.submissions.of_message(one.id):
        href = address_by_id(report.id)
        yield Moment(report.reported_at, f"{report.reporter} reported it as {report.reported_as.value}", href)
        if report.decided_at:
            said = f"{report.decided_by} decided on that report: {word(report.state)}"
            yield Moment(report.decided_at, said, href)
    for at, said_of_it in unit.detections.heard(one.id):
        verdict = word(said_of_it.verdict)
        yield Moment(at, f"{verdict}, says {said_of_it.source}, confidence {said_of_it.confidence}")
