"""Searches over messages: by what records alone know, over time, and never for long."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.store.make import HOUR, NOW, delivery, features, message

from clawback.analysis.entities import Entity, EntityKind
from clawback.analysis.indicators import Threat, VerdictKind
from clawback.analysis.verdict import Said
from clawback.errors import BadQuery, TooWide
from clawback.message.attachment import Attachment
from clawback.message.authentication import Authentication
from clawback.message.delivery import DeliveryLocation
from clawback.store import FoundBy, MessageFilter, MessageQuery, Store, message_search
from clawback.store.message_query import filter_of, query_of, said_of, told

BAD = Said("ind-1", VerdictKind.MALICIOUS, Threat.PHISH, 90)
DOUBT = Said("ind-2", VerdictKind.SUSPICIOUS, Threat.SPAM, 90)
SHA = "a" * 64


def fill(store: Store, count: int = 6) -> None:
    """One message an hour; every second with a file, the first bad, the second in doubt."""
    with store.write() as unit:
        for n in range(1, count + 1):
            file = Attachment(f"Invoice{n}.pdf", "2", "application/pdf", "pdf", 3, SHA)
            files = (file,) if n % 2 else ()
            said = Authentication(spf="fail") if n == 3 else Authentication()
            one = replace(message(n), attachments=files, authentication=said)
            unit.messages.add([(one, features(n))], now=NOW + n * HOUR)
            unit.deliveries.save([delivery(n)])
        unit.detections.put([("msg-1", BAD), ("msg-1", DOUBT), ("msg-2", DOUBT)], NOW)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (MessageFilter(verdict=VerdictKind.MALICIOUS), [1]),
        (MessageFilter(verdict=VerdictKind.SUSPICIOUS), [2]),
        (MessageFilter(verdict=VerdictKind.NO_THREATS_FOUND), [6, 5, 4, 3]),
        (MessageFilter(threat=Threat.SPAM), [2]),
        (MessageFilter(threat=Threat.PHISH, verdict=VerdictKind.SUSPICIOUS), []),
        (MessageFilter(source="ind-2"), [2, 1]),
        (MessageFilter(attachment="INVOICE"), [5, 3, 1]),
        (MessageFilter(attachment="invoice3", file_type="pdf"), [3]),
        (MessageFilter(file_type="exe"), []),
        (MessageFilter(spf="FAIL"), [3]),
        (MessageFilter(spf="none", attachment="invoice"), [5, 1]),
        (MessageFilter(attachment="invoice", since=NOW + 5 * HOUR), [5]),
    ],
)
def test_every_way_of_asking_gives_the_same(store: Store, wanted: MessageFilter, expected: list[int]) -> None:
    fill(store)
    ids = [f"msg-{n}" for n in expected]
    with store.read() as unit:
        assert [m.id for m in unit.messages.search(query_of(wanted))[0]] == ids
        oldest, _ = unit.messages.search(query_of(wanted, oldest_first=True))
        assert [m.id for m in oldest] == ids[::-1]
        assert unit.messages.matching(wanted, 100) == tuple(ids)
        assert unit.messages.count_matching(wanted) == len(ids)
        counted = unit.messages.over_time(wanted, FoundBy.LOCATION, HOUR)
        assert sum(counted.values()) == len(ids)


@pytest.mark.parametrize("wanted", [MessageFilter(), MessageFilter(file_type="pdf"), MessageFilter(text="i")])
@pytest.mark.parametrize("oldest", [False, True])
def test_pages_miss_nothing(store: Store, wanted: MessageFilter, oldest: bool) -> None:
    fill(store)
    with store.read() as unit:
        whole, _ = unit.messages.search(query_of(wanted, oldest_first=oldest))
        found, cursor = list[str](), ""
        for _ in range(10):
            page, cursor = unit.messages.search(query_of(wanted, oldest_first=oldest, limit=2, cursor=cursor))
            found += [m.id for m in page]
            if not cursor:
                break
    assert found == [m.id for m in whole]


def test_what_was_found_is_counted_over_time(store: Store) -> None:
    fill(store)
    day = timedelta(days=1)
    with store.read() as unit:
        hours = unit.messages.over_time(MessageFilter(), FoundBy.VERDICT, HOUR)
        days = unit.messages.over_time(MessageFilter(), FoundBy.VERDICT, day)
        places = unit.messages.over_time(MessageFilter(), FoundBy.LOCATION, day)
    assert len(hours) == 6
    assert all(start == start.replace(minute=0, second=0, microsecond=0) for start, _ in hours)
    sums: dict[object, int] = {}
    for (_, kind), count in days.items():
        sums[kind] = sums.get(kind, 0) + count
    assert sums == {
        VerdictKind.MALICIOUS: 1,
        VerdictKind.SUSPICIOUS: 1,
        VerdictKind.NO_THREATS_FOUND: 4,
    }
    assert {kind for _, kind in places} <= set(DeliveryLocation)


def test_more_than_may_be_acted_on_is_too_wide(store: Store) -> None:
    fill(store)
    with store.read() as unit:
        assert len(unit.messages.matching(MessageFilter(), 6)) == 6
        with pytest.raises(TooWide, match="more than 5 messages"):
            unit.messages.matching(MessageFilter(), 5)


def test_a_search_that_takes_too_long_is_given_up(store: Store) -> None:
    with store.write() as unit:
        for first in range(0, 3_000, 500):
            unit.messages.add([(message(n), features(n)) for n in range(first, first + 500)], now=NOW)
    with store.read() as unit:
        unit.messages.seconds = 0.001
        with pytest.raises(TooWide, match="one more field"):
            unit.messages.over_time(MessageFilter(text="i"), FoundBy.VERDICT, HOUR)
    with store.read() as unit:
        assert unit.messages.count_matching(MessageFilter(text="no such words anywhere")) == 0


def test_a_filter_is_written_down_and_read_again() -> None:
    wanted = MessageFilter(text="a b", since=NOW, verdict=VerdictKind.MALICIOUS, url="https://evil.example/*")
    assert filter_of(said_of(wanted)) == wanted
    assert told(MessageFilter(text="a")) == "text is a"
    assert told(MessageFilter()) == "all messages"
    assert filter_of({"text": "", "verdict": None}) == MessageFilter()
    assert isinstance(query_of(wanted, limit=3), MessageQuery)
    for wrong in ({"verdict": "odd"}, {"since": "soon"}):
        with pytest.raises(BadQuery):
            filter_of(wrong)


@pytest.mark.parametrize("wrong", [MessageFilter(ip="nowhere"), MessageFilter(sha256="zz")])
def test_what_nothing_can_be_is_refused(store: Store, wrong: MessageFilter) -> None:
    with store.read() as unit, pytest.raises(BadQuery):
        unit.messages.search(query_of(wrong))


@pytest.mark.parametrize("common", [1, 100])
def test_what_very_many_carry_is_found_like_what_few_do(
    store: Store, monkeypatch: pytest.MonkeyPatch, common: int
) -> None:
    monkeypatch.setattr(message_search, "COMMON", common)
    with store.write() as unit:
        for n in range(1, 7):
            carried = [Entity(EntityKind.HOST, "shop.example")] if n % 2 else []
            unit.messages.add([(message(n), features(n, *carried))], now=NOW + n * HOUR)
    asked = MessageQuery(host="shop.example", limit=2)
    with store.read() as unit:
        first, cursor = unit.messages.search(asked)
        rest, end = unit.messages.search(replace(asked, cursor=cursor))
    assert [m.id for m in (*first, *rest)] == ["msg-5", "msg-3", "msg-1"]
    assert end == ""
