from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from tests.store.make import HOUR, NOW, delivery

from clawback.errors import NotFound
from clawback.message.delivery import Delivery, DeliveryAction, DeliveryLocation, Handle
from clawback.store import Store, database
from clawback.store.blobs import Blobs


def _odd() -> Delivery:
    odd = Handle("maildir", "b\udcffb@corp.example", ".Ablage\udce4", "1\x1a0000.\x00x", "cur:2,\u2028")
    return replace(delivery(1), handle=odd, original_folder=".\udce4", flags=frozenset({"a b", "\udcff", ""}))


@pytest.mark.parametrize("whole", [delivery(1), replace(delivery(1), flags=frozenset()), _odd()])
def test_a_delivery_comes_back_whole(store: Store, whole: Delivery) -> None:
    with store.write() as unit:
        unit.deliveries.save([whole])
    with store.read() as unit:
        assert unit.deliveries.get(whole.id) == whole
        place = (whole.handle.folder, whole.handle.native_id)
        assert unit.deliveries.known(whole.handle.source, whole.handle.mailbox) == {place: whole}
        assert unit.deliveries.mailboxes() == [(whole.handle.source, whole.handle.mailbox, 1)]
        with pytest.raises(NotFound):
            unit.deliveries.get("dlv-9")


def test_relocating_changes_what_is_now_and_keeps_what_was_first(store: Store) -> None:
    first = delivery(1)
    moved = replace(
        first,
        handle=Handle("maildir", "eve@corp.example", ".Junk", "7", "new"),
        flags=frozenset({"\\Flagged"}),
        location=DeliveryLocation.JUNK,
        located_at=NOW + HOUR,
        internal_date=NOW,
    )
    liar = replace(
        moved,
        message_id="msg-9",
        raw_sha256="0" * 64,
        action=DeliveryAction.BLOCKED,
        original_location=DeliveryLocation.JUNK,
        original_folder="x",
        first_seen=NOW + HOUR,
    )
    with store.write() as unit:
        unit.deliveries.save([first, delivery(2)])
        unit.deliveries.relocate([liar])
        assert unit.deliveries.get("dlv-1") == moved
        assert unit.deliveries.get("dlv-2") == delivery(2)
        assert list(unit.deliveries.known("maildir", "ann@corp.example").values()) == [delivery(2)]
        unit.deliveries.relocate([first, moved, first])
        assert unit.deliveries.get("dlv-1") == first
        assert unit.deliveries.count() == 2


def test_a_present_copy_is_told_before_a_gone_one_of_the_same_place(store: Store) -> None:
    gone = replace(delivery(1), location=DeliveryLocation.HARD_DELETED)
    present = replace(delivery(2), handle=gone.handle)
    with store.write() as unit:
        unit.deliveries.save([present, gone])
        assert list(unit.deliveries.known("maildir", "ann@corp.example").values()) == [present]
        unit.deliveries.relocate([replace(present, location=DeliveryLocation.HARD_DELETED)])
        assert len(unit.deliveries.known("maildir", "ann@corp.example")) == 1


def test_copies_of_messages_come_in_the_order_of_the_messages(store: Store) -> None:
    copies = [delivery(n, message_id=f"msg-{n % 2}", mailbox=f"m{n}@corp.example") for n in range(6)]
    with store.write() as unit:
        unit.deliveries.save(copies)
    with store.read() as unit:
        found = unit.deliveries.of_messages(["msg-1", "msg-7", "msg-0", "msg-1"])
        assert [d.id for d in found] == ["dlv-1", "dlv-3", "dlv-5", "dlv-0", "dlv-2", "dlv-4"]
        assert unit.deliveries.of_messages([]) == ()
        assert set(unit.deliveries.get_many(["dlv-1", "dlv-1", "dlv-77"])) == {"dlv-1"}
        assert unit.deliveries.mailboxes() == [("maildir", f"m{n}@corp.example", 1) for n in range(6)]


