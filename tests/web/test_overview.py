"""The overview: what its figures say, what it says of sources, and what it says when there is nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.web.desk import Desk, desk, ok

from clawback.cli.session import finish
from clawback.engine import commands
from clawback.response.overview import EventPath, SourceHealth
from clawback.response.people import Role


@pytest.fixture
def quiet(tmp_path: Path) -> Iterator[Desk]:
    """A desk where nothing malicious came."""
    with desk(tmp_path, copies=0) as made:
        yield made


def test_what_was_taken_out_and_put_back_is_told(desk: Desk) -> None:
    with desk.app.store.read() as unit:
        (waiting,), _ = unit.remediations.list()
    commands.approve(desk.app.parts, waiting.id, "ann", plan_hash=waiting.plan_hash)
    finish(desk.app)
    commands.undo(desk.app.parts, waiting.id, "ann")
    finish(desk.app)
    found = ok(desk.client.get("/api/overview?days=7", headers=desk.by(Role.READER)))
    assert len(found["days"]) == 7
    assert sum(day["removed"] for day in found["days"]) == 3
    assert sum(day["wrong"] for day in found["days"]) == 3
    page = desk.client.get("/?days=30", headers=desk.signed_in("reader")).text
    assert "3 copies put back since (100.0 %)" in page
    assert "1 of 1 (100.0 %)" in page
    assert "0 of 3 copies" not in page
    assert desk.client.get("/?days=8", headers=desk.signed_in("reader")).status_code == 400
    assert desk.client.get("/api/overview?days=91", headers=desk.by(Role.READER)).status_code == 400


def test_each_source_says_how_it_is_doing(shared_desk: Desk) -> None:
    now = shared_desk.app.parts.now()
    well = SourceHealth(
        "main",
        now,
        EventPath.EVENTS,
        5,
        swept_at=now,
        sweep=timedelta(seconds=2),
        event_lag=timedelta(seconds=3),
    )
    told = (
        (well, "Well"),
        (replace(well, unreachable=2), "2 mailboxes do not answer"),
        (replace(well, events=EventPath.BROKEN, error="<b>no entry</b>"), "&lt;b&gt;no entry&lt;/b&gt;"),
        (replace(well, stopped="no entry"), "Refuses our logins"),
        (replace(well, told_at=now - timedelta(minutes=5)), "start <code>clawback up</code>"),
        (replace(well, swept_at=None), "First sweep"),
    )
    headers = shared_desk.signed_in("reader")
    for health, said in told:
        with shared_desk.app.store.write() as unit:
            unit.overview.tell_health([health])
        assert said in shared_desk.client.get("/", headers=headers).text


def test_metrics_tell_of_each_source(shared_desk: Desk) -> None:
    now = shared_desk.app.parts.now()
    odd = SourceHealth('ma"in\\', now, EventPath.SWEEPS, 5, unreachable=2, swept_at=now, stopped="no entry")
    with shared_desk.app.store.write() as unit:
        unit.overview.tell_health([odd])
    lines = shared_desk.client.get("/metrics", headers=shared_desk.by(Role.READER)).text.splitlines()
    assert 'clawback_source_unreachable{source="ma\\"in\\\\"} 2' in lines
    assert 'clawback_source_stopped{source="ma\\"in\\\\"} 1' in lines
    assert any(line.startswith('clawback_source_swept_seconds_ago{source="ma') for line in lines)


def test_an_empty_overview_says_what_to_do_next(quiet: Desk) -> None:
    headers = quiet.signed_in("administrator")
    page = quiet.client.get("/", headers=headers).text
    for said in (
        "Nothing waits",
        "No investigation yet",
        "Ask what automation would have done",
        "Never watched",
    ):
        assert said in page
    assert "No backtest yet" in quiet.client.get("/policies/backtests", headers=headers).text
