"""The IMAP connector keeps the contract, on every store of a real Dovecot, and on a real Cyrus."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.mailboxes.imap_world import CyrusWorld, DovecotWorld
from tests.servers.cyrus import Cyrus, cyrus
from tests.servers.dovecot import Dovecot, dovecot, missing

from clawback.mailboxes.imap.connector import ImapConnector
from clawback.testing.connector_contract import ConnectorContract, run


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
