"""How each noun is listed: the columns people see, with Defender's words where Defender has them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from clawback.analysis.clusters import Cluster, ClusterKind
from clawback.analysis.entities import Entity
from clawback.analysis.indicators import Threat, VerdictKind
from clawback.cli.tables import Column
from clawback.message.delivery import Delivery
from clawback.response import defender
from clawback.response.deciding import waits_for
from clawback.response.records import threats

_ABOUT = ("remediation_id", "cluster_id", "indicator", "source", "investigation_id")


@dataclass(frozen=True, slots=True)
class ClusterRow:
    """A cluster in a listing: how many messages it has, instead of each with its reasons."""

    id: str
    kind: ClusterKind
    key: Entity
    query: str
    asked_at: datetime
    verdict: VerdictKind
    threat: Threat
    messages: int

    @classmethod
    def of(cls, cluster: Cluster, messages: int) -> ClusterRow:
        """The row of a cluster."""
        c = cluster
        return cls(c.id, c.kind, c.key, c.query, c.asked_at, c.verdict, c.threat, messages)


INDICATORS = (
    Column("Id", lambda i: i.id, whole=True),
    Column("Kind", lambda i: i.kind.value, whole=True),
    Column("Match", lambda i: i.match.value, whole=True, spare=1),
    Column("Value", lambda i: i.value),
    Column("Verdict", lambda i: defender.VERDICT[i.verdict], whole=True),
    Column("Source", lambda i: i.source, spare=2),
    Column("Added", lambda i: i.added_at, whole=True, spare=3),
    Column("Expires", lambda i: i.expires_at or "never", whole=True, spare=4),
)
MESSAGES = (
    Column("Id", lambda m: m.id, whole=True),
    Column("Date", lambda m: m.date, whole=True, spare=1),
    Column("From", lambda m: m.sender.address, spare=2),
    Column("Subject", lambda m: m.subject),
    Column("Links", lambda m: len(m.links), whole=True, spare=3),
    Column("Files", lambda m: len(m.attachments), whole=True, spare=4),
)
DELIVERIES = (
    Column("Mailbox", lambda d: d.handle.mailbox),
    Column("First", lambda d: d.original_folder, spare=1),
    Column("Now", lambda d: d.handle.folder),
    Column("Place", lambda d: defender.LOCATION[d.location], whole=True),
    Column("Seen there", lambda d: d.located_at, whole=True, spare=2),
    Column("Flags", lambda d: " ".join(sorted(d.flags)), spare=3),
)
CLUSTERS = (
    Column("Id", lambda c: c.id, whole=True),
    Column("Type", lambda c: defender.CLUSTER_TYPE[c.kind], whole=True, spare=1),
    Column("Key", lambda c: c.key.value),
    Column("Verdict", lambda c: defender.VERDICT[c.verdict], whole=True, spare=2),
    Column("Messages", lambda c: c.messages, whole=True),
    Column("Asked", lambda c: c.asked_at, whole=True, spare=3),
)
MEMBERS = (
    Column("Message", lambda m: m.message_id, whole=True),
    Column("Score", lambda m: f"{m.score:.2f}", whole=True),
    Column("Because", lambda m: "; ".join(r.text for r in m.reasons), wrap=True),
)
INVESTIGATIONS = (
    Column("Id", lambda i: i.id, whole=True),
    Column("Status", lambda i: defender.INVESTIGATION_STATUS[i.status], whole=True),
    Column("Investigation", lambda i: i.title, wrap=True),
    Column("Created", lambda i: i.created_at, whole=True, spare=3),
    Column("Threats", threats, whole=True, spare=1),
    Column("Actions", lambda i: len(i.remediations), whole=True, spare=2),
)
REMEDIATIONS = (
    Column("Id", lambda r: r.id, whole=True),
    Column("Action", lambda r: defender.ACTION[r.kind], whole=True),
    Column("Status", lambda r: defender.ACTION_STATUS[r.status], whole=True),
    Column("Found", lambda r: r.tally.found, whole=True),
    Column("Removed", lambda r: r.tally.removed, whole=True),
    Column("Gone", lambda r: r.tally.already_gone, whole=True, spare=4),
    Column("Failed", lambda r: r.tally.failed, whole=True),
    Column("Skipped", lambda r: r.tally.skipped, whole=True, spare=2),
    Column("Open", lambda r: r.tally.open, whole=True, spare=3),
    Column("Left now", lambda r: r.refreshed.places.left if r.refreshed else "", whole=True, spare=7),
    Column("Decided by", lambda r: r.decided_by, whole=True, spare=5),
    Column("Waits for", lambda r: waits_for(r) if r.status.value == "pending" else "", spare=6),
    Column("Entity", lambda r: r.key.value, spare=1),
)
AUDIT = (
    Column("Seq", lambda a: a.seq, whole=True),
    Column("At", lambda a: a.at, whole=True),
    Column("Actor", lambda a: a.actor),
    Column("Event", lambda a: a.type, whole=True),
    Column("About", lambda a: about(a.body), spare=1),
    Column("Seal", lambda a: a.hash[:12], whole=True, spare=2),
)


def about(body: Mapping[str, Any]) -> str:
    """What an event of the audit log is about: the nearest thing in it that has an id."""
    found = next((body[key] for key in _ABOUT if body.get(key)), "")
    return str(found.get("value", "")) if isinstance(found, dict) else str(found)


def places(deliveries: tuple[Delivery, ...]) -> str:
    """Copies by place in one line, most first."""
    counts = Counter(defender.LOCATION[d.location] for d in deliveries)
    return ", ".join(f"{n} {place}" for place, n in counts.most_common())
