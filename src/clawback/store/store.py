"""The store's own door: open it, migrate it, read and write in units."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from clawback.errors import StoreUnavailable
from clawback.store import border, database, migrate
from clawback.store.accounts import Accounts
from clawback.store.alerts import Alerts
from clawback.store.audit import Audit
from clawback.store.backtests import Backtests
from clawback.store.blobs import Blobs
from clawback.store.brake import Brake
from clawback.store.clicks import Clicks
from clawback.store.clusters import Clusters
from clawback.store.correspondents import Correspondents
from clawback.store.cursors import Cursors
from clawback.store.deliveries import Deliveries
from clawback.store.detections import Detections
from clawback.store.exclusions import Exclusions
from clawback.store.exposure import Exposures
from clawback.store.figures import Figures
from clawback.store.given_orders import GivenOrders
from clawback.store.indicators import Indicators
from clawback.store.investigations import Investigations
from clawback.store.jobs import Jobs
from clawback.store.messages import Messages
from clawback.store.overview import Overview
from clawback.store.past import Past, Scratch
from clawback.store.remediations import Remediations
from clawback.store.results import Results
from clawback.store.retractions import Retractions
from clawback.store.sent_mail import SentMail
from clawback.store.settings import Settings
from clawback.store.signs import Signs
from clawback.store.similar import Similar
from clawback.store.sinks import Sinks
from clawback.store.standing import Standing
from clawback.store.starts import Starts
from clawback.store.submissions import Submissions
from clawback.store.tokens import Tokens


class Unit:
    """One transaction, with a repository for each noun."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @cached_property
    def messages(self) -> Messages:
        return Messages(self._connection)

    @cached_property
    def deliveries(self) -> Deliveries:
        return Deliveries(self._connection)

    @cached_property
    def cursors(self) -> Cursors:
        return Cursors(self._connection)

    @cached_property
    def detections(self) -> Detections:
        return Detections(self._connection)

    @cached_property
    def exposure(self) -> Exposures:
        return Exposures(self._connection)

    @cached_property
    def correspondents(self) -> Correspondents:
        return Correspondents(self._connection)

    @cached_property
    def signs(self) -> Signs:
        return Signs(self._connection)

    @cached_property
    def brake(self) -> Brake:
        return Brake(self._connection)

    @cached_property
    def figures(self) -> Figures:
        return Figures(self._connection)

    @cached_property
    def overview(self) -> Overview:
        return Overview(self._connection)

    @cached_property
    def indicators(self) -> Indicators:
        return Indicators(self._connection)

    @cached_property
    def alerts(self) -> Alerts:
        return Alerts(self._connection)

    @cached_property
    def investigations(self) -> Investigations:
        return Investigations(self._connection)

    @cached_property
    def clusters(self) -> Clusters:
        return Clusters(self._connection)

    @cached_property
    def similar(self) -> Similar:
        return Similar(self._connection)

    @cached_property
    def remediations(self) -> Remediations:
        return Remediations(self._connection)

    @cached_property
    def results(self) -> Results:
        return Results(self._connection)

    @cached_property
    def standing(self) -> Standing:
        return Standing(self._connection)

    @cached_property
    def retractions(self) -> Retractions:
        return Retractions(self._connection)

    @cached_property
    def submissions(self) -> Submissions:
        return Submissions(self._connection)

    @cached_property
    def clicks(self) -> Clicks:
        return Clicks(self._connection)

    @cached_property
    def sent_mail(self) -> SentMail:
        return SentMail(self._connection)

    @cached_property
    def exclusions(self) -> Exclusions:
        return Exclusions(self._connection)

    @cached_property
    def starts(self) -> Starts:
        return Starts(self._connection)

    @cached_property
    def past(self) -> Past:
        return Past(self._connection)

    @cached_property
    def scratch(self) -> Scratch:
        return Scratch(self._connection)

    @cached_property
    def backtests(self) -> Backtests:
        return Backtests(self._connection)

    @cached_property
    def audit(self) -> Audit:
        return Audit(self._connection)

    @cached_property
    def jobs(self) -> Jobs:
        return Jobs(self._connection)

    @cached_property
    def settings(self) -> Settings:
        return Settings(self._connection)

    @cached_property
    def accounts(self) -> Accounts:
        return Accounts(self._connection)

    @cached_property
    def tokens(self) -> Tokens:
        return Tokens(self._connection)

    @cached_property
    def sinks(self) -> Sinks:
        return Sinks(self._connection)

    @cached_property
    def given_orders(self) -> GivenOrders:
        return GivenOrders(self._connection)


