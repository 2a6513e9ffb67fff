"""Clicks, sent mail, starts and what is left out, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from clawback.analysis.entities import Entity, EntityKind
from clawback.response.clicks import click
from clawback.response.sending import Hour, Sent
from clawback.store import Store

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
URL = "https://login.evil.example/session"


def test_a_click_is_kept_once_and_found_by_url_host_and_domain(store: Store) -> None:
    one, two = click("Ann@example.org", URL, NOW, "proxy"), click("ben@example.org", URL + "?x", NOW, "proxy")
    with store.write() as unit:
        assert unit.clicks.add([two, one, one]) == (two, one)
        assert unit.clicks.add([one]) == ()
    with store.read() as unit:
        assert list(unit.clicks.matching([Entity(EntityKind.URL, URL)], 10)) == [one]
        both = [Entity(EntityKind.HOST, "login.evil.example"), Entity(EntityKind.DOMAIN, "evil.example")]
        assert set(unit.clicks.matching(both, 10)) == {one, two}
        assert len(list(unit.clicks.matching(both, 1))) == 1
        assert unit.clicks.list() == ((one, two), "")


def test_what_was_sent_is_counted_once_by_the_hour(store: Store) -> None:
    hour = NOW.replace(minute=0)
    sent = [Sent(f"msg-{n}", NOW - timedelta(minutes=20 * n), n + 1) for n in range(4)]
    with store.write() as unit:
        again = Sent("msg-1", NOW + timedelta(days=1), 99)
        unit.sent_mail.add([("ann@example.org", one) for one in (*sent, again)])
        unit.sent_mail.add([("ann@example.org", Sent("msg-0", NOW + timedelta(days=1), 99))])
        unit.sent_mail.add([("ben@example.org", sent[0])])
    with store.read() as unit:
        hours = unit.sent_mail.hours("ann@example.org", NOW - timedelta(days=1))
        assert hours == (Hour(hour - timedelta(hours=1), 2, 7), Hour(hour, 2, 3))
        assert unit.sent_mail.of_account("ann@example.org", NOW - timedelta(minutes=30), 10) == tuple(
            sent[:2]
        )
        assert unit.sent_mail.accounts_of(["msg-0", "msg-9"]) == ("ann@example.org", "ben@example.org")
        assert unit.sent_mail.busy(["ann@example.org", "ben@example.org"], hour, 3) == ("ann@example.org",)


def test_room_for_the_next_start_is_when_the_oldest_is_an_hour_old(store: Store) -> None:
    with store.write() as unit:
        assert unit.starts.room_at(2, NOW) == NOW
        unit.starts.note("inv-1", NOW)
        unit.starts.note("inv-1", NOW + timedelta(minutes=1))
        assert unit.starts.room_at(2, NOW) == NOW
        unit.starts.note("inv-2", NOW + timedelta(minutes=5))
        assert unit.starts.room_at(2, NOW + timedelta(minutes=6)) == NOW + timedelta(hours=1)
        assert unit.starts.room_at(2, NOW + timedelta(minutes=60)) == NOW + timedelta(minutes=60)
        assert unit.starts.has("inv-1")
        unit.starts.note("inv-3", NOW + timedelta(days=2))
        assert not unit.starts.has("inv-1")


def test_what_is_left_out_is_replaced_as_a_whole(store: Store) -> None:
    with store.write() as unit:
        assert unit.exclusions.replace("inv-1", "clu-1", {"msg-1": "a", "msg-2": "b"})
        assert not unit.exclusions.replace("inv-1", "clu-1", {"msg-2": "b", "msg-1": "a"})
        assert unit.exclusions.replace("inv-1", "clu-1", {"msg-1": "c"})
        assert not unit.exclusions.replace("inv-1", "clu-2", {})
    with store.read() as unit:
        (one,) = unit.exclusions.of_cluster("clu-1", 10)
        assert (one.message_id, one.reason, one.mailbox) == ("msg-1", "c", "")
        assert unit.exclusions.of_investigation("inv-1", 10) == (one,)
