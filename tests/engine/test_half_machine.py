"""The same organisation on a mail system like an IMAP server, whose moves are cut in half when it dies."""

from __future__ import annotations

from collections import Counter

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule
from tests.engine.memory_world import LIKE_IMAP, Held
from tests.engine.test_machine import Organisation, folders, picks

from clawback.response.plan import Outcome


class Halves(Organisation):
    """No move keeps a copy's native id, listings tell changes only, and a server may die at any move."""

    manner = LIKE_IMAP

    @rule(moves=st.integers(1, 3))
    def the_server_will_die_in_the_middle_of_moves(self, moves: int) -> None:
        self.world.mail.half_done = moves

    @rule(pick=picks, folder=folders)
    def the_same_bytes_arrive(self, pick: int, folder: str) -> None:
        """At a time of their own: what has the date of another copy too is taken for the half of a move."""
        self.world.count += 1
        super().the_same_bytes_arrive(pick, folder)

    def _sorted_by_users(self) -> list[Held]:
        """Not what is there twice just now: an owner cannot tell which of two halves is to stay."""
        return [
            copy for copy in super()._sorted_by_users() if not self._doubled()[copy.mailbox, copy.content]
        ]

    def all_comes_to_rest(self) -> None:
        """Nothing is half done any more."""
        self.world.mail.half_done = 0
        super().all_comes_to_rest()
        assert not self._doubled()

    def _doubled(self) -> Counter[tuple[str, bytes]]:
        return Counter((h.mailbox, h.content) for h in self.world.held()) - self.there

    @invariant()
    def no_message_is_lost_or_doubled(self) -> None:
        """A half of a move is there twice only while somebody is to settle that, or when it was refused."""
        held = Counter((h.mailbox, h.content) for h in self.world.held())
        assert not self.there - held
        assert sum(self._doubled().values()) <= self._count(unsettled=True)

    def _count(self, *, unsettled: bool) -> int:
        """How many deeds have failed, and how many have no receipt yet."""
        with self.world.store.read() as unit:
            every = [r.id for r in self.world.every_action()]
            receipts = [receipt for id in every for _, receipt in unit.remediations.receipts(id)]
            waiting = sum(len(unit.remediations.intended(id)) for id in every) if unsettled else 0
        return waiting + sum(receipt.outcome is Outcome.FAILED for receipt in receipts)


TestHalves = Halves.TestCase
TestHalves.settings = settings(
    max_examples=30,
    stateful_step_count=45,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
