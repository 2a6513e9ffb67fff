"""Fixtures of the web door."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.web import desk as desks


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[desks.Desk]:
    """The site of a small organisation whose action center has one removal that waits."""
    with desks.desk(tmp_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def shared_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[desks.Desk]:
    """The same for all tests of a file: for those that only ask, or leave things as they were."""
    with desks.desk(tmp_path_factory.mktemp("desk")) as opened:
        yield opened
