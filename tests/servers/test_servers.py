"""The servers that other tests lean on do what they are said to do."""

from __future__ import annotations

import contextlib
import imaplib
import json
import smtplib
import ssl
import subprocess
import urllib.request
from base64 import b64encode
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import get_args

import pytest
from tests.servers import dovecot as fixture
from tests.servers import postfix
from tests.servers.dovecot import PASSWORD, Dovecot, NotStarted, dovecot
from tests.servers.dovecot_config import Format
from tests.servers.lmtp import NotDelivered
from tests.servers.processes import HOST

MAIL = b"From: sender@example.net\nMessage-ID: <one@example.net>\nSubject: one\n\nA line\n.with a dot\n"
OUTSIDE = "somebody@elsewhere.invalid"


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    if reason := fixture.missing():
        pytest.skip(reason)


@pytest.fixture(scope="module", params=get_args(Format))
def server(request: pytest.FixtureRequest) -> Iterator[Dovecot]:
    """One server of each format; a test takes users of its own."""
    with dovecot(request.param, users=()) as running:
        yield running


def folders(client: imaplib.IMAP4) -> set[str]:
    lines = [line for line in client.list()[1] if isinstance(line, bytes)]
    return {line.decode().rpartition(' "/" ')[2].strip('"') for line in lines}


def bodies(client: imaplib.IMAP4, folder: str = "INBOX") -> list[bytes]:
    """What each message holds after its headers; the folder stays selected."""
    assert client.select(folder)[0] == "OK"
    lines = client.uid("FETCH", "1:*", "(BODY.PEEK[TEXT])")[1]
    return [line[1] for line in lines if isinstance(line, tuple)]


def alive(processes: Iterable[int]) -> set[int]:
    """Those that have a command line: what is dead, or only not yet collected, has none."""
    found = set()
    for process in processes:
        with contextlib.suppress(OSError):
            if Path(f"/proc/{process}/cmdline").read_bytes():
                found.add(process)
    return found


def test_mail_is_delivered_and_read_as_it_was(server: Dovecot) -> None:
    server.add_user("ann")
    server.add_user("bob")
    server.deliver(["ann", "bob@example.org"], MAIL)
    for user in ("ann", "bob"):
        with server.client(user) as client:
            assert bodies(client) == [b"A line\r\n.with a dot\r\n"]


def test_what_is_hidden_is_seen_by_the_master_user_alone(server: Dovecot) -> None:
    server.add_user("cleo")
    server.deliver(["cleo"], MAIL)
    with server.master_client("cleo") as master:
        assert "Quarantine" in folders(master)
        assert master.create("Quarantine/INBOX")[0] == "OK"
        master.select("INBOX")
        assert master.uid("MOVE", "1", "Quarantine/INBOX")[0] == "OK"
        assert len(bodies(master, "Quarantine/INBOX")) == 1
    with server.client("cleo") as owner:
        assert folders(owner) == {"INBOX", "Trash", "Sent", "Junk"}
        assert owner.select("Quarantine")[0] == owner.select("Quarantine/INBOX")[0] == "NO"
        assert bodies(owner) == []
    assert "Quarantine/INBOX" in server.doveadm("mailbox", "list", "-u", "cleo").split()
    asked = ("fetch", "-u", "cleo", "hdr.message-id", "mailbox", "Quarantine/INBOX")
    assert "<one@example.net>" in server.doveadm(*asked)


def test_special_folders_say_what_they_are_for(server: Dovecot) -> None:
    server.add_user("dan")
    with server.client("dan") as client:
        lines = b"\n".join(line for line in client.list()[1] if isinstance(line, bytes))
    assert all(mark in lines for mark in (rb'\Trash) "/" Trash', rb'\Sent) "/" Sent', rb'\Junk) "/" Junk'))


def test_users_come_and_go_while_it_runs(server: Dovecot) -> None:
    for _ in range(5):
        server.add_user("eve")
        server.deliver(["eve"], MAIL)
        assert "eve" in server.doveadm("user", "*").split()
        server.remove_user("eve")
        with pytest.raises(NotDelivered):
            server.deliver(["eve"], MAIL)
        with pytest.raises(imaplib.IMAP4.error), server.client("eve"):
            pass
        with pytest.raises(imaplib.IMAP4.error), server.master_client("eve"):
            pass
    server.add_user("eve")
    with server.client("eve") as client:
        assert len(bodies(client)) == 5


