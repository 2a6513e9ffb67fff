"""How each noun is listed: the columns people see, with Defender's words where Defender has them."""

from __future__ import annotations

from collections import Counter

from clawback.cli.tables import Column
from clawback.message.delivery import Delivery
from clawback.response import defender
from clawback.response.investigation import Investigation


def threats(investigation: Investigation) -> int:
    """How many malicious messages the investigation's clusters hold."""
    return sum(c.messages for c in investigation.clusters if c.verdict.value == "malicious")


INDICATORS = (
    Column("Id", lambda i: i.id, whole=True),
    Column("Kind", lambda i: i.kind.value),
    Column("Match", lambda i: i.match.value),
    Column("Value", lambda i: i.value),
    Column("Verdict", lambda i: defender.VERDICT[i.verdict]),
    Column("Source", lambda i: i.source),
    Column("Added", lambda i: i.added_at),
    Column("Expires", lambda i: i.expires_at or "never"),
)
MESSAGES = (
    Column("Id", lambda m: m.id, whole=True),
    Column("Date", lambda m: m.date),
    Column("From", lambda m: m.sender.address),
    Column("Subject", lambda m: m.subject),
    Column("Links", lambda m: len(m.links)),
    Column("Files", lambda m: len(m.attachments)),
)
DELIVERIES = (
    Column("Mailbox", lambda d: d.handle.mailbox),
    Column("First", lambda d: d.original_folder),
    Column("Now", lambda d: d.handle.folder),
    Column("Place", lambda d: defender.LOCATION[d.location]),
    Column("Seen there", lambda d: d.located_at),
    Column("Flags", lambda d: " ".join(sorted(d.flags))),
)
CLUSTERS = (
    Column("Id", lambda c: c.id, whole=True),
    Column("Type", lambda c: defender.CLUSTER_TYPE[c.kind]),
    Column("Key", lambda c: c.key.value),
    Column("Verdict", lambda c: defender.VERDICT[c.verdict]),
    Column("Messages", lambda c: len(c.members)),
    Column("Asked", lambda c: c.asked_at),
)
MEMBERS = (
    Column("Message", lambda m: m.message_id, whole=True),
    Column("Because", lambda m: "; ".join(r.text for r in m.reasons), wrap=True),
)
INVESTIGATIONS = (
    Column("ID", lambda i: i.id, whole=True),
    Column("Status", lambda i: defender.INVESTIGATION_STATUS[i.status]),
    Column("Investigation", lambda i: i.title),
    Column("Creation Time", lambda i: i.created_at),
    Column("Threat count", threats),
    Column("Action count", lambda i: len(i.remediations)),
)
REMEDIATIONS = (
    Column("Id", lambda r: r.id, whole=True),
    Column("Action", lambda r: defender.ACTION[r.kind]),
    Column("Status", lambda r: defender.ACTION_STATUS[r.status]),
    Column("Found", lambda r: r.tally.found),
    Column("Removed", lambda r: r.tally.removed),
    Column("Gone", lambda r: r.tally.already_gone),
    Column("Failed", lambda r: r.tally.failed),
    Column("Skipped", lambda r: r.tally.skipped),
    Column("Open", lambda r: r.tally.open),
    Column("Decided by", lambda r: r.approval.by if r.approval else ""),
    Column("Entity", lambda r: r.key.value),
)
AUDIT = (
    Column("Seq", lambda a: a.seq),
    Column("At", lambda a: a.at),
    Column("Actor", lambda a: a.actor),
    Column("Event", lambda a: a.type),
    Column("Seal", lambda a: a.hash[:12]),
)


def places(deliveries: tuple[Delivery, ...]) -> str:
    """Copies by place in one line, most first."""
    counts = Counter(defender.LOCATION[d.location] for d in deliveries)
    return ", ".join(f"{n} {place}" for place, n in counts.most_common())
