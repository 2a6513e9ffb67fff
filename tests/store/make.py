"""Nouns for the store's tests, different by their number."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from clawback.analysis.entities import Entity, EntityKind
from clawback.analysis.features import Features
from clawback.analysis.fingerprints import Fingerprint
from clawback.analysis.indicators import Indicator, IndicatorKind, Match, Threat, VerdictKind
from clawback.message.address import Address
from clawback.message.delivery import Delivery, DeliveryAction, DeliveryLocation, Handle
from clawback.message.message import Message
from clawback.response.plan import (
    ActionKind,
    Deed,
    Plan,
    Remediation,
    RemediationStatus,
    Skip,
    Tally,
)

NOW = datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=UTC)
HOUR = timedelta(hours=1)
BAD_URL = Entity(EntityKind.URL, "http://evil.example/login")


def message(number: int, *, subject: str = "", sender: str = "") -> Message:
    address = sender or f"sender{number}@example.org"
    return Message(
        id=f"msg-{number}",
        raw_sha256=f"{number:064x}",
        size=1_000 + number,
        internet_message_id=f"<{number}@example.org>",
        subject=subject or f"Invoice {number}",
        sender=Address(f"Sender {number}", address),
        date=NOW - number * HOUR,
    )


def features(number: int, *entities: Entity, prints: tuple[Fingerprint, ...] = ()) -> Features:
    own = Entity(EntityKind.SENDER, f"sender{number}@example.org")
    return Features(f"msg-{number}", frozenset({own, *entities}), prints, bytes([number % 256]) * 512)


def handle(number: int, *, mailbox: str = "ann@corp.example", folder: str = "INBOX") -> Handle:
    return Handle("maildir", mailbox, folder, f"{number}.M1P1.host", "cur:2,S")


def delivery(number: int, *, message_id: str = "", mailbox: str = "ann@corp.example") -> Delivery:
    return Delivery(
        id=f"dlv-{number}",
        message_id=message_id or f"msg-{number}",
        raw_sha256=f"{number:064x}",
        size=1_000 + number,
        handle=handle(number, mailbox=mailbox),
        flags=frozenset({"\\Seen"}),
        internal_date=NOW - HOUR,
        action=DeliveryAction.DELIVERED,
        original_location=DeliveryLocation.INBOX,
        original_folder="INBOX",
        location=DeliveryLocation.INBOX,
        located_at=NOW,
        first_seen=NOW,
    )


def indicator(number: int, *, value: str = "", source: str = "manual") -> Indicator:
    return Indicator(
        id=f"ind-{number}",
        kind=IndicatorKind.URL,
        value=value or f"http://evil.example/{number}",
        match=Match.EXACT,
        verdict=VerdictKind.MALICIOUS,
        threat=Threat.PHISH,
        source=source,
        confidence=80,
        added_at=NOW,
    )


def deed(seq: int) -> Deed:
    return Deed(
        seq=seq,
        delivery_id=f"dlv-{seq}",
        message_id=f"msg-{seq}",
        handle=handle(seq),
        location=DeliveryLocation.INBOX,
        folder="clawback/SoftDeleted",
        raw_sha256=f"{seq:064x}",
        size=1_000 + seq,
        flags=frozenset({"\\Seen", "$Junk"}),
        internal_date=NOW - HOUR,
    )


def plan(number: int = 1, *, deeds: int = 3, skips: int = 0) -> Plan:
    return Plan(
        id=f"pln-{number}",
        investigation_id="inv-1",
        cluster_id="clu-1",
        kind=ActionKind.SOFT_DELETE,
        key=BAD_URL,
        made_at=NOW,
        expires_at=NOW + 24 * HOUR,
        deeds=tuple(deed(seq) for seq in range(1, deeds + 1)),
        skips=tuple(
            Skip(f"dlv-9{n}", "boss@corp.example", DeliveryLocation.INBOX, "excluded mailbox")
            for n in range(skips)
        ),
        undoes="",
        hash="f" * 64,
    )


def remediation(plan: Plan, number: int = 1) -> Remediation:
    return Remediation(
        id=f"act-{number}",
        investigation_id=plan.investigation_id,
        cluster_id=plan.cluster_id,
        kind=plan.kind,
        key=plan.key,
        status=RemediationStatus.PENDING,
        plan_hash=plan.hash,
        made_at=plan.made_at,
        expires_at=plan.expires_at,
        tally=Tally(found=len(plan.deeds) + len(plan.skips), skipped=len(plan.skips), open=len(plan.deeds)),
    )
