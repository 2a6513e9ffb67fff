"""A full disk or a lost database stops the work and loses nothing that was accepted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.engine.full_disk import full_disk
from tests.engine.memory_world import USERS, MemoryWorld
from tests.postgres import PostgreSQL

from clawback.engine import commands
from clawback.engine.ingest import sync_all
from clawback.errors import StoreUnavailable
from clawback.store import Store, Unit


@pytest.fixture
def small(tmp_path: Path) -> Iterator[MemoryWorld]:
    made = MemoryWorld(tmp_path)
    yield made
    made.close()


def test_a_full_disk_stops_the_intake_and_loses_nothing(small: MemoryWorld, tmp_path: Path) -> None:
    for user in USERS:
        for n in range(150):
            small.deliver(user, f"minutes {n} https://intranet.example/{user}/{n}")
    grown = max(path.stat().st_size for path in tmp_path.iterdir() if path.is_file())
    with full_disk(grown + 400_000), pytest.raises(StoreUnavailable):
        small.read()
    accepted = {d.id: d for d in small.deliveries()}
    assert 0 < len(accepted) < 450
    small.read()
    assert len(small.deliveries()) == 450
    assert {d.id: d for d in small.deliveries() if d.id in accepted} == accepted
    with small.store.read() as unit:
        assert unit.messages.count() == 450


def test_a_full_disk_amid_a_remediation_leaves_an_exact_account(small: MemoryWorld, tmp_path: Path) -> None:
    small.campaign(60)
    small.read()
    small.turn()
    commands.approve(small.parts, small.actions()[0].id, "ann")
    grown = max(path.stat().st_size for path in tmp_path.iterdir() if path.is_file())
    with full_disk(grown), pytest.raises(StoreUnavailable):
        small.drain()
    small.restart()
    small.settle()
    tally = small.actions()[0].tally
    assert (tally.found, tally.removed, tally.open) == (60, 60, 0)


class Losing(Store):
    """A store whose database server cuts the connection in the nth write."""

    writes = 0
    cut_at = 0

    @contextmanager
    def write(self, *, durable: bool = False) -> Iterator[Unit]:
        with super().write(durable=durable) as unit:
            yield unit
            self.writes += 1
            if self.writes == self.cut_at:
                unit.audit._connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


def test_a_lost_database_stops_the_intake_and_loses_nothing(tmp_path: Path, postgresql: PostgreSQL) -> None:
    name = postgresql.create()
    small = MemoryWorld(tmp_path, postgresql.url(name))
    small.campaign(6, clean=3)
    losing = Losing.open(small.url, tmp_path / "blobs")
    assert isinstance(losing, Losing)
    losing.cut_at = 3
    with pytest.raises(StoreUnavailable):
        asyncio.run(sync_all(replace(small.parts, store=losing)))
    losing.close()
    accepted = len(small.deliveries())
    assert 0 < accepted < 9
    assert small.read().new == 9 - accepted
    assert len(small.deliveries()) == 9
    small.close()
    postgresql.drop(name)