def test_a_restart_keeps_the_mail_and_the_ports(server: Dovecot) -> None:
    server.add_user("fay")
    server.deliver(["fay"], MAIL)
    for end in (server.stop, server.kill):
        before, port = server.processes(), server.port
        end()
        assert not server.running
        assert alive(before) == set()
        server.start()
        assert (server.running, server.port) == (True, port)
        server.deliver(["fay"], MAIL)
    with server.client("fay") as client:
        assert len(bodies(client)) == 3


def test_users_that_are_quick_to_look_up_are_users_like_others() -> None:
    with dovecot(passwd_file=True, auth_cache_size="10M") as server:
        server.deliver(["ann"], MAIL)
        with server.client("ann") as client, server.master_client("ann") as master:
            assert len(bodies(client)) == len(bodies(master)) == 1
        assert set(server.doveadm("user", "*").split()) == {"ann", "bob"}
        with pytest.raises(NotDelivered):
            server.deliver(["nobody"], MAIL)
        with pytest.raises(imaplib.IMAP4.error, match="AUTHORIZATIONFAILED"), server.master_client("nobody"):
            pass


def test_what_the_administrators_tool_complains_of_is_shown(server: Dovecot) -> None:
    with pytest.raises(subprocess.CalledProcessError) as failed:
        server.doveadm("mailbox", "list", "-u", "nobody")
    assert "User doesn't exist" in failed.value.__notes__[0]
    assert server.doveadm("mailbox", "list", "-u", "nobody", check=False) == ""


def test_the_master_user_may_say_whom_it_means_in_the_name(server: Dovecot) -> None:
    server.add_user("gus")
    with imaplib.IMAP4(HOST, server.port) as client:
        client.login(f"gus@example.org*{server.master_user}", server.master_password)
        assert "Quarantine" in folders(client)


def test_a_delivery_says_which_recipient_was_refused(server: Dovecot) -> None:
    server.add_user("hal")
    with pytest.raises(NotDelivered) as refused:
        server.deliver(["hal", "nobody"], MAIL)
    assert {user: reply[:3] for user, reply in refused.value.replies.items()} == {
        "hal@example.org": "250",
        "nobody@example.org": "550",
    }


def test_a_kill_ends_all_processes_of_this_server_and_no_other() -> None:
    with dovecot() as other, dovecot() as server:
        client = imaplib.IMAP4(HOST, server.port)
        client.login("ann", PASSWORD)
        client.select()
        killed, kept = server.processes(), other.processes()
        names = {Path(f"/proc/{process}/comm").read_text().strip() for process in killed}
        assert {"dovecot", "imap", "imap-login", "lmtp", "auth"} <= names
        server.kill()
        assert (alive(killed), alive(kept)) == (set(), set(kept))
        with pytest.raises(imaplib.IMAP4.abort):
            client.noop()
        client.shutdown()


def test_nothing_is_left_when_a_test_fails() -> None:
    def failing() -> None:
        with dovecot() as server:
            seen.extend((server.config.parent, server.processes()))
            raise ZeroDivisionError

    seen: list[object] = []
    with pytest.raises(ZeroDivisionError):
        failing()
    folder, processes = seen
    assert isinstance(folder, Path)
    assert isinstance(processes, frozenset)
    assert (folder.exists(), len(processes) > 3, alive(processes)) == (False, True, set())


def test_a_server_that_does_not_start_says_why() -> None:
    with pytest.raises(NotStarted, match="no_such_setting"), dovecot(extra="no_such_setting = 1"):
        pass


def test_only_with_the_mail_log_are_moves_logged() -> None:
    for mail_log in (True, False):
        with dovecot(mail_log=mail_log) as server:
            server.deliver(["ann"], MAIL)
            with server.master_client("ann") as master:
                master.select()
                assert master.uid("MOVE", "1", "Trash")[0] == "OK"
            log = server.log.read_text()
        assert "lmtp(ann)" in log
        assert "msgid=<one@example.net>: saved mail to INBOX" in log
        assert (" save: box=INBOX, uid=1, msgid=<one@example.net>, size=" in log) is mail_log
        assert (" copy from INBOX: box=Trash, uid=1, " in log) is mail_log


def test_without_special_folders_and_hidden_ones_there_is_the_inbox_alone() -> None:
    with dovecot(special_folders=False, hidden=()) as server, server.client("ann") as client:
        assert folders(client) == {"INBOX"}


def test_a_mailbox_over_its_quota_takes_no_mail() -> None:
    with dovecot(quota="10K") as server:
        with pytest.raises(NotDelivered) as refused:
            server.deliver(["ann"], MAIL + b"A line of some length\n" * 1000)
        assert refused.value.replies["ann@example.org"].startswith("552 5.2.2")
        server.deliver(["ann"], MAIL)


