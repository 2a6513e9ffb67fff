"""Detections: what says that a message is bad, one row for each that does; the gravest is its verdict.

A source is what a detection rests on: the id of an indicator, of a rule, or of a person's submission.
Taking a source back takes back its detections and no others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Index, Select, Table, delete, func, select

from clawback.analysis.indicators import Threat, VerdictKind
from clawback.analysis.verdict import Judged, Said
from clawback.store.columns import integer, metadata, text_column
from clawback.store.repository import Repository, chunks
from clawback.store.schema import cluster_members, clusters, messages
from clawback.store.text import armour, disarm, micros, moment

# Frozen: rows hold these numbers. The smallest is the gravest.
_VERDICTS = {VerdictKind.MALICIOUS: 0, VerdictKind.SUSPICIOUS: 100, VerdictKind.UNKNOWN: 200}
_THREATS = {
    Threat.MALWARE: 0,
    Threat.HIGH_CONFIDENCE_PHISH: 10,
    Threat.MALICIOUS_FILE: 20,
    Threat.MALICIOUS_URL: 30,
    Threat.PHISH: 40,
    Threat.SPAM: 50,
}
_NO_THREAT = 90
SUSPICIOUS_FROM = 100
"""Below this gravity stands what is malicious."""
_BY_GRAVITY = {
    verdict_number + threat_number: (verdict, threat)
    for verdict, verdict_number in _VERDICTS.items()
    for threat, threat_number in (*_THREATS.items(), (None, _NO_THREAT))
}

detections = Table(
    "detections",
    metadata,
    integer("message_no", primary_key=True),
    text_column("source", primary_key=True),
    integer("gravity"),
    integer("confidence"),
    integer("at"),
    Index("detections_by_source", "source"),
    sqlite_with_rowid=False,
)


def gravities(verdict: VerdictKind | None, threat: Threat | None) -> list[int]:
    """The gravities with this verdict and threat; None is any."""
    return [
        gravity
        for gravity, (one, other) in _BY_GRAVITY.items()
        if verdict in (None, one) and threat in (None, other)
    ]


def verdict_of(gravity: int | None) -> VerdictKind:
    """The verdict at a gravity; None is where nothing is said."""
    return VerdictKind.NO_THREATS_FOUND if gravity is None else _BY_GRAVITY[gravity][0]


class Detections(Repository):
    """What is said against messages."""

    def put(self, said: Iterable[tuple[str, Said]], now: datetime) -> None:
        """Keep (message id, what is said about it); said again by the same source it replaces the old."""
        rows: dict[tuple[str, str], Said] = {(m, one.source): one for m, one in said}
        numbers = self._numbers_of(messages, (message_id for message_id, _ in rows))
        self._insert(
            detections,
            ("message_no", "source", "gravity", "confidence", "at"),
            [
                (numbers[m], armour(one.source), _gravity(one), one.confidence, micros(now))
                for (m, _), one in sorted(rows.items(), key=lambda item: item[0])
                if m in numbers
            ],
            "ON CONFLICT (message_no, source) DO UPDATE SET gravity = excluded.gravity, "
            "confidence = excluded.confidence",
        )

    def of_source(self, source: str) -> tuple[str, ...]:
        """The ids of the messages a source speaks against, oldest first."""
        joined = detections.join(messages, messages.c.no == detections.c.message_no)
        query = select(messages.c.id).select_from(joined).where(detections.c.source == armour(source))
        return tuple(self._connection.execute(query.order_by(messages.c.no)).scalars())

    def strike(self, source: str, message_ids: Sequence[str] | None = None) -> int:
        """Take back what a source says: against these messages, or at all; answers how many rows."""
        mine = delete(detections).where(detections.c.source == armour(source))
        if message_ids is None:
            return self._connection.execute(mine).rowcount
        struck = 0
        for chunk in chunks(sorted(self._numbers_of(messages, message_ids).values())):
            within = self._within(detections.c.message_no, chunk)
            struck += self._connection.execute(mine.where(within)).rowcount
        return struck

    def verdicts(self, message_ids: Sequence[str]) -> dict[str, Judged]:
        """The verdict on each of these messages against which anything is said."""
        joined = detections.join(messages, messages.c.no == detections.c.message_no)
        gravest = func.min(detections.c.gravity).label("gravity")
        query = select(messages.c.id, gravest).select_from(joined).group_by(messages.c.id)
        found: dict[str, Judged] = {}
        for chunk in chunks([armour(message_id) for message_id in message_ids]):
            rows = self._connection.execute(query.where(self._within(messages.c.id, chunk)))
            found |= {row.id: Judged(*_BY_GRAVITY[row.gravity]) for row in rows}
        return found

    def speaking(self, message_ids: Sequence[str]) -> dict[str, tuple[Said, ...]]:
        """Everything that is said against each of these messages, the gravest first."""
        joined = detections.join(messages, messages.c.no == detections.c.message_no)
        columns = (messages.c.id, detections.c.source, detections.c.gravity, detections.c.confidence)
        query = select(*columns).select_from(joined).order_by(detections.c.gravity, detections.c.source)
        found: dict[str, tuple[Said, ...]] = {}
        for chunk in chunks(sorted({armour(message_id) for message_id in message_ids})):
            for row in self._connection.execute(query.where(self._within(messages.c.id, chunk))):
                judged = Judged(*_BY_GRAVITY[row.gravity])
                said = Said(disarm(row.source), judged.verdict, judged.threat, row.confidence)
                found[row.id] = (*found.get(row.id, ()), said)
        return found

    def heard(self, message_id: str) -> tuple[tuple[datetime, Said], ...]:
        """Since when what is said against a message that still stands, oldest first."""
        joined = detections.join(messages, messages.c.no == detections.c.message_no)
        columns = (detections.c.source, detections.c.gravity, detections.c.confidence, detections.c.at)
        query = select(*columns).select_from(joined).where(messages.c.id == armour(message_id))
        found: list[tuple[datetime, Said]] = []
        for row in self._connection.execute(query.order_by(detections.c.at, detections.c.source)):
            judged = Judged(*_BY_GRAVITY[row.gravity])
            said = Said(disarm(row.source), judged.verdict, judged.threat, row.confidence)
            found.append((moment(row.at), said))
        return tuple(found)

    def counts(self, cluster_id: str) -> dict[Judged, int]:
        """How many members of a cluster have which verdict, without those that nothing is said against."""
        gravest = self._gravest(cluster_id).subquery()
        query = select(gravest.c.gravity, func.count().label("members")).group_by(gravest.c.gravity)
        return {Judged(*_BY_GRAVITY[row.gravity]): row.members for row in self._connection.execute(query)}

    def _gravest(self, cluster_id: str) -> Select[tuple[int]]:
        joined = (
            clusters.join(cluster_members, cluster_members.c.cluster_no == clusters.c.no)
            .join(messages, messages.c.id == cluster_members.c.message_id)
            .join(detections, detections.c.message_no == messages.c.no)
        )
        query = select(func.min(detections.c.gravity).label("gravity")).select_from(joined)
        return query.where(clusters.c.id == armour(cluster_id)).group_by(detections.c.message_no)


def _gravity(said: Said) -> int:
    threat = _NO_THREAT if said.threat is None else _THREATS[said.threat]
    return _VERDICTS[said.verdict] + threat
