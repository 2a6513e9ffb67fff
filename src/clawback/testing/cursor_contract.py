"""What every connector must do with cursors, whatever happens in a mailbox between two listings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

import pytest

from clawback.mailboxes.base import Connector
from clawback.message.delivery import Observed
from clawback.testing.asking import (
    ANN,
    DATE,
    INBOX,
    after,
    copies,
    listing,
    mail,
    moved,
    run,
    soft_deleted,
)
from clawback.testing.world import World

_FOLDERS = (INBOX, INBOX, "Archive", "Projects/2024")
_FLAGS = ("\\Seen", "\\Flagged", "$Forwarded")
_ROUNDS = 10


class Life:
    """What an owner and clawback do to one mailbox, drawn at random from a seed."""

    def __init__(self, connector: Connector, world: World, seed: int) -> None:
        self._connector = connector
        self._world = world
        self._random = Random(seed)  # noqa: S311 - it draws what happens, not a secret
        self._delivered = 0

    def goes_on(self) -> None:
        """A few things happen, one after another."""
        happenings: tuple[Callable[[Observed], object], ...] = (
            self._flag,
            lambda copy: self._world.move(copy.handle, self._random.choice(_FOLDERS)),
            lambda copy: self._world.delete(copy.handle),
            self._clawback_takes,
        )
        for _ in range(self._random.randint(0, 4)):
            there = sorted(self._visible(), key=lambda copy: copy.size)
            if there and self._random.random() < 0.6:
                self._random.choice(happenings)(self._random.choice(there))
            else:
                self._deliver()

    def _visible(self) -> list[Observed]:
        return [copy for copy in copies(self._connector, ANN) if copy.location.in_mailbox]

    def _deliver(self) -> None:
        self._delivered += 1
        content = mail(f"number {self._delivered}", 200 + self._delivered)
        self._world.deliver(ANN, content, self._random.choice(_FOLDERS), (), DATE)

    def _flag(self, copy: Observed) -> None:
        self._world.flag(copy.handle, self._random.sample(_FLAGS, self._random.randint(0, 3)))

    def _clawback_takes(self, copy: Observed) -> None:
        away = moved(self._connector, copy, soft_deleted(self._connector, copy))
        if self._random.random() < 0.5:
            moved(self._connector, away, copy.handle.folder)


class CursorContract:
    """The tests. `ConnectorContract` has them all."""

    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_listings_with_cursors_always_lead_to_the_picture_that_a_whole_one_gives(
        self, connector: Connector, world: World, seed: int
    ) -> None:
        life = Life(connector, world, seed)
        known: Mapping[str, tuple[Observed, ...]] = {}
        cursors: dict[str, str] = {}
        for _ in range(_ROUNDS):
            life.goes_on()
            answer = run(connector.list(ANN, cursors))
            known = after(known, answer)
            assert _picture(known) == _picture(listing(connector, ANN))
            cursors = {told.folder: told.cursor for told in answer}


def _picture(known: Mapping[str, tuple[Observed, ...]]) -> dict[str, set[Observed]]:
    return {folder: set(told) for folder, told in known.items()}
