from __future__ import annotations

from datetime import timedelta

import pytest
from tests.store.make import HOUR, NOW, delivery

from clawback.response.exposure import Marks
from clawback.store import Store

DAY = timedelta(days=1)


@pytest.fixture
def filled(store: Store) -> Store:
    with store.write() as unit:
        unit.deliveries.save([delivery(n) for n in range(3)])
    return store


def test_the_earlier_of_two_times_stays_in_whatever_order_they_come(filled: Store) -> None:
    with filled.write() as unit:
        unit.exposure.note([("dlv-0", Marks(read=NOW)), ("dlv-1", Marks(read=NOW, clicked=NOW))])
        unit.exposure.note([("dlv-0", Marks(read=NOW - HOUR)), ("dlv-1", Marks(read=NOW + HOUR))])
        unit.exposure.note([("dlv-0", Marks(answered=NOW)), ("dlv-0", Marks(answered=NOW - DAY))])
    with filled.read() as unit:
        assert unit.exposure.of(["dlv-0", "dlv-1", "dlv-2", "dlv-unknown"]) == {
            "dlv-0": Marks(read=NOW - HOUR, answered=NOW - DAY),
            "dlv-1": Marks(read=NOW, clicked=NOW),
        }


def test_clicks_are_evidence_that_may_come_late_and_twice(filled: Store) -> None:
    with filled.write() as unit:
        unit.exposure.clicked([("dlv-0", NOW), ("dlv-0", NOW - HOUR), ("dlv-unknown", NOW)])
        unit.exposure.clicked([("dlv-0", NOW + DAY)])
        unit.exposure.clicked([])
    with filled.read() as unit:
        assert unit.exposure.of(["dlv-0", "dlv-unknown"]) == {"dlv-0": Marks(clicked=NOW - HOUR)}
