from __future__ import annotations

from dataclasses import replace

import pytest
from tests.store.make import HOUR, NOW, delivery

from clawback.errors import NotFound
from clawback.message.delivery import Delivery, DeliveryAction, DeliveryLocation, Handle
from clawback.store import Store


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


def test_cursors_are_replaced_together(store: Store) -> None:
    with store.write() as unit:
        assert unit.cursors.get("maildir", "ann@corp.example") == {}
        unit.cursors.put("maildir", "ann@corp.example", {"INBOX": "1", ".\udce4": "\x00"})
        unit.cursors.put("maildir", "bob@corp.example", {"INBOX": "5"})
        assert unit.cursors.get("maildir", "ann@corp.example") == {"INBOX": "1", ".\udce4": "\x00"}
        unit.cursors.put("maildir", "ann@corp.example", {"Junk": "2"})
        assert unit.cursors.get("maildir", "ann@corp.example") == {"Junk": "2"}
        assert unit.cursors.get("maildir", "bob@corp.example") == {"INBOX": "5"}
        assert unit.cursors.get("imap", "bob@corp.example") == {}
        unit.cursors.put("maildir", "ann@corp.example", {})
        assert unit.cursors.get("maildir", "ann@corp.example") == {}
