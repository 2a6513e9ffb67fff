"""After an undo nothing differs but the UID: 200 messages in five folders, seen by an independent reader."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from random import Random

import pytest
from tests.mailboxes.imap_world import DovecotWorld
from tests.mailboxes.independent import Seen, everything
from tests.servers.dovecot import Dovecot, dovecot, missing

from clawback.mailboxes.base import Move
from clawback.mailboxes.imap.connector import ImapConnector
from clawback.message.delivery import DeliveryLocation, Observed
from clawback.testing.asking import ANN, INBOX, folder_of, listing, mail, run

FOLDERS = (INBOX, "Archive/2024", "Müll & Söhne", "日本語", "a[b")
SYSTEM_FLAGS = ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft")
KEYWORDS = ("$Forwarded", "$MDNSent", "NonJunk", "project-x", "Work", "x" * 40)
ZONES = (0, 330, -480, 840, -720, 45)


@pytest.fixture(params=["maildir", "sdbox", "mdbox"])
def server(request: pytest.FixtureRequest) -> Iterator[Dovecot]:
    if why := missing():
        pytest.skip(why)
    with dovecot(request.param, special_folders=False) as running:
        yield running
    gc.collect()


def fill(world: DovecotWorld, random: Random) -> None:
    """Forty messages in each folder, all of them different, some of them twins."""
    with world.owner("ann") as client:
        for folder in FOLDERS:
            if folder != INBOX:
                client.create_folder(folder)
            for number in range(40):
                flags = [f for f in (*SYSTEM_FLAGS, *KEYWORDS) if random.random() < 0.4]
                zone = timezone(timedelta(minutes=random.choice(ZONES)))
                date = datetime(2003, 1, 1, tzinfo=UTC) + timedelta(seconds=random.randrange(700_000_000))
                content = mail(
                    f"{folder.encode().hex()} {number // 2 * 2 if number > 30 else number}", 250 + number
                )
                if number % 5 == 0:
                    content += (
                        bytes(random.randrange(128, 256) for _ in range(300)) + b"\r\n.\r\nFrom here\r\n"
                    )
                client.append(folder, content, flags, date.astimezone(zone))


def seen(server: Dovecot) -> list[Seen]:
    """All there is but for the UIDs."""
    with server.master_client("ann") as client:
        return [replace(copy, uid=0) for copy in everything(client)]


@pytest.mark.parametrize(
    ("place", "at_once"),
    [
        (DeliveryLocation.QUARANTINE, 1),
        (DeliveryLocation.SOFT_DELETED, 13),
        (DeliveryLocation.JUNK, 1_000),
    ],
)
def test_after_an_undo_nothing_differs_but_the_uid(
    server: Dovecot, place: DeliveryLocation, at_once: int
) -> None:
    world = DovecotWorld(server)
    fill(world, Random(f"{place} {at_once}"))
    before = seen(server)
    assert len(before) == 200
    assert {flag.lower() for flag in (*SYSTEM_FLAGS, *KEYWORDS)} == {f for copy in before for f in copy.flags}
    connector = ImapConnector("imap", world.options())
    found = [copy for held in listing(connector, ANN).values() for copy in held]
    origins = [copy.handle.folder for copy in found]
    goals = [folder_of(connector, ANN, place, folder) for folder in origins]
    away = moved(connector, found, goals, at_once)
    during = seen(server)
    assert len(during) == 200
    assert not {copy.folder for copy in during} & {copy.folder for copy in before}
    back = moved(connector, away, origins, at_once)
    assert seen(server) == before
    assert [replace(c, handle=replace(c.handle, native_id="")) for c in back] == [
        replace(c, handle=replace(c.handle, native_id="")) for c in found
    ]
    run(connector.close())


def moved(
    connector: ImapConnector, found: list[Observed], folders: list[str], at_once: int
) -> list[Observed]:
    """The copies in their folders, moved so many at once."""
    placed: list[Observed] = []
    for i in range(0, len(found), at_once):
        chunk = zip(found[i : i + at_once], folders[i : i + at_once], strict=True)
        answers = run(connector.move([Move(copy.handle, folder) for copy, folder in chunk]))
        placed += [answer for answer in answers if isinstance(answer, Observed)]
        assert len(placed) == min(i + at_once, len(found)), answers
    return placed
