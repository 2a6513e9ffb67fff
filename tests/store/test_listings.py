"""Searching investigations by any condition, in any order, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from clawback.analysis.entities import Entity, EntityKind
from clawback.errors import BadQuery
from clawback.response.alerts import AlertKind
from clawback.response.investigation import Investigation, InvestigationStatus
from clawback.store import Store
from clawback.store.conditions import Among, Both, Compare, Compared, Condition, Either, Find, Found, Not
from clawback.store.listings import Listing, Order
from clawback.store.text import micros

START = datetime(2026, 11, 1, tzinfo=UTC)
TITLES = (
    "Ümlaut - https://a.example/100%_x",
    "plain - b.example",
    "Plain - B.EXAMPLE",
    "nul \x00 \udc80",
    "",
)
STATUSES = (InvestigationStatus.PENDING_ACTION, InvestigationStatus.REMEDIATED)


@pytest.fixture
def ids(store: Store) -> list[str]:
    """Five investigations, oldest first; every second one has ended."""
    made = []
    with store.write() as unit:
        for n, title in enumerate(TITLES):
            at = START + timedelta(days=n)
            one = Investigation(
                f"inv-{n}",
                AlertKind.MANUAL,
                title,
                Entity(EntityKind.HOST, "a.example"),
                STATUSES[n % 2],
                created_at=at,
                changed_at=START,
                ended_at=at if n % 2 else None,
                version=1,
            )
            unit.investigations.save(one)
            made.append(one.id)
    return made


def found(store: Store, where: Condition) -> list[int]:
    """The numbers of those that meet a condition, after a count that must be the same."""
    with store.read() as unit:
        rows, _ = unit.investigations.search(Listing(where, (Order("created_at"),)))
        assert unit.investigations.count(Listing(where)) == len(rows)
    return [int(row.id.removeprefix("inv-")) for row in rows]


DAY_2 = micros(START + timedelta(days=2))
PENDING = Among("status", frozenset({"pending_action"}))


@pytest.mark.parametrize(
    ("where", "numbers"),
    [
        (PENDING, [0, 2, 4]),
        (Not(PENDING), [1, 3]),
        (Among("status", frozenset()), []),
        (Not(Among("status", frozenset())), [0, 1, 2, 3, 4]),
        (Compare("created_at", Compared.GT, DAY_2), [3, 4]),
        (Compare("created_at", Compared.LE, DAY_2), [0, 1, 2]),
        (Both(PENDING, Compare("created_at", Compared.GE, DAY_2)), [2, 4]),
        (Either(PENDING, Compare("created_at", Compared.EQ, DAY_2 + 1)), [0, 2, 4]),
        (Compare("ended_at", Compared.EQ, None), [0, 2, 4]),
        (Compare("ended_at", Compared.NE, None), [1, 3]),
        (Compare("ended_at", Compared.GT, DAY_2), [3]),
        (Not(Compare("ended_at", Compared.GT, DAY_2)), [0, 1, 2, 4]),
        (Compare("ended_at", Compared.NE, DAY_2), [0, 1, 2, 3, 4]),
        (Find("title", Found.CONTAINS, "B.example"), [1, 2]),
        (Find("title", Found.STARTS, "plain"), [1, 2]),
        (Find("title", Found.ENDS, "100%_X"), [0]),
        (Find("title", Found.CONTAINS, "100_"), []),
        (Find("title", Found.CONTAINS, ""), [0, 1, 2, 3, 4]),
        (Compare("title", Compared.EQ, "nul \x00 \udc80"), [3]),
        (Compare("id", Compared.EQ, "inv-4"), [4]),
        (Compare("threats", Compared.LT, 0), []),
    ],
)
def test_a_condition_is_met_alike_on_both_databases(
    store: Store, ids: list[str], where: Condition, numbers: list[int]
) -> None:
    assert found(store, where) == numbers


@pytest.mark.parametrize(
    "order",
    [
        (),
        (Order("created_at"),),
        (Order("status"), Order("title", descending=True)),
        (Order("changed_at", descending=True), Order("threats")),
        (Order("title"),),
    ],
)
def test_pages_together_are_the_whole_in_any_order(
    store: Store, ids: list[str], order: tuple[Order, ...]
) -> None:
    with store.read() as unit:
        whole, end = unit.investigations.search(Listing(order=order))
        seen: list[Investigation] = []
        cursor = ""
        while True:
            page, cursor = unit.investigations.search(Listing(order=order, limit=2, cursor=cursor))
            seen += page
            if not cursor:
                break
        skipped, _ = unit.investigations.search(Listing(order=order, skip=3))
    assert (tuple(seen), end) == (whole, "")
    assert skipped == whole[3:]
    assert sorted(one.id for one in whole) == ids


@pytest.mark.parametrize(
    "listing",
    [
        Listing(Compare("record", Compared.EQ, 1)),
        Listing(order=(Order("cause"),)),
        Listing(Compare("ended_at", Compared.LT, None)),
        Listing(limit=0),
        Listing(skip=-1),
        Listing(order=(Order("id"),) * 5),
        Listing(cursor="WzFd" * 2_000),
        Listing(cursor="WyJ4Il0"),
        Listing(order=(Order("id"),), cursor="WzEsMV0"),
        Listing(cursor="Wzk5OTk5OTk5OTk5OTk5OTk5OTk5OV0"),
    ],
)
def test_what_cannot_be_asked_is_refused(store: Store, ids: list[str], listing: Listing) -> None:
    with store.read() as unit, pytest.raises(BadQuery):
        unit.investigations.search(listing)
