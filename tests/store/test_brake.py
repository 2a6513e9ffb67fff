"""What the brake remembers: estimates, what automation let go, and what came back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.store.make import NOW, plan, remediation

from clawback.response.brake import Outcomes
from clawback.response.collateral import Collateral, Example, Why
from clawback.response.plan import AUTOMATION, STANDING, Approval, RemediationStatus
from clawback.store import Store, Unit
from clawback.store.brake import Weighed

S = RemediationStatus
HOUR = timedelta(hours=1)
PENDING = frozenset({S.PENDING})


def let(
    unit: Unit, number: int, by: str, *, follows: str = "", ago: timedelta = HOUR, rest: bool = False
) -> None:
    """A removal of three copies that was let go by somebody."""
    made = replace(plan(number), follows=follows, rest=rest)
    waiting = replace(remediation(made, number), status=S.PENDING, follows=follows, rest=rest)
    unit.remediations.add(waiting, made)
    approval = Approval(made.hash, by, NOW - ago)
    unit.remediations.set_status(
        f"act-{number}", S.APPROVED, expected=PENDING, at=NOW - ago, approval=approval
    )


def test_an_estimate_is_kept_beside_its_plan_and_replaced(store: Store) -> None:
    example = Example("dlv-1", "msg-1", "ann@corp.example", "bo@shop.example", (Why.KEPT,))
    made = Collateral(1, 3, True, ((Why.KEPT, 1),), (example,), "popular", ("dlv-1",))
    with store.write() as unit:
        unit.brake.keep("act-1", Weighed(made, "waits", "act-2", held=True))
        unit.brake.keep("act-2", Weighed())
        unit.brake.keep("act-2", Weighed(reason="again"))
    with store.read() as unit:
        assert unit.brake.get("act-1") == Weighed(made, "waits", "act-2", held=True)
        assert unit.brake.get("act-2") == Weighed(reason="again")
        assert unit.brake.get("act-3") is None


def test_what_automation_let_go_is_counted_late_copies_too(store: Store) -> None:
    with store.write() as unit:
        let(unit, 1, AUTOMATION)
        let(unit, 2, "ann")
        let(unit, 3, STANDING, follows="act-1")
        let(unit, 4, STANDING, follows="act-2")
        let(unit, 5, AUTOMATION, ago=3 * HOUR)
    with store.read() as unit:
        assert unit.brake.approved_since(NOW - 2 * HOUR) == 6
        assert unit.brake.approved_since(NOW - 4 * HOUR) == 9
        assert unit.brake.outcomes(NOW - 4 * HOUR) == Outcomes()


def test_the_rest_that_waits_is_found_and_is_not_late_once_it_goes(store: Store) -> None:
    with store.write() as unit:
        let(unit, 1, AUTOMATION)
        behind = replace(plan(2), follows="act-1", rest=True)
        waiting = replace(remediation(behind, 2), status=S.PENDING, follows="act-1", rest=True)
        unit.remediations.add(waiting, behind)
        assert unit.brake.rest_of("act-1") == ["act-2"]
        assert unit.remediations.get("act-1").tally.found == 3
        approval = Approval(behind.hash, AUTOMATION, NOW)
        unit.remediations.set_status("act-2", S.APPROVED, expected=PENDING, at=NOW, approval=approval)
        let(unit, 3, STANDING, follows="act-1")
    with store.read() as unit:
        assert unit.brake.rest_of("act-1") == []
        whole = unit.remediations.get("act-1")
        assert (whole.tally.found, whole.late) == (9, 3)
        assert (unit.remediations.get("act-2").rest, unit.remediations.plan("act-2").rest) == (True, True)
        assert [r.id for r in unit.remediations.list()[0]] == ["act-1"]
