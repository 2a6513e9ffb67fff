"""Engines for the two databases, each set up so that a transaction means the same on both."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    Table,
    any_,
    bindparam,
    create_engine,
    event,
    func,
    select,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import PoolProxiedConnection

from clawback.errors import BadSettings, ReadOnly, StoreUnavailable
from clawback.store import border

BUSY_SECONDS = 30
CACHE_KIB = 64 * 1024
MMAP_BYTES = 2 * 1024**3
CHECKPOINT_PAGES = 8_000
CONNECTIONS = 8
MORE_CONNECTIONS = 56


def engine(text: str) -> Engine:
    """An engine for ``sqlite:///path`` or ``postgresql+psycopg://...``; raises BadSettings for others."""
    try:
        url = make_url(text)
    except ArgumentError:
        raise BadSettings("the store's URL cannot be read; it looks like sqlite:///path/to/file") from None
    if url.drivername in {"sqlite", "sqlite+pysqlite"}:
        made = _sqlite(url)
    elif url.drivername in {"postgresql", "postgresql+psycopg"}:
        made = _postgresql(url.set(drivername="postgresql+psycopg"))
    else:
        raise BadSettings(f"the store runs on sqlite or postgresql+psycopg, not on {url.drivername}")
    event.listen(made, "handle_error", border.translate)
    return made


def _sqlite(url: URL) -> Engine:
    if not url.database or url.database == ":memory:":
        raise BadSettings("the store's URL must name a file")
    _make_file(url.database)
    made = create_engine(
        url,
        pool_size=CONNECTIONS,
        max_overflow=MORE_CONNECTIONS,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False, "isolation_level": None},
    )
    event.listen(made, "connect", _prepare_sqlite)
    return made


def _make_file(path: str) -> None:
    """The database file, readable by its owner only: it tells who wrote to whom."""
    try:
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except PermissionError as error:
        raise ReadOnly(f"the store cannot be made at {path}: {error.strerror}") from error
    except OSError as error:
        raise StoreUnavailable(f"the store cannot be made at {path}: {error.strerror}") from error


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    for pragma in (
        f"cache_size = -{CACHE_KIB}",
        f"mmap_size = {MMAP_BYTES}",
        f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
        "foreign_keys = ON",
        "temp_store = MEMORY",
        "synchronous = NORMAL",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _postgresql(url: URL) -> Engine:
    try:
        return create_engine(
            url,
            pool_size=CONNECTIONS,
            max_overflow=MORE_CONNECTIONS,
            pool_pre_ping=True,
            pool_timeout=BUSY_SECONDS,
        )
    except ImportError:
        raise BadSettings("PostgreSQL needs the driver: pip install 'clawback[postgresql]'") from None


def use_wal(connection: Connection) -> None:
    """Turn the write-ahead log on; the file remembers it."""
    raw: PoolProxiedConnection = connection.connection
    raw.cursor().execute("PRAGMA query_only = OFF")
    raw.cursor().execute("PRAGMA journal_mode = WAL")


def is_sqlite(connection: Connection) -> bool:
    """Whether the connection goes to SQLite and not to PostgreSQL."""
    return connection.dialect.name == "sqlite"


def insert_many(
    connection: Connection,
    table: Table,
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    tail: str = "",
) -> None:
    """Insert rows in one statement, past SQLAlchemy's work per row; `tail` is an ON CONFLICT clause."""
    if not rows:
        return
    sqlite = is_sqlite(connection)
    statement = _insertion(table, columns, sqlite) + tail
    if sqlite:
        connection.exec_driver_sql(statement, list(rows))
    else:
        connection.exec_driver_sql(statement, tuple(list(column) for column in zip(*rows, strict=True)))


def _insertion(table: Table, columns: Sequence[str], sqlite: bool) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    start = ("INSERT INTO", table.name, "(", names, ")")
    if sqlite:
        return " ".join((*start, "VALUES (", ", ".join("?" * len(columns)), ") "))
    arrays = ", ".join(f"%s::{_array_type(table, name)}" for name in columns)
    return " ".join((*start, "SELECT * FROM unnest(", arrays, ") "))


def _array_type(table: Table, name: str) -> str:
    kind = table.c[name].type
    if isinstance(kind, LargeBinary):
        return "bytea[]"
    return "bigint[]" if isinstance(kind, Integer) else "text[]"


def within(connection: Connection, column: ColumnElement[Any], values: Sequence[Any]) -> ColumnElement[bool]:
    """Whether the column's value is one of these; any number of them in one prepared statement."""
    if is_sqlite(connection):
        return column.in_(select(func.json_each(json.dumps(list(values))).table_valued("value").c.value))
    return column == any_(bindparam(None, list(values), type_=ARRAY(column.type), unique=True))