class Store:
    """State and index in one database, raw mail in one folder. Safe from several threads and processes.

    SQLite has one writer at a time: threads of this process queue in order, other processes wait up
    to 30 seconds. A unit belongs to the thread that opened it.
    """

    def __init__(self, engine: Engine, blobs: Blobs) -> None:
        self.blobs = blobs
        self._engine = engine
        self._sqlite = engine.dialect.name == "sqlite"
        self._writer = threading.Lock()
        self._owner: int | None = None
        self._checked = False

    @classmethod
    def open(cls, url: str, blobs: Path) -> Store:
        """The store at ``sqlite:///path`` (made if need be) or ``postgresql+psycopg://...``; not migrated.

        Raises BadSettings, ReadOnly or StoreUnavailable.
        """
        return cls(database.engine(url), Blobs(blobs))

    def migrate(self) -> int:
        """Bring the schema to the newest version and answer it; raises MigrationFailed for a newer one."""
        with self._connected() as connection:
            if self._sqlite:
                database.use_wal(connection)
            version = migrate.to_newest(connection)
        self._checked = True
        return version

    @contextlib.contextmanager
    def read(self) -> Iterator[Unit]:
        """A unit that sees one consistent state and may not write."""
        with self._connected() as connection:
            self._check(connection)
            if self._sqlite:
                connection.exec_driver_sql("PRAGMA query_only = ON")
                connection.exec_driver_sql("BEGIN")
            else:
                connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
            yield Unit(connection)

    @contextlib.contextmanager
    def write(self, *, durable: bool = False) -> Iterator[Unit]:
        """A unit that is committed at its end, rolled back when an exception leaves it.

        `durable` waits for the disk: for intents, receipts, approvals and the audit log. Otherwise a
        power cut may lose the last commits, never tear one.
        """
        with self._queued(), self._connected() as connection:
            self._check(connection)
            self._begin(connection, durable)
            yield Unit(connection)
            connection.commit()

    def describe(self) -> str:
        """The database, its version and that of the schema, in words."""
        name, query = (
            ("SQLite", "SELECT sqlite_version()") if self._sqlite else ("PostgreSQL", "SHOW server_version")
        )
        with self._connected() as connection:
            version = connection.exec_driver_sql(query).scalar_one()
            return f"{name} {version}, schema version {migrate.current(connection)}"

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()

    def _begin(self, connection: Connection, durable: bool) -> None:
        if self._sqlite:
            connection.exec_driver_sql("PRAGMA query_only = OFF")
            connection.exec_driver_sql(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(text(f"SET LOCAL synchronous_commit = {'on' if durable else 'off'}"))

    def _check(self, connection: Connection) -> None:
        """Once per store: that the schema is the one this code was written for."""
        if not self._checked:
            migrate.require_newest(connection)
            connection.rollback()
            self._checked = True

    @contextlib.contextmanager
    def _queued(self) -> Iterator[None]:
        if not self._sqlite:
            yield
            return
        if self._owner == threading.get_ident():
            raise RuntimeError("a write inside a write of the same thread would wait for itself")
        if not self._writer.acquire(timeout=database.BUSY_SECONDS):
            raise StoreUnavailable("another write of this process does not end")
        self._owner = threading.get_ident()
        try:
            yield
        finally:
            self._owner = None
            self._writer.release()

    @contextlib.contextmanager
    def _connected(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except DBAPIError as error:
            raise border.translated(error) from error
