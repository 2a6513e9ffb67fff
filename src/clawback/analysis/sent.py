"""Sent mail: the messages of an account that may be taken over, parted by what is said against them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from clawback import ids
from clawback.analysis.clusters import Cluster, ClusterKind, Member
from clawback.analysis.entities import Entity, EntityKind, Reason
from clawback.analysis.indicators import Threat, VerdictKind
from clawback.analysis.queries import literal
from clawback.analysis.verdict import Judged, gravest_threat

_WORDS = {
    VerdictKind.MALICIOUS: "is malicious",
    VerdictKind.SUSPICIOUS: "is suspicious",
    VerdictKind.NO_THREATS_FOUND: "has nothing said against it",
}


def sent_cluster(
    investigation_id: str,
    account: str,
    verdict: VerdictKind,
    message_ids: Sequence[str],
    verdicts: Mapping[str, Judged],
    now: datetime,
) -> Cluster:
    """The cluster of those messages that an account sent and that have this verdict.

    Whatever is neither malicious nor suspicious counts as clean. The threat is the gravest of its members'.
    """
    key = Entity(EntityKind.MAILBOX, account)
    mine = [m for m in message_ids if _part(verdicts.get(m)) is verdict]
    threats = (judged.threat for m in mine if (judged := verdicts.get(m)))
    reason = Reason("sent_by", key, "sent mail", f"{account} sent it, and it {_WORDS[verdict]}.")
    return Cluster(
        id=ids.make("clu", investigation_id, ClusterKind.SENT_MAIL, account, verdict),
        kind=ClusterKind.SENT_MAIL,
        key=key,
        query=f"EmailEvents | where SenderFromAddress =~ {literal(account)}",
        asked_at=now,
        verdict=verdict,
        threat=gravest_threat(threats) or Threat.SPAM,
        members=tuple(Member(m, (reason,)) for m in sorted(mine)),
    )


def _part(judged: Judged | None) -> VerdictKind:
    if judged is not None and judged.verdict in (VerdictKind.MALICIOUS, VerdictKind.SUSPICIOUS):
        return judged.verdict
    return VerdictKind.NO_THREATS_FOUND
