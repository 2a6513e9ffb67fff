"""Where copies stand between where they were and where they shall go, told by names, dates and places."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from tests.response.builders import NOW

from clawback.message.delivery import DeliveryLocation, Handle, Observed
from clawback.message.half_moves import Sought, Stand, stands

GOAL = "soft_deleted/INBOX"


def at(folder: str, native_id: str, minutes: int = 0) -> Observed:
    handle = Handle("main", "ann@example.org", folder, native_id)
    date = NOW + timedelta(minutes=minutes)
    return Observed(handle, DeliveryLocation.OTHER_FOLDER, 100, frozenset(), date)


def on_its_way(copy: Observed, *places: Observed, known: Observed | None = None) -> Sought:
    where = (known or copy).handle
    return Sought(copy.handle, where, GOAL, copy.internal_date, places)


ONE, TWO = at("INBOX", "1"), at("INBOX", "2")
HALF, TWIN = at(GOAL, "7"), at(GOAL, "8")


def test_a_copy_is_where_it_was_or_at_its_goal_or_nowhere() -> None:
    assert stands([on_its_way(ONE, ONE)], set()) == (Stand(ONE, None),)
    assert stands([on_its_way(ONE, HALF)], set()) == (Stand(None, HALF),)
    assert stands([on_its_way(ONE)], set()) == (Stand(None, None),)
    assert stands([on_its_way(ONE, ONE, HALF)], set()) == (Stand(ONE, HALF),)


def test_what_another_delivery_claims_is_nobody_elses() -> None:
    assert stands([on_its_way(ONE, ONE, HALF)], {HALF.handle}) == (Stand(ONE, None),)
    assert stands([on_its_way(ONE, HALF)], {HALF.handle}) == (Stand(None, None),)
    assert stands([on_its_way(ONE, ONE, HALF)], {ONE.handle}) == (Stand(None, HALF),)


def test_a_copy_of_another_date_is_no_half() -> None:
    assert stands([on_its_way(ONE, ONE, at(GOAL, "7", minutes=1))], set()) == (Stand(ONE, None),)


def test_a_copy_that_left_takes_what_is_at_its_goal_before_what_is_elsewhere() -> None:
    elsewhere, dated = at("Archive", "5"), at(GOAL, "9", minutes=1)
    assert stands([on_its_way(ONE, elsewhere, dated)], set()) == (Stand(None, dated),)
    assert stands([on_its_way(ONE, elsewhere, dated, HALF)], set()) == (Stand(None, HALF),)
    assert stands([on_its_way(ONE, elsewhere)], set()) == (Stand(elsewhere, None),)


def test_a_copy_seen_elsewhere_since_is_looked_for_there() -> None:
    moved = at("Archive", "5")
    assert stands([on_its_way(ONE, moved, HALF, known=moved)], set()) == (Stand(moved, HALF),)
    assert stands([on_its_way(ONE, HALF, TWIN, known=TWIN)], set()) == (Stand(None, TWIN),)


def test_what_has_left_goes_before_what_may_be_half() -> None:
    left, there = on_its_way(ONE, TWO, HALF), on_its_way(TWO, TWO, HALF)
    assert stands([there, left], set()) == (Stand(TWO, None), Stand(None, HALF))


def test_what_others_are_owed_is_left_to_them() -> None:
    mine, theirs = on_its_way(TWO, TWO, HALF), on_its_way(ONE, TWO, HALF)
    assert stands([mine], set(), [theirs]) == (Stand(TWO, None),)
    mine, theirs = on_its_way(TWO, TWO, HALF, TWIN), on_its_way(ONE, TWO, HALF, TWIN)
    assert stands([mine], set(), [theirs]) == (Stand(TWO, TWIN),)
    still = on_its_way(ONE, ONE, TWO, HALF)
    assert stands([on_its_way(TWO, ONE, TWO, HALF)], set(), [still]) == (Stand(TWO, HALF),)


@given(
    left=st.lists(st.sampled_from("123"), unique=True),
    arrived=st.lists(st.sampled_from("789"), unique=True),
    claimed=st.sets(st.sampled_from("789")),
)
def test_no_place_is_given_away_twice_and_no_copy_loses_both_places(
    left: list[str], arrived: list[str], claimed: set[str]
) -> None:
    places = [*(at("INBOX", name) for name in left), *(at(GOAL, name) for name in arrived)]
    sought = [on_its_way(at("INBOX", name), *places) for name in "123"]
    found = stands(sought, {at(GOAL, name).handle for name in claimed})
    given_away = [place for stand in found for place in (stand.outside, stand.inside) if place]
    assert len(given_away) == len({place.handle for place in given_away})
    assert not {place.handle.native_id for place in given_away} & claimed
    # Copies that left come first: each has a place at the goal, as long as there are any.
    gone = [stand for name, stand in zip("123", found, strict=True) if name not in left]
    free = len(set(arrived) - claimed)
    assert sum(stand.inside is not None for stand in gone) == min(free, len(gone))
    assert all(stand.outside for name, stand in zip("123", found, strict=True) if name in left)


def test_only_the_places_of_the_same_mailbox_are_the_same() -> None:
    other = replace(HALF, handle=replace(HALF.handle, mailbox="ben@example.org"))
    assert stands([on_its_way(ONE, ONE, HALF)], {other.handle}) == (Stand(ONE, HALF),)
