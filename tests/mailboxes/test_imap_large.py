"""Much of it: large messages, large folders, many copies of one size; plain, compressed, and asked for."""

from __future__ import annotations

import gc
import os
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest
from tests.mailboxes.imap_world import DovecotWorld
from tests.servers.cutting import Cut, CuttingProxy
from tests.servers.dovecot import MAIL_UID, Dovecot, dovecot, missing

from clawback.errors import CapabilityMissing
from clawback.mailboxes.base import Move, RawMessage
from clawback.mailboxes.imap.connector import ImapConnector
from clawback.mailboxes.imap.listing import AT_ONCE
from clawback.message.delivery import Observed
from clawback.testing.asking import ANN, DATE, FLAGS, INBOX, copies, listing, mail, run, wanted

COMPRESSING = "protocol imap {\n  mail_plugins = $mail_plugins imap_zlib\n}\n"
LITERALS_ASKED_FOR = (
    "imap_capability = IMAP4rev1 SASL-IR ENABLE UNSELECT NAMESPACE UIDPLUS LIST-EXTENDED CONDSTORE QRESYNC "
    "SEARCHRES LIST-STATUS MOVE COMPRESS=DEFLATE ACL RIGHTS=texk"
)
LARGE = 20 << 20


@pytest.fixture(
    scope="module", params=[COMPRESSING, COMPRESSING + LITERALS_ASKED_FOR], ids=["LITERAL+", "asked"]
)
def server(request: pytest.FixtureRequest) -> Iterator[Dovecot]:
    if why := missing():
        pytest.skip(why)
    with dovecot("maildir", special_folders=False, extra=request.param) as running:
        yield running


@pytest.fixture
def world(server: Dovecot) -> Iterator[DovecotWorld]:
    yield DovecotWorld(server)
    gc.collect()


def connector_of(world: DovecotWorld, **changed: object) -> ImapConnector:
    options = world.options()
    return ImapConnector("imap", replace(options, server=replace(options.server, **changed)))  # type: ignore[arg-type]


