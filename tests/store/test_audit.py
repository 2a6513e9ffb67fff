from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from tests.store.make import HOUR, NOW

from clawback.errors import BadQuery, Corrupt
from clawback.store import AuditCheck, Store, audit
from clawback.store.audit import START


def _fill(store: Store, count: int) -> None:
    with store.write(durable=True) as unit:
        for number in range(1, count + 1):
            unit.audit.append("even" if number % 2 == 0 else "odd", "ann", NOW + number * HOUR, {"n": number})


def _tamper(store: Store, statement: str) -> None:
    """Change the log as somebody would who may do anything with the database."""
    with store.write() as unit:
        connection = unit._connection
        if connection.dialect.name == "sqlite":
            for name in ("audit_no_update", "audit_no_delete", "audit_in_order"):
                connection.execute(text(f"DROP TRIGGER {name}"))
        else:
            connection.execute(text("ALTER TABLE audit DISABLE TRIGGER USER"))
        connection.exec_driver_sql(statement)


def test_events_are_numbered_and_come_back(store: Store) -> None:
    body = {"b": [1, {"z": None}], "a": "\udce9\x00\u00e9", "at": datetime(2026, 1, 1, tzinfo=UTC)}
    with store.write(durable=True) as unit:
        assert unit.audit.append("first", "a\udce9", NOW, body) == 1
        assert unit.audit.append("second", "ann", NOW, {}) == 2
    with store.read() as unit:
        first, second = unit.audit.list()
        assert (first.seq, first.type, first.actor, first.at) == (1, "first", "a\udce9", NOW)
        assert first.body == {**body, "at": "2026-01-01T00:00:00Z"}
        assert unit.audit.verify() == AuditCheck(2, True, None, second.hash)
        assert unit.audit.head() == second.hash


def test_an_empty_log_holds(store: Store) -> None:
    with store.read() as unit:
        assert unit.audit.verify() == AuditCheck(0, True, None, START)
        assert unit.audit.head() == START


def test_events_are_listed_by_place_and_type(store: Store) -> None:
    _fill(store, 6)
    with store.read() as unit:
        assert [row.seq for row in unit.audit.list(after_seq=2, limit=3)] == [3, 4, 5]
        assert [row.seq for row in unit.audit.list(types=["even"])] == [2, 4, 6]
        assert unit.audit.list(types=[]) == ()
        with pytest.raises(BadQuery):
            unit.audit.list(limit=0)


def test_a_long_log_is_verified_and_exported_in_batches(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "_BATCH", 10)
    _fill(store, 35)
    with store.read() as unit:
        assert unit.audit.verify().rows == 35
        assert [row.body["n"] for row in unit.audit.export()] == list(range(1, 36))
        assert unit.audit.count() == 35


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'eve' WHERE seq = 2",
        "DELETE FROM audit WHERE seq = 3",
        "DELETE FROM audit",
        "INSERT INTO audit VALUES (9, 0, 'eve', 't', '{}', 'x')",
        "INSERT INTO audit VALUES (2, 0, 'eve', 't', '{}', 'x')",
    ],
)
def test_the_database_refuses_to_change_the_log(store: Store, statement: str) -> None:
    _fill(store, 3)
    with pytest.raises(Corrupt), store.write() as unit:
        unit._connection.execute(text(statement))
    with store.read() as unit:
        assert unit.audit.verify().rows == 3
        assert unit.audit.verify().ok


def test_the_log_cannot_be_replaced_or_emptied_by_a_back_door(store: Store, store_url: str) -> None:
    _fill(store, 2)
    replacing = "INSERT OR REPLACE INTO audit VALUES (1, 0, 'eve', 't', '{}', 'x')"
    statement = text(replacing if store_url.startswith("sqlite") else "TRUNCATE audit")
    with pytest.raises(Corrupt), store.write() as unit:
        unit._connection.execute(statement)


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("UPDATE audit SET actor = 'eve' WHERE seq = 2", 2),
        ("UPDATE audit SET body = '{\"n\":4}' WHERE seq = 3", 3),
        ("UPDATE audit SET at = at + 1 WHERE seq = 1", 1),
        ("UPDATE audit SET hash = 'x' WHERE seq = 4", 4),
        ("DELETE FROM audit WHERE seq = 2", 2),
        ("DELETE FROM audit WHERE seq = 1", 1),
        ("INSERT INTO audit VALUES (-5, 0, 'eve', 't', '{}', 'x')", 1),
    ],
)
def test_tampering_is_found_where_it_begins(store: Store, statement: str, broken: int) -> None:
    _fill(store, 4)
    _tamper(store, statement)
    with store.read() as unit:
        check = unit.audit.verify()
        assert (check.ok, check.broken_at, check.rows) == (False, broken, broken - 1)


def test_cutting_off_the_end_shows_in_the_head(store: Store) -> None:
    _fill(store, 3)
    with store.read() as unit:
        head = unit.audit.head()
    _tamper(store, "DELETE FROM audit WHERE seq = 3")
    with store.read() as unit:
        assert unit.audit.verify().ok
        assert unit.audit.verify().head != head


def test_many_writers_make_one_chain(store: Store) -> None:
    def write() -> None:
        for number in range(10):
            with store.write(durable=True) as unit:
                unit.audit.append("t", threading.current_thread().name, NOW, {"n": number})

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with store.read() as unit:
        check = unit.audit.verify()
        assert (check.rows, check.ok) == (40, True)
