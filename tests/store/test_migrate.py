from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, inspect, text
from sqlalchemy.schema import Table

from clawback.errors import MigrationFailed
from clawback.store import Store, columns, database, migrate

SQLITE_ALONE = "messages_by_words"


@pytest.fixture
def engine(empty_url: str) -> Any:
    made = database.engine(empty_url)
    yield made
    made.dispose()


def _shape(engine: Engine, table: str) -> dict[str, Any]:
    seen = inspect(engine)
    return {
        "columns": {c["name"]: (str(c["type"]), c["nullable"]) for c in seen.get_columns(table)},
        "key": seen.get_pk_constraint(table)["constrained_columns"],
        "indexes": {
            (tuple(i["column_names"]), bool(i["unique"]))
            for i in seen.get_indexes(table)
            if "duplicates_constraint" not in i
        },
        "unique": {tuple(c["column_names"]) for c in seen.get_unique_constraints(table)},
    }


def _wanted(table: Table, dialect: str) -> dict[str, Any]:
    mine = [i for i in table.indexes if dialect == "sqlite" or i.name != SQLITE_ALONE]
    return {
        "key": [column.name for column in table.primary_key],
        "indexes": {(tuple(c.name for c in i.columns), bool(i.unique)) for i in mine},
        "unique": {(column.name,) for column in table.columns if column.unique},
        "nullable": {column.name: column.nullable for column in table.columns},
    }


def test_the_frozen_migrations_make_the_schema_the_code_uses(
    empty_url: str, engine: Engine, tmp_path: Path
) -> None:
    store = Store.open(empty_url, tmp_path)
    store.migrate()
    store.close()
    names = set(inspect(engine).get_table_names())
    assert names == set(columns.metadata.tables)
    for name, table in columns.metadata.tables.items():
        made, wanted = _shape(engine, name), _wanted(table, engine.dialect.name)
        nullable = {column: may for column, (_, may) in made["columns"].items()}
        assert nullable == wanted["nullable"], name
        assert {key: made[key] for key in ("key", "indexes", "unique")} == {
            key: wanted[key] for key in ("key", "indexes", "unique")
        }, name


def test_the_schema_made_anew_has_the_types_of_the_migrated_one(
    empty_url: str, engine: Engine, tmp_path: Path
) -> None:
    store = Store.open(empty_url, tmp_path)
    store.migrate()
    store.close()
    migrated = {name: _shape(engine, name) for name in columns.metadata.tables}
    with engine.begin() as connection:
        columns.metadata.drop_all(connection)
        columns.metadata.create_all(connection)
    assert {name: _shape(engine, name) for name in columns.metadata.tables} == migrated


def test_migrating_twice_changes_nothing(empty_url: str, tmp_path: Path) -> None:
    store = Store.open(empty_url, tmp_path)
    newest = store.migrate()
    assert store.migrate() == newest == migrate.known("sqlite")[-1].version
    store.close()


def test_a_newer_schema_is_refused(empty_url: str, engine: Engine, tmp_path: Path) -> None:
    store = Store.open(empty_url, tmp_path)
    store.migrate()
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO migrations VALUES (99, 'future', 0)"))
        connection.commit()
    store.close()
    late = Store.open(empty_url, tmp_path)
    for use in (late.read, late.write):
        with pytest.raises(MigrationFailed), use():
            pass
    with pytest.raises(MigrationFailed):
        late.migrate()
    late.close()


def test_a_migration_that_fails_leaves_the_schema_as_it_was(
    empty_url: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = migrate.known(engine.dialect.name)
    newest = good[-1].version
    statements = ("CREATE TABLE half (n INTEGER)", "SELECT no_such_thing")
    broken = migrate.Migration(newest + 1, "broken", statements)
    with engine.connect() as connection:
        assert migrate.to_newest(connection) == newest
        monkeypatch.setattr(migrate, "known", lambda dialect: (*good, broken))
        with pytest.raises(MigrationFailed):
            migrate.to_newest(connection)
    with engine.connect() as connection:
        assert migrate.current(connection) == newest
        assert not inspect(connection).has_table("half")


def test_two_that_migrate_at_once_do_not_hinder_each_other(empty_url: str, tmp_path: Path) -> None:
    versions: list[int] = []

    def work() -> None:
        store = Store.open(empty_url, tmp_path)
        versions.append(store.migrate())
        store.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert versions == [migrate.known("sqlite")[-1].version] * 4


def test_both_databases_have_the_same_migrations() -> None:
    first, second = (
        [(m.version, m.name) for m in migrate.known(dialect)] for dialect in ("sqlite", "postgresql")
    )
    assert first == second
    assert [version for version, _ in first] == list(range(1, len(first) + 1))
