from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.store.make import HOUR, NOW, indicator

from clawback.analysis.entities import Entity, EntityKind
from clawback.analysis.indicators import Indicator, IndicatorKind, Match, Threat, VerdictKind
from clawback.errors import BadQuery, NotFound, StoreUnavailable
from clawback.store import Store


def _of(number: int, kind: IndicatorKind, value: str, match: Match = Match.EXACT) -> Indicator:
    return replace(indicator(number), kind=kind, value=value, match=match)


def test_only_new_indicators_are_answered_and_old_ones_refreshed(store: Store) -> None:
    with store.write() as unit:
        assert unit.indicators.add([indicator(1), indicator(2)]) == (indicator(1), indicator(2))
    fresher = replace(indicator(1), confidence=10, expires_at=NOW + HOUR, note="n\x00\udce9")
    liar = replace(fresher, value="http://other.example/", source="feed", added_at=NOW + HOUR)
    with store.write() as unit:
        assert unit.indicators.add([liar, indicator(3), indicator(3)]) == (indicator(3),)
        assert unit.indicators.get("ind-1") == fresher
        assert unit.indicators.count() == 3
        assert unit.indicators.add([]) == ()


def test_indicators_are_found_by_what_a_message_carries(store: Store) -> None:
    prefix = _of(2, IndicatorKind.URL, "http://evil.example/a/", Match.PREFIX)
    file = _of(3, IndicatorKind.SHA256, "a" * 64)
    domain = _of(4, IndicatorKind.DOMAIN, "evil.example")
    with store.write() as unit:
        unit.indicators.add([indicator(1), prefix, file, domain, _of(5, IndicatorKind.SENDER, "x@y.example")])
        asked = [
            Entity(EntityKind.URL, "http://evil.example/1"),
            Entity(EntityKind.HOST, "evil.example"),
            Entity(EntityKind.FILE, "a" * 64),
            Entity(EntityKind.URL, "x@y.example"),
        ]
        assert unit.indicators.matching(asked) == (indicator(1), prefix, file)
        assert unit.indicators.matching([Entity(EntityKind.DOMAIN, "evil.example")]) == (domain,)
        assert unit.indicators.matching([]) == ()


def test_a_large_feed_and_a_large_question(store: Store) -> None:
    feed = [indicator(n, source="feed") for n in range(12_000)]
    with store.write() as unit:
        assert len(unit.indicators.add(feed)) == len(feed)
        asked = [Entity(EntityKind.URL, f"http://evil.example/{n}") for n in range(11_999, 24_000)]
        assert unit.indicators.matching(asked) == (feed[11_999],)


def test_a_removed_indicator_is_gone_from_the_index(store: Store) -> None:
    with store.write() as unit:
        unit.indicators.add([indicator(1)])
        assert unit.indicators.remove("ind-1") == indicator(1)
        assert unit.indicators.matching([Entity(EntityKind.URL, "http://evil.example/1")]) == ()
        for ask in (unit.indicators.get, unit.indicators.remove):
            with pytest.raises(NotFound):
                ask("ind-1")
        assert unit.indicators.add([indicator(1)]) == (indicator(1),)


def test_indicators_are_listed_newest_first(store: Store) -> None:
    allowed = replace(indicator(4), verdict=VerdictKind.NO_THREATS_FOUND, threat=Threat.SPAM)
    file = _of(5, IndicatorKind.SHA256, "a" * 64)
    with store.write() as unit:
        for item in (indicator(1), indicator(2), indicator(3, source="feed"), allowed, file):
            unit.indicators.add([item])
        first, cursor = unit.indicators.list(kind=IndicatorKind.URL, limit=3)
        rest, end = unit.indicators.list(kind=IndicatorKind.URL, limit=3, cursor=cursor)
        assert [i.id for i in (*first, *rest)] == ["ind-4", "ind-3", "ind-2", "ind-1"]
        assert end == ""
        assert unit.indicators.list(source="feed") == ((indicator(3, source="feed"),), "")
        assert unit.indicators.list(verdict=VerdictKind.NO_THREATS_FOUND) == ((allowed,), "")
        with pytest.raises(BadQuery):
            unit.indicators.list(limit=10_001)
        with pytest.raises(BadQuery):
            unit.indicators.list(cursor="nonsense")


@pytest.mark.parametrize("empty_url", ["postgresql"], indirect=True)
def test_listing_waits_for_intake_and_intake_not_for_intake(
    store: Store, store_url: str, tmp_path: Path
) -> None:
    hasty = Store.open(f"{store_url}%20-clock_timeout%3D50", tmp_path)
    with store.write() as intake:
        intake.indicators.fence(changing=False)
        with hasty.write() as other:
            other.indicators.fence(changing=False)
        with pytest.raises(StoreUnavailable), hasty.write() as listing:
            listing.indicators.fence(changing=True)
    with hasty.write() as listing:
        listing.indicators.fence(changing=True)
    hasty.close()


@pytest.mark.parametrize("empty_url", ["sqlite"], indirect=True)
def test_one_writer_needs_no_fence(store: Store) -> None:
    with store.write() as unit:
        unit.indicators.fence(changing=True)
        assert unit.indicators.add([indicator(1)]) == (indicator(1),)