def large(size: int = LARGE) -> bytes:
    """A message that does not compress."""
    head = mail("large", 200)
    return head + Random(size).randbytes((size - len(head)) // 2).hex().encode()


@pytest.mark.parametrize("compress", [False, True])
def test_a_large_message_goes_in_and_comes_out_as_it_is(world: DovecotWorld, compress: bool) -> None:
    content = large()
    connector = connector_of(world, compress=compress)
    back = run(connector.append(ANN, INBOX, content, FLAGS, DATE))
    assert back.size == len(content)
    (raw,) = run(connector.fetch([back.handle]))
    assert isinstance(raw, RawMessage)
    assert raw.content == content
    (places,) = run(connector.find([replace(wanted(back, content), halfway=True)]))
    assert places == (back,)
    run(connector.close())


def test_what_is_compressed_is_fewer_bytes_on_the_way(world: DovecotWorld) -> None:
    """Else nothing here would tell that it is on."""

    async def carried(compress: bool) -> int:
        proxy = CuttingProxy(world.server.port, b"nobody says this", Cut.BEFORE)
        async with proxy.running():
            options = world.options()
            told = replace(options.server, port=proxy.port, compress=compress)
            connector = ImapConnector("imap", replace(options, server=told))
            back = await connector.append(ANN, INBOX, mail("one", 1 << 20), FLAGS, DATE)
            (raw,) = await connector.fetch([back.handle])
            assert isinstance(raw, RawMessage)
            await connector.close()
        return proxy.carried

    plain, compressed = run(carried(False)), run(carried(True))
    assert compressed < plain / 10


def test_a_message_over_the_limit_is_refused_alone(world: DovecotWorld) -> None:
    for content in (large(3 << 20), mail("small")):
        world.deliver(ANN, content, INBOX, (), DATE)
    connector = connector_of(world, largest=1 << 20)
    found = sorted(copies(connector, ANN), key=lambda copy: copy.size)
    small, refused = run(connector.fetch([copy.handle for copy in found]))
    assert isinstance(small, RawMessage)
    assert isinstance(refused, CapabilityMissing)
    (moved,) = run(connector.move([Move(found[1].handle, "Quarantine")]))
    assert isinstance(moved, Observed)
    run(connector.close())


def fill(world: DovecotWorld, count: int) -> list[bytes]:
    """So many messages of one size in the INBOX of ANN, put there as files."""
    folder = world.server.mail / "ann" / "Maildir" / "cur"
    contents = [mail(f"number {number:06d}", 200) for number in range(count)]
    for number, content in enumerate(contents):
        path = folder / f"1700000000.M{number:06d}P1.host,S=200,W=200:2,S"
        path.write_bytes(content)
        if os.geteuid() == 0:
            os.chown(path, MAIL_UID, MAIL_UID)
    return contents


def test_a_large_folder_is_listed_and_followed_part_by_part(world: DovecotWorld) -> None:
    count = AT_ONCE + 1_000
    fill(world, count)
    connector = connector_of(world)
    first = run(connector.list(ANN, {}))
    (inbox,) = (folder for folder in first if folder.folder == INBOX)
    assert inbox.copies is not None
    assert len({copy.handle.native_id for copy in inbox.copies}) == count
    with world.owner("ann") as client:
        client.select_folder(INBOX)
        client.add_flags("1:3000", ["\\Flagged"], silent=True)
        client.delete_messages("3001:3500", silent=True)
        client.uid_expunge("3001:3500")
    again = {f.folder: f for f in run(connector.list(ANN, {f.folder: f.cursor for f in first}))}[INBOX]
    assert (len(again.copies or ()), len(again.vanished or ())) == (3_000, 500)
    run(connector.close())


def test_many_copies_of_one_size_do_not_hide_one(world: DovecotWorld) -> None:
    """A campaign fills a mailbox with messages that differ in a few letters."""
    contents = fill(world, 700)
    connector = connector_of(world)
    listing(connector, ANN)
    (copy,) = (c for c in copies(connector, ANN) if c.handle.native_id.endswith(".1"))
    lost = replace(copy, handle=replace(copy.handle, native_id="1.1", version=""))
    asked = [wanted(lost, content) for content in contents]
    answers = run(connector.find(asked))
    assert [len(places) for places in answers if isinstance(places, tuple)] == [1] * len(contents)
    run(connector.close())


def test_a_whole_request_of_sparse_copies_fits_into_commands(world: DovecotWorld) -> None:
    """Every second UID makes a set as long as it can be."""
    contents = fill(world, 2_400)
    connector = connector_of(world)
    found = sorted(listing(connector, ANN)[INBOX], key=lambda c: int(c.handle.native_id.split(".")[1]))[::2]
    raws = run(connector.fetch([copy.handle for copy in found]))
    assert {raw.content for raw in raws if isinstance(raw, RawMessage)} <= set(contents)
    assert len(raws) == 1_200
    answers = run(connector.move([Move(copy.handle, "Quarantine/New") for copy in found]))
    assert all(isinstance(answer, Observed) for answer in answers)
    held = listing(connector, ANN)
    assert (len(held[INBOX]), len(held["Quarantine/New"])) == (1_200, 1_200)
    gone = run(connector.delete([answer.handle for answer in answers if isinstance(answer, Observed)]))
    assert all(isinstance(answer, Observed) for answer in gone)
    assert len(listing(connector, ANN)["Quarantine/New"]) == 0
    run(connector.close())


def test_reading_much_does_not_hold_much(world: DovecotWorld) -> None:
    """Twelve copies of 5 MB are read in chunks; what is held beside the answer is one chunk on its way."""
    content = large(5 << 20)
    with world.owner("ann") as client:
        for _ in range(12):
            client.append(INBOX, content)
    connector = connector_of(world)
    found = copies(connector, ANN)
    tracemalloc.start()
    try:
        raws = run(connector.fetch([copy.handle for copy in found]))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert all(isinstance(raw, RawMessage) for raw in raws)
    assert peak < len(raws) * len(content) + (64 << 20)
    run(connector.close())
