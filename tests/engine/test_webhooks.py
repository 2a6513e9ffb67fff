"""What people order about webhooks, and what must never be reached or shown."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from tests.engine.telling_desk import Desk
from tests.sinks.receiver import receiving

from clawback.engine import webhooks
from clawback.errors import BadParameter, ChangedMeanwhile, NotFound, Refused
from clawback.response.sinks import SinkState
from clawback.sinks.reach import Reach
from clawback.store import Store


@pytest.fixture
def desk(store: Store) -> Iterator[Desk]:
    with receiving() as receiver:
        yield Desk(store, receiver)


def test_a_long_answer_is_not_read_and_no_answer_is_shown(desk: Desk) -> None:
    desk.add("investigation_")
    desk.happen(2)
    desk.receiver.body = b"inner secret " * 100_000
    desk.receiver.answer = lambda got: 200
    desk.tell()
    assert desk.now.behind == 0
    desk.receiver.answer = lambda got: 500
    desk.happen()
    desk.tell()
    assert "inner secret" not in repr((desk.now, desk.deliveries()))
    assert "inner secret" not in repr(webhooks.send_test(desk.parts, desk.id, "ann"))


def test_no_redirect_is_followed(desk: Desk) -> None:
    with receiving() as inner:
        desk.add("investigation_")
        desk.happen()
        desk.receiver.headers = {"Location": f"{inner.address}/admin"}
        for status in (301, 302, 307, 308):
            desk.receiver.answer = lambda got, status=status: status  # type: ignore[misc]
            assert "redirects are not followed" in webhooks.send_test(desk.parts, desk.id, "ann").error
        assert inner.got == []


def test_what_the_settings_no_longer_allow_is_not_called_any_more(desk: Desk) -> None:
    desk.add("investigation_")
    desk.happen()
    desk.reach = Reach(http=True)
    desk.tell()
    assert "cannot be called" in desk.now.error
    assert desk.receiver.got == []
    assert webhooks.send_test(desk.parts, desk.id, "ann").error
    assert desk.receiver.got == []


def test_both_secrets_sign_until_the_old_one_has_had_its_time(desk: Desk) -> None:
    desk.add("investigation_")
    old = desk.secret
    _, new = webhooks.rotate_secret(desk.parts, desk.id, "ann", overlap=timedelta(hours=2))
    desk.happen()
    desk.tell()
    assert desk.receiver.got[-1].verified(old) == desk.receiver.got[-1].verified(new)
    desk.turn(timedelta(hours=2))
    desk.happen()
    desk.tell()
    desk.receiver.got[-1].verified(new)
    with pytest.raises(Exception, match="No matching signature"):
        desk.receiver.got[-1].verified(old)
    webhooks.rotate_secret(desk.parts, desk.id, "ann", overlap=timedelta())
    desk.happen()
    desk.tell()
    with pytest.raises(Exception, match="No matching signature"):
        desk.receiver.got[-1].verified(new)


def test_secrets_and_addresses_stay_out_of_the_log(desk: Desk) -> None:
    desk.add(path="/hook?key=hidden-in-the-url")
    _, new = webhooks.rotate_secret(desk.parts, desk.id, "ann")
    with desk.store.read() as unit:
        log = repr(unit.audit.list(limit=1_000))
        sink = unit.sinks.get(desk.id)
    for hidden in (desk.secret, new, "hidden-in-the-url"):
        assert hidden not in log
        assert hidden not in repr(sink)
    assert desk.secret not in repr(desk.now)


def test_pausing_stops_it_and_a_change_takes_hold_in_the_middle_of_a_turn(desk: Desk) -> None:
    desk.add("investigation_")
    webhooks.change_webhook(desk.parts, desk.id, "ann", on=False)
    desk.happen(2)
    desk.tell()
    assert desk.receiver.got == []
    webhooks.change_webhook(desk.parts, desk.id, "ann", on=True)
    removed = threading.Event()

    def remove_first(got: object) -> int:
        if not removed.is_set():
            removed.set()
            webhooks.change_webhook(desk.parts, desk.id, "ben", on=False)
            desk.turn(timedelta(seconds=6))  # so that the turn writes, and sees that it lost its lease
        return 204

    desk.receiver.answer = remove_first
    desk.tell()
    assert len(desk.receiver.got) == 1
    assert desk.now.state is SinkState.PAUSED


def test_a_test_says_what_came_of_it_and_changes_nothing(desk: Desk) -> None:
    desk.add("investigation_")
    before = desk.now
    sent = webhooks.send_test(desk.parts, desk.id, "ann")
    assert (sent.status, sent.error) == (204, "")
    assert desk.receiver.got[0].verified(desk.secret)["type"] == "test"
    desk.receiver.answer = lambda got: 403
    assert webhooks.send_test(desk.parts, desk.id, "ann").error == "answered 403"
    assert desk.now == before


def test_what_makes_no_sense_is_refused(desk: Desk) -> None:
    desk.add()
    parts = desk.parts
    with pytest.raises(BadParameter, match="no event begins with"):
        webhooks.change_webhook(parts, desk.id, "ann", events=["nonsense"])
    with pytest.raises(BadParameter):
        webhooks.change_webhook(parts, desk.id, "ann", url="http://10.0.0.1/")
    with pytest.raises(BadParameter):
        webhooks.change_webhook(parts, desk.id, "ann", name=" ")
    with pytest.raises(BadParameter):
        webhooks.rotate_secret(parts, desk.id, "ann", overlap=timedelta(days=8))
    with pytest.raises(NotFound):
        webhooks.remove_webhook(parts, "whk-nobody", "ann")
    was = desk.now
    webhooks.change_webhook(parts, desk.id, "ben", name="other")
    with pytest.raises(ChangedMeanwhile):
        webhooks.change_webhook(parts, desk.id, "ann", name="third", was=was)


def test_there_are_not_too_many_and_a_removed_one_leaves_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "MOST_SINKS", 1)
    desk.add("investigation_")
    with pytest.raises(Refused):
        webhooks.add_webhook(desk.parts, desk.receiver.address, [], "ann")
    desk.happen(2)
    desk.exhaust(400)
    assert webhooks.remove_webhook(desk.parts, desk.id, "ann").dead == 2
    with pytest.raises(NotFound):
        desk.deliveries()
    desk.add("investigation_")
    assert desk.deliveries() == []
    assert desk.events() == ["sink_added", "sink_removed", "sink_added"]
