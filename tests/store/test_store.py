from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.store.make import NOW, features, message

from clawback.analysis.entities import Entity, EntityKind
from clawback.errors import BadSettings, Corrupt, MigrationFailed, ReadOnly, StoreUnavailable
from clawback.store import Store, Unit, database


def _count(store: Store) -> int:
    with store.read() as unit:
        return unit.messages.count()


def _add(unit: Unit, *numbers: int) -> None:
    unit.messages.add([(message(n), features(n)) for n in numbers], now=NOW)


@pytest.mark.parametrize("durable", [False, True])
def test_an_exception_leaves_nothing_of_its_unit(store: Store, durable: bool) -> None:
    def fail() -> None:
        with store.write(durable=durable) as unit:
            _add(unit, 1, 2)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert _count(store) == 0
    with store.write(durable=durable) as unit:
        _add(unit, 3)
    assert _count(store) == 1


def test_a_reader_sees_one_state_while_others_write(store: Store) -> None:
    with store.read() as unit:
        assert unit.messages.count() == 0
        with store.write() as writer:
            _add(writer, 1)
        assert unit.messages.count() == 0
    assert _count(store) == 1


def test_a_reader_may_not_write(store: Store) -> None:
    with pytest.raises(ReadOnly), store.read() as unit:
        _add(unit, 1)
    with store.write() as unit:
        _add(unit, 1)
    assert _count(store) == 1


def test_a_write_inside_a_write_is_a_mistake_told_at_once(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/s.db", tmp_path)
    store.migrate()
    with store.write(), pytest.raises(RuntimeError), store.write():
        pass
    with store.write() as unit:
        _add(unit, 1)
    assert _count(store) == 1
    store.close()


def test_threads_write_in_turn_and_all_is_kept(store: Store) -> None:
    def work(first: int) -> None:
        for number in range(first, first + 20):
            with store.write(durable=number % 2 == 0) as unit:
                _add(unit, number, number + 1)
            assert _count(store) > 0

    threads = [threading.Thread(target=work, args=(first,)) for first in (0, 10, 20, 30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert _count(store) == 51


@pytest.mark.parametrize("empty_url", ["postgresql"], indirect=True)
def test_two_writers_of_the_same_messages_remember_each_once(store: Store) -> None:
    """The second starts before the first commits, and waits for it."""
    started = threading.Event()

    def second() -> None:
        with store.write() as unit:
            unit.messages.count()
            started.set()
            _add(unit, 3, 2, 1)

    thread = threading.Thread(target=second)
    with store.write() as unit:
        _add(unit, 1, 2)
        thread.start()
        started.wait(30)
    thread.join(60)
    with store.read() as unit:
        assert unit.messages.count() == 3
        sent = [Entity(EntityKind.SENDER, f"sender{n}@example.org") for n in (1, 2, 3)]
        assert [m.id for m in unit.messages.sharing(sent)] == ["msg-1", "msg-2", "msg-3"]


def test_processes_share_a_store(store: Store, store_url: str, tmp_path: Path) -> None:
    program = """
import sys, pathlib
from tests.store.make import features, message
from clawback.store import Store
store = Store.open(sys.argv[1], pathlib.Path(sys.argv[2]))
for number in range(int(sys.argv[3]), int(sys.argv[3]) + 40):
    with store.write() as unit:
        unit.messages.add([(message(number), features(number))])
"""
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", program, store_url, str(tmp_path)]
    running = [subprocess.Popen([*command, str(first)], cwd=root) for first in (0, 20)]
    assert [process.wait(60) for process in running] == [0, 0]
    assert _count(store) == 60


@pytest.mark.parametrize(
    "url", ["", "nonsense", "mysql://x/y", "sqlite://", "sqlite:///:memory:", "oracle://"]
)
def test_only_two_databases_will_do(tmp_path: Path, url: str) -> None:
    with pytest.raises(BadSettings):
        Store.open(url, tmp_path)


def test_a_store_without_a_schema_says_so(empty_url: str, tmp_path: Path) -> None:
    store = Store.open(empty_url, tmp_path)
    with pytest.raises(MigrationFailed), store.read():
        pass
    with pytest.raises(MigrationFailed), store.write():
        pass
    store.migrate()
    assert _count(store) == 0
    store.close()


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/s.db", tmp_path)
    store.migrate()
    assert (tmp_path / "s.db").stat().st_mode & 0o077 == 0
    store.close()


def test_a_file_that_cannot_be_made_is_a_store_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        Store.open(f"sqlite:///{tmp_path}/no/such/folder/s.db", tmp_path)


def test_a_file_that_is_no_database_is_corrupt(tmp_path: Path) -> None:
    (tmp_path / "s.db").write_bytes(b"something else entirely " * 100)
    store = Store.open(f"sqlite:///{tmp_path}/s.db", tmp_path)
    with pytest.raises(Corrupt):
        store.migrate()
    store.close()


def test_a_full_disk_stops_the_write_and_keeps_what_was_there(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/s.db", tmp_path)
    store.migrate()
    with store.write() as unit:
        _add(unit, 1)
        unit._connection.execute(text("PRAGMA max_page_count = 1"))
    with pytest.raises(StoreUnavailable), store.write() as unit:
        _add(unit, *range(2, 2_000))
    assert _count(store) == 1
    store.close()


def test_a_lock_that_is_never_let_go_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    store = Store.open(f"sqlite:///{tmp_path}/s.db", tmp_path)
    store.migrate()
    other = sqlite3.connect(tmp_path / "s.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable), store.write():
        pass
    assert _count(store) == 0
    other.close()
    with store.write() as unit:
        _add(unit, 1)
    store.close()


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    store = Store.open(f"postgresql+psycopg://postgres@/x?host={tmp_path}", tmp_path)
    with pytest.raises(StoreUnavailable):
        store.migrate()
    with pytest.raises(StoreUnavailable), store.write():
        pass


@pytest.mark.parametrize("empty_url", ["postgresql"], indirect=True)
def test_a_server_lost_in_the_middle_is_told_and_found_again(store: Store) -> None:
    with pytest.raises(StoreUnavailable), store.write() as unit:
        unit._connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    assert _count(store) == 0
    with store.write() as unit:
        _add(unit, 1)
    assert _count(store) == 1


@pytest.mark.parametrize("empty_url", ["postgresql"], indirect=True)
def test_a_server_that_only_reads_is_told(store_url: str, tmp_path: Path) -> None:
    store = Store.open(f"{store_url}%20-cdefault_transaction_read_only%3Don", tmp_path)
    assert _count(store) == 0
    with pytest.raises(ReadOnly), store.write() as unit:
        _add(unit, 1)
    store.close()


@pytest.mark.parametrize("empty_url", ["sqlite"], indirect=True)
def test_durable_writes_wait_for_the_disk(store: Store) -> None:
    for durable, level in ((True, 2), (False, 1), (True, 2)):
        with store.write(durable=durable) as unit:
            assert unit._connection.execute(text("PRAGMA synchronous")).scalar() == level
    with store.read() as unit:
        assert unit._connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"


@pytest.mark.parametrize("empty_url", ["postgresql"], indirect=True)
def test_durable_commits_wait_for_the_disk(store: Store) -> None:
    for durable, level in ((True, "on"), (False, "off"), (True, "on")):
        with store.write(durable=durable) as unit:
            assert unit._connection.execute(text("SHOW synchronous_commit")).scalar() == level
