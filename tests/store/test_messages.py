from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from tests.store.make import BAD_URL, HOUR, NOW, delivery, features, message

from clawback.analysis.entities import Entity, EntityKind
from clawback.analysis.fingerprints import Fingerprint
from clawback.errors import BadQuery, NotFound
from clawback.message.address import Address
from clawback.message.attachment import Attachment
from clawback.message.link import Link, LinkLocation
from clawback.message.message import Header, Message
from clawback.message.received import Hop
from clawback.store import MessageQuery, Store
from clawback.store import index as message_index
from clawback.store import messages as messages_of_store


def _fill(store: Store, count: int = 5) -> None:
    with store.write() as unit:
        for number in range(1, count + 1):
            carried = [BAD_URL] if number % 2 else []
            unit.messages.add([(message(number), features(number, *carried))], now=NOW + number * HOUR)


def _rich() -> Message:
    return replace(
        message(1, subject="H\u00e9llo \udce9 \x00 \x1a0041 \U0001f4a9"),
        to=(Address("\udcff", "b@example.org"),),
        date=datetime(2026, 1, 1, 3, tzinfo=timezone(timedelta(hours=5, minutes=30))),
        hops=(Hop("a", "192.0.2.1", "b", "ESMTPS", "", NOW),),
        attachments=(Attachment("x\udc80.pdf", "2", "application/pdf", "", 3, "a" * 64, content=b"abc"),),
        links=(Link("http://a.example/", "a.example", LinkLocation.QR_CODE, "qr", "a.example", "a.example"),),
        text="body",
        html="<p>",
        headers=(Header("X", "y", 0),),
    )


def test_a_message_comes_back_slim_and_whole(store: Store) -> None:
    rich = _rich()
    with store.write() as unit:
        assert unit.messages.add([(rich, features(1))]) == 1
    with store.read() as unit:
        assert unit.messages.get(rich.id) == rich.slim()
        assert unit.messages.get(rich.id).date == rich.date
        assert unit.messages.signature(rich.id) == features(1).signature


def test_known_messages_are_passed_over(store: Store) -> None:
    first = message(1, subject="first")
    with store.write() as unit:
        assert unit.messages.add([(first, features(1)), (first, features(1)), (message(2), features(2))]) == 2
    with store.write() as unit:
        again = message(1, subject="changed")
        assert unit.messages.add([(again, features(1, BAD_URL)), (message(3), features(3))]) == 1
        assert unit.messages.get("msg-1").subject == "first"
        assert unit.messages.count() == 3
        assert unit.messages.known(["msg-1", "msg-3", "msg-9"]) == {"msg-1", "msg-3"}
        assert list(unit.messages.sharing([BAD_URL])) == []


def test_unknown_messages_are_not_found(store: Store) -> None:
    with store.read() as unit:
        for odd in ("msg-9", "", "\x00", "\udce9"):
            with pytest.raises(NotFound):
                unit.messages.get(odd)
            with pytest.raises(NotFound):
                unit.messages.signature(odd)
        assert unit.messages.get_many(["a", "b"]) == {}
        assert unit.messages.get_many([]) == {}


def test_sharing_answers_each_message_once_oldest_first(store: Store) -> None:
    _fill(store)
    other = Entity(EntityKind.SENDER, "sender1@example.org")
    with store.read() as unit:
        found = list(unit.messages.sharing([BAD_URL, other]))
        assert [m.id for m in found] == ["msg-1", "msg-3", "msg-5"]
        assert list(unit.messages.sharing([Entity(EntityKind.HOST, BAD_URL.value)])) == []
        assert list(unit.messages.sharing([])) == []


