from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.store.make import HOUR, NOW, delivery, handle

from clawback.message.delivery import Delivery, DeliveryLocation
from clawback.response.exposure import Marks
from clawback.response.past import at_moment, changes_of, on_arrival

CAME = replace(delivery(1), flags=frozenset({"\\Seen", "\\Flagged"}))
READ = Marks(read=NOW + HOUR)


def moved(location: DeliveryLocation, folder: str) -> Delivery:
    there = handle(1, folder=folder)
    return replace(CAME, handle=there, location=location, located_at=NOW + 2 * HOUR)


def test_a_copy_comes_without_what_was_seen_later() -> None:
    assert on_arrival(CAME, READ).flags == {"\\Flagged"}
    assert on_arrival(CAME, None).flags == {"\\Seen", "\\Flagged"}
    filed = on_arrival(moved(DeliveryLocation.OTHER_FOLDER, "Archive"), None)
    assert (filed.handle.folder, filed.location, filed.located_at) == ("INBOX", DeliveryLocation.INBOX, NOW)


def test_what_its_owner_did_comes_in_the_order_of_time() -> None:
    filed = moved(DeliveryLocation.OTHER_FOLDER, "Archive")
    changes = changes_of(filed, READ, touched=False)
    assert [change.at - NOW for change in changes] == [HOUR, 2 * HOUR]
    came = on_arrival(filed, READ)
    assert at_moment(came, changes, NOW + HOUR) == came
    assert at_moment(came, changes, NOW + HOUR + timedelta(seconds=1)).flags == CAME.flags
    assert at_moment(came, changes, NOW + 3 * HOUR) == filed


def test_a_copy_that_was_deleted_for_good_is_lost_at_its_time() -> None:
    gone = moved(DeliveryLocation.HARD_DELETED, "INBOX")
    (change,) = changes_of(gone, None, touched=False)
    assert (
        at_moment(on_arrival(gone, None), [change], NOW + 3 * HOUR).location is DeliveryLocation.HARD_DELETED
    )


def test_of_what_we_touched_and_of_what_is_out_of_sight_no_move_is_told() -> None:
    assert changes_of(moved(DeliveryLocation.SOFT_DELETED, "vault"), None, touched=True) == ()
    assert changes_of(moved(DeliveryLocation.UNKNOWN, "INBOX"), None, touched=False) == ()
    assert changes_of(CAME, None, touched=False) == ()


def test_a_flag_that_is_gone_again_is_told_as_a_change_of_nothing() -> None:
    plain = replace(CAME, flags=frozenset())
    (change,) = changes_of(plain, READ, touched=False)
    assert at_moment(on_arrival(plain, READ), [change], NOW + 3 * HOUR).flags == frozenset()
