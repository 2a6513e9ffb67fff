"""A connection that breaks and a server that is killed in the middle of deeds: nothing lost or made up."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import imaplib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256

import pytest
from tests.mailboxes.imap_world import DovecotWorld
from tests.mailboxes.independent import Seen, everything, where
from tests.servers.cutting import Cut, CuttingProxy
from tests.servers.dovecot import Dovecot, dovecot, missing

from clawback.errors import Unavailable
from clawback.mailboxes.base import Move, RawMessage, Wanted
from clawback.mailboxes.imap.connector import ImapConnector
from clawback.message.delivery import Handle, Observed
from clawback.testing.asking import (
    ANN,
    BOB,
    DATE,
    FLAGS,
    INBOX,
    copies,
    mail,
    run,
    wanted,
)

QUARANTINE = "Quarantine"


@pytest.fixture(scope="module", params=["maildir", "mdbox"])
def server(request: pytest.FixtureRequest) -> Iterator[Dovecot]:
    if why := missing():
        pytest.skip(why)
    with dovecot(request.param, special_folders=False) as running:
        yield running


@pytest.fixture
def world(server: Dovecot) -> Iterator[DovecotWorld]:
    if not server.running:
        server.start()
    yield DovecotWorld(server)
    gc.collect()


@pytest.fixture
def connector(world: DovecotWorld) -> Iterator[ImapConnector]:
    connector = ImapConnector("imap", world.options())
    yield connector
    run(connector.close())


def seen(server: Dovecot, user: str = "ann") -> list[Seen]:
    """All there is. After a kill Dovecot mends its indexes, and sends away who came in the middle of that."""
    for _ in range(5):
        with contextlib.suppress(imaplib.IMAP4.abort), server.master_client(user) as client:
            return everything(client)
    raise AssertionError("the server does not let anybody read")


def put(world: DovecotWorld, count: int) -> list[bytes]:
    """So many different messages for ANN."""
    contents = [mail(f"number {n}", 300 + n) for n in range(count)]
    with world.owner("ann") as client:
        for content in contents:
            client.append(INBOX, content, (), DATE)
    return contents


def test_a_server_that_was_restarted_is_used_again_at_once(
    connector: ImapConnector, world: DovecotWorld
) -> None:
    put(world, 3)
    assert len(copies(connector, ANN)) == 3
    world.server.kill()
    world.server.start()
    found = copies(connector, ANN)
    world.server.restart()
    assert all(isinstance(raw, RawMessage) for raw in run(connector.fetch([c.handle for c in found])))


def test_a_server_that_is_down_is_unavailable_and_used_again_when_it_is_up(
    connector: ImapConnector, world: DovecotWorld
) -> None:
    put(world, 1)
    (copy,) = copies(connector, ANN)
    world.server.kill()
    with pytest.raises(Unavailable):
        run(connector.list(ANN, {}))
    for answers in (
        run(connector.fetch([copy.handle])),
        run(connector.find([wanted(copy, mail("x"))])),
        run(connector.move([Move(copy.handle, QUARANTINE)])),
        run(connector.delete([copy.handle])),
    ):
        assert isinstance(answers[0], Unavailable)
    with pytest.raises(Unavailable):
        run(connector.append(ANN, INBOX, mail("one"), FLAGS, DATE))
    with pytest.raises(Unavailable):
        run(connector.fetch([copy.handle, replace(copy.handle, mailbox=BOB)]))
    world.server.start()
    assert copies(connector, ANN) == [copy]


def _unlock(world: DovecotWorld) -> None:
    """A lock whose owner was killed holds for two minutes; what then is, another test shows."""
    for lock in world.server.mail.rglob("*.lock"):
        lock.unlink()


async def _cut_in(
    world: DovecotWorld, word: bytes, cut: Cut, moves: Sequence[Move], *, kill: bool, delete: bool = False
) -> Sequence[object]:
    """The answers to a deed whose connection is cut; the server is killed and started again if asked for."""

    def at_cut() -> None:
        if kill:
            world.server.kill()
            _unlock(world)
            world.server.start()

    proxy = CuttingProxy(world.server.port, word, cut, at_cut)
    async with proxy.running():
        options = world.options()
        connector = ImapConnector("imap", replace(options, server=replace(options.server, port=proxy.port)))
        deed = connector.delete([m.handle for m in moves]) if delete else connector.move(moves)
        answers = await deed
        await connector.close()
    assert proxy.has_cut
    return answers


@pytest.mark.parametrize("cut", Cut)
@pytest.mark.parametrize("kill", [False, True], ids=["cut", "killed"])
@pytest.mark.parametrize("count", [5, 60], ids=["few", "many"])
def test_a_move_that_breaks_off_is_unavailable_and_can_be_taken_up_again(
    connector: ImapConnector, world: DovecotWorld, cut: Cut, kill: bool, count: int
) -> None:
    contents = put(world, count)
    before = {copy.size: copy for copy in copies(connector, ANN)}
    moves = [Move(copy.handle, QUARANTINE) for copy in before.values()]
    answers = run(_cut_in(world, b"UID MOVE", cut, moves, kill=kill))
    assert all(isinstance(answer, Unavailable) for answer in answers), answers
    there = where(seen(world.server))
    lost = [c for c in contents if not there[c, INBOX] and not there[c, QUARANTINE]]
    assert lost == []
    assert all(number == 1 for number in there.values())
    if cut is Cut.BEFORE:
        assert not any(folder == QUARANTINE for _, folder in there)
    _is_found_where_it_is(connector, before, contents, there)
    _can_be_taken_up_again(connector, world, before, contents)


def _is_found_where_it_is(
    connector: ImapConnector,
    before: dict[int, Observed],
    contents: list[bytes],
    there: Counter[tuple[bytes, str]],
) -> None:
    asked = [replace(wanted(before[len(c)], c), halfway=True) for c in contents]
    for content, places in zip(contents, run(connector.find(asked)), strict=True):
        assert isinstance(places, tuple)
        assert {p.handle.folder for p in places} == {f for c, f in there if c == content}


def _can_be_taken_up_again(
    connector: ImapConnector, world: DovecotWorld, before: dict[int, Observed], contents: list[bytes]
) -> None:
    """Look where each copy is, move what is not at its goal, and of what is in both places leave one."""
    asked = [replace(wanted(before[len(content)], content), halfway=True) for content in contents]
    for places in run(connector.find(asked)):
        assert isinstance(places, tuple)
        at_origin = [place.handle for place in places if place.handle.folder == INBOX]
        if len(places) > len(at_origin):
            answers: Sequence[object] = run(connector.delete(at_origin))
        else:
            answers = run(connector.move([Move(handle, QUARANTINE) for handle in at_origin]))
        assert all(isinstance(answer, Observed) for answer in answers)
    assert where(seen(world.server)) == {(content, QUARANTINE): 1 for content in contents}


@pytest.mark.parametrize("cut", Cut)
def test_a_delete_that_breaks_off_is_unavailable(
    connector: ImapConnector, world: DovecotWorld, cut: Cut
) -> None:
    put(world, 5)
    moves = [Move(copy.handle, QUARANTINE) for copy in copies(connector, ANN)]
    answers = run(_cut_in(world, b"UID EXPUNGE", cut, moves, kill=False, delete=True))
    assert all(isinstance(answer, Unavailable) for answer in answers), answers


@pytest.mark.parametrize("cut", Cut)
def test_an_append_that_breaks_off_is_unavailable_and_can_be_found(
    connector: ImapConnector, world: DovecotWorld, cut: Cut
) -> None:
    content = mail("appended", 50_000)

    async def appended() -> Observed:
        proxy = CuttingProxy(world.server.port, b"APPEND", cut)
        async with proxy.running():
            options = world.options()
            other = ImapConnector("imap", replace(options, server=replace(options.server, port=proxy.port)))
            try:
                return await other.append(ANN, INBOX, content, FLAGS, DATE)
            finally:
                await other.close()

    with pytest.raises(Unavailable):
        run(appended())
    there = where(seen(world.server))
    lost = Wanted(Handle("imap", ANN, INBOX, "1.1"), sha256(content).hexdigest(), len(content))
    (places,) = run(connector.find([lost]))
    assert isinstance(places, tuple)
    assert len(places) == there[content, INBOX]


def test_a_mailbox_is_listed_whole_after_a_cut_in_its_listing(
    connector: ImapConnector, world: DovecotWorld
) -> None:
    contents = put(world, 40)

    async def listed() -> None:
        proxy = CuttingProxy(world.server.port, b"FETCH 1:", Cut.HALF)
        async with proxy.running():
            options = world.options()
            other = ImapConnector("imap", replace(options, server=replace(options.server, port=proxy.port)))
            with pytest.raises(Unavailable):
                await other.list(ANN, {})
            assert sum(len(f.copies or ()) for f in await other.list(ANN, {})) == len(contents)
            await other.close()

    run(listed())


def test_an_idle_session_that_was_kicked_is_replaced(connector: ImapConnector, world: DovecotWorld) -> None:
    put(world, 1)
    (copy,) = copies(connector, ANN)
    world.server.doveadm("kick", "ann")
    (moved,) = run(connector.move([Move(copy.handle, QUARANTINE)]))
    assert isinstance(moved, Observed)


def test_moves_at_random_moments_of_kills_lose_nothing(connector: ImapConnector, world: DovecotWorld) -> None:
    """Several mailboxes at once; what is told as moved is moved, and all else is where the reader sees it."""
    contents = put(world, 200)
    before = {copy.size: copy for copy in copies(connector, ANN)}

    async def moved() -> list[object]:
        task = asyncio.ensure_future(connector.move([Move(c.handle, QUARANTINE) for c in before.values()]))
        await asyncio.sleep(0)
        await asyncio.to_thread(world.server.kill)
        return list(await task)

    answers = run(moved())
    _unlock(world)
    world.server.start()
    there = where(seen(world.server))
    for content in contents:
        assert there[content, INBOX] + there[content, QUARANTINE] >= 1
    for copy, answer in zip(before.values(), answers, strict=True):
        assert isinstance(answer, Observed | Unavailable)
        if isinstance(answer, Observed):
            content = next(c for c in contents if len(c) == copy.size)
            assert (there[content, INBOX], there[content, QUARANTINE]) == (0, 1)