def test_a_script_files_what_is_delivered() -> None:
    with dovecot(sieve=True) as server:
        server.write_sieve("ann", 'require "fileinto";\nfileinto "Junk";\n')
        server.deliver(["ann", "bob"], MAIL)
        with server.client("ann") as client:
            assert (len(bodies(client)), len(bodies(client, "Junk"))) == (0, 1)
        with server.client("bob") as client:
            assert (len(bodies(client)), len(bodies(client, "Junk"))) == (1, 0)


def test_tls_is_trusted_by_those_who_know_the_authority() -> None:
    with dovecot(tls=True) as server:
        trusting = ssl.create_default_context(cafile=server.ca_file)
        for host in ("localhost", HOST):
            with imaplib.IMAP4_SSL(host, server.imaps_port, ssl_context=trusting) as client:
                client.login("ann", PASSWORD)
            with imaplib.IMAP4(host, server.port) as client:
                client.starttls(trusting)
                client.login("ann", PASSWORD)
        with pytest.raises(ssl.SSLCertVerificationError):
            imaplib.IMAP4_SSL(HOST, server.imaps_port, ssl_context=ssl.create_default_context())


def test_connections_of_one_user_are_counted() -> None:
    with dovecot(mail_max_userip_connections=2) as server:
        with (
            server.client("ann"),
            server.master_client("ann"),
            pytest.raises(imaplib.IMAP4.error),
            server.client("ann"),
        ):
            pass
        with server.client("bob"), server.client("ann"):
            pass


def test_the_administrators_interface_answers_over_http(server: Dovecot) -> None:
    server.add_user("ida")
    server.deliver(["ida"], MAIL)
    asked = ["mailboxStatus", {"user": "ida", "field": ["messages"], "mailboxMask": ["INBOX"]}, "tag"]
    request = urllib.request.Request(
        f"http://{HOST}:{server.doveadm_port}/doveadm/v1",
        data=json.dumps([asked]).encode(),
        headers={"Authorization": f"X-Dovecot-API {b64encode(server.doveadm_key.encode()).decode()}"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert json.load(answer) == [["doveadmResponse", [{"mailbox": "INBOX", "messages": "1"}], "tag"]]


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[postfix.Postfix, Dovecot]]:
    """Postfix, and Dovecot behind it."""
    if reason := postfix.missing():
        pytest.skip(reason)
    with dovecot(users=()) as behind:
        aliases = {"staff": ("kim", "lea"), "boss": ("lea",), "left": (OUTSIDE,)}
        with postfix.postfix(behind.lmtp_port, aliases) as before:
            yield before, behind


def test_mail_sent_by_smtp_arrives(pair: tuple[postfix.Postfix, Dovecot]) -> None:
    before, behind = pair
    behind.add_user("jon")
    before.send("sender@example.net", ["jon"], MAIL)
    behind.await_messages("jon", 1)
    with behind.client("jon") as client:
        assert bodies(client) == [b"A line\r\n.with a dot\r\n"]


def test_an_alias_stands_for_several_users(pair: tuple[postfix.Postfix, Dovecot]) -> None:
    before, behind = pair
    behind.add_user("kim")
    behind.add_user("lea")
    before.send("sender@example.net", ["staff"], MAIL)
    before.send("sender@example.net", ["boss"], MAIL)
    behind.await_messages("lea", 2)
    behind.await_messages("kim", 1)


def test_mail_waits_for_a_server_that_is_away(pair: tuple[postfix.Postfix, Dovecot]) -> None:
    before, behind = pair
    behind.add_user("max")
    behind.kill()
    before.send("sender@example.net", ["max"], MAIL)
    behind.start()
    behind.await_messages("max", 1)


def test_nothing_leaves_the_machine(pair: tuple[postfix.Postfix, Dovecot]) -> None:
    before, behind = pair
    behind.add_user("nia")
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        before.send("nia@example.org", [OUTSIDE], MAIL)
    before.send("nia@example.org", ["left"], MAIL)
    behind.await_messages("nia", 1)
    with behind.client("nia") as client:
        (body,) = bodies(client)
    assert b"outbound mail is off" in body
    assert OUTSIDE.encode() in body


def test_a_stopped_postfix_leaves_no_process_and_keeps_its_queue() -> None:
    if reason := postfix.missing():
        pytest.skip(reason)
    with dovecot() as behind, postfix.postfix(behind.lmtp_port) as before:
        behind.stop()
        before.send("sender@example.net", ["ann"], MAIL)
        processes = before.processes()
        before.stop()
        assert (len(processes) > 3, alive(processes)) == (True, set())
        behind.start()
        before.start()
        behind.await_messages("ann", 1)
