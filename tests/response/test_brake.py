"""The brake: what may run by itself, and which reason is given when it may not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.response.builders import KEY, NOW, cluster, delivery

from clawback.analysis.clusters import ClusterKind
from clawback.analysis.indicators import IndicatorKind, indicator
from clawback.response.brake import Breaker, Lately, Outcomes, decide, decide_late, trips, window
from clawback.response.collateral import Collateral, Why
from clawback.response.plan import AUTOMATION, ActionKind, Plan
from clawback.response.planning import Decision, Ground, plan
from clawback.response.policy import Policy
from clawback.response.standing import StandingOrder

URL = ClusterKind.MALICIOUS_URL
ON = Policy(automatic=frozenset({URL}))
NONE = Collateral(of=2)
QUIET = Lately()
OPEN = Breaker(True, "ann", "too many undone", NOW)


def planned(copies: int = 2, policy: Policy = ON) -> Plan:
    deliveries = tuple(delivery(n) for n in range(copies))
    folders = {d.id: "soft_deleted/INBOX" for d in deliveries}
    ground = Ground(deliveries, folders)
    return plan("inv-1", cluster(*deliveries), ground, action=ActionKind.SOFT_DELETE, policy=policy, now=NOW)


def found(copies: int, *, popular: str = "", at_least: bool = False) -> Collateral:
    reasons = ((Why.KEPT, copies),) if copies else ()
    return Collateral(copies, 100, at_least, reasons, popular=popular)


def test_automation_is_off_by_default() -> None:
    assert decide(planned(), URL, Policy(), NONE, QUIET) == Decision(
        False, "auto-remediation is off for malicious_url"
    )
    assert Policy().limit == 10_000


REFUSED = {
    "another kind": (Policy(automatic=frozenset({ClusterKind.MALICIOUS_FILE})), NONE, QUIET, "is off for"),
    "too large": (replace(ON, limit=1), NONE, QUIET, "2 copies are over the limit of 1"),
    "a second person": (replace(ON, two_step_copies=2), NONE, QUIET, "need a second person"),
    "the breaker": (ON, NONE, Lately(breaker=OPEN), "the breaker is open since 2026-11-24 09:00 UTC (ann: "),
    "legitimate mail": (ON, found(21), QUIET, "21 of 100 copies are probably legitimate (21 read and kept"),
    "counting stopped": (ON, found(21, at_least=True), QUIET, "at least 21 of 100 copies"),
    "a popular key": (
        ON,
        found(0, popular="9 regular senders carry it"),
        QUIET,
        "9 regular senders carry it",
    ),
    "the rate": (
        ON,
        NONE,
        Lately(hour=19_999),
        "19,999 copies were taken out by automation in the last hour",
    ),
    "no history yet": (ON, NONE, Lately(complete=False), "history of mail is still being filled in"),
    "shadow mode": (replace(ON, shadow=True), NONE, QUIET, "shadow mode: would have run"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_makes_a_plan_wait_is_said(case: str) -> None:
    policy, estimate, lately, reason = REFUSED[case]
    decision = decide(planned(), URL, policy, estimate, lately)
    assert not decision.automatic
    assert reason in decision.reason


RUNS = {
    "nothing legitimate": (ON, NONE, QUIET),
    "as much as may be": (ON, found(20), QUIET),
    "within the rate": (ON, NONE, Lately(hour=19_998)),
    "the breaker was closed": (ON, NONE, Lately(breaker=replace(OPEN, open=False))),
}


@pytest.mark.parametrize("case", RUNS)
def test_up_to_the_limits_a_plan_runs(case: str) -> None:
    policy, estimate, lately = RUNS[case]
    assert decide(planned(), URL, policy, estimate, lately).automatic


def order(by: str = AUTOMATION) -> StandingOrder:
    made = cluster(delivery(1))
    bad = indicator(IndicatorKind.URL, KEY.value, source="feed", added_at=NOW)
    month = timedelta(days=30)
    return StandingOrder(
        "rem-1", "inv-1", made.id, URL, bad, ActionKind.SOFT_DELETE, by, NOW, "", NOW, NOW + month
    )


@pytest.mark.parametrize(
    "case", [name for name in REFUSED if name not in ("a popular key", "no history yet")]
)
def test_late_copies_of_what_automation_approved_pass_the_same_brake(case: str) -> None:
    policy, estimate, lately, reason = REFUSED[case]
    decision = decide_late(planned(), order(), policy, estimate, lately)
    assert (decision.automatic, reason in decision.reason) == (False, True)


def test_late_copies_wait_with_the_rest_of_the_first_ones() -> None:
    decision = decide_late(planned(), order(), ON, NONE, Lately(rest_waits="the rest waits"))
    assert decision == Decision(False, "the rest waits")


@pytest.mark.parametrize("case", [name for name in REFUSED if name not in ("too large", "a second person")])
def test_late_copies_of_what_a_person_approved_go_on_sight(case: str) -> None:
    policy, estimate, lately, _ = REFUSED[case]
    assert decide_late(planned(), order("ann"), policy, estimate, lately).automatic


@pytest.mark.parametrize(
    ("taken", "undone", "returned", "opens"),
    [
        (3, 1, 0, False),
        (9, 9, 0, False),
        (10, 10, 0, True),
        (200, 10, 0, False),
        (200, 6, 5, True),
        (0, 0, 0, False),
    ],
)
def test_a_share_that_is_back_opens_the_breaker_from_ten_copies_on(
    taken: int, undone: int, returned: int, opens: bool
) -> None:
    assert bool(trips(Policy(), Outcomes(taken, undone, returned))) is opens


def test_what_was_undone_before_a_person_closed_the_breaker_counts_no_more() -> None:
    day = NOW - timedelta(days=1)
    assert window(Breaker(), NOW) == day
    assert window(Breaker(False, "ann", "", NOW - timedelta(hours=2)), NOW) == NOW - timedelta(hours=2)
    assert window(Breaker(False, "ann", "", NOW - timedelta(days=3)), NOW) == day
    assert window(OPEN, NOW) == day
