"""The owners' Sieve scripts, read by ManageSieve from a real Dovecot and from servers that lie."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.mailboxes.imap_world import DovecotWorld
from tests.mailboxes.lying import options as lied_to
from tests.servers.dovecot import Dovecot, dovecot, missing

from clawback.errors import LoginFailed, MailboxError, ProtocolViolation, Unavailable
from clawback.mailboxes.base import Capability, RuleReader
from clawback.mailboxes.imap.connector import ImapConnector
from clawback.mailboxes.imap.managesieve import rules_of
from clawback.mailboxes.imap.options import Access, Login, Options, Server, Tls
from clawback.message.mail_rules import MailRule, RuleKind
from clawback.testing.asking import ANN, run

SCRIPT = 'require ["copy"];\nif header :contains "subject" "invoice" { redirect :copy "x@else.example"; }\n'
REDIRECT = MailRule(
    RuleKind.REDIRECT, "x@else.example", 'header :contains "subject" "invoice"', "active", True
)


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    if why := missing():
        pytest.skip(why)
    with dovecot("maildir", sieve=True, tls=True) as running:
        yield running


@pytest.fixture
def world(server: Dovecot) -> DovecotWorld:
    return DovecotWorld(server)


def reading(world: DovecotWorld, **changed: object) -> ImapConnector:
    server = Server("127.0.0.1", world.server.port, Tls.STARTTLS, world.server.ca_file, timeout=15.0)
    return ImapConnector(
        "imap", world.options(**{"server": server, "sieve_port": world.server.sieve_port} | changed)
    )


def put(server: Dovecot, name: str, script: str, *, active: bool) -> None:
    """An owner saves a script with a program of their own, by the server's own tool."""
    path = server.mail / "ann-script"
    path.write_text(script)
    with path.open("rb") as stream:
        server.doveadm("sieve", "put", "-u", "ann", *(["-a"] if active else []), name, stdin=stream)
    path.unlink()


def test_the_active_script_is_read_and_no_other(world: DovecotWorld) -> None:
    connector = reading(world)
    assert isinstance(connector, RuleReader)
    assert Capability.RULES in connector.capabilities()
    assert run(connector.rules(ANN)) == ()
    put(world.server, "other", "discard;", active=False)
    assert run(connector.rules(ANN)) == ()
    put(world.server, 'a "quoted\\" name', SCRIPT, active=True)
    assert run(connector.rules(ANN)) == (replace(REDIRECT, script='a "quoted\\" name'),)


def test_a_server_whose_authority_is_not_known_gets_no_password(world: DovecotWorld) -> None:
    server = Server("127.0.0.1", world.server.port, Tls.STARTTLS, timeout=15.0)
    with pytest.raises(LoginFailed, match="is not trusted"):
        run(reading(world, server=server).rules(ANN))


def test_a_wrong_password_is_told_as_one(world: DovecotWorld) -> None:
    login = Login(Access.MASTER, world.server.master_user, lambda: "wrong")
    with pytest.raises(LoginFailed, match="refuses the login"):
        run(reading(world, login=login).rules(ANN))


def test_without_a_port_rules_are_not_offered_and_doctor_says_so(world: DovecotWorld) -> None:
    connector = reading(world, sieve_port=0)
    assert Capability.RULES not in connector.capabilities()
    assert any("set sieve_port" in sentence for sentence in run(connector.describe()))
    run(connector.close())
    connector = reading(world)
    assert any("reads the owners' mail rules" in sentence for sentence in run(connector.describe()))
    run(connector.close())


OFFERS = b'"STARTTLS"\r\n"SASL" "PLAIN"\r\nOK "ready"\r\n'
HELLO = b'"IMPLEMENTATION" "scripted"\r\n"SASL" "PLAIN"\r\nOK "ready"\r\n'


