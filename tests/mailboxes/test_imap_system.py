"""Who there is: the list of mailboxes from a command, a file or the settings, and what an outage proves."""

from __future__ import annotations

import asyncio
import base64
import gc
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.mailboxes.lying import Lies, handle, options, served
from tests.servers.scripted_imap import CLOSE, Trick, Truth

from clawback.errors import BadSettings, Gone, LoginFailed, Unavailable
from clawback.mailboxes.base import Move
from clawback.mailboxes.imap.connector import ImapConnector
from clawback.mailboxes.imap.options import Access, Login, Mailboxes, Naming
from clawback.message.delivery import Handle
from clawback.testing.asking import ANN, BOB, INBOX, NOBODY, run


@pytest.fixture(autouse=True)
def nothing_is_left_open() -> Iterator[None]:
    yield
    gc.collect()


def connector_of(mailboxes: Mailboxes, port: int = 1, **changed: object) -> ImapConnector:
    return ImapConnector("imap", replace(options(port), mailboxes=mailboxes, **changed))  # type: ignore[arg-type]


def python(code: str) -> Mailboxes:
    return Mailboxes(command=(sys.executable, "-c", code))


def test_a_command_may_name_as_many_mailboxes_as_there_are() -> None:
    """More than a pipe holds, and in more than one piece."""
    code = "import sys\nfor n in range(50_000): print(f'user{n}', flush=n % 10_000 == 0)"
    found = run(connector_of(python(code)).mailboxes())
    assert len(found) == 50_000
    assert found[0] == "user0@example.org"


@pytest.mark.parametrize(
    "code",
    [
        "raise SystemExit(3)",
        "while True: print('x' * 1000)",
        "import os, sys\nif not os.fork():\n while True: print('x' * 1000)",
        "print('ann'); raise SystemExit(75)",
    ],
)
def test_a_command_that_fails_or_has_no_end_is_unavailable(code: str) -> None:
    with pytest.raises(Unavailable):
        run(connector_of(python(code)).mailboxes())


def test_a_command_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    for source in (
        Mailboxes(command=(str(tmp_path / "none"),)),
        Mailboxes(file=tmp_path / "none"),
    ):
        with pytest.raises(Unavailable):
            run(connector_of(source).mailboxes())


def test_a_list_may_have_comments_addresses_and_users_in_any_order(tmp_path: Path) -> None:
    file = tmp_path / "people"
    file.write_text("# people\n\n  zoe \nann@example.org\nann\nbob@mail.example.org\n")
    found = run(connector_of(Mailboxes(file=file)).mailboxes())
    assert found == ("ann@example.org", "bob@mail.example.org", "zoe@example.org")


def test_two_addresses_that_are_one_mailbox_are_bad_settings() -> None:
    two = Mailboxes(("ann@example.org", "ann@mail.example.org"))
    with pytest.raises(BadSettings, match="one mailbox"):
        run(connector_of(two).mailboxes())
    assert len(run(connector_of(two, naming=Naming(user="{mailbox}")).mailboxes())) == 2
    admin = Login(Access.ADMIN, "remedy", lambda: "masterpw")
    with pytest.raises(BadSettings, match="one mailbox"):
        run(connector_of(two, login=admin).mailboxes())
    apart = Naming(inbox="user/{mailbox}", folder="user/{mailbox}/{folder}")
    assert len(run(connector_of(two, login=admin, naming=apart).mailboxes())) == 2


def test_a_master_user_without_a_list_is_told_so() -> None:
    with pytest.raises(BadSettings, match="mailboxes_command"):
        run(connector_of(Mailboxes()).mailboxes())


def test_a_mailbox_is_gone_only_when_a_list_that_holds_others_does_not_hold_it() -> None:
    refusing: Lies = {"AUTHENTICATE": b"{tag} NO [AUTHENTICATIONFAILED] no\r\n"}
    for code, expected in (
        (f"print({ANN!r})", Gone),
        (f"print({NOBODY!r})", LoginFailed),
        ("", LoginFailed),
        ("raise SystemExit(1)", LoginFailed),
        (f"print({ANN!r}); raise SystemExit(1)", LoginFailed),
        ("print('ann@a.org'); print('ann@b.org')", LoginFailed),
    ):

        async def fetched() -> object:
            async with served(refusing).running() as server:
                connector = connector_of(python(code), server.port)  # noqa: B023
                (answer,) = await connector.fetch([Handle("imap", NOBODY, INBOX, "1.1")])
                await connector.close()
            return answer

        assert isinstance(run(fetched()), expected), code


def test_in_an_outage_the_list_is_asked_for_a_few_times_and_not_for_each_mailbox(tmp_path: Path) -> None:
    code = f"open({str(tmp_path / 'count')!r}, 'a').write('x')\nfor n in range(60): print(f'user{{n}}')"
    connector = connector_of(python(code))
    handles = [Handle("imap", f"user{n}@example.org", INBOX, "1.1") for n in range(60)]
    with pytest.raises(Unavailable):
        run(connector.fetch(handles))
    assert 1 <= len((tmp_path / "count").read_text()) <= 15


def test_a_refused_login_does_not_answer_for_a_mailbox_that_broke_off_in_a_deed() -> None:
    """Whoever is told that a login failed does not look again, and the copy may be moved."""

    def play(rest: bytes, truth: Truth) -> bytes:
        user = base64.b64decode(rest.split()[-1]).partition(b"\0")[0]
        return b"{tag} NO [AUTHENTICATIONFAILED] no\r\n" if user == b"bob" else truth()

    lies: Lies = {"AUTHENTICATE": Trick(play), "UID MOVE": CLOSE}

    async def moved() -> Sequence[object]:
        async with served(lies).running() as server:
            connector = connector_of(Mailboxes((ANN, BOB)), server.port)
            moves = [Move(replace(handle(server), mailbox=mailbox), "Quarantine") for mailbox in (BOB, ANN)]
            answers = await connector.move(moves)
            await connector.close()
        return answers

    refused, unknown = run(moved())
    assert isinstance(refused, LoginFailed)
    assert isinstance(unknown, Unavailable)


def test_a_closed_connector_leaves_no_session_behind() -> None:
    """Not even one that was at work when it was closed."""
    server = served({})

    async def closed() -> list[bytes]:
        async with server.running():
            connector = ImapConnector("imap", options(server.port))
            working = asyncio.ensure_future(connector.list(ANN, {}))
            await server.heard.wait()
            await connector.close()
            await working
            await server.quiet()
        return server.said

    assert not any(b"LOGOUT" in said for said in run(closed()))
