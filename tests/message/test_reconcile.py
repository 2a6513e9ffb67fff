"""What became of copies: moved, flagged, new, gone; equal copies keep their number."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from tests.response.builders import NOW, delivery

from clawback.message.delivery import Delivery, DeliveryLocation, Observed
from clawback.message.reconcile import assign, difference, lost, pair, relocated


def seen(copy: Delivery, folder: str = "INBOX", native_id: str | None = None) -> Observed:
    handle = replace(copy.handle, folder=folder, native_id=native_id or copy.handle.native_id)
    location = DeliveryLocation.INBOX if folder == "INBOX" else DeliveryLocation.OTHER_FOLDER
    return Observed(handle, location, copy.size, copy.flags, copy.internal_date)


def known(*copies: Delivery) -> dict[tuple[str, str], Delivery]:
    return {(d.handle.folder, d.handle.native_id): d for d in copies}


def test_nothing_new() -> None:
    copy = delivery(1)
    diff = difference(known(copy), {"INBOX": (seen(copy),)}, NOW)
    assert (diff.appeared, diff.changed, diff.missing) == ((), (), ())


def test_a_flag_is_a_change_that_keeps_the_time_of_the_place() -> None:
    copy = delivery(1)
    flagged = replace(seen(copy), flags=frozenset({"\\Flagged"}))
    diff = difference(known(copy), {"INBOX": (flagged,)}, NOW)
    assert [d.flags for d in diff.changed] == [frozenset({"\\Flagged"})]
    assert diff.changed[0].located_at == copy.located_at


def test_an_unchanged_folder_loses_nothing_and_an_absent_one_everything() -> None:
    copy = delivery(1)
    assert difference(known(copy), {"INBOX": None}, NOW).missing == ()
    assert difference(known(copy), {}, NOW).missing == (copy,)


def test_what_is_gone_is_gone_since_it_was_first_missed() -> None:
    gone = lost(delivery(1), NOW)
    assert (gone.location, gone.located_at) == (DeliveryLocation.HARD_DELETED, NOW)
    assert lost(gone, NOW + timedelta(days=2)) == gone


def test_what_was_gone_before_is_not_missing_again() -> None:
    assert difference(known(lost(delivery(1), NOW)), {"INBOX": ()}, NOW).missing == ()


def test_of_a_folder_listed_in_parts_only_what_vanished_is_missing() -> None:
    here, left, flagged, elsewhere = (delivery(n) for n in range(1, 5))
    filed = replace(elsewhere, handle=replace(elsewhere.handle, folder="Archive"))
    now = replace(seen(flagged), flags=frozenset({"\\Flagged"}))
    new = seen(delivery(9))
    vanished = {"INBOX": frozenset({left.handle.native_id, "never known"}), "Archive": frozenset[str]()}
    diff = difference(known(here, left, flagged, filed), {"INBOX": (now, new), "Archive": ()}, NOW, vanished)
    assert diff.missing == (left,)
    assert [d.id for d in diff.changed] == [flagged.id]
    assert diff.appeared == (new,)


def test_what_is_listed_has_not_vanished_whatever_is_said() -> None:
    copy = delivery(1)
    diff = difference(known(copy), {"INBOX": (seen(copy),)}, NOW, {"INBOX": {copy.handle.native_id}})
    assert (diff.appeared, diff.changed, diff.missing) == ((), (), ())


def test_a_move_is_told_from_an_arrival_by_the_bytes() -> None:
    copy = delivery(1)
    moved = seen(copy, "Archive", "another-name")
    pairs, new, gone = pair([copy], [(moved, copy.raw_sha256)], NOW)
    assert [(d.id, d.handle, d.location, d.located_at) for d in pairs] == [
        (copy.id, moved.handle, DeliveryLocation.OTHER_FOLDER, NOW)
    ]
    assert (new, gone) == ((), ())


@given(st.integers(0, 5), st.integers(0, 5))
def test_equal_copies_keep_their_number(missing: int, appeared: int) -> None:
    copies = [delivery(n, sha="a" * 64) for n in range(missing)]
    sightings = [(seen(delivery(100 + n), "Archive"), "a" * 64) for n in range(appeared)]
    moved, new, gone = pair(copies, sightings, NOW)
    assert len(moved) == min(missing, appeared)
    assert len(new) == max(0, appeared - missing)
    assert len(gone) == max(0, missing - appeared)
    assert len({d.id for d in moved} | {d.id for d in gone}) == missing


def test_coming_back_to_the_same_place_is_no_new_place() -> None:
    copy = delivery(1)
    assert relocated(copy, seen(copy), NOW) == copy


def test_the_same_name_wins_and_a_claimed_place_is_nobody_elses() -> None:
    one, two = delivery(1), delivery(2)
    here, there = seen(one), seen(two, "Archive")
    both = (there, here)
    assert assign([(one.handle, both), (two.handle, both)], set()) == (here, there)
    lost_one = delivery(3)
    assert assign([(lost_one.handle, both)], {one.handle}) == (there,)
    assert assign([(lost_one.handle, both)], {one.handle, there.handle}) == (None,)
    assert assign([(lost_one.handle, both), (delivery(4).handle, both)], set()) == (there, here)
    assert assign([(lost_one.handle, both), (one.handle, both), (two.handle, both)], set()) == (
        None,
        here,
        there,
    )