async def scripted(answers: dict[bytes, bytes], tls: Tls = Tls.NONE) -> tuple[MailRule, ...]:
    """What is read from a server that answers each command with these bytes, and OK else."""
    heard = list[bytes]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answers.get(b"greeting", HELLO))
        while line := await reader.readline():
            heard.append(line)
            writer.write(answers.get(line.split()[0], b"OK\r\n"))
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        plain = lied_to(port)
        told: Options = replace(plain, server=replace(plain.server, tls=tls), sieve_port=port)
        try:
            return await rules_of(told, ANN, "ann")
        finally:
            assert tls is Tls.NONE or not any(b"AUTHENTICATE" in line for line in heard)


def test_scripts_by_literal_in_capitals_or_not_and_with_escapes() -> None:
    answers = {
        b"LISTSCRIPTS": b'"old"\r\n{6}\r\nactive active\r\nok\r\n',
        b"GETSCRIPT": b"{%d}\r\n%s\r\nOK {4}\r\ndone\r\n" % (len(SCRIPT), SCRIPT.encode()),
    }
    assert run(scripted(answers)) == (REDIRECT,)


def test_a_script_that_says_ok_in_a_line_of_its_own_is_read_to_its_end() -> None:
    script = b'/*\r\nOK "done"\r\nNO\r\n*/ discard;\r\n'
    answers = {
        b"LISTSCRIPTS": b'"OK" ACTIVE\r\nOK\r\n',
        b"GETSCRIPT": b"{%d+}\r\n%s\r\nOK\r\n" % (len(script), script),
    }
    (rule,) = run(scripted(answers))
    assert (rule.kind, rule.script) == (RuleKind.DISCARD, "OK")


def test_a_script_larger_than_is_read_says_so() -> None:
    script = b"discard;\n".ljust((1 << 20) + 1, b" ")
    answers = {
        b"LISTSCRIPTS": b'"big" ACTIVE\r\nOK\r\n',
        b"GETSCRIPT": b"{%d}\r\n%s\r\nOK\r\n" % (len(script), script),
    }
    assert [rule.kind for rule in run(scripted(answers))] == [RuleKind.DISCARD, RuleKind.UNREAD]


@pytest.mark.parametrize(
    ("answers", "failure"),
    [
        ({b"greeting": b"* OK IMAP {x\r\n"}, ProtocolViolation),
        ({b"greeting": b"BYE (TRYLATER) {3}\r\nnot\r\n"}, Unavailable),
        ({b"greeting": b"x" * 100_000}, ProtocolViolation),
        ({b"greeting": b""}, Unavailable),
        ({b"AUTHENTICATE": b'NO (AUTH-TOO-WEAK) "no"\r\n'}, LoginFailed),
        ({b"LISTSCRIPTS": b'"x"\r\n' * 5_000}, ProtocolViolation),
        ({b"LISTSCRIPTS": b"{99999999}\r\n"}, ProtocolViolation),
        ({b"LISTSCRIPTS": b"NO\r\n"}, Unavailable),
        ({b"LISTSCRIPTS": b"{3}\r\na\r\n ACTIVE\r\nOK\r\n"}, ProtocolViolation),
        (
            {b"LISTSCRIPTS": b'"x" ACTIVE\r\nOK\r\n', b"GETSCRIPT": b'NO (NONEXISTENT) "gone"\r\n'},
            Unavailable,
        ),
    ],
)
def test_what_is_no_manage_sieve_is_an_error_of_its_kind(
    answers: dict[bytes, bytes], failure: type[MailboxError]
) -> None:
    with pytest.raises(failure):
        run(scripted(answers))


@pytest.mark.parametrize(
    ("answers", "failure"),
    [
        ({}, LoginFailed),
        ({b"greeting": OFFERS, b"STARTTLS": b"NO\r\n"}, Unavailable),
        (
            {
                b"greeting": OFFERS,
                b"STARTTLS": b'OK\r\n"SASL" "PLAIN"\r\nOK\r\n',
            },
            ProtocolViolation,
        ),
    ],
)
def test_no_password_goes_out_before_tls_is_on(
    answers: dict[bytes, bytes], failure: type[MailboxError]
) -> None:
    with pytest.raises(failure):
        run(scripted(answers, Tls.STARTTLS))


def test_a_server_that_hangs_up_or_is_not_there_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        run(rules_of(replace(lied_to(1), sieve_port=1), ANN, "ann"))
