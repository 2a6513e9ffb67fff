"""Bringing the schema up to date. A migration and the row that records it commit together.

Each migration is a frozen pair ``NNNN_name.sqlite.sql`` and ``NNNN_name.postgresql.sql`` in
``migrations/``, statements parted by lines of ``;;``. A migration that was released is never edited.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from importlib.resources import files

from sqlalchemy import Connection, func, insert, inspect, select
from sqlalchemy.exc import DBAPIError

from clawback.errors import MigrationFailed
from clawback.store import database, schema

_LOCK = 0x636C6177


@dataclass(frozen=True, slots=True)
class Migration:
    """One step: its number, its name, and its statements for one database."""

    version: int
    name: str
    statements: tuple[str, ...]


def known(dialect: str) -> tuple[Migration, ...]:
    """Every migration for a database, oldest first."""
    found = []
    for file in files("clawback.store").joinpath("migrations").iterdir():
        stem, _, rest = file.name.partition(".")
        if rest == f"{dialect}.sql":
            statements = tuple(s.strip() for s in file.read_text("utf-8").split("\n;;\n") if s.strip())
            found.append(Migration(int(stem[:4]), stem[5:], statements))
    return tuple(sorted(found, key=lambda migration: migration.version))


def to_newest(connection: Connection) -> int:
    """Apply what is missing, each migration in its own transaction; answers the version reached."""
    migrations = known(connection.dialect.name)
    while True:
        try:
            step = _step(connection, migrations)
        except DBAPIError as error:
            raise MigrationFailed(f"the schema could not be brought up to date: {error.orig}") from error
        if step is None:
            return migrations[-1].version


def _step(connection: Connection, migrations: tuple[Migration, ...]) -> Migration | None:
    """Apply the next migration, or answer None when there is none."""
    with connection.begin():
        _lock(connection)
        version = current(connection)
        _refuse_newer(version, migrations[-1].version)
        step = next((m for m in migrations if m.version > version), None)
        if step is not None:
            for statement in step.statements:
                connection.exec_driver_sql(statement)
            row = {"version": step.version, "name": step.name, "applied_at": time.time_ns() // 1000}
            connection.execute(insert(schema.migrations).values(row))
    return step


def _lock(connection: Connection) -> None:
    if database.is_sqlite(connection):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def current(connection: Connection) -> int:
    """The version of the schema as it is; 0 when there is none."""
    if not inspect(connection).has_table(schema.migrations.name):
        return 0
    return connection.execute(select(func.max(schema.migrations.c.version))).scalar() or 0


def require_newest(connection: Connection) -> None:
    """Raises MigrationFailed unless the schema is the one this code knows."""
    newest = known(connection.dialect.name)[-1].version
    version = current(connection)
    _refuse_newer(version, newest)
    if version < newest:
        raise MigrationFailed(
            f"the store's schema has version {version}; run the migration to version {newest}"
        )


def _refuse_newer(version: int, newest: int) -> None:
    if version > newest:
        raise MigrationFailed(
            f"the store's schema has version {version}, made by a newer clawback; this one knows {newest}"
        )
