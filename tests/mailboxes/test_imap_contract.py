"""The IMAP connector keeps the contract, on every store of a real Dovecot, and on a real Cyrus."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.mailboxes.imap_world import CyrusWorld, DovecotWorld
from tests.servers.cyrus import Cyrus, cyrus
from tests.servers.dovecot import Dovecot, dovecot, missing

from clawback.errors import ReadOnly
from clawback.mailboxes.base import Connector
from clawback.mailboxes.imap.connector import ImapConnector
from clawback.testing.connector_contract import (
    ANN,
    ConnectorContract,
    World,
    mail,
    moved,
    only,
    run,
    soft_deleted,
)


@pytest.fixture(scope="module", params=["maildir", "sdbox", "mdbox"])
def server(request: pytest.FixtureRequest) -> Iterator[Dovecot]:
    if why := missing():
        pytest.skip(why)
    with dovecot(request.param, special_folders=False) as running:
        yield running


class TestDovecot(ConnectorContract):
    @pytest.fixture
    def world(self, server: Dovecot) -> Iterator[DovecotWorld]:
        world = DovecotWorld(server)
        yield world
        world.end()

    @pytest.fixture
    def connector(self, world: DovecotWorld) -> Iterator[ImapConnector]:
        connector = ImapConnector("imap", world.options())
        yield connector
        run(connector.close())


class TestByDoveadm(TestDovecot):
    """The same, with copies moved by doveadm."""

    @pytest.fixture
    def connector(self, world: DovecotWorld) -> Iterator[ImapConnector]:
        command = ("doveadm", "-c", str(world.server.config))
        connector = ImapConnector("imap", world.options(doveadm=command))
        yield connector
        run(connector.close())

    def test_a_read_only_mailbox_refuses_each_copy_by_name(self, connector: Connector, world: World) -> None:
        """Rights are those of the IMAP login; doveadm acts for the host's administrator and has them all."""
        self.put(world, mail("one"))
        copy = only(connector, ANN)
        assert world.make_read_only(ANN)
        assert [type(answer) for answer in run(connector.delete([copy.handle]))] == [ReadOnly]
        moved(connector, copy, soft_deleted(connector, copy))


@pytest.fixture(scope="module")
def other_server() -> Iterator[Cyrus]:
    with cyrus(users=("ann", "bob")) as running:
        yield running


class TestCyrus(ConnectorContract):
    @pytest.fixture
    def world(self, other_server: Cyrus) -> CyrusWorld:
        return CyrusWorld(other_server)

    @pytest.fixture
    def connector(self, world: CyrusWorld) -> Iterator[ImapConnector]:
        connector = ImapConnector("imap", world.options())
        yield connector
        run(connector.close())
