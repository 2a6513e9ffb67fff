from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from sqlalchemy import text
from tests.store.make import delivery, features, message

from clawback.message.message import Message
from clawback.message.nested import Nested
from clawback.message.trace import Step
from clawback.store import Store, database

TRACE = (Step("x-sieve-redirected-from", "ann\udce9@example.org"), Step("list-id", "all.example.org"))


def test_the_trace_of_a_copy_is_kept_as_it_was_on_arrival(store: Store) -> None:
    with store.write() as unit:
        unit.deliveries.save([replace(delivery(1), trace=TRACE), delivery(2)])
        unit.deliveries.relocate([delivery(1)])
        assert unit.deliveries.get("dlv-1").trace == TRACE
        assert unit.deliveries.get("dlv-2").trace == ()


def test_a_copy_written_before_there_were_traces_has_none(store: Store, store_url: str) -> None:
    with store.write() as unit:
        unit.deliveries.save([delivery(1)])
    engine = database.engine(store_url)
    columns = (
        "id, message_id, raw_sha256, size, mailbox_no, folder, native_id, version, flags, internal_date, "
        "action, original_location, original_folder, location, located_at, first_seen"
    )
    with engine.begin() as connection:
        old = f"SELECT 'dlv-old', {columns.removeprefix('id, ')} FROM deliveries"
        connection.execute(text(f"INSERT INTO deliveries ({columns}) {old}"))
        connection.commit()
    engine.dispose()
    with store.read() as unit:
        assert unit.deliveries.get("dlv-old") == replace(delivery(1), id="dlv-old")


def nested(number: int) -> Nested:
    return Nested(f"msg-{number}", f"<{number}@example.org>", "eve@bad.example", "hello", "2")


def test_what_holds_or_refers_to_a_message_is_found(store: Store) -> None:
    holds = replace(message(2), nested=(nested(1),))
    answers = replace(message(3), in_reply_to="<1@example.org>")
    thread = tuple(f"<t{n}@example.org>" for n in range(9))
    late = replace(message(4), references=("<1@example.org>", *thread))
    anew = replace(message(5), nested=(replace(nested(1), id="msg-rewritten"),))
    nobody = replace(message(6), nested=(replace(nested(7), internet_message_id=""),))
    with store.write() as unit:
        batch = [message(1), holds, answers, late, anew, nobody]
        unit.messages.add([(m, features(n)) for n, m in enumerate(batch, 1)])
        found = unit.messages.referring(["msg-1"], ["<1@example.org>"])
        assert [m.id for m in found] == ["msg-2", "msg-3", "msg-4", "msg-5"]
        assert [m.id for m in unit.messages.referring(["msg-1"], [])] == ["msg-2"]
        assert [m.id for m in unit.messages.referring([], ["<t8@example.org>"])] == ["msg-4"]
        assert list(unit.messages.referring([], ["<t4@example.org>", ""])) == []
        assert unit.messages.get("msg-2").nested == (nested(1),)


def test_signatures_come_for_many_at_once(store: Store) -> None:
    with store.write() as unit:
        unit.messages.add([(message(n), features(n)) for n in (1, 2)])
        assert unit.messages.signatures(["msg-1", "msg-2", "msg-9"]) == {
            "msg-1": features(1).signature,
            "msg-2": features(2).signature,
        }


@pytest.mark.parametrize("field", ["nested", "trace"])
def test_a_message_kept_before_there_was_such_a_field_reads_as_without(field: str) -> None:
    old = msgspec.to_builtins(message(1))
    del old[field]
    assert msgspec.convert(old, Message) == message(1)
