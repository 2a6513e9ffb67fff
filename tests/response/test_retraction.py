from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.store.make import NOW, deed, handle, indicator, plan, remediation

from clawback.errors import CapabilityMissing, PlanStale
from clawback.response.plan import Deed, Outcome, Receipt, RemediationStatus
from clawback.response.policy import Policy
from clawback.response.retraction import Outlook, Retraction, Turn, fates, removed, same_entity, to_put_back
from clawback.response.undo import undo

DONE = replace(remediation(plan()), status=RemediationStatus.COMPLETED)


def receipt(seq: int, outcome: Outcome = Outcome.REMOVED) -> Receipt:
    after = handle(seq, folder="soft_deleted/INBOX") if outcome is Outcome.REMOVED else None
    return Receipt(seq, outcome, outcome.value, handle(seq), after, NOW)


def pairs(*outcomes: Outcome) -> list[tuple[Deed, Receipt]]:
    return [(deed(seq), receipt(seq, outcome)) for seq, outcome in enumerate(outcomes, 1)]


def test_only_what_is_out_counts_as_removed_and_the_last_receipt_does() -> None:
    first = pairs(Outcome.REMOVED, Outcome.ALREADY_GONE, Outcome.FAILED, Outcome.REMOVED)
    late = [(deed(4), replace(receipt(4, Outcome.FAILED), at=NOW + timedelta(hours=1)))]
    assert set(removed([*first, *late])) == {"dlv-1"}


@pytest.mark.parametrize(
    ("undone", "stays", "turn"),
    [
        ({}, {}, Turn.DUE),
        ({}, {"msg-1": "a feed"}, Turn.OUT),
        ({"dlv-1": None}, {}, Turn.COMING),
        ({"dlv-1": None}, {"msg-1": "a feed"}, Turn.COMING),
        ({"dlv-1": receipt(1)}, {}, Turn.BACK),
        ({"dlv-1": receipt(1)}, {"msg-1": "a feed"}, Turn.BACK),
        ({"dlv-1": receipt(1, Outcome.ALREADY_GONE)}, {}, Turn.GONE),
        ({"dlv-1": receipt(1, Outcome.FAILED)}, {}, Turn.FAILED),
    ],
)
def test_the_fate_of_a_copy(undone: dict[str, Receipt | None], stays: dict[str, str], turn: Turn) -> None:
    (found,) = fates("rem-1", removed(pairs(Outcome.REMOVED)), undone, stays)
    assert (found.turn, found.message_id) == (turn, "msg-1")
    again = turn in (Turn.DUE, Turn.FAILED)
    assert to_put_back([found], stays) == (frozenset({"dlv-1"}) if again else frozenset())


def test_what_failed_and_is_malicious_by_now_is_not_tried_again() -> None:
    (found,) = fates("rem-1", removed(pairs(Outcome.REMOVED)), {"dlv-1": receipt(1, Outcome.FAILED)}, {})
    assert to_put_back([found], {"msg-1": "a feed"}) == frozenset()


def test_an_undo_of_a_part_says_why_the_others_stay() -> None:
    results = pairs(Outcome.REMOVED, Outcome.REMOVED, Outcome.FAILED)
    made = undo(DONE, results, policy=Policy(), now=NOW, apart={"dlv-2": "a feed lists it"})
    assert [d.delivery_id for d in made.deeds] == ["dlv-1"]
    assert [(s.delivery_id, s.reason) for s in made.skips] == [
        ("dlv-2", "a feed lists it"),
        ("dlv-3", "was not moved: failed"),
    ]


def test_an_undo_of_nothing_is_refused() -> None:
    with pytest.raises(CapabilityMissing, match="has no copy out"):
        undo(DONE, pairs(Outcome.REMOVED), policy=Policy(), now=NOW, apart={"dlv-1": "was put back already"})
    with pytest.raises(CapabilityMissing, match="moved no copy"):
        undo(DONE, pairs(Outcome.FAILED), policy=Policy(), now=NOW)
    with pytest.raises(PlanStale):
        undo(replace(DONE, undone_by="rem-2"), pairs(Outcome.REMOVED), policy=Policy(), now=NOW)


def test_a_retraction_is_of_what_is_named_whoever_listed_it() -> None:
    mine = Retraction("ret-1", "url x", (indicator(1),), (), (), "ben", NOW)
    assert mine.cut(replace(indicator(1), source="feed", id="ind-9"))
    assert not mine.cut(indicator(2))
    assert not mine.cut(None)
    assert same_entity(indicator(1), replace(indicator(1), source="feed"))
    assert mine.reason == "the verdict on url x was taken back by ben"


def test_an_outlook_counts_copies_and_reasons() -> None:
    out = removed(pairs(*[Outcome.REMOVED] * 3))
    found = fates("rem-1", out, {"dlv-1": receipt(1)}, {"msg-2": "a feed", "msg-3": "a feed"})
    look = Outlook(Retraction("ret-1", "x", (), (), (), "ben", NOW), found)
    assert (look.count(Turn.BACK), look.count(Turn.OUT, Turn.DUE)) == (1, 2)
    assert look.why(Turn.OUT) == [("a feed", 2)]
