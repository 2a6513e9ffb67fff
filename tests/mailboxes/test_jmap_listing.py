"""Listing and watching on a JMAP server: only what changed, page by page, many mailboxes in one request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from aiohttp import web
from tests.mailboxes.jmap_between import Stage, stage
from tests.mailboxes.jmap_world import JmapWorld
from tests.servers.cyrus import Cyrus, address, cyrus
from tests.servers.http_between import Asked

from clawback.errors import Unavailable
from clawback.mailboxes.base import FolderListing, Move, RawMessage
from clawback.message.delivery import Observed
from clawback.testing.connector_contract import ANN, BOB, DATE, INBOX, copies, listing, mail, run, wanted

SOFT = "Quarantine/Soft deleted"


@pytest.fixture(scope="module")
def server() -> Iterator[Cyrus]:
    with cyrus() as running:
        yield running


@pytest.fixture
def world(server: Cyrus) -> JmapWorld:
    return JmapWorld(server)


@pytest.fixture
def on(world: JmapWorld) -> Iterator[Stage]:
    with stage(world) as made:
        yield made


def put(world: JmapWorld, number: int, folder: str = INBOX) -> None:
    world.deliver(ANN, mail(str(number), 200 + number), folder, (), DATE)


def told(on: Stage, before: dict[str, str]) -> dict[str, FolderListing]:
    return {found.folder: found for found in run(on.connector.list(ANN, before))}


def cursors(listings: dict[str, FolderListing]) -> dict[str, str]:
    return {folder: found.cursor for folder, found in listings.items()}


def test_after_a_cursor_only_what_changed_is_told(on: Stage) -> None:
    for number in range(20):
        put(on.world, number)
    first = told(on, {})
    left = min(first[INBOX].copies or (), key=lambda copy: copy.size)
    on.world.move(left.handle, "Archive")
    put(on.world, 30)
    second = told(on, cursors(first))
    assert [copy.size for copy in second[INBOX].copies or ()] == [230]
    assert second[INBOX].vanished == frozenset({left.handle.native_id})
    assert second["Archive"].vanished is None
    assert [copy.size for copy in second["Archive"].copies or ()] == [left.size]
    assert on.requests("Email/changes") == 1
    assert {f: found.copies for f, found in told(on, cursors(second)).items()} == dict.fromkeys(second)


@pytest.mark.parametrize("state", ["", "999999", "bogus", "x" * 1000])
def test_a_cursor_that_the_server_cannot_place_gives_everything(on: Stage, state: str) -> None:
    put(on.world, 1)
    first = told(on, {})
    strange = {folder: f"{cursor.partition(' ')[0]} {state}" for folder, cursor in cursors(first).items()}
    second = told(on, strange)
    assert second[INBOX].vanished is None
    assert second[INBOX] == first[INBOX]


def test_many_changes_are_told_as_a_whole(on: Stage) -> None:
    on.limit(maxObjectsInGet=5)
    put(on.world, 1)
    first = told(on, {})
    for number in range(2, 10):
        put(on.world, number)
    second = told(on, cursors(first))
    assert second[INBOX].vanished is None
    assert len(second[INBOX].copies or ()) == 9


def test_a_mailbox_is_listed_page_by_page_and_changed_part_by_part(on: Stage) -> None:
    on.limit(maxObjectsInGet=4, maxObjectsInSet=3, maxCallsInRequest=4)
    for number in range(25):
        put(on.world, number, INBOX if number % 3 else "Archive")
    found = copies(on.connector, ANN)
    assert sorted(copy.size for copy in found) == list(range(200, 225))
    raws = run(on.connector.fetch([copy.handle for copy in found]))
    assert {len(raw.content) for raw in raws if isinstance(raw, RawMessage)} == set(range(200, 225))
    answers = run(on.connector.move([Move(copy.handle, SOFT) for copy in found]))
    assert [a.size for a in answers if isinstance(a, Observed)] == [copy.size for copy in found]
    assert {f: len(c) for f, c in listing(on.connector, ANN).items() if c} == {SOFT: 25}


def test_a_page_whose_last_message_went_away_is_no_end(on: Stage) -> None:
    """The next page would begin behind it; so the listing begins anew."""
    on.limit(maxObjectsInGet=4)
    for number in range(10):
        put(on.world, number)
    everything = sorted(copies(on.connector, ANN), key=lambda copy: copy.size)
    pages = [0]

    def interfere(asked: Asked) -> None:
        if b'"anchor"' in asked.content:
            pages[0] += 1
            if pages[0] == 1:
                for copy in everything[2:4]:
                    on.world.delete(copy.handle)

    on.between.interfere = interfere
    left = sorted(copies(on.connector, ANN), key=lambda copy: copy.size)
    assert left == everything[:2] + everything[4:]


def test_a_listing_that_never_comes_to_its_end_has_to_wait(on: Stage) -> None:
    on.limit(maxObjectsInGet=4)
    for number in range(10):
        put(on.world, number)

    def lost(asked: Asked) -> bytes | None:
        if b'"anchor"' not in asked.content:
            return None
        error = b'{"type":"anchorNotFound"}'
        return b'{"methodResponses":[["error",%s,"0.0"],["error",%s,"0.1"]]}' % (error, error)

    on.between.interfere = lost
    with pytest.raises(Unavailable):
        run(on.connector.list(ANN, {}))


def test_one_request_acts_in_many_mailboxes(on: Stage) -> None:
    users = ["ann", "bob", *(f"u{number}" for number in range(10))]
    on.limit(maxCallsInRequest=len(users))
    on.world.server.renew(*users)
    try:
        on.world.server.deliver(users, mail("one"))
        found = [run(on.connector.list(address(user), {})) for user in users]
        there = [copy for listed in found for folder in listed for copy in folder.copies or ()]
        assert {copy.handle.mailbox for copy in there} == {address(user) for user in users}
        for folder, requests in ((SOFT, 1 + 2 + 1 + 2), (INBOX, 1 + 2)):
            on.between.asked.clear()
            answers = run(on.connector.move([Move(copy.handle, folder) for copy in there]))
            there = [answer for answer in answers if isinstance(answer, Observed)]
            assert len(there) == len(users)
            assert len(on.between.asked) <= requests
        on.between.asked.clear()
        looked = run(on.connector.find([wanted(copy, b"") for copy in there]))
        assert [places for places in looked if places] == [(copy,) for copy in there]
        assert len(on.between.asked) == 2
    finally:
        on.world.server.remove_user(*users)


async def named(watch: AsyncIterator[frozenset[str]], *mailboxes: str) -> None:
    """Return when a watch has told of all these mailboxes."""
    missing = set(mailboxes)
    while missing:
        missing -= await anext(watch)


def test_a_watch_asks_for_news_in_rounds_and_tells_of_mailboxes_that_go(on: Stage) -> None:
    async def story() -> None:
        watch = on.connector.watch()
        await named(watch, ANN, BOB)
        news = asyncio.ensure_future(named(watch, ANN))
        await asyncio.to_thread(put, on.world, 1)
        await news
        gone = asyncio.ensure_future(named(watch, BOB))
        await asyncio.to_thread(on.world.remove, BOB)
        await gone
        await on.connector.close()
        async for _ in watch:
            pass

    run(story())


def test_a_watch_hears_what_the_server_pushes(world: JmapWorld) -> None:
    """Debian's Cyrus pushes nothing, so somebody in between does; a round of asking would take an hour."""
    event = b'event: state\r\ndata: {"@type":"StateChange","changed":{"bob":{"Email":"7"},"eve":{}}}\r\n\r\n'
    with stage(world, poll=3600.0) as on:
        pushes: asyncio.Queue[bytes] = asyncio.Queue()
        on.between.pushes = pushes

        async def story() -> None:
            watch = on.connector.watch()
            await named(watch, ANN, BOB)
            for piece in (b'event: ping\ndata: {"interval":60}\n\n', event[:40], event[40:]):
                await pushes.put(piece)
            assert await anext(watch) == {BOB}
            await pushes.put(b"data: this is no JSON\n\n")
            await on.connector.close()
            async for _ in watch:
                pass

        run(story())
        asked = [asked.path for asked in on.between.asked if "/eventsource/" in asked.path]
    assert asked == ["/jmap/eventsource/?types=Email%2CMailbox&closeafter=no&ping=60"]


def test_a_watch_ends_with_the_error_that_keeps_it_from_everything(on: Stage) -> None:
    async def story() -> None:
        watch = on.connector.watch()
        await anext(watch)
        on.between.interfere = lambda asked: web.Response(status=503)
        with pytest.raises(Unavailable):
            async for _ in watch:
                pass

    run(story())
