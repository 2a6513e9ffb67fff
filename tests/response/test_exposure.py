"""The exposure clock: what flags tell as they change, and how the clocks of many copies add up."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.response.builders import KEY, NOW, delivery

from clawback.message.delivery import Delivery, DeliveryLocation
from clawback.response.exposure import (
    Exposed,
    Marks,
    Waits,
    added_up,
    changed,
    exposed,
    flattened,
    over_days,
    sent_on,
    waits,
)
from clawback.response.plan import (
    AUTOMATION,
    STANDING,
    ActionKind,
    Approval,
    Outcome,
    Receipt,
    Remediation,
    RemediationStatus,
)
from clawback.response.spread import Passage, Way

MINUTE = timedelta(minutes=1)
DELIVERED = NOW - 60 * MINUTE


def copy(*flags: str, n: int = 1, **fields: object) -> Delivery:
    fresh = replace(
        delivery(n), flags=frozenset(flags), internal_date=DELIVERED, first_seen=DELIVERED + MINUTE
    )
    return replace(fresh, **fields)  # type: ignore[arg-type]


def receipt(outcome: Outcome = Outcome.REMOVED, at: datetime = NOW) -> Receipt:
    return Receipt(0, outcome, "", None, None, at)


@pytest.mark.parametrize(
    ("before", "after", "marks"),
    [
        ((), (), None),
        (("\\Flagged",), ("$Work",), None),
        ((), ("\\Seen",), Marks(read=NOW)),
        (("\\SEEN",), ("\\seen",), None),
        (("\\Seen",), (), Marks(read=DELIVERED + MINUTE)),
        (("\\Seen",), ("\\Seen", "\\Answered", "$Forwarded"), Marks(answered=NOW, forwarded=NOW)),
        (("\\Answered",), ("\\Seen",), Marks(read=NOW, answered=DELIVERED + MINUTE)),
    ],
)
def test_flags_tell_what_nobody_would_know_later(
    before: tuple[str, ...], after: tuple[str, ...], marks: Marks | None
) -> None:
    assert changed(copy(*before), copy(*after), NOW) == marks


def test_of_two_times_the_earlier_one_counts() -> None:
    one, other = Marks(read=NOW, clicked=NOW), Marks(read=DELIVERED, answered=NOW)
    assert one | other == other | one == Marks(read=DELIVERED, answered=NOW, clicked=NOW)


def test_a_copy_is_exposed_from_its_delivery_until_it_is_out() -> None:
    clock = exposed(copy(), Marks(), receipt(), NOW - MINUTE, [])
    assert (clock.delivered, clock.removed, clock.left) == (DELIVERED, NOW, None)
    assert clock.lasted(NOW + 5 * MINUTE) == 60 * MINUTE
    forged = copy(internal_date=NOW + 900 * MINUTE)
    assert exposed(forged, Marks(), receipt(), NOW, []).delivered == DELIVERED + MINUTE


def test_what_left_by_another_hand_is_not_ours() -> None:
    moved = copy(location=DeliveryLocation.HARD_DELETED, located_at=NOW - 20 * MINUTE)
    clock = exposed(moved, Marks(), receipt(Outcome.ALREADY_GONE), NOW, [])
    assert (clock.removed, clock.left, clock.lasted(NOW)) == (None, NOW - 20 * MINUTE, 40 * MINUTE)
    waiting = exposed(moved, Marks(), None, NOW, [])
    assert waiting.left == NOW - 20 * MINUTE
    failed = exposed(copy(), Marks(), receipt(Outcome.FAILED), NOW, [])
    assert (failed.removed, failed.left, failed.lasted(NOW + MINUTE)) == (None, None, 61 * MINUTE)


def test_a_copy_that_was_read_when_we_first_saw_it_says_so_by_its_flag() -> None:
    clock = exposed(copy("\\Seen"), Marks(), receipt(), NOW, [])
    assert clock.before_it_went(clock.marks.read)
    known = exposed(copy("\\Seen"), Marks(read=NOW + MINUTE), receipt(), NOW, [])
    assert not known.before_it_went(known.marks.read)
    at_removal = exposed(copy("\\Seen"), Marks(read=NOW), receipt(), NOW, [])
    assert at_removal.before_it_went(at_removal.marks.read)


def test_detected_is_the_first_alert_after_the_delivery_else_the_plan() -> None:
    early, late = DELIVERED - MINUTE, DELIVERED + 10 * MINUTE
    planned = DELIVERED + 30 * MINUTE
    assert exposed(copy(), Marks(), None, planned, [early, late, late + MINUTE]).detected == late
    assert exposed(copy(), Marks(), None, planned, [early, NOW]).detected == planned
    assert exposed(copy(), Marks(), None, early, [early]).detected == DELIVERED


def test_forwards_and_answers_tell_of_the_copy_they_came_of() -> None:
    def came(way: Way, of: str = "msg-0001", by: str = "ann@example.org") -> Passage:
        return Passage("dlv-9", "msg-9", "x@y", DeliveryLocation.INBOX, way, (), by, (), (), of)

    arrived = {"msg-9": NOW}
    mine = ("ann@example.org", "msg-0001")
    assert sent_on([came(Way.FORWARD_ATTACHED)], arrived) == {mine: Marks(forwarded=NOW)}
    both = sent_on([came(Way.FORWARD_INLINE), came(Way.REPLY)], arrived)
    assert both == {mine: Marks(forwarded=NOW, answered=NOW)}
    for none in (came(Way.REDIRECTED), came(Way.ORIGINAL), came(Way.REPLY, of=""), came(Way.REPLY, by="")):
        assert sent_on([none], arrived) == {}
    assert sent_on([came(Way.REPLY)], {}) == {}


def action(by: str = "", **fields: object) -> Remediation:
    approval = Approval("h", by, NOW + 5 * MINUTE) if by else None
    made = Remediation(
        "rem-1",
        "inv-1",
        "clu-1",
        ActionKind.SOFT_DELETE,
        KEY,
        RemediationStatus.COMPLETED,
        "h",
        NOW,
        NOW + timedelta(days=7),
        tally=None,  # type: ignore[arg-type]
        approval=approval,
        ended_at=NOW + 7 * MINUTE if by else None,
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def test_waiting_for_people_and_for_automation_are_told_apart() -> None:
    assert waits(action()) == Waits()
    assert waits(action("ann")) == Waits(decided_by_people=5 * MINUTE, acted=2 * MINUTE)
    for machine in (AUTOMATION, STANDING):
        assert waits(action(machine, ended_at=None)) == Waits(decided_by_itself=5 * MINUTE)


def test_the_account_of_some_copies() -> None:
    gone = copy(n=3, location=DeliveryLocation.HARD_DELETED, located_at=NOW - 30 * MINUTE)
    clocks = [
        exposed(copy(n=1), Marks(clicked=NOW - MINUTE), receipt(), NOW, []),
        exposed(copy("\\Seen", n=2), Marks(read=NOW - MINUTE, answered=NOW + MINUTE), receipt(), NOW, []),
        exposed(gone, Marks(), receipt(Outcome.ALREADY_GONE), NOW, []),
        exposed(copy(n=4), Marks(forwarded=NOW), None, NOW, []),
        exposed(copy(n=5, original_location=DeliveryLocation.SENT), Marks(read=NOW), receipt(), NOW, []),
    ]
    took = [Waits(decided_by_people=MINUTE, acted=MINUTE), Waits(decided_by_people=3 * MINUTE)]
    found = added_up(clocks, took, NOW + 10 * MINUTE)
    assert (found.copies, found.written, found.there, found.left, found.removed) == (4, 1, 1, 1, 2)
    assert (found.removed_unread, found.unread_share) == (1, 0.5)
    assert (found.read, found.answered, found.forwarded, found.clicked) == (1, 0, 1, 1)
    assert (found.minutes, found.median_minutes) == (60 + 60 + 30 + 70, 60)
    assert found.to_detect == 60 * MINUTE
    assert (found.to_decide_by_people, found.to_decide_by_itself, found.to_act) == (
        2 * MINUTE,
        None,
        MINUTE,
    )


def test_of_nothing_there_is_no_share_and_no_median() -> None:
    found = added_up([], [], NOW)
    assert (found.copies, found.minutes, found.median_minutes, found.unread_share) == (0, 0, None, None)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([None, Outcome.REMOVED, Outcome.ALREADY_GONE, Outcome.FAILED]),
            st.sampled_from(list(DeliveryLocation)),
            st.none() | st.integers(-90, 90),
            st.integers(0, 3),
        ),
        max_size=12,
    )
)
def test_every_copy_is_counted_once(
    copies: list[tuple[Outcome | None, DeliveryLocation, int | None, int]],
) -> None:
    clocks: list[Exposed] = []
    for outcome, place, read, n in copies:
        marks = Marks(read=None if read is None else NOW + read * MINUTE)
        seen = copy(n=n, location=place, located_at=NOW - MINUTE)
        clocks.append(exposed(seen, marks, receipt(outcome) if outcome else None, NOW, []))
    once = flattened([[clock] for clock in clocks])
    assert sorted(c.delivery_id for c in once) == sorted({c.delivery_id for c in clocks})
    found = added_up(once, [], NOW)
    assert found.copies == found.there + found.left + found.removed
    assert 0 <= found.removed_unread <= found.removed
    assert found.removed - found.removed_unread <= found.read <= found.copies


def test_days_are_added_up_by_their_sums_and_the_medians_of_their_medians() -> None:
    now = NOW + timedelta(days=1)
    clocks = [
        Exposed(f"d{n}", "m", "a@corp.example", NOW, NOW, Marks(), removed=NOW + n * MINUTE)
        for n in (2, 4, 60)
    ]
    days = [added_up([one], [Waits(acted=MINUTE)], now) for one in clocks]
    whole = over_days(days)
    assert (whole.copies, whole.removed, whole.minutes, whole.median_minutes) == (3, 3, 66.0, 4.0)
    assert (whole.to_act, whole.to_decide_by_people) == (MINUTE, None)
    assert over_days([]).median_minutes is None
