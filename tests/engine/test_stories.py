"""Every status, verdict, cluster type, evidence status and count is reached by a story of real messages."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.engine.reached import COUNTS, RESULTS, One, Seen, members, reached
from tests.engine.report_world import ReportWorld
from tests.engine.stories import STORIES

from clawback.response.alerts import AlertKind
from clawback.response.meanings import MEANINGS, NOT_HERE

REACHED_BY: dict[str, str] = {
    "url_verdict_change": (
        "AlertKind.url_verdict_change, AlertKind.malicious_url_removed, AlertKind.manual, "
        "ClusterKind.malicious_url, VerdictKind.malicious, VerdictKind.unknown, "
        "Threat.malicious_url, Threat.spam, InvestigationStatus.starting, "
        "InvestigationStatus.running, InvestigationStatus.pending_action, "
        "InvestigationStatus.remediated, InvestigationStatus.threats_found, "
        "InvestigationStatus.no_threats_found, EvidenceStatus.active, "
        "EvidenceStatus.pending_approval, EvidenceStatus.running, EvidenceStatus.remediated, "
        "EvidenceStatus.undone, RemediationStatus.pending, RemediationStatus.approved, "
        "RemediationStatus.running, RemediationStatus.completed, Outcome.removed, result.Success, "
        "DeliveryLocation.inbox, DeliveryLocation.soft_deleted, EvidenceType.urls, "
        "EvidenceType.emails, EvidenceType.email_clusters, EvidenceType.mailboxes, "
        "Severity.informational, count.total, count.malicious, count.remediated, "
        "count.unremediated, count.unknown, count.verified"
    ),
    "malicious_file": (
        "AlertKind.malicious_file, AlertKind.malicious_file_removed, ClusterKind.malicious_file, "
        "Threat.malicious_file, EvidenceType.files"
    ),
    "malicious_sender": (
        "AlertKind.malicious_sender, AlertKind.mail_removed, ClusterKind.similar_attributes, "
        "Threat.high_confidence_phish, InvestigationStatus.partially_remediated, "
        "EvidenceStatus.partially_remediated, Outcome.already_gone, Outcome.failed, "
        "Outcome.skipped, result.Failure, result.Already in destination, "
        "DeliveryLocation.hard_deleted, EvidenceType.ip_addresses, count.partially_remediated"
    ),
    "nothing_can_be_changed": "RemediationStatus.failed",
    "declined_and_expired": (
        "RemediationStatus.rejected, RemediationStatus.expired, EvidenceStatus.declined, "
        "InvestigationStatus.terminated_by_system"
    ),
    "gone_before": "EvidenceStatus.prevented",
    "only_suspicious": (
        "VerdictKind.suspicious, Threat.phish, EvidenceStatus.not_found, count.suspicious, count.not_found"
    ),
    "junk_is_removed_too": (
        "DeliveryLocation.junk, DeliveryLocation.deleted_items, DeliveryLocation.other_folder, Threat.malware"
    ),
    "the_login_is_refused": "InvestigationStatus.failed",
    "too_many_at_once": "InvestigationStatus.queued_by_throttling",
    "a_limit_ends_it": "InvestigationStatus.terminated_by_system",
    "a_person_ends_it": "InvestigationStatus.terminated_by_user, RemediationStatus.cancelled",
    "taken_over": (
        "AlertKind.suspicious_sending, ClusterKind.sent_mail, VerdictKind.no_threats_found, "
        "Severity.medium, DeliveryLocation.sent, EvidenceStatus.none, count.no_threats_found"
    ),
    "restricted_or_suspected": "AlertKind.user_restricted, AlertKind.user_compromise, Severity.high",
    "chosen": "AlertKind.admin_action, ClusterKind.selection",
    "clicked": "AlertKind.url_click",
    "reported": "AlertKind.user_report, EvidenceType.email_submissions, Severity.low",
    "alike": "ClusterKind.near_duplicate, ClusterKind.sender_campaign, ClusterKind.similar_attributes",
    "every_place": "DeliveryLocation.quarantine, DeliveryLocation.unknown",
}
"""What each story is told for, as ``Enumeration.value``, parted by commas."""


def claimed(name: str) -> Seen:
    """What a story says that it reaches."""
    pairs = (word.strip().partition(".") for word in REACHED_BY[name].split(","))
    return {(kind, value) for kind, _, value in pairs}


def everything() -> Seen:
    """All there is to reach."""
    nowhere: Seen = {("DeliveryLocation", place.value) for place in NOT_HERE}
    all_members = members(*MEANINGS, AlertKind)
    more: list[One] = [("count", name) for name in COUNTS] + [("result", word) for word in RESULTS]
    return (all_members - nowhere) | set(more)


def test_every_one_is_reached_by_a_story() -> None:
    said = set().union(*map(claimed, STORIES))
    assert set(STORIES) == set(REACHED_BY)
    assert said - everything() == set()
    assert everything() - said == set()


@pytest.mark.parametrize("name", sorted(STORIES))
def test_a_story_reaches_what_it_is_told_for(name: str, tmp_path: Path) -> None:
    world, seen = ReportWorld(tmp_path), Seen()
    try:
        for _ in STORIES[name](world):
            seen |= reached(world)
        with world.store.read() as unit:
            assert unit.audit.verify().ok
    finally:
        world.close()
    assert claimed(name) - seen == set()
