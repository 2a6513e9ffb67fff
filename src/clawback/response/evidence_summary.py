"""Evidence as people see it: entities of one investigation by type, each with verdict and status, and counts.

Everything here is a pure function of what was gathered. The rules:

- *Verdict* of an email: the gravest of what is said against it and of the malicious clusters that it is a
  member of; of a file, URL or IP address: what it is listed as, else unknown.
- *Status* of an email or mailbox: read off its copies and the actions on its clusters (`status_of_copies`);
  of everything else: that of its cluster, none when it has no cluster.
- *Counts*: remediated is remediated or prevented; verified has any verdict but unknown; unremediated is what
  is still active, pending, declined, running or undone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from clawback.analysis.indicators import Threat, VerdictKind
from clawback.message.delivery import DeliveryLocation
from clawback.response.evidence import EvidenceStatus

MOST = 200
"""Entities of one type that are shown."""
IMPACTED = 20
"""Impacted assets of one entity that are named."""


class EvidenceType(StrEnum):
    """The entity types of Defender's evidence tab."""

    FILES = "files"
    URLS = "urls"
    SUBMISSIONS = "email_submissions"
    EMAILS = "emails"
    IPS = "ip_addresses"
    CLUSTERS = "email_clusters"
    MAILBOXES = "mailboxes"


@dataclass(frozen=True, slots=True)
class EvidenceItem:
    """One entity of the evidence tab.

    `details` says more of its status, `impacted` names mailboxes (at most 20), `origin` what detected it.
    """

    type: EvidenceType
    entity: str
    verdict: VerdictKind
    threat: Threat | None
    status: EvidenceStatus
    first_seen: datetime | None
    details: str = ""
    impacted: tuple[str, ...] = ()
    origin: str = ""


@dataclass(frozen=True, slots=True)
class EvidenceCounts:
    """The summary of one type. With `more` there are entities beyond those that are counted here."""

    type: EvidenceType
    total: int = 0
    remediated: int = 0
    malicious: int = 0
    suspicious: int = 0
    verified: int = 0
    no_threats_found: int = 0
    unknown: int = 0
    not_found: int = 0
    unremediated: int = 0
    partially_remediated: int = 0
    more: bool = False


_DONE = frozenset({EvidenceStatus.REMEDIATED, EvidenceStatus.PREVENTED})
_OPEN = frozenset(
    {
        EvidenceStatus.ACTIVE,
        EvidenceStatus.PENDING_APPROVAL,
        EvidenceStatus.DECLINED,
        EvidenceStatus.RUNNING,
        EvidenceStatus.UNDONE,
    }
)
_GRAVITY = (
    VerdictKind.MALICIOUS,
    VerdictKind.SUSPICIOUS,
    VerdictKind.NO_THREATS_FOUND,
    VerdictKind.UNKNOWN,
)


def gravest(verdicts: Iterable[VerdictKind]) -> VerdictKind:
    """The gravest of these verdicts, unknown for none; what is known to be good is graver than unknown."""
    return min(verdicts, key=_GRAVITY.index, default=VerdictKind.UNKNOWN)


def status_of_copies(
    verdict: VerdictKind, locations: Sequence[DeliveryLocation], clusters: Iterable[EvidenceStatus]
) -> EvidenceStatus:
    """What became of something that has copies, of which `clusters` has the statuses of its clusters.

    None, unless it is malicious. Without copies: not found. With none left in a mailbox: remediated where an
    action was taken on a cluster of it, else prevented. With some left: partially remediated; with all left:
    what is going on with its clusters, in the order running, pending approval, undone, declined, active.
    """
    if verdict is not VerdictKind.MALICIOUS:
        return EvidenceStatus.NONE
    if not locations:
        return EvidenceStatus.NOT_FOUND
    statuses = set(clusters)
    acted = bool(statuses - {EvidenceStatus.PREVENTED, EvidenceStatus.ACTIVE, EvidenceStatus.NONE})
    left = sum(place.in_mailbox or place is DeliveryLocation.UNKNOWN for place in locations)
    if not left:
        return EvidenceStatus.REMEDIATED if acted else EvidenceStatus.PREVENTED
    for going in (EvidenceStatus.RUNNING, EvidenceStatus.PENDING_APPROVAL):
        if going in statuses:
            return going
    if left < len(locations):
        return EvidenceStatus.PARTIALLY_REMEDIATED
    for told in (EvidenceStatus.UNDONE, EvidenceStatus.DECLINED):
        if told in statuses:
            return told
    return EvidenceStatus.ACTIVE


def counts(
    items: Iterable[EvidenceItem], more: Mapping[EvidenceType, bool] | None = None
) -> tuple[EvidenceCounts, ...]:
    """The summary of every type, in a fixed order, those without an entity too."""
    by_type: dict[EvidenceType, list[EvidenceItem]] = {kind: [] for kind in EvidenceType}
    for item in items:
        by_type[item.type].append(item)
    return tuple(_counted(kind, mine, bool(more and more.get(kind))) for kind, mine in by_type.items())


def _counted(kind: EvidenceType, items: Sequence[EvidenceItem], more: bool) -> EvidenceCounts:
    def having(verdict: VerdictKind) -> int:
        return sum(item.verdict is verdict for item in items)

    def standing(*statuses: EvidenceStatus) -> int:
        return sum(item.status in statuses for item in items)

    return EvidenceCounts(
        kind,
        total=len(items),
        remediated=standing(*_DONE),
        malicious=having(VerdictKind.MALICIOUS),
        suspicious=having(VerdictKind.SUSPICIOUS),
        verified=len(items) - having(VerdictKind.UNKNOWN),
        no_threats_found=having(VerdictKind.NO_THREATS_FOUND),
        unknown=having(VerdictKind.UNKNOWN),
        not_found=standing(EvidenceStatus.NOT_FOUND),
        unremediated=standing(*_OPEN),
        partially_remediated=standing(EvidenceStatus.PARTIALLY_REMEDIATED),
        more=more,
    )


def bounded(items: Iterable[EvidenceItem]) -> tuple[tuple[EvidenceItem, ...], dict[EvidenceType, bool]]:
    """At most 200 entities of each type, each once, and of which types there are more."""
    kept: dict[tuple[EvidenceType, str], EvidenceItem] = {}
    sizes = dict.fromkeys(EvidenceType, 0)
    more = dict.fromkeys(EvidenceType, False)
    for item in items:
        key = (item.type, item.entity)
        if key in kept:
            kept[key] = _merged(kept[key], item)
        elif sizes[item.type] < MOST:
            kept[key] = item
            sizes[item.type] += 1
        else:
            more[item.type] = True
    return tuple(kept.values()), more


def _merged(one: EvidenceItem, other: EvidenceItem) -> EvidenceItem:
    """Two sights of one entity as one: the gravest verdict with its status, and everything that is said."""
    first, second = sorted((one, other), key=lambda item: _GRAVITY.index(item.verdict))
    details = "; ".join(dict.fromkeys(text for text in (first.details, second.details) if text))
    seen = [item.first_seen for item in (first, second) if item.first_seen]
    return EvidenceItem(
        first.type,
        first.entity,
        first.verdict,
        first.threat or second.threat,
        first.status if first.status is not EvidenceStatus.NONE else second.status,
        min(seen, default=None),
        details,
        tuple(dict.fromkeys((*first.impacted, *second.impacted)))[:IMPACTED],
        first.origin or second.origin,
    )
