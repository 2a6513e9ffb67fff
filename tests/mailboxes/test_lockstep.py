"""The Maildir connector and the one in memory, through the same lives, always show the same."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.mailboxes.maildir_world import MaildirWorld

from clawback.mailboxes.base import Connector, Move, Wanted
from clawback.mailboxes.maildir import MaildirConnector
from clawback.mailboxes.memory import MemoryConnector
from clawback.message.delivery import DeliveryLocation, Observed
from clawback.testing.connector_contract import ANN, BOB, INBOX, folder_of

FOLDERS = st.sampled_from([INBOX, "Junk", "Archive/2024", "Müll"])
FLAGS = st.frozensets(st.sampled_from(["\\Seen", "\\Flagged", "$Forwarded", "Mine", "Yours"]))
PLACES = st.sampled_from(
    [
        DeliveryLocation.SOFT_DELETED,
        DeliveryLocation.QUARANTINE,
        DeliveryLocation.JUNK,
        DeliveryLocation.INBOX,
    ]
)
PICK = st.integers(min_value=0)
START = datetime(2024, 1, 1, tzinfo=UTC)


class Lockstep(RuleBasedStateMachine):
    """Each copy has a date of its own, by which the two systems' views of it are matched."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.loop = asyncio.new_event_loop()
        self.world = MaildirWorld(self.folder, ("ann", "bob"))
        self.disk = MaildirConnector("same", self.folder, sync=False)
        self.memory = MemoryConnector("same", (ANN, BOB))
        self.both: tuple[Connector, Connector] = (self.disk, self.memory)
        self.delivered = 0
        self.cursors: dict[str, dict[str, str]] = {"disk": {}, "memory": {}}
        self.shown: dict[str, dict[str, tuple[Observed, ...]]] = {"disk": {}, "memory": {}}

    def teardown(self) -> None:
        self.loop.close()
        shutil.rmtree(self.folder)

    def pair(self, pick: int) -> tuple[Observed, Observed] | None:
        """One copy as both systems have it."""
        found = [sorted(self.view(c), key=lambda o: o.internal_date) for c in self.both]
        if not found[0]:
            return None
        at = pick % len(found[0])
        return found[0][at], found[1][at]

    def view(self, connector: Connector) -> list[Observed]:
        listings = self.loop.run_until_complete(connector.list(ANN, {}))
        return [copy for folder in listings for copy in folder.copies or ()]

    def move_both(self, pair: tuple[Observed, Observed], folder: str) -> tuple[Observed, Observed]:
        answers = [
            self.loop.run_until_complete(connector.move([Move(copy.handle, folder)]))[0]
            for connector, copy in zip(self.both, pair, strict=True)
        ]
        assert all(isinstance(answer, Observed) for answer in answers), answers
        return cast(tuple[Observed, Observed], tuple(answers))

    @initialize()
    def some_mail(self) -> None:
        for text in (b"one", b"one", b"two"):
            self.deliver(frozenset(), INBOX, text)

    @rule(flags=FLAGS, folder=FOLDERS, text=st.sampled_from([b"one", b"two"]))
    def deliver(self, flags: frozenset[str], folder: str, text: bytes) -> None:
        self.delivered += 1
        date = START + timedelta(hours=self.delivered)
        self.world.deliver(ANN, text, folder, flags, date)
        self.memory.deliver(ANN, text, folder=folder, flags=flags, date=date)

    @rule(pick=PICK, flags=FLAGS)
    def owner_flags(self, pick: int, flags: frozenset[str]) -> None:
        pair = self.pair(pick)
        if pair and pair[0].location.in_mailbox:
            self.world.flag(pair[0].handle, flags)
            self.memory.user_flags(pair[1].handle, flags)

    @rule(pick=PICK, folder=FOLDERS)
    def owner_moves(self, pick: int, folder: str) -> None:
        pair = self.pair(pick)
        if pair and pair[0].location.in_mailbox:
            self.world.move(pair[0].handle, folder)
            self.memory.user_moves(pair[1].handle, folder)

    @rule(pick=PICK)
    def owner_deletes(self, pick: int) -> None:
        pair = self.pair(pick)
        if pair and pair[0].location.in_mailbox:
            self.world.delete(pair[0].handle)
            self.memory.user_deletes(pair[1].handle)

    @rule(pick=PICK, place=PLACES)
    def take(self, pick: int, place: DeliveryLocation) -> None:
        pair = self.pair(pick)
        if pair:
            folders = {folder_of(c, ANN, place, pair[0].handle.folder) for c in self.both}
            assert len(folders) == 1
            self.move_both(pair, folders.pop())

    @rule(pick=PICK, place=PLACES)
    def there_and_back(self, pick: int, place: DeliveryLocation) -> None:
        pair = self.pair(pick)
        if pair and pair[0].location.in_mailbox:
            before = self.world.file(pair[0].handle)
            away = self.move_both(pair, folder_of(self.disk, ANN, place, pair[0].handle.folder))
            back = self.move_both(away, pair[0].handle.folder)
            assert back == pair
            assert before.exists()

    @rule(pick=PICK)
    def stale_moves_are_refused_and_found(self, pick: int) -> None:
        pair = self.pair(pick)
        if pair and pair[0].location.in_mailbox:
            size = pair[0].size
            self.owner_moves(pick, "Archive/2024" if pair[0].handle.folder != "Archive/2024" else INBOX)
            for connector, copy in zip(self.both, pair, strict=True):
                wrong = [Wanted(copy.handle, "0" * 64, size)]
                (answer,) = self.loop.run_until_complete(connector.move([Move(copy.handle, "Junk")]))
                assert type(answer).__name__ == "HandleStale"
                assert list(self.loop.run_until_complete(connector.find(wrong))) == [()]

    @rule(pick=PICK)
    def delete(self, pick: int) -> None:
        pair = self.pair(pick)
        if pair:
            for connector, copy in zip(self.both, pair, strict=True):
                answer = self.loop.run_until_complete(connector.delete([copy.handle]))
                assert list(answer) == [copy]

    @invariant()
    def both_show_the_same(self) -> None:
        seen = [{self.key(o) for o in self.follow(name)} for name in ("disk", "memory")]
        assert seen[0] == seen[1]
        assert len(seen[0]) == len(self.follow("disk"))

    def follow(self, name: str) -> list[Observed]:
        """The whole mailbox as one sees it who only reads what changed since the last cursor."""
        connector: Connector = self.disk if name == "disk" else self.memory
        listings = self.loop.run_until_complete(connector.list(ANN, self.cursors[name]))
        old = self.shown[name]
        self.shown[name] = {f.folder: old[f.folder] if f.copies is None else f.copies for f in listings}
        self.cursors[name] = {f.folder: f.cursor for f in listings}
        return [copy for folder in self.shown[name].values() for copy in folder]

    @staticmethod
    def key(copy: Observed) -> tuple[object, ...]:
        return copy.internal_date, copy.handle.folder, copy.flags, copy.size, copy.location


TestLockstep = Lockstep.TestCase
TestLockstep.settings = settings(
    max_examples=40,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
