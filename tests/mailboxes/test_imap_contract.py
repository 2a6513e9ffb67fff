"""The IMAP connector keeps the contract, on every store of a real Dovecot."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.mailboxes.imap_world import DovecotWorld
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
