"""Nouns for the tests of this room, made short."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from clawback.analysis.clusters import Cluster, ClusterKind, Member
from clawback.analysis.entities import Entity, EntityKind, Reason
from clawback.analysis.indicators import Threat, VerdictKind
from clawback.message.delivery import Delivery, DeliveryAction, DeliveryLocation, Handle

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
KEY = Entity(EntityKind.URL, "https://evil.example/x")


def delivery(
    n: int,
    location: DeliveryLocation = DeliveryLocation.INBOX,
    *,
    mailbox: str | None = None,
    folder: str = "INBOX",
    sha: str | None = None,
) -> Delivery:
    """The n-th copy, in its own mailbox unless told otherwise."""
    return Delivery(
        id=f"dlv-{n:04d}",
        message_id=f"msg-{n:04d}",
        raw_sha256=sha or f"{n:064x}",
        size=1_000 + n,
        handle=Handle("main", mailbox or f"user{n}@example.org", folder, f"native-{n}", "cur:S"),
        flags=frozenset({"\\Seen"}),
        internal_date=NOW - timedelta(days=1),
        action=DeliveryAction.DELIVERED,
        original_location=location,
        original_folder=folder,
        location=location,
        located_at=NOW - timedelta(hours=1),
        first_seen=NOW - timedelta(hours=1),
    )


def cluster(*deliveries: Delivery, kind: ClusterKind = ClusterKind.MALICIOUS_URL) -> Cluster:
    """The cluster of these copies' messages."""
    reason = Reason("same_url", KEY, "body a.href", "carries the URL")
    members = tuple(Member(d.message_id, (reason,)) for d in deliveries)
    return Cluster(
        "clu-1", kind, KEY, "EmailUrlInfo", NOW, VerdictKind.MALICIOUS, Threat.MALICIOUS_URL, members
    )
