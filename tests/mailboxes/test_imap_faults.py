"""What owners, administrators and disks do between a listing and a deed, on a real Dovecot."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from imapclient.exceptions import IMAPClientError
from tests.mailboxes.imap_world import DovecotWorld
from tests.mailboxes.independent import everything, where
from tests.servers.dovecot import Dovecot, dovecot, missing

from clawback.errors import HandleStale, ReadOnly
from clawback.mailboxes.base import Move, RawMessage
from clawback.mailboxes.imap.connector import ImapConnector
from clawback.message.delivery import Observed
from clawback.testing.asking import (
    ANN,
    DATE,
    FLAGS,
    INBOX,
    listing,
    mail,
    moved,
    places,
    run,
    wanted,
)

QUARANTINE = "Quarantine"
FEW, MANY = 6, 40
"""Copies that are checked by the server itself, and copies that are looked at first."""


@pytest.fixture(scope="module", params=["maildir", "sdbox", "mdbox"])
def server(request: pytest.FixtureRequest) -> Iterator[Dovecot]:
    if why := missing():
        pytest.skip(why)
    with dovecot(request.param, special_folders=False) as running:
        yield running


@pytest.fixture
def world(server: Dovecot) -> Iterator[DovecotWorld]:
    world = DovecotWorld(server)
    yield world
    world.end()
    gc.collect()


@pytest.fixture
def connector(world: DovecotWorld) -> Iterator[ImapConnector]:
    connector = ImapConnector("imap", world.options())
    yield connector
    run(connector.close())


def put(world: DovecotWorld, count: int, folder: str = INBOX) -> list[bytes]:
    """So many different messages for ANN; the size of each tells its number."""
    contents = [mail(f"number {n}", 300 + n) for n in range(count)]
    with world.owner("ann") as client:
        if not client.folder_exists(folder):
            client.create_folder(folder)
        for content in contents:
            client.append(folder, content, (), DATE)
    return contents


def in_order(connector: ImapConnector, folder: str = INBOX) -> list[Observed]:
    return sorted(listing(connector, ANN)[folder], key=lambda copy: copy.size)


def take(connector: ImapConnector, found: Sequence[Observed]) -> Sequence[object]:
    return run(connector.move([Move(copy.handle, QUARANTINE) for copy in found]))


def there(world: DovecotWorld) -> dict[tuple[bytes, str], int]:
    with world.server.master_client("ann") as client:
        return dict(where(everything(client)))


@pytest.mark.parametrize("count", [1, FEW, MANY])
def test_what_its_owner_did_to_one_copy_is_that_copys_own_matter(
    connector: ImapConnector, world: DovecotWorld, count: int
) -> None:
    contents = put(world, count * 5)
    found = in_order(connector)
    flagged, moved_on, copied, gone = (found[i * count : (i + 1) * count] for i in range(4))
    for copy in flagged:
        world.flag(copy.handle, FLAGS)
    with world.owner("ann") as client:
        client.create_folder("Elsewhere")
        client.select_folder(INBOX)
        client.move([int(c.handle.native_id.split(".")[1]) for c in moved_on], "Elsewhere")
        client.copy([int(c.handle.native_id.split(".")[1]) for c in copied], "Elsewhere")
        client.delete_messages(uids := [int(c.handle.native_id.split(".")[1]) for c in gone])
        client.uid_expunge(uids)
    answers = take(connector, found)
    kinds = [type(answer) for answer in answers]
    assert kinds[: 2 * count] == [Observed] * count + [HandleStale] * count
    assert kinds[2 * count :] == [Observed] * count + [HandleStale] * count + [Observed] * count
    assert all(answer.flags == FLAGS for answer in answers[:count] if isinstance(answer, Observed))
    expected = {(c, QUARANTINE): 1 for i in (0, 2, 4) for c in contents[i * count : (i + 1) * count]}
    elsewhere = contents[count : 3 * count]
    assert there(world) == expected | {(content, "Elsewhere"): 1 for content in elsewhere}
    for answer, before in zip(answers, found, strict=True):
        if isinstance(answer, Observed):
            assert answer.size == before.size
            assert (answer.handle.version, answer.handle.folder) == (before.handle.version, QUARANTINE)
            (raw,) = run(connector.fetch([answer.handle]))
            assert isinstance(raw, RawMessage)
            assert raw.content == contents[before.size - 300]


def test_owners_who_act_while_a_move_is_on_its_way_lose_nothing(
    connector: ImapConnector, world: DovecotWorld
) -> None:
    """Of two moves of one copy at the same moment Dovecot does both, so that there are two copies then."""
    contents = put(world, 200)
    found = in_order(connector)

    def owner() -> None:
        with world.owner("ann") as client:
            client.select_folder(INBOX)
            for copy in found[::4]:
                with contextlib.suppress(IMAPClientError):
                    client.move([int(copy.handle.native_id.split(".")[1])], "Elsewhere")

    async def both() -> Sequence[object]:
        acting = asyncio.ensure_future(asyncio.to_thread(owner))
        answers: list[object] = []
        for i in range(0, len(found), 5):
            answers += await connector.move([Move(copy.handle, QUARANTINE) for copy in found[i : i + 5]])
        await acting
        return answers

    with world.owner("ann") as client:
        client.create_folder("Elsewhere")
    answers = run(both())
    now = there(world)
    for number, (copy, answer) in enumerate(zip(found, answers, strict=True)):
        content = contents[copy.size - 300]
        assert isinstance(answer, Observed | HandleStale)
        assert now.get((content, QUARANTINE), 0) == isinstance(answer, Observed)
        assert (content, INBOX) not in now
        if number % 4:
            assert (content, "Elsewhere") not in now
        elif isinstance(answer, HandleStale):
            assert now[content, "Elsewhere"] == 1


@pytest.mark.parametrize("count", [FEW, MANY])
def test_a_folder_that_was_renamed_is_stale_and_its_copies_are_found(
    connector: ImapConnector, world: DovecotWorld, count: int
) -> None:
    contents = put(world, count, "Old")
    found = in_order(connector, "Old")
    with world.owner("ann") as client:
        client.rename_folder("Old", "New name")
    assert all(isinstance(answer, HandleStale) for answer in take(connector, found))
    assert all(isinstance(answer, HandleStale) for answer in run(connector.fetch([c.handle for c in found])))
    assert all(isinstance(answer, HandleStale) for answer in run(connector.delete([c.handle for c in found])))
    for copy, content in zip(found, contents, strict=True):
        assert places(connector, copy, content) == ["New name"]


@pytest.mark.parametrize("count", [FEW, MANY])
def test_a_folder_that_was_made_anew_keeps_what_it_holds_now(
    connector: ImapConnector, world: DovecotWorld, count: int
) -> None:
    """Other mail lies at the same UIDs of a folder of the same name."""
    put(world, count, "Old")
    found = in_order(connector, "Old")
    with world.owner("ann") as client:
        client.delete_folder("Old")
    others = [mail(f"other {n}", 600 + n) for n in range(count)]
    with world.owner("ann") as client:
        client.create_folder("Old")
        for content in others:
            client.append("Old", content, (), DATE)
    for answers in (
        take(connector, found),
        run(connector.fetch([copy.handle for copy in found])),
        run(connector.delete([copy.handle for copy in found])),
    ):
        assert all(isinstance(answer, HandleStale) for answer in answers)
    assert there(world) == {(content, "Old"): 1 for content in others}
    assert run(connector.find([wanted(copy, b"") for copy in found])) == [()] * count


@pytest.mark.parametrize("count", [FEW, MANY])
def test_a_folder_that_was_deleted_is_stale(
    connector: ImapConnector, world: DovecotWorld, count: int
) -> None:
    put(world, count, "Old")
    found = in_order(connector, "Old")
    with world.owner("ann") as client:
        client.delete_folder("Old")
    assert all(isinstance(answer, HandleStale) for answer in take(connector, found))
    assert [f.folder for f in run(connector.list(ANN, {})) if f.folder == "Old"] == []


def test_twins_that_share_a_guid_are_two_copies(connector: ImapConnector, world: DovecotWorld) -> None:
    (content,) = put(world, 1)
    with world.owner("ann") as client:
        client.create_folder("Twin")
        client.select_folder(INBOX)
        client.copy([1], "Twin")
    (one,), (other,) = in_order(connector), in_order(connector, "Twin")
    assert one.handle.version == other.handle.version
    assert places(connector, one, content) == [INBOX]
    assert places(connector, other, content) == ["Twin"]
    asked = replace(wanted(one, content), halfway=True)
    (both,) = run(connector.find([asked]))
    assert isinstance(both, tuple)
    assert {place.handle.folder for place in both} == {INBOX, "Twin"}
    answers = take(connector, [one, other])
    ids = {answer.handle.native_id for answer in answers if isinstance(answer, Observed)}
    assert len(ids) == 2
    assert there(world) == {(content, QUARANTINE): 2}
    back = run(connector.move([Move(a.handle, INBOX) for a in answers if isinstance(a, Observed)]))
    assert all(isinstance(answer, Observed) for answer in back)
    assert there(world) == {(content, INBOX): 2}


def test_a_copy_asked_for_twice_is_answered_twice_and_moved_once(
    connector: ImapConnector, world: DovecotWorld
) -> None:
    (content,) = put(world, 1)
    (copy,) = in_order(connector)
    one, other = take(connector, [copy, copy])
    assert isinstance(one, Observed)
    assert one == other
    assert there(world) == {(content, QUARANTINE): 1}


def test_a_folder_of_any_name_is_listed_and_its_copies_go_and_come_back(
    connector: ImapConnector, world: DovecotWorld
) -> None:
    names = ["a[b", "[x]", "a]b", "NIL", "{5}", "100%", "st*r", "#x", "a&b", '"q"', "back\\slash"]
    names += [" before", "after ", "2024", "(p)", "a'b", "\U0001f4e7", "Müll", "x" * 200]
    with world.owner("ann") as client:
        for number, name in enumerate(names):
            client.create_folder(name)
            client.append(name, mail(name, 500 + number), (), DATE)
    before = there(world)
    found = listing(connector, ANN)
    assert sorted(folder for folder, held in found.items() if held) == sorted(names)
    for name in names:
        (copy,) = found[name]
        moved(connector, moved(connector, copy, QUARANTINE), name)
    assert there(world) == before


def test_rights_that_are_not_enough_are_read_only(connector: ImapConnector, world: DovecotWorld) -> None:
    (content,) = put(world, 1)
    (copy,) = in_order(connector)
    world.make_read_only(ANN)
    assert isinstance(take(connector, [copy])[0], ReadOnly)
    assert isinstance(run(connector.delete([copy.handle]))[0], ReadOnly)
    with pytest.raises(ReadOnly):
        run(connector.append(ANN, QUARANTINE, content, FLAGS, DATE))
    assert there(world) == {(content, INBOX): 1}