def test_copies_are_counted_by_place(store: Store) -> None:
    junk = replace(delivery(2), location=DeliveryLocation.JUNK)
    with store.write() as unit:
        unit.deliveries.save([delivery(1), junk, delivery(3, message_id="msg-1")])
        all_of_them = {DeliveryLocation.INBOX: 2, DeliveryLocation.JUNK: 1}
        assert unit.deliveries.count_by_location() == all_of_them
        assert unit.deliveries.count_by_location(["msg-1", "msg-1"]) == {DeliveryLocation.INBOX: 2}
        assert unit.deliveries.count_by_location([]) == {}


def test_lists_may_be_longer_than_any_database_takes_at_once(store: Store) -> None:
    copies = [delivery(n) for n in range(12_000)]
    ids = [copy.id for copy in copies]
    with store.write() as unit:
        unit.deliveries.save(copies)
        assert set(unit.deliveries.get_many(ids)) == set(ids)
        assert len(unit.deliveries.of_messages([c.message_id for c in copies])) == len(copies)
        counts = unit.deliveries.count_by_location([c.message_id for c in copies])
        assert counts == {DeliveryLocation.INBOX: len(copies)}


ANN = ("maildir", "ann@corp.example")
BOB = ("maildir", "bob@corp.example")


def test_cursors_are_kept_by_folder_until_the_folder_is_gone(store: Store) -> None:
    with store.write() as unit:
        assert unit.cursors.get(*ANN) == {}
        unit.cursors.put(*ANN, {"INBOX": "1", ".\udce4": "\x00"})
        unit.cursors.put(*BOB, {"INBOX": "5"})
        assert unit.cursors.get(*ANN) == {"INBOX": "1", ".\udce4": "\x00"}
        unit.cursors.put(*ANN, {"Junk": "2", "INBOX": "3"}, gone=[".\udce4", "never there"])
        assert unit.cursors.get(*ANN) == {"Junk": "2", "INBOX": "3"}
        assert unit.cursors.get(*BOB) == {"INBOX": "5"}
        assert unit.cursors.get("imap", "bob@corp.example") == {}
        unit.cursors.put(*ANN, {}, gone=["INBOX", "Junk"])
        assert unit.cursors.get(*ANN) == {}


def test_every_folder_that_holds_a_known_copy_is_among_the_cursors(store: Store) -> None:
    copy = delivery(1)
    moved = replace(copy, handle=replace(copy.handle, folder="soft_deleted/INBOX"))
    with store.write() as unit:
        unit.cursors.put(*ANN, {"INBOX": "1"})
        unit.deliveries.save([copy])
        unit.deliveries.relocate([moved])
        assert unit.cursors.get(*ANN) == {"INBOX": "1", "soft_deleted/INBOX": ""}


def test_a_folder_with_a_name_too_long_for_an_index_has_no_cursor_and_stops_nobody(store: Store) -> None:
    long = "".join(chr(0x4E00 + n) for n in range(3_000))
    copy = replace(delivery(1), handle=replace(delivery(1).handle, folder=long))
    with store.write() as unit:
        unit.deliveries.save([copy])
        unit.cursors.put(*ANN, {long: "1", "INBOX": "2"})
        assert unit.cursors.get(*ANN) == {"INBOX": "2"}
        assert unit.deliveries.get(copy.id) == copy


def _in(number: int, folder: str, location: DeliveryLocation = DeliveryLocation.INBOX) -> Delivery:
    copy = delivery(number)
    return replace(copy, handle=replace(copy.handle, folder=folder), location=location)


