"""What a security team made of the measured mail in two months: 5,000 investigations and what hangs on them.

Most are of a few messages; ten have clusters of 5,000, and each campaign one of 100,000 and one of 50,000.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from web_mail import CAMPAIGNS, FILE, NEWSLETTER

from clawback.analysis.clusters import Cluster, ClusterKind, Member
from clawback.analysis.entities import Entity, EntityKind, Reason
from clawback.analysis.indicators import Indicator, IndicatorKind, Threat, VerdictKind, indicator
from clawback.analysis.submitted import FoundBy
from clawback.message.delivery import DeliveryLocation, Handle
from clawback.message.reports import ReportedAs
from clawback.response.accounts import RemediationStanding
from clawback.response.alerts import Alert, AlertKind, Severity
from clawback.response.counts import Places
from clawback.response.evidence import Evidence, EvidenceStatus
from clawback.response.exposure import Marks
from clawback.response.investigation import (
    ClusterStanding,
    Investigation,
    InvestigationStatus,
    LogEntry,
)
from clawback.response.plan import (
    AUTOMATION,
    ActionKind,
    Approval,
    Deed,
    Outcome,
    Receipt,
    Remediation,
    RemediationStatus,
)
from clawback.response.planning import freeze, remediation_of
from clawback.response.policy import Policy
from clawback.response.submissions import Submission, SubmissionResult, SubmissionState
from clawback.store import Store, Unit

COUNT = 5_000
LARGE = {0: 100_000, 1: 100_000, 2: 50_000, 3: 50_000, **dict.fromkeys(range(4, 14), 5_000)}
"""Members of the clusters of these investigations; of all others there are 2 to 60."""
AUDIT = 300_000
INDICATORS = 100_000
SUBMISSIONS = 20_000
READ = 50_000
"""Copies that somebody read before they were taken out."""
STATUSES = tuple(InvestigationStatus)
_TYPES = ("investigation_started", "cluster_linked", "remediation_planned", "remediation_approved")
_ACTIONS = (
    RemediationStatus.COMPLETED,
    RemediationStatus.COMPLETED,
    RemediationStatus.COMPLETED,
    RemediationStatus.PENDING,
    RemediationStatus.REJECTED,
    RemediationStatus.EXPIRED,
)


def message_id(number: int) -> str:
    """The id that `web_mail` gives a message by its number."""
    return f"msg-{hashlib.sha256(str(number).encode()).hexdigest()[:20]}"


class Incidents:
    """Everything by the number of its investigation; the newest are of the last days."""

    def __init__(self, store: Store, size: int, until: datetime) -> None:
        self.store = store
        self.size = size
        self.until = until

    def fill(self) -> None:
        """Write it all."""
        with self.store.write() as unit:
            unit.indicators.add(self.indicators())
            unit.submissions.add([self.submission(n) for n in range(SUBMISSIONS)])
        for first in range(0, COUNT, 250):
            with self.store.write() as unit:
                for number in range(first, first + 250):
                    self.investigate(unit, number)
        with self.store.write() as unit:
            self.be_read(unit)
        for first in range(0, AUDIT, 10_000):
            with self.store.write() as unit:
                for number in range(first, first + 10_000):
                    self.happen(unit, number)

    def at(self, number: int) -> datetime:
        """When an investigation began."""
        return self.until - timedelta(minutes=17 * (number + 1))

    def members(self, number: int) -> list[int]:
        """The numbers of the messages in an investigation's cluster."""
        wanted = min(LARGE.get(number, 2 + number % 59), self.size // 10)
        if number in LARGE:
            return list(range(1 + 5 * (number % 2), self.size, 10))[-wanted:]
        first = (number * 197) % (self.size - 600)
        return list(range(first, first + 600, 10))[:wanted]

    def cause(self, number: int) -> Entity:
        """What an investigation is about."""
        if number in LARGE:
            return Entity(EntityKind.URL, CAMPAIGNS[number % 2])
        if number % 7 == 3:
            return Entity(EntityKind.FILE, hashlib.sha256(f"file {number}".encode()).hexdigest())
        return Entity(EntityKind.URL, f"https://host{number % 97}.example/{number}")

    def investigate(self, unit: Unit, number: int) -> None:
        """One investigation with its cluster, action and alerts."""
        identifier, at, cause = f"inv-{number:020d}", self.at(number), self.cause(number)
        numbers = self.members(number)
        cluster = self.cluster(number, numbers)
        unit.clusters.save(cluster, identifier)
        second = replace(
            cluster,
            id=f"clu-{number:019d}b",
            kind=ClusterKind.SIMILAR_ATTRIBUTES,
            members=cluster.members[:9],
        )
        unit.clusters.save(second, identifier)
        standing = self.act(unit, number, cluster, numbers) if number % 2 == 0 or number in LARGE else None
        alerts = tuple(self.alert(number, k) for k in range(1 + number % 3))
        for alert in alerts:
            unit.alerts.add(alert, identifier)
        places = Places(len(numbers), len(numbers) // 2, 0, len(numbers) - len(numbers) // 2)
        standings = tuple(
            ClusterStanding(c.id, c.kind, c.key, c.verdict, c.threat, len(c.members), 1, places, places)
            for c in (cluster, second)
        )
        log = tuple(LogEntry(at, AUTOMATION, "cluster_linked", f"line {k} of the log") for k in range(12))
        unit.investigations.save(
            Investigation(
                identifier,
                alerts[0].kind,
                alerts[0].title,
                cause,
                STATUSES[number % len(STATUSES)],
                at,
                at + timedelta(minutes=5),
                alerts=alerts,
                evidence=tuple(self.evidence(number, c) for c in (cluster, second)),
                clusters=standings,
                remediations=(standing,) if standing else (),
                log=log,
                version=1,
            )
        )

    def cluster(self, number: int, numbers: list[int]) -> Cluster:
        """The cluster of what carries the cause."""
        key = self.cause(number)
        reasons = (Reason("carries", key, "body a.href", f"It links to {key.value}."),)
        members = tuple(Member(message_id(n), reasons) for n in numbers)
        kind = ClusterKind.MALICIOUS_FILE if key.kind is EntityKind.FILE else ClusterKind.MALICIOUS_URL
        query = f'url = "{key.value}"'
        return Cluster(
            f"clu-{number:020d}",
            kind,
            key,
            query,
            self.at(number),
            VerdictKind.MALICIOUS,
            Threat.PHISH,
            members,
        )

    def evidence(self, number: int, cluster: Cluster) -> Evidence:
        """A cluster as a piece of evidence."""
        what, at = Entity(EntityKind.CLUSTER, cluster.id), self.at(number)
        return Evidence(
            what, "cluster", cluster.verdict, cluster.threat, EvidenceStatus.ACTIVE, at, cluster.query
        )

    def alert(self, number: int, k: int) -> Alert:
        """One of the alerts of an investigation."""
        cause = self.cause(number)
        title = f"Url verdict changed to malicious - {cause.value}"
        kind = AlertKind.MALICIOUS_FILE if cause.kind is EntityKind.FILE else AlertKind.URL_VERDICT_CHANGE
        return Alert(f"alr-{number}-{k}", kind, Severity.HIGH, title, cause, self.at(number), "feed")

    def act(self, unit: Unit, number: int, cluster: Cluster, numbers: list[int]) -> RemediationStanding:
        """Plan for every copy of a cluster, and for most do it."""
        at = self.at(number) + timedelta(minutes=1)
        plan = freeze(
            investigation_id=f"inv-{number:020d}",
            cluster_id=cluster.id,
            kind=ActionKind.SOFT_DELETE,
            key=cluster.key,
            deeds=[_deed(seq, n, at) for seq, n in enumerate(numbers)],
            skips=[],
            now=at,
            policy=Policy(),
        )
        status = RemediationStatus.COMPLETED if number in LARGE else _ACTIONS[number // 2 % len(_ACTIONS)]
        done = status is RemediationStatus.COMPLETED
        made = replace(remediation_of(plan), id=f"rem-{number:020d}", status=status)
        if done:
            made = _approved(made, plan.hash, at)
        unit.remediations.add(made, plan)
        if done:
            seqs = [deed.seq for deed in plan.deeds]
            unit.remediations.intend(made.id, seqs, at)
            unit.remediations.receipt(made.id, [_receipt(deed, at) for deed in plan.deeds])
        tally = unit.remediations.own_tally(made.id)
        return RemediationStanding(made.id, cluster.id, made.kind, status, at, made.decided_at, tally)

    def be_read(self, unit: Unit) -> None:
        """Many copies of a campaign were read, some clicked."""
        read = self.until - timedelta(days=1)
        numbers = list(range(1, self.size, 10))[-READ:]
        unit.exposure.note(
            (_delivery_id(n), Marks(read=read, clicked=read if n % 50 == 1 else None)) for n in numbers
        )

    def indicators(self) -> Iterator[Indicator]:
        """The list: a feed, and a few by hand."""
        at = self.until - timedelta(days=30)
        for number in range(INDICATORS):
            value, source = (
                f"https://listed{number}.example/{number}",
                "manual" if number % 50 == 0 else "feed",
            )
            yield indicator(IndicatorKind.URL, value, added_at=at, source=source)
        yield indicator(IndicatorKind.SHA256, FILE, added_at=at)
        yield indicator(IndicatorKind.SENDER, NEWSLETTER, added_at=at)
        yield from (indicator(IndicatorKind.URL, url, added_at=at) for url in CAMPAIGNS)

    def submission(self, number: int) -> Submission:
        """One report by one of 300 people."""
        closed = number % 9 != 0
        return Submission(
            f"sub-{number:020d}",
            f"user{number % 300}@corp.example",
            self.until - timedelta(minutes=4 * (SUBMISSIONS - number)),
            ReportedAs.PHISH,
            SubmissionState.CLOSED if closed else SubmissionState.UNDECIDED,
            report_id=message_id(number),
            subject=f"FW: your order {number} is waiting",
            message_id=message_id(1 + 10 * number),
            found_by=FoundBy.SAME_CONTENT,
            investigation_id=f"inv-{number % COUNT:020d}",
            result=SubmissionResult.PHISHING_OR_MALWARE if closed else None,
        )

    def happen(self, unit: Unit, number: int) -> None:
        """One event of the log."""
        about = number % COUNT
        body = {
            "investigation_id": f"inv-{about:020d}",
            "remediation_id": f"rem-{about:020d}",
            "cluster_id": f"clu-{about:020d}",
            "text": "what happened, in a sentence of the length that sentences have",
        }
        at = self.until - timedelta(seconds=17 * (AUDIT - number))
        unit.audit.append(_TYPES[number % len(_TYPES)], AUTOMATION, at, body)


def _approved(made: Remediation, plan_hash: str, at: datetime) -> Remediation:
    approval = Approval(plan_hash, "ada", at)
    return replace(made, approval=approval, decided_at=at, decided_by="ada", started_at=at, ended_at=at)


def _delivery_id(number: int) -> str:
    unique = hashlib.sha256(f"{message_id(number)}/0".encode()).hexdigest()
    return f"dlv-{unique[:20]}"


def _deed(seq: int, number: int, at: datetime) -> Deed:
    unique = hashlib.sha256(f"{message_id(number)}/0".encode()).hexdigest()
    mailbox = f"user{int(unique[:6], 16) % 5_000}@corp.example"
    handle = Handle("maildir", mailbox, "INBOX", f"{number}.M{unique[:10]}.host", "cur:2,S")
    raw = hashlib.sha256(str(number).encode()).hexdigest()[::-1]
    identifier = f"dlv-{unique[:20]}"
    seen = frozenset({"\\Seen"})
    place = DeliveryLocation.INBOX
    return Deed(seq, identifier, message_id(number), handle, place, ".clawback", raw, 9_000, seen, at)


def _receipt(deed: Deed, at: datetime) -> Receipt:
    after = replace(deed.handle, folder=".clawback")
    if deed.seq % 40 == 9:
        return Receipt(deed.seq, Outcome.ALREADY_GONE, "the copy is nowhere in the mailbox", None, None, at)
    if deed.seq % 40 == 19:
        return Receipt(deed.seq, Outcome.FAILED, "the mail system refused: 550 no", deed.handle, None, at)
    return Receipt(deed.seq, Outcome.REMOVED, "", deed.handle, after, at, deed.flags, deed.internal_date)
