"""The JMAP connector keeps the contract on a real Cyrus."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.mailboxes.jmap_world import JmapWorld
from tests.servers.cyrus import Cyrus, cyrus

from clawback.errors import ReadOnly
from clawback.mailboxes.base import Connector, Move
from clawback.mailboxes.jmap import JmapConnector
from clawback.message.delivery import Observed
from clawback.testing.connector_contract import (
    ANN,
    DATE,
    INBOX,
    ConnectorContract,
    World,
    copies,
    mail,
    moved,
    only,
    run,
    soft_deleted,
)


@pytest.fixture(scope="module")
def server() -> Iterator[Cyrus]:
    with cyrus() as running:
        yield running


class TestJmap(ConnectorContract):
    @pytest.fixture
    def world(self, server: Cyrus) -> JmapWorld:
        return JmapWorld(server)

    @pytest.fixture
    def connector(self, world: JmapWorld) -> Iterator[JmapConnector]:
        connector = JmapConnector("jmap", world.jmap_options())
        yield connector
        run(connector.close())

    def test_two_equal_copies_are_two_copies(self, connector: Connector, world: World) -> None:
        """Not to JMAP: what is equal to the last byte is one message, which is in a folder or is not.

        So both go together, and one comes back. In two folders they stay two (test_jmap_copies).
        """
        empty = world.state(ANN)
        self.put(world, mail("twin"))
        self.put(world, mail("twin"))
        copy = only(connector, ANN)
        taken = moved(connector, copy, soft_deleted(connector, copy))
        assert world.state(ANN) == empty
        assert moved(connector, taken, INBOX) == copy
        assert only(connector, ANN) == copy

    def test_an_append_never_takes_the_place_of_another_copy(self, connector: Connector) -> None:
        """What is there already to the last byte is the answer; everything else is new."""
        for number in range(20):
            run(connector.append(ANN, "New", mail("one", 200 + number), frozenset({"\\Seen"}), DATE))
        before = copies(connector, ANN)
        assert len(before) == 20
        again = run(connector.append(ANN, "New", mail("one", 200), frozenset({"\\Seen"}), DATE))
        assert again in before
        assert sorted(copies(connector, ANN), key=lambda c: c.size) == sorted(before, key=lambda c: c.size)

    def test_a_read_only_mailbox_is_not_appended_to(self, connector: Connector, world: World) -> None:
        self.put(world, mail("one"))
        assert world.make_read_only(ANN)
        before = world.state(ANN)
        for folder in (INBOX, "New"):
            with pytest.raises(ReadOnly):
                run(connector.append(ANN, folder, mail("two"), frozenset(), DATE))
        assert world.state(ANN) == before
        answers = run(connector.move([Move(copy.handle, INBOX) for copy in copies(connector, ANN)]))
        assert all(isinstance(answer, Observed) for answer in answers)
