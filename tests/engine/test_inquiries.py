"""Inquiries that wait for room, join, end early, and look into accounts and clicks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.engine.memory_world import AUTOMATIC, OTHER_URL, START, URL, USERS
from tests.engine.report_world import ReportWorld
from tests.engine.stories import letter, listed, sent

from clawback.analysis.clusters import ClusterKind
from clawback.analysis.entities import Entity, EntityKind
from clawback.analysis.indicators import Threat, VerdictKind
from clawback.analysis.verdict import Said
from clawback.engine import alerting, commands
from clawback.engine.clicks import read_clicks, record_clicks
from clawback.engine.compromise import judge_sending
from clawback.errors import BadParameter, NotFound, PlanStale, Unavailable
from clawback.mailboxes.base import Capability
from clawback.message.mail_rules import MailRule, RuleKind
from clawback.response.alerts import AlertKind, Severity
from clawback.response.clicks import click
from clawback.response.investigation import Investigation
from clawback.response.investigation import InvestigationStatus as S
from clawback.response.plan import RemediationStatus
from clawback.response.policy import Policy

ANN, BEN, CAT = USERS


@pytest.fixture
def world(tmp_path: Path, store_url: str) -> Iterator[ReportWorld]:
    made = ReportWorld(tmp_path, store_url)
    yield made
    made.close()


def policy(world: ReportWorld, **fields: Any) -> None:
    commands.set_policy(world.parts, replace(Policy(), **fields), "ann")


def by_title(world: ReportWorld) -> dict[str, Investigation]:
    return {state.title.rpartition(" - ")[2]: state for state in world.investigations()}


def test_a_stopped_investigation_stays_so_and_its_job_does_nothing_more(world: ReportWorld) -> None:
    world.campaign(3)
    world.read()
    world.fail(Unavailable("maintenance"))
    listed(world, URL)
    (state,) = world.investigations()
    stopped = alerting.stop(world.parts, state.id, "ann", note="a drill")
    assert (stopped.status, stopped.reason) == (S.TERMINATED_BY_USER, "ann stopped it: a drill")
    world.fail(None)
    world.settle()
    assert [s.status for s in world.investigations()] == [S.TERMINATED_BY_USER]
    assert world.actions() == ()
    with pytest.raises(PlanStale, match="has ended"):
        alerting.stop(world.parts, state.id, "ann")
    with pytest.raises(NotFound):
        alerting.stop(world.parts, "inv-none", "ann")


def test_stopping_cancels_what_waits_and_leaves_what_runs(world: ReportWorld) -> None:
    world.campaign(3)
    world.read()
    listed(world, URL)
    (waiting,) = world.actions()
    commands.approve(world.parts, waiting.id, "ann")
    world.deliver(ANN, f"late {URL}")
    alerting.stop(world.parts, world.investigations()[0].id, "ann")
    assert world.investigations()[0].status is S.RUNNING
    world.settle()
    (done,) = [a for a in world.actions() if a.id == waiting.id]
    assert (done.status, done.tally.removed) == (RemediationStatus.COMPLETED, 3)
    assert world.investigations()[0].status is S.TERMINATED_BY_USER


def test_alerts_join_a_stopped_one_until_a_person_asks_again(world: ReportWorld) -> None:
    world.campaign(2)
    world.read()
    listed(world, URL, source="feed")
    alerting.stop(world.parts, world.investigations()[0].id, "ann")
    assert world.actions()[0].status is RemediationStatus.CANCELLED
    world.deliver(ANN, f"again {URL}")
    world.read()
    (state,) = world.investigations()
    assert (state.status, len(state.alerts)) == (S.TERMINATED_BY_USER, 2)
    commands.start(world.parts, URL, "ann")
    world.drain()
    newest, old = world.investigations()
    assert (newest.status, old.status) == (S.PENDING_ACTION, S.TERMINATED_BY_USER)


@pytest.mark.parametrize(("limit", "planned"), [(2, 0), (3, 1)])
def test_members_over_the_limit_end_it_without_a_plan(world: ReportWorld, limit: int, planned: int) -> None:
    policy(world, members_limit=limit)
    world.campaign(3)
    world.read()
    listed(world, URL)
    (state,) = world.investigations()
    assert len(world.actions()) == planned
    assert state.status is (S.PENDING_ACTION if planned else S.TERMINATED_BY_SYSTEM)
    assert state.clusters[0].messages == 3
    assert bool(state.reason) is not bool(planned)


def test_clusters_over_the_limit_end_it_and_the_plans_so_far_stay(world: ReportWorld) -> None:
    policy(world, clusters_limit=1)
    world.again(ANN, letter(world, ANN, f"see {URL} and {OTHER_URL}"))
    world.read()
    with world.store.write() as unit:
        unit.indicators.add([world.listed(URL), world.listed(OTHER_URL)])
    message_id = world.deliveries()[0].message_id
    commands.start(world.parts, message_id, "ann")
    world.drain()
    (state,) = world.investigations()
    assert (state.status, len(state.clusters)) == (S.TERMINATED_BY_SYSTEM, 1)
    assert "1 clusters, the limit" in state.reason
    (waiting,) = world.actions()
    commands.approve(world.parts, waiting.id, "ann")
    world.drain()
    assert world.visible(URL) == []


def test_an_alert_about_a_member_joins_the_open_investigation_and_its_scope_grows(world: ReportWorld) -> None:
    world.again(ANN, letter(world, ANN, f"see {URL} and {OTHER_URL}"))
    world.read()
    listed(world, URL)
    with world.store.write() as unit:
        unit.indicators.add([world.listed(OTHER_URL)])
    (before,) = world.investigations()
    message_id = world.deliveries()[0].message_id
    assert commands.start(world.parts, message_id, "ben") == before.id
    world.drain()
    (state,) = world.investigations()
    assert [alert.kind for alert in state.alerts] == [AlertKind.URL_VERDICT_CHANGE, AlertKind.MANUAL]
    assert {cluster.key.value for cluster in state.clusters} == {URL, OTHER_URL}
    assert Entity(EntityKind.MESSAGE, message_id) in {item.entity for item in state.evidence}


def test_an_alert_about_a_member_of_a_closed_one_starts_another(world: ReportWorld) -> None:
    commands.set_policy(world.parts, AUTOMATIC, "ann")
    world.campaign(1, clean=0)
    world.read()
    listed(world, URL)
    message_id = world.deliveries()[0].message_id
    assert commands.start(world.parts, message_id, "ben") != world.investigations()[-1].id
    assert len(world.investigations()) == 2


def test_clicks_are_evidence_and_an_alert_whichever_came_first(world: ReportWorld) -> None:
    copies = world.campaign(2, clean=0)
    world.read()
    record_clicks(world.parts, "proxy", [click(ANN, URL, START, "proxy")], "proxy")
    world.drain()
    assert world.investigations() == ()
    listed(world, URL)
    record_clicks(world.parts, "proxy", [click(BEN, URL, START + timedelta(hours=1), "proxy")], "proxy")
    world.drain()
    (state,) = world.investigations()
    clicked = [alert for alert in state.alerts if alert.kind is AlertKind.URL_CLICK]
    assert [(a.severity, a.detail.partition(" ")[0]) for a in clicked] == [
        (Severity.HIGH, ANN),
        (Severity.HIGH, BEN),
    ]
    assert [(e.entity.value, e.verdict) for e in state.evidence if e.role == "click"] == [
        (ANN, VerdictKind.SUSPICIOUS),
        (BEN, VerdictKind.SUSPICIOUS),
    ]
    with world.store.read() as unit:
        (mine,) = [d for d in world.deliveries() if d.handle == copies[0].handle]
        assert unit.exposure.of([mine.id])[mine.id].clicked == START
    again = record_clicks(world.parts, "proxy", [click(BEN, URL, START + timedelta(hours=1), "proxy")], "p")
    assert (again.read, again.added, len(world.jobs())) == (1, 0, 0)


def test_a_click_on_what_no_known_mail_carries_is_a_threat_once_it_is_listed(world: ReportWorld) -> None:
    record_clicks(world.parts, "proxy", [click(ANN, OTHER_URL, START, "proxy")], "proxy")
    commands.start(world.parts, OTHER_URL, "ann")
    world.drain()
    assert world.investigations()[0].status is S.NO_THREATS_FOUND
    listed(world, OTHER_URL, source="feed")
    (state,) = world.investigations()
    assert (state.status, state.alerts[-1].kind) == (S.THREATS_FOUND, AlertKind.URL_CLICK)


def test_lines_that_are_no_clicks_are_counted(world: ReportWorld) -> None:
    world.campaign(1)
    world.read()
    rows = list(
        read_clicks(
            [
                f'{{"user": "Ann@Example.org", "url": "{URL}", "at": "2026-11-23"}}',
                '{"user": "", "url": "https://x.example/"}',
                '{"user": "a@b.example", "url": "no url at all"}',
                "not json",
                "[]",
                "",
                '{"user": "a@b.example"}',
                "{" * 100_000,
            ],
            "proxy.log",
            world.now(),
        )
    )
    event = record_clicks(world.parts, "proxy.log", rows, "ann")
    assert (event.read, event.added, event.defects) == (7, 1, 6)
    with world.store.read() as unit:
        (kept,), _ = unit.clicks.list()
    assert (kept.user, kept.at.isoformat()) == (ANN, "2026-11-23T00:00:00+00:00")


def test_an_account_that_sends_a_phish_to_many_is_looked_into(world: ReportWorld) -> None:
    world.mail.mail_rules = {ANN: (MailRule(RuleKind.DISCARD, "", 'subject "invoice"', "s"),)}
    outside = [f"user{n}@customer.example" for n in range(5)]
    sent(world, ANN, [*outside, BEN], f"please log in at {URL}")
    sent(world, ANN, [BEN], "minutes of Monday")
    world.read()
    listed(world, URL)
    state = by_title(world)[ANN]
    assert (state.kind, state.status) == (AlertKind.SUSPICIOUS_SENDING, S.THREATS_FOUND)
    assert [(c.kind, c.verdict, c.messages) for c in state.clusters] == [
        (ClusterKind.SENT_MAIL, VerdictKind.MALICIOUS, 1),
        (ClusterKind.SENT_MAIL, VerdictKind.NO_THREATS_FOUND, 1),
    ]
    (rule,) = [item for item in state.evidence if item.role == "mail_rule"]
    assert (rule.verdict, "throws mail away" in rule.detail) == (VerdictKind.SUSPICIOUS, True)
    # The URL's own investigation has the plan for these copies already.
    assert [a.cluster_id in {c.cluster_id for c in state.clusters} for a in world.actions()] == [False]


def test_only_the_malicious_part_of_what_an_account_sent_is_acted_on(world: ReportWorld) -> None:
    commands.set_policy(world.parts, AUTOMATIC, "ann")
    sent(world, ANN, [BEN], f"please log in at {URL}")
    sent(world, ANN, [BEN], "minutes of Monday")
    world.read()
    with world.store.write() as unit:
        bad = world.listed(URL)
        unit.indicators.add([bad])
    commands.start(world.parts, URL, "ann")
    world.drain()
    assert world.visible(URL) == []
    alerting.raise_alert(world.parts, AlertKind.USER_COMPROMISE, ANN, "ann")
    world.drain()
    assert len(world.visible("minutes")) == 2
    state = by_title(world)[ANN]
    assert state.status is S.REMEDIATED


def test_the_malicious_part_goes_by_itself_where_the_policy_says_so(world: ReportWorld) -> None:
    policy(world, automatic=frozenset({ClusterKind.SENT_MAIL}))
    sent(world, ANN, [BEN, "user@customer.example"], "please buy vouchers for me")
    world.read()
    message_id = world.deliveries()[0].message_id
    sent(world, ANN, [BEN], "minutes of Monday")
    world.read()
    with world.store.write() as unit:
        word = Said("rule.vouchers", VerdictKind.MALICIOUS, Threat.PHISH, 90)
        unit.detections.put([(message_id, word)], world.now())
    alerting.raise_alert(world.parts, AlertKind.USER_COMPROMISE, ANN, "ann")
    world.settle()
    (done,) = world.actions()
    assert (done.status, done.tally.removed) == (RemediationStatus.COMPLETED, 2)
    assert (world.visible("vouchers"), len(world.visible("minutes"))) == ([], 2)
    commands.undo(world.parts, done.id, "ann")
    world.settle()
    assert len(world.visible("vouchers")) == 2


def test_a_phish_passed_on_to_one_is_no_suspicious_sending(world: ReportWorld) -> None:
    sent(world, ANN, [CAT], f"is this real? {URL}")
    world.read()
    listed(world, URL)
    assert not judge_sending(world.parts, ANN)
    assert ANN not in by_title(world)


def test_a_burst_is_seen_as_it_is_read_and_only_told_once(world: ReportWorld) -> None:
    crowd = [f"user{n}@customer.example" for n in range(60)]
    sent(world, ANN, crowd, "newsletter one")
    world.read()
    assert world.investigations() == ()
    sent(world, ANN, crowd, "newsletter two")
    world.read()
    (state,) = world.investigations()
    assert (state.alerts[0].kind, state.alerts[0].severity) == (
        AlertKind.SUSPICIOUS_SENDING,
        Severity.MEDIUM,
    )
    assert "120 addresses in 2 messages" in state.alerts[0].detail
    sent(world, ANN, crowd, "newsletter three")
    world.read()
    assert len(world.investigations()[0].alerts) == 1


def test_rules_that_a_mail_system_does_not_show_or_tell_now_are_said_to_be_unknown(
    world: ReportWorld,
) -> None:
    sent(world, ANN, [BEN], "minutes of Monday")
    world.read()
    world.mail.can = frozenset(Capability) - {Capability.RULES}
    alerting.raise_alert(world.parts, AlertKind.USER_RESTRICTED, ANN, "postfix")
    world.drain()
    assert any("does not show them" in e.text for e in by_title(world)[ANN].log)


def test_what_cannot_be_raised_is_refused(world: ReportWorld) -> None:
    with pytest.raises(BadParameter, match="by hand"):
        alerting.raise_alert(world.parts, AlertKind.URL_CLICK, URL, "ann")
    with pytest.raises(BadParameter, match="mail address"):
        alerting.raise_alert(world.parts, AlertKind.USER_RESTRICTED, "ann", "ann")
    with pytest.raises(BadParameter, match="mail address"):
        alerting.start_recipient(world.parts, "https://x.example", "ann")
    assert world.investigations() == ()


def test_what_a_recipient_got_is_looked_into(world: ReportWorld) -> None:
    world.campaign(3)
    world.read()
    with world.store.write() as unit:
        unit.indicators.add([world.listed(URL)])
    world.deliver(ANN, f"one more {URL}")
    world.read()
    made = alerting.start_recipient(world.parts, ANN, "ann")
    world.drain()
    (state,) = [s for s in world.investigations() if s.id == made]
    assert (state.cause.value, state.kind) == (ANN, AlertKind.MANUAL)
    assert [(c.key.value, c.messages) for c in state.clusters] == [(URL, 4)]


def test_mail_removed_elsewhere_is_told_and_looked_into(world: ReportWorld) -> None:
    world.campaign(2)
    world.read()
    made = alerting.raise_alert(
        world.parts, AlertKind.MALICIOUS_URL_REMOVED, URL, "gateway", detail="purged two"
    )
    world.drain()
    (state,) = world.investigations()
    assert (state.id, state.alerts[0].detail, state.kind) == (
        made,
        "purged two",
        AlertKind.MALICIOUS_URL_REMOVED,
    )
