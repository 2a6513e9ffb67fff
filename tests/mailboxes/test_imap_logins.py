"""Logging in: TLS and whom it trusts, credentials of each mailbox's own, masters by separator."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.mailboxes.imap_world import DovecotWorld
from tests.mailboxes.lying import ask, served, whole
from tests.servers.certificates import certificate
from tests.servers.dovecot import Dovecot, dovecot, missing

from clawback.errors import LoginFailed, MailboxError, Unavailable
from clawback.mailboxes.base import Move, RawMessage
from clawback.mailboxes.imap.connector import ImapConnector
from clawback.mailboxes.imap.options import Access, Login, Mailboxes, Secret, Server, Tls
from clawback.message.delivery import Handle, Observed
from clawback.testing.asking import ANN, BOB, DATE, FLAGS, INBOX, copies, mail, moved, run

PASSWORD = 'pä"s\\ w{3}d %*'


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    if why := missing():
        pytest.skip(why)
    with dovecot("maildir", special_folders=False, hidden=(), tls=True) as running:
        yield running


@pytest.fixture
def world(server: Dovecot) -> Iterator[DovecotWorld]:
    yield DovecotWorld(server)
    gc.collect()


def secured(world: DovecotWorld, tls: Tls, ca_file: Path | None, host: str = "127.0.0.1") -> ImapConnector:
    port = world.server.imaps_port if tls is Tls.IMPLICIT else world.server.port
    return ImapConnector("imap", world.options(server=Server(host, port, tls, ca_file, timeout=10.0)))


@pytest.mark.parametrize("tls", [Tls.IMPLICIT, Tls.STARTTLS])
def test_with_its_authority_known_a_server_is_spoken_to_in_secret(world: DovecotWorld, tls: Tls) -> None:
    content = mail("large", 3 << 20)
    world.deliver(ANN, content, INBOX, FLAGS, DATE)
    connector = secured(world, tls, world.server.ca_file)
    (copy,) = copies(connector, ANN)
    (raw,) = run(connector.fetch([copy.handle]))
    assert isinstance(raw, RawMessage)
    assert raw.content == content
    back = run(connector.append(ANN, "Archive", content, FLAGS, DATE))
    assert back.size == len(content)
    run(connector.close())


@pytest.mark.parametrize("tls", [Tls.IMPLICIT, Tls.STARTTLS])
@pytest.mark.parametrize("stranger", ["unknown", "another", "other name"])
def test_a_certificate_that_is_not_trusted_stops_the_login_and_tells_what_to_do(
    world: DovecotWorld, tls: Tls, stranger: str, tmp_path: Path
) -> None:
    ca_file = {
        "unknown": None,
        "another": certificate(tmp_path / "tls").authority,
        "other name": world.server.ca_file,
    }[stranger]
    # The same address under a name that the certificate does not hold.
    connector = secured(world, tls, ca_file, "127.1" if stranger == "other name" else "127.0.0.1")
    with pytest.raises(LoginFailed, match=r"not trusted.*ca_file"):
        run(connector.list(ANN, {}))
    run(connector.close())


def test_without_certificates_that_can_be_read_there_is_no_login(world: DovecotWorld, tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    for ca_file in (tmp_path / "none.pem", empty):
        connector = secured(world, Tls.IMPLICIT, ca_file)
        with pytest.raises(LoginFailed, match="cannot be read"):
            run(connector.list(ANN, {}))
        (answer,) = run(connector.fetch([Handle("imap", ANN, INBOX, "1.1")]))
        assert isinstance(answer, LoginFailed)


def test_an_authority_that_was_replaced_is_read_anew(world: DovecotWorld, tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(certificate(tmp_path / "tls").authority.read_bytes())
    connector = secured(world, Tls.IMPLICIT, ca_file)
    with pytest.raises(LoginFailed):
        run(connector.list(ANN, {}))
    ca_file.write_bytes(world.server.ca_file.read_bytes())
    assert run(connector.list(ANN, {}))
    run(connector.close())


def test_tls_and_clear_text_that_do_not_meet_are_unavailable(world: DovecotWorld) -> None:
    for tls, port in ((Tls.IMPLICIT, world.server.port), (Tls.NONE, world.server.imaps_port)):
        told = Server("127.0.0.1", port, tls, world.server.ca_file, timeout=1.0)
        connector = ImapConnector("imap", world.options(server=told))
        with pytest.raises(Unavailable):
            run(connector.list(ANN, {}))
        run(connector.close())


def test_no_password_goes_to_a_server_that_takes_none_here() -> None:
    for can in ("IMAP4rev1 STARTTLS LOGINDISABLED", "IMAP4rev1"):
        server = served({}, capabilities=can)
        with pytest.raises(LoginFailed):
            ask(server, whole)
        assert not any(b"LOGIN" in said or b"AUTHENTICATE" in said for said in server.said)


@pytest.mark.parametrize("literals", ["LITERAL+", ""])
def test_where_nothing_but_login_is_offered_the_password_goes_as_a_literal(literals: str) -> None:
    for password, good in (("masterpw", True), (PASSWORD, False)):
        server = served({}, capabilities=f"IMAP4rev1 {literals}")
        if good:
            assert ask(server, whole, separator="*", password=password) == {INBOX: ["77.1"], "Quarantine": []}
        else:
            with pytest.raises(LoginFailed):
                ask(server, whole, separator="*", password=password)
        assert sum(password.encode() in said for said in server.said) == 1


def own(world: DovecotWorld, passwords: dict[str, str]) -> ImapConnector:
    known = {mailbox: (mailbox.partition("@")[0], _told(word)) for mailbox, word in passwords.items()}
    return ImapConnector("imap", world.options(login=Login(Access.OWN, own=known), mailboxes=Mailboxes()))


def _told(word: str) -> Secret:
    return lambda: word


def test_with_credentials_of_its_own_each_mailbox_is_opened_and_none_other(world: DovecotWorld) -> None:
    world.server.add_user("ann", PASSWORD)
    with world.owner("bob") as client:
        client.append(INBOX, mail("one"))
    try:
        connector = own(world, {ANN: PASSWORD, BOB: "wrong"})
        assert run(connector.mailboxes()) == (ANN, BOB)
        back = run(connector.append(ANN, INBOX, mail("one"), FLAGS, DATE))
        assert moved(connector, moved(connector, back, "Quarantine"), INBOX).flags == FLAGS
        refused, taken = run(
            connector.move(
                [
                    Move(replace(back.handle, mailbox=BOB), "Quarantine"),
                    Move(copies(connector, ANN)[0].handle, "Q"),
                ]
            )
        )
        assert isinstance(refused, LoginFailed)
        assert isinstance(taken, Observed)
        with pytest.raises(MailboxError):
            run(connector.list("carol@example.org", {}))
        run(connector.close())
    finally:
        world.server.add_user("ann")


def test_a_master_may_be_named_after_the_user_and_a_separator(world: DovecotWorld) -> None:
    world.deliver(ANN, mail("one"), INBOX, FLAGS, DATE)
    login = Login(Access.MASTER, world.server.master_user, lambda: world.server.master_password, "*")
    connector = ImapConnector("imap", world.options(login=login))
    (copy,) = copies(connector, ANN)
    assert copy.flags == FLAGS
    wrong = ImapConnector("imap", world.options(login=replace(login, separator="#")))
    with pytest.raises(LoginFailed):
        run(wrong.list(ANN, {}))
    run(connector.close())
