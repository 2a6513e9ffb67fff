"""The options of an IMAP source: defaults, bounds, secrets, and what is refused."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from clawback.errors import BadSettings, LoginFailed
from clawback.mailboxes.imap.configuring import options_of
from clawback.mailboxes.imap.options import Access, Mailboxes, Naming, Options, Server, Tls, Watching

GOOD: dict[str, Any] = {
    "host": "mail.example.org",
    "user": "clawback",
    "password_file": "secret",
    "mailboxes_command": ["doveadm", "user", "*"],
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write(tmp_path / "secret", "hidden word")
    write(tmp_path / "token", "hidden token")
    write(tmp_path / "credentials", "Ann@example.org ann hidden one\nbob@example.org bob hidden two\n")
    return tmp_path


def write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o600)


def told(home: Path, **changed: object) -> Options:
    return options_of("mail", {k: v for k, v in (GOOD | changed).items() if v is not None}, home)


def secret_of(options: Options) -> str:
    assert options.login.secret
    return options.login.secret()


def test_little_has_to_be_said(home: Path) -> None:
    options = told(home)
    assert options.server == Server("mail.example.org", 993, Tls.IMPLICIT)
    assert (options.login.access, options.login.admin, options.login.separator) == (
        Access.MASTER,
        "clawback",
        "",
    )
    assert secret_of(options) == "hidden word"
    assert options.naming == Naming()
    assert options.mailboxes == Mailboxes(command=("doveadm", "user", "*"))
    assert options.watching == Watching()
    assert (options.connections, options.doveadm) == (8, ())


def test_everything_can_be_said(home: Path) -> None:
    options = told(
        home,
        port=1143,
        tls="starttls",
        ca_file="tls/ca.pem",
        separator="*",
        mailboxes_command=None,
        mailboxes_file="people",
        login_name="{mailbox}",
        address="{user}@mail.example.org",
        inbox="u/{mailbox}",
        folder="u/{mailbox}/{folder}",
        soft_deleted="Taken",
        quarantine="Held",
        connections=20,
        timeout=5,
        compress=True,
        largest_megabytes=3,
        log="/var/log/mail.log",
        listen="127.0.0.1:8025",
        token_file="token",
        idle=0,
        doveadm=["sudo", "-n", "doveadm"],
    )
    assert options.server == Server(
        "mail.example.org", 1143, Tls.STARTTLS, home / "tls/ca.pem", 5.0, 3 << 20, True
    )
    assert options.login.separator == "*"
    assert options.naming == Naming(
        "{mailbox}", "{user}@mail.example.org", "u/{mailbox}", "u/{mailbox}/{folder}", "Taken", "Held"
    )
    assert options.mailboxes == Mailboxes(file=home / "people")
    assert options.watching == Watching(Path("/var/log/mail.log"), "127.0.0.1:8025", "hidden token", 0)
    assert (options.connections, options.doveadm) == (20, ("sudo", "-n", "doveadm"))


def test_the_port_follows_from_tls(home: Path) -> None:
    assert [told(home, tls=tls, insecure=True).server.port for tls in ("implicit", "starttls", "none")] == [
        993,
        143,
        143,
    ]


@pytest.mark.parametrize(
    ("option", "good", "bad"),
    [
        ("connections", (1, 200), (0, 201, -1, 1.5, "8")),
        ("timeout", (1, 3_600, 0.5 + 1), (0, 0.9, 3_601, float("nan"), float("inf"), "30")),
        ("largest_megabytes", (1, 120), (0, 121)),
        ("idle", (0, 10_000), (-1, 10_001)),
        ("port", (0, 65_535), (-1, 65_536)),
        ("tls", ("implicit", "starttls"), ("ssl", "", True)),
        ("access", ("master", "admin"), ("root", "")),
        ("compress", (True, False), (1, "yes")),
        ("host", ("mail.example.org", "192.0.2.1", "::1"), ("", 5, None)),
        ("quarantine", ("Held",), ("Quarantine/Soft deleted",)),
        ("folder", ("{mailbox}/{folder}",), ("user/{user}", "{folder}", "")),
        ("inbox", ("{mailbox}",), ("INBOX", "")),
        ("login_name", ("{mailbox}", "{user}"), ("admin", "{domain}", "")),
        ("address", ("{user}",), ("ann@example.org", "")),
        ("mailboxes_command", (["x"],), ("doveadm user *", [1], [])),
        ("doveadm", (["doveadm"], []), ("doveadm",)),
        ("unknown", (), ("x",)),
    ],
)
def test_each_option_has_bounds(
    home: Path, option: str, good: tuple[object, ...], bad: tuple[object, ...]
) -> None:
    for value in good:
        told(home, **{option: value})
    for value in bad:
        with pytest.raises(BadSettings, match="source 'mail'"):
            told(home, **{option: value})


def test_a_password_goes_over_the_net_in_clear_text_only_when_somebody_says_so(home: Path) -> None:
    for host in ("127.0.0.1", "::1", "localhost", "127.8.8.8"):
        assert told(home, tls="none", host=host).server.tls is Tls.NONE
    for host in ("mail.example.org", "10.0.0.1", "127.0.0.1.example.org", "localhost.example.org", "0.0.0.0"):
        with pytest.raises(BadSettings, match="clear text"):
            told(home, tls="none", host=host)
        assert told(home, tls="none", host=host, insecure=True).server.host == host


def test_there_is_one_way_to_the_password(home: Path) -> None:
    for changed in (
        {"password_file": None},
        {"password_file": ""},
        {"password_command": "pass show mail"},
        {"user": None},
        {"user": ""},
        {"access": "own", "credentials_file": None},
        {"access": "own", "credentials_file": "none"},
        {"token_file": "none"},
    ):
        with pytest.raises(BadSettings, match="source 'mail'"):
            told(home, **changed)


def test_a_password_may_come_from_a_command(home: Path) -> None:
    command = [sys.executable, "-c", "print('from a command')"]
    assert secret_of(told(home, password_file=None, password_command=command)) == "from a command"
    failing = told(home, password_file=None, password_command=[sys.executable, "-c", "raise SystemExit(3)"])
    with pytest.raises(LoginFailed):
        secret_of(failing)


def test_a_password_is_kept_for_a_while_and_read_once_by_many(home: Path) -> None:
    count = "open('count', 'a').write('x'); print('word')"
    options = told(home, password_file=None, password_command=[sys.executable, "-c", count])
    threads = [threading.Thread(target=secret_of, args=(options,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert secret_of(options) == "word"
    assert (home / "count").read_text() == "x"


def test_a_password_file_that_others_can_read_is_refused_when_it_is_needed(home: Path) -> None:
    options = told(home)
    (home / "secret").chmod(0o644)
    with pytest.raises(BadSettings):
        secret_of(options)


def test_credentials_of_each_mailbox_are_read_at_once(home: Path) -> None:
    options = told(home, access="own", credentials_file="credentials", user=None, password_file=None)
    own = {mailbox: (user, secret()) for mailbox, (user, secret) in options.login.own.items()}
    assert own == {"ann@example.org": ("ann", "hidden one"), "bob@example.org": ("bob", "hidden two")}


def test_a_master_needs_a_list_of_mailboxes_and_nobody_two(home: Path) -> None:
    with pytest.raises(BadSettings, match="cannot list"):
        told(home, mailboxes_command=None)
    told(home, mailboxes_command=None, access="admin")
    told(home, mailboxes_command=None, mailboxes=["ann"])
    with pytest.raises(BadSettings, match="give one of"):
        told(home, mailboxes=["ann"])


def test_no_secret_is_shown(home: Path) -> None:
    shown = repr(told(home, token_file="token")) + repr(
        told(home, access="own", credentials_file="credentials", user=None, password_file=None)
    )
    assert "hidden" not in shown
