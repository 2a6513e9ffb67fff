"""Connections that idle, on a server that refuses it, speaks too much, or hangs up."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from itertools import chain, repeat

import pytest
from tests.mailboxes.lying import options, served
from tests.servers.scripted_imap import CAPABILITIES, CLOSE, SILENCE, Lie

from clawback.mailboxes.imap.connector import ImapConnector
from clawback.testing.asking import ANN, run

IDLING = f"{CAPABILITIES} IDLE"


@pytest.fixture(autouse=True)
def nothing_is_left_open() -> Iterator[None]:
    yield
    gc.collect()


def answers(lie: Lie, wanted: int) -> list[frozenset[str]]:
    """What a watch tells on a server that answers IDLE like this, until the client hangs up."""

    async def watched() -> list[frozenset[str]]:
        async with served({"IDLE": lie}, capabilities=IDLING).running() as server:
            connector = ImapConnector("imap", options(server.port))
            watch = connector.watch()
            found = [await anext(watch) for _ in range(wanted)]
            if SILENCE not in (lie if isinstance(lie, bytes) else b""):
                await server.quiet()
            await connector.close()
            async for _ in watch:
                pass
        return found

    return run(watched())


@pytest.mark.parametrize(
    "lie",
    [
        b"{tag} BAD what\r\n",
        b"{tag} NO not now\r\n",
        b"+ idling\r\n{tag} OK enough\r\n",
        b"+ idling\r\n" + CLOSE,
    ],
)
def test_a_server_that_ends_the_idling_is_left(lie: Lie) -> None:
    """A mailbox is looked at when its watch begins, for nobody knows what was missed."""
    assert answers(lie, 1) == [frozenset({ANN})]


def test_what_the_server_says_is_told() -> None:
    assert answers(b"+ idling\r\n* OK still here\r\n* 5 EXISTS\r\n" + SILENCE, 1) == [frozenset({ANN})]


def test_a_server_that_says_very_much_tells_of_one_mailbox() -> None:
    flood = chain([b"+ idling\r\n"], repeat(b"* 5 EXISTS\r\n" * 5_000, 20))
    assert answers(lambda: flood, 1) == [frozenset({ANN})]


def test_garbage_while_idling_ends_the_connection() -> None:
    assert answers(lambda: repeat(b"x" * (1 << 16)), 1) == [frozenset({ANN})]