def test_sharing_reaches_over_months_and_parts_of_months(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(message_index, "MESSAGES_PER_EPOCH", 3)
    with store.write() as unit:
        for number in range(1, 10):
            moment = NOW + timedelta(days=20 * number)
            unit.messages.add([(message(number), features(number, BAD_URL))], now=moment)
    with store.read() as unit:
        assert [m.id for m in unit.messages.sharing([BAD_URL])] == [f"msg-{n}" for n in range(1, 10)]


def test_an_epoch_is_forgotten_whole(store: Store) -> None:
    with store.write() as unit:
        unit.messages.add([(message(1), features(1, BAD_URL))], now=NOW)
        unit.messages.add([(message(2), features(2, BAD_URL))], now=NOW + timedelta(days=40))
        index = message_index.Index(unit._connection)
        index.forget(index.epoch_for(NOW, 1))
        assert [m.id for m in unit.messages.sharing([BAD_URL])] == ["msg-2"]


def test_fingerprints_find_their_messages(store: Store) -> None:
    alike = Fingerprint("band.03", "00ff")
    with store.write() as unit:
        unit.messages.add([(message(n), features(n, prints=(alike,))) for n in (1, 2)])
        unit.messages.add([(message(3), features(3, prints=(Fingerprint("band.04", "00ff"),)))])
        assert unit.messages.sharing_fingerprint(alike) == ("msg-1", "msg-2")


def test_internet_message_ids_may_repeat(store: Store) -> None:
    odd = "<\udce9\x00@x>"
    with store.write() as unit:
        for number in (1, 2):
            unit.messages.add([(replace(message(number), internet_message_id=odd), features(number))])
        unit.messages.add([(message(3), features(3))])
        assert unit.messages.by_internet_id(odd) == ("msg-1", "msg-2")
        assert unit.messages.by_internet_id("<nobody@x>") == ()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (MessageQuery(), [5, 4, 3, 2, 1]),
        (MessageQuery(text="invoice 3"), [3]),
        (MessageQuery(text="%"), []),
        (MessageQuery(sender="SENDER2@example.org"), [2]),
        (MessageQuery(sender="example.org", since=NOW + 4 * HOUR), [5, 4]),
        (MessageQuery(until=NOW + 2 * HOUR), [1]),
        (MessageQuery(mailbox="bob@corp.example"), [4]),
        (MessageQuery(message_ids=("msg-2", "msg-9", "msg-1")), [2, 1]),
        (MessageQuery(message_ids=()), []),
        (MessageQuery(text="\x00\udce9"), []),
    ],
)
def test_search_filters(store: Store, query: MessageQuery, expected: list[int]) -> None:
    _fill(store)
    with store.write() as unit:
        unit.deliveries.save([delivery(4, mailbox="bob@corp.example")])
    with store.read() as unit:
        found, cursor = unit.messages.search(query)
        assert [m.id for m in found] == [f"msg-{n}" for n in expected]
        assert cursor == ""


def test_search_folds_case_beyond_ascii(store: Store) -> None:
    with store.write() as unit:
        unit.messages.add([(message(1, subject="STRASSE \u00c9COLE 100%"), features(1))])
        for text in ("stra\u00dfe", "\u00e9cole", "100%"):
            found, _ = unit.messages.search(MessageQuery(text=text))
            assert [m.id for m in found] == ["msg-1"], text


def test_search_pages_through_everything_once(store: Store) -> None:
    with store.write() as unit:
        unit.messages.add([(message(n), features(n)) for n in range(1, 8)], now=NOW)
        unit.messages.add([(message(8), features(8))], now=NOW - HOUR)
    seen: list[str] = []
    cursor = ""
    with store.read() as unit:
        while True:
            found, cursor = unit.messages.search(MessageQuery(limit=3, cursor=cursor))
            seen.extend(m.id for m in found)
            if not cursor:
                break
    assert seen == [f"msg-{n}" for n in (7, 6, 5, 4, 3, 2, 1, 8)]


@pytest.mark.parametrize(
    "cursor", ["x", "!!", "W10", "WzEsMl0x", "WyJhIiwxXQ", "WzFd", "\udce9", "[" * 9_000]
)
def test_a_bad_cursor_is_a_bad_query(store: Store, cursor: str) -> None:
    with store.read() as unit, pytest.raises(BadQuery):
        unit.messages.search(MessageQuery(cursor=cursor))


@pytest.mark.parametrize("limit", [0, -1, 10_001])
def test_a_page_has_bounds(store: Store, limit: int) -> None:
    with store.read() as unit, pytest.raises(BadQuery):
        unit.messages.search(MessageQuery(limit=limit))


def test_a_date_without_a_zone_is_kept(store: Store) -> None:
    naive = replace(message(1), date=datetime(1, 1, 1))
    with store.write() as unit:
        unit.messages.add(
            [(naive, features(1)), (replace(message(2), date=datetime.max.replace(tzinfo=UTC)), features(2))]
        )
        assert unit.messages.get("msg-1").date == naive.date


def test_the_newest_that_carry_something_come_first_from_every_part_of_the_index(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(message_index, "MESSAGES_PER_EPOCH", 3)
    monkeypatch.setattr(messages_of_store, "_STEP", 2)
    _fill(store, 11)
    odd = [f"msg-{number}" for number in (11, 9, 7, 5, 3, 1)]
    own = Entity(EntityKind.SENDER, "sender4@example.org")
    with store.read() as unit:
        assert [m.id for m in unit.messages.newest_sharing([BAD_URL])] == odd
        assert list(unit.messages.newest_carriers([BAD_URL], 4)) == odd[:4]
        assert [m.id for m in unit.messages.newest_sharing([BAD_URL, own])] == [*odd[:4], "msg-4", *odd[4:]]
        assert unit.messages.count_sharing([BAD_URL], 100) == 6
        assert unit.messages.count_sharing([BAD_URL, own], 100) == 7
        assert unit.messages.count_sharing([BAD_URL], 4) == 4
        assert unit.messages.senders(odd[:2], 1) == [("sender11@example.org", 1)]
