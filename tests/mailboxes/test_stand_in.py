from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from clawback.errors import CapabilityMissing, Gone
from clawback.mailboxes.base import Capability, Move, Wanted
from clawback.mailboxes.stand_in import StandIn
from clawback.message.delivery import DeliveryLocation, Handle, Observed

ANN = "ann@example.org"
HERE = Handle("main", ANN, "Papierkorb/x", "c1")
NOWHERE = Handle("main", ANN, "INBOX", "c9")
PLACE = Observed(
    HERE, DeliveryLocation.DELETED_ITEMS, 7, frozenset({"\\Seen"}), datetime(2026, 1, 1, tzinfo=UTC)
)


def remembered(handles: Sequence[Handle]) -> list[Observed | None]:
    return [PLACE if handle == HERE else None for handle in handles]


@pytest.fixture
def stand_in() -> StandIn:
    made = StandIn("main", remembered)
    made.has(ANN, "Papierkorb/x", DeliveryLocation.DELETED_ITEMS)
    return made


def test_copies_are_where_they_are_remembered_to_be(stand_in: StandIn) -> None:
    found = asyncio.run(stand_in.find([Wanted(HERE, "0" * 64, 7), Wanted(NOWHERE, "0" * 64, 7)]))
    assert found == ((PLACE,), ())
    assert asyncio.run(stand_in.delete([HERE])) == (PLACE,)


def test_what_is_moved_is_where_it_was_told_to_with_all_that_it_had(stand_in: StandIn) -> None:
    goal = asyncio.run(stand_in.folder_of(ANN, DeliveryLocation.SOFT_DELETED, HERE.folder))
    moved, gone = asyncio.run(stand_in.move([Move(HERE, goal), Move(NOWHERE, goal)]))
    assert isinstance(moved, Observed)
    assert (moved.handle.folder, moved.location) == (goal, DeliveryLocation.SOFT_DELETED)
    assert (moved.flags, moved.size, moved.internal_date) == (PLACE.flags, PLACE.size, PLACE.internal_date)
    assert isinstance(gone, Gone)
    folders = {told.folder: told.copies for told in asyncio.run(stand_in.list(ANN, {"INBOX": "3"}))}
    assert folders == {"INBOX": None, "Papierkorb/x": None, goal: None}


def test_a_folder_that_is_remembered_comes_before_one_that_is_made_up(stand_in: StandIn) -> None:
    trash = stand_in.folder_of(ANN, DeliveryLocation.DELETED_ITEMS, "INBOX")
    assert asyncio.run(trash) == "Papierkorb/x"
    assert asyncio.run(stand_in.folder_of("ben@example.org", DeliveryLocation.JUNK, "INBOX")) == "Junk"
    assert stand_in.location_of(ANN, "Papierkorb/x") is DeliveryLocation.DELETED_ITEMS
    assert stand_in.location_of(ANN, "quarantine/INBOX") is DeliveryLocation.QUARANTINE


def test_it_has_no_bytes_and_takes_none(stand_in: StandIn) -> None:
    (answer,) = asyncio.run(stand_in.fetch([HERE]))
    assert isinstance(answer, Gone)
    with pytest.raises(CapabilityMissing):
        asyncio.run(stand_in.append(ANN, "INBOX", b"", frozenset(), PLACE.internal_date))
    assert not {Capability.APPEND, Capability.WATCH} & stand_in.capabilities()
    assert asyncio.run(stand_in.mailboxes()) == (ANN,)
    assert asyncio.run(stand_in.describe())
