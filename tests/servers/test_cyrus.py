"""The Cyrus that tests start is what they take it for."""

from __future__ import annotations

import imaplib
from collections.abc import Iterator

import pytest
from tests.servers.cyrus import HIDDEN, Cyrus, cyrus
from tests.servers.lmtp import NotDelivered

MESSAGE = b"From: eve@example.net\r\nSubject: one\r\n\r\nHello\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Cyrus]:
    with cyrus() as running:
        yield running


@pytest.fixture(autouse=True)
def _fresh(server: Cyrus) -> None:
    server.renew("ann", "bob")


def folders(client: imaplib.IMAP4) -> set[str]:
    return {line.decode().rpartition(' "/" ')[2] for line in client.list()[1] if isinstance(line, bytes)}


def test_mail_is_delivered_to_those_who_are_known(server: Cyrus) -> None:
    server.deliver(["ann", "bob"], MESSAGE)
    for user in ("ann", "bob"):
        with server.client(user) as client:
            assert client.select("INBOX") == ("OK", [b"1"])
    with pytest.raises(NotDelivered):
        server.deliver(["nobody"], MESSAGE)


def test_an_owner_sees_nothing_of_the_quarantine_and_cannot_open_it_to_herself(server: Cyrus) -> None:
    with server.admin_client() as admin:
        admin.create(f"user/ann/{HIDDEN}/Deeper")
    with server.client("ann") as client:
        assert folders(client) == {"INBOX"}
        for folder in (HIDDEN, f"{HIDDEN}/Deeper"):
            assert client.select(folder)[0] == "NO"
            assert client.setacl(folder, "ann", "lrs")[0] == "NO"
            assert client.delete(folder)[0] == "NO"


def test_the_administrator_moves_mail_and_the_owner_finds_it_as_it_was(server: Cyrus) -> None:
    with server.client("ann") as client:
        client.append("INBOX", "(\\Seen \\Flagged Project-X)", '"29-Feb-2024 12:30:15 +0000"', MESSAGE)
        with server.admin_client() as admin:
            admin.select("user/ann")
            assert admin.uid("MOVE", "1", f"user/ann/{HIDDEN}")[0] == "OK"
            assert client.select("INBOX") == ("OK", [b"0"])
            admin.select(f"user/ann/{HIDDEN}")
            assert admin.uid("MOVE", "1", "user/ann")[0] == "OK"
        client.select("INBOX")
        (found,) = client.fetch("1:*", "(FLAGS INTERNALDATE)")[1]
    assert isinstance(found, bytes)
    for word in (b"\\Seen", b"\\Flagged", b"Project-X", b'"29-Feb-2024 12:30:15 +0000"'):
        assert word in found


def test_the_administrator_of_a_server_left_as_it_is_loses_the_marks_of_what_was_read() -> None:
    """Why the others share them: with Cyrus' own settings a message comes back unread."""
    with cyrus(("ann",), shared_seen=False) as server, server.client("ann") as client:
        client.append("INBOX", "(\\Seen \\Flagged)", None, MESSAGE)
        with server.admin_client() as admin:
            admin.select("user/ann")
            admin.uid("MOVE", "1", f"user/ann/{HIDDEN}")
            admin.select(f"user/ann/{HIDDEN}")
            admin.uid("MOVE", "1", "user/ann")
        client.select("INBOX")
        (found,) = client.fetch("1:*", "(FLAGS)")[1]
    assert isinstance(found, bytes)
    assert b"\\Flagged" in found
    assert b"\\Seen" not in found


def test_a_server_that_was_killed_starts_again_with_its_mail(server: Cyrus) -> None:
    server.deliver(["ann"], MESSAGE)
    server.kill()
    with pytest.raises(ConnectionRefusedError), server.client("ann"):
        pass
    server.start()
    with server.client("ann") as client:
        assert client.select("INBOX") == ("OK", [b"1"])


def test_a_removed_user_has_nothing_left(server: Cyrus) -> None:
    server.remove_user("bob", "nobody")
    with server.client("bob") as client:
        assert folders(client) == set()


def test_a_mailbox_can_be_made_read_only_for_the_administrator(server: Cyrus) -> None:
    server.deliver(["ann"], MESSAGE)
    server.set_rights("ann", "lr")
    with server.admin_client() as admin, pytest.raises(imaplib.IMAP4.readonly):
        admin.select("user/ann")