def test_what_is_asked_of_a_large_mailbox_is_told_without_the_rest(store: Store) -> None:
    gone, unknown = DeliveryLocation.HARD_DELETED, DeliveryLocation.UNKNOWN
    here, filed, lost = _in(1, "INBOX"), _in(2, "Archive"), _in(3, "INBOX", gone)
    again = replace(lost, id="dlv-4", location=DeliveryLocation.INBOX)
    twin = replace(_in(1, "Archive"), id="dlv-5")
    hidden = _in(6, "Archive", unknown)
    other = delivery(1, mailbox=BOB[1])
    with store.write() as unit:
        unit.deliveries.save([again, here, filed, lost, twin, hidden])
        unit.deliveries.save([replace(other, id="dlv-7", location=gone)])
        by_place = {(d.handle.folder, d.handle.native_id): d for d in (here, filed, again, twin, hidden)}
        inbox = {place: d for place, d in by_place.items() if place[0] == "INBOX"}
        assert unit.deliveries.present(*ANN, ["INBOX", "none"]) == inbox
        assert unit.deliveries.present(*ANN, ["INBOX", "Archive"]) == by_place
        assert unit.deliveries.present(*ANN, []) == {}
        ids = [here.handle.native_id, lost.handle.native_id, "none"]
        named = {place: d for place, d in by_place.items() if d in (here, twin, again)}
        assert unit.deliveries.named(*ANN, ids) == named
        assert unit.deliveries.lost(*ANN, [here.raw_sha256, lost.raw_sha256]) == (lost,)
        assert unit.deliveries.lost(*BOB, [lost.raw_sha256]) == ()
        assert unit.deliveries.unseen(*ANN) == (hidden,)
        assert unit.deliveries.unseen(*BOB) == ()


def test_what_somebody_else_changed_meanwhile_is_told_apart(store: Store) -> None:
    seen = [delivery(n) for n in range(4)]
    with store.write() as unit:
        unit.deliveries.save(seen[:3])
        unit.deliveries.relocate([replace(seen[1], flags=frozenset())])
    with store.write() as unit:
        assert unit.deliveries.unchanged(seen) == {"dlv-0", "dlv-2"}
        assert unit.deliveries.unchanged([]) == set()


def test_what_is_asked_of_a_large_mailbox_is_found_by_an_index(tmp_path: Path) -> None:
    asked: list[tuple[str, Any]] = []
    engine = database.engine(f"sqlite:///{tmp_path / 'clawback.db'}")
    store = Store(engine, Blobs(tmp_path / "blobs"))
    store.migrate()
    event.listen(engine, "before_cursor_execute", lambda *call: asked.append((call[2], call[3])))
    with store.read() as unit:
        unit.deliveries.named(*ANN, ["1"])
        unit.deliveries.lost(*ANN, ["f" * 64])
        unit.deliveries.unseen(*ANN)
        unit.remediations.unsettled(*ANN, ["f" * 64])
    store.close()
    with closing(sqlite3.connect(tmp_path / "clawback.db")) as connection:
        plans = [
            " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters))
            for statement, parameters in asked
            if statement.startswith("SELECT")
        ]
    indexes = ["deliveries_by_native_id", "deliveries_lost", "deliveries_unseen", "deeds_intended"]
    for plan, index in zip(plans[-4:], indexes, strict=True):
        assert f"USING INDEX {index} " in plan


def test_copies_are_counted_message_by_message(store: Store) -> None:
    kept = [
        delivery(1, message_id="msg-a"),
        delivery(2, message_id="msg-a", mailbox="ben@corp.example"),
        delivery(3, message_id="msg-b"),
    ]
    gone = replace(kept[1], location=DeliveryLocation.SOFT_DELETED)
    with store.write() as unit:
        unit.deliveries.save(kept)
        unit.deliveries.relocate([gone])
    with store.read() as unit:
        assert unit.deliveries.counts(["msg-a", "msg-b", "msg-c"]) == {"msg-a": (2, 1), "msg-b": (1, 1)}


def test_of_a_message_with_many_copies_the_first_are_read_and_the_rest_is_counted(store: Store) -> None:
    copies = [delivery(number, message_id="msg-1") for number in range(1, 6)]
    later = [replace(copy, internal_date=copy.internal_date + n * HOUR) for n, copy in enumerate(copies)]
    with store.write() as unit:
        unit.deliveries.save([*reversed(later), delivery(9)])
    with store.read() as unit:
        assert len(unit.deliveries.first_of("msg-1", 3)) == 3
        arrival = unit.deliveries.arrival("msg-1")
        assert arrival is not None
        assert (arrival.copies, arrival.delivered) == (5, copies[0].internal_date)
        assert unit.deliveries.arrival("msg-2") is None
