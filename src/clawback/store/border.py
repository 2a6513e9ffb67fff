"""The border to the databases: foreign errors become ours here, by code and never by text."""

from __future__ import annotations

import sqlite3

from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, IntegrityError

from clawback.errors import BadQuery, ClawbackError, Corrupt, MigrationFailed, ReadOnly, StoreUnavailable

_PRIMARY_CODE = 0xFF
_QUERY_CANCELED = "57014"
_SQLITE: dict[int, type[ClawbackError]] = {
    sqlite3.SQLITE_READONLY: ReadOnly,
    sqlite3.SQLITE_PERM: ReadOnly,
    sqlite3.SQLITE_FULL: StoreUnavailable,
    sqlite3.SQLITE_IOERR: StoreUnavailable,
    sqlite3.SQLITE_CANTOPEN: StoreUnavailable,
    sqlite3.SQLITE_BUSY: StoreUnavailable,
    sqlite3.SQLITE_LOCKED: StoreUnavailable,
    sqlite3.SQLITE_PROTOCOL: StoreUnavailable,
    sqlite3.SQLITE_NOMEM: StoreUnavailable,
    sqlite3.SQLITE_CORRUPT: Corrupt,
    sqlite3.SQLITE_NOTADB: Corrupt,
    sqlite3.SQLITE_CONSTRAINT: Corrupt,
}

# By class (the first two characters of SQLSTATE) unless the whole code is listed.
_SQLSTATE: dict[str, type[ClawbackError]] = {
    "25006": ReadOnly,
    "42501": ReadOnly,
    "42P01": MigrationFailed,
    "55P03": StoreUnavailable,
    "08": StoreUnavailable,
    "22": BadQuery,
    "23": Corrupt,
    "28": StoreUnavailable,
    "3D": StoreUnavailable,
    "40": StoreUnavailable,
    "53": StoreUnavailable,
    "57": StoreUnavailable,
    "58": StoreUnavailable,
    "XX": Corrupt,
}


def ours(error: BaseException, *, disconnected: bool = False) -> ClawbackError | None:
    """Our error for one of a database driver, None when it can only be a mistake in our own code."""
    kind = _of_sqlite(error) if isinstance(error, sqlite3.Error) else _of_postgresql(error, disconnected)
    return None if kind is None else kind(_sentence(kind, error))


def _of_sqlite(error: sqlite3.Error) -> type[ClawbackError] | None:
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else _SQLITE.get(code & _PRIMARY_CODE)


def _of_postgresql(error: BaseException, disconnected: bool) -> type[ClawbackError] | None:
    import psycopg

    state = getattr(error, "sqlstate", None)
    if state is not None:
        return _SQLSTATE.get(state) or _SQLSTATE.get(state[:2])
    if disconnected or isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return StoreUnavailable
    return BadQuery if isinstance(error, psycopg.DataError) else None


def _sentence(kind: type[ClawbackError], error: BaseException) -> str:
    detail = " ".join(str(error).split())
    says = {
        ReadOnly: "the store may not be written",
        StoreUnavailable: "the store does not answer",
        MigrationFailed: "the store has no schema yet, or an old one",
        BadQuery: "the store cannot hold or compare such a value",
    }
    return f"{says.get(kind, 'the store is damaged or holds what it may not')}: {detail}"


def translate(context: ExceptionContext) -> None:
    """SQLAlchemy's hook: raise our error in place of its own wherever we have one."""
    if isinstance(context.sqlalchemy_exception, IntegrityError):
        return  # some callers ask for these; the transaction's end translates the rest
    mapped = ours(context.original_exception, disconnected=context.is_disconnect)
    if mapped is not None:
        context.chained_exception = mapped


def was_interrupted(error: BaseException) -> bool:
    """Whether the database gave up because its time was over."""
    cause = getattr(error, "orig", None) or error.__cause__
    interrupted = getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT
    return interrupted or getattr(cause, "sqlstate", None) == _QUERY_CANCELED


def translated(error: DBAPIError) -> BaseException:
    """Our error for one that the hook let pass, else the error itself."""
    return (ours(error.orig) if error.orig is not None else None) or error
