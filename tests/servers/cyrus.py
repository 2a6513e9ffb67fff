"""A real Cyrus IMAP server, with JMAP and LMTP, on the loopback and from a folder of its own."""

from __future__ import annotations

import contextlib
import imaplib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.servers.certificates import certificate
from tests.servers.cyrus_config import PROGRAMS, REALM, Options, Ports, configuration, services
from tests.servers.cyrus_imapd import NotAvailable, imapd
from tests.servers.lmtp import SENDER, Lmtp
from tests.servers.processes import HOST, PATIENCE, end, greeting, kill_session, program

__all__ = ["DOMAIN", "HIDDEN", "Cyrus", "NotStarted", "address", "cyrus"]

DOMAIN = "example.org"
HIDDEN = "Quarantine"
"""The folder that every user has and cannot see; what is made below it is as hidden."""
ALL_RIGHTS = "lrswipkxtecdan"
RIGHTS = "lrswipkxtecdn"
"""What the administrator may do in every mailbox: all but changing rights."""
PASSWORD = "pw"
_FOLDERS = ["db", "proc", "socket", "log", "msg", "ptclient", "quota", "user", "sieve", "lock"]
_USER = "cyrus"
_TRIES = 5


def address(user: str) -> str:
    """The mailbox address of a user."""
    return user if "@" in user else f"{user}@{DOMAIN}"


class NotStarted(Exception):
    """The server does not start; the text says what is missing."""


class Cyrus:
    """A server that can be started, stopped, killed and started again, always with the same mail.

    Cyrus calls a user by the part of the address before the ``@``. The administrator, `admin`, has rights on
    every mailbox and on all that is made in it, and sees it as ``user/<user>``.
    """

    admin = "remedy"
    admin_password = "masterpw"

    def __init__(self, folder: Path, options: Options, imapd_program: Path) -> None:
        self.options = options
        self._folder = folder
        self._config = folder / "imapd.conf"
        self._certificate = certificate(folder / "tls") if options.tls else None
        self._ports = Ports()
        self._master: subprocess.Popen[bytes] | None = None
        self._users: set[str] = set()
        self._prepare(imapd_program)

    @property
    def imap_port(self) -> int:
        """The port of IMAP."""
        return self._ports.imap

    @property
    def imaps_port(self) -> int:
        """The port of IMAP over TLS, open only when the server speaks TLS."""
        return self._ports.imaps

    @property
    def lmtp_port(self) -> int:
        """The port where mail is delivered."""
        return self._ports.lmtp

    @property
    def jmap_url(self) -> str:
        """Where a JMAP client finds the session, without TLS."""
        return f"http://{HOST}:{self._ports.http}/.well-known/jmap"

    @property
    def secure_jmap_url(self) -> str:
        """The same over TLS, for a server that speaks it."""
        return f"https://{HOST}:{self._ports.https}/.well-known/jmap"

    @property
    def ca_file(self) -> Path:
        """The certificate of the authority, when the server speaks TLS."""
        assert self._certificate, "this server has no TLS"
        return self._certificate.authority

    @property
    def running(self) -> bool:
        """Whether we have started it, and not ended it since."""
        return self._master is not None

    @contextlib.contextmanager
    def client(self, user: str) -> Iterator[imaplib.IMAP4]:
        """A user's mail program, logged in; the folders are INBOX, Archive and so on."""
        with self._connected() as client:
            client.login(user, PASSWORD)
            yield client

    @contextlib.contextmanager
    def admin_client(self) -> Iterator[imaplib.IMAP4]:
        """The administrator's, for whom the folders are user/ann, user/ann/Archive and so on."""
        with self._connected() as client:
            client.login(self.admin, self.admin_password)
            yield client

    @contextlib.contextmanager
    def lmtp(self) -> Iterator[Lmtp]:
        """A connection for many deliveries."""
        with Lmtp(self.lmtp_port) as connection:
            yield connection

    def deliver(self, recipients: Sequence[str], content: bytes, sender: str = SENDER) -> None:
        """Deliver a message by LMTP to users or addresses; raises `NotDelivered` when one is refused."""
        with self.lmtp() as connection:
            connection.send([address(user) for user in recipients], content, sender)

    def add_user(self, *users: str) -> None:
        """Let users be known, each with an empty INBOX and the folder that only the administrator sees."""
        for user in users:
            if user not in self._users:
                self._set_password(user, PASSWORD)
                self._users.add(user)
        with self.admin_client() as admin:
            for user in users:
                _done(admin.create(f"user/{user}"))
                _done(admin.setacl(f"user/{user}", self.admin, RIGHTS))
                _done(admin.create(f"user/{user}/{HIDDEN}"))
                _done(admin.setacl(f"user/{user}/{HIDDEN}", self.admin, RIGHTS))
                _done(admin.deleteacl(f"user/{user}/{HIDDEN}", user))

    def remove_user(self, *users: str) -> None:
        """Delete all that users have; those that have nothing are passed over."""
        with self.admin_client() as admin:
            for user in users:
                # From the bottom up: Cyrus leaves empty places of folders that go with those above them.
                for name in sorted(_names(admin, f"user/{user}") + _names(admin, f"user/{user}/*"))[::-1]:
                    _done(admin.setacl(name, self.admin, ALL_RIGHTS))
                    _done(admin.delete(name))

    def renew(self, *users: str) -> None:
        """Give users new, empty mailboxes in place of those they have."""
        self.remove_user(*users)
        self.add_user(*users)

    def set_rights(self, user: str, rights: str) -> None:
        """What the administrator may do in all folders of a user: `RIGHTS`, or "lr" for no more than look."""
        with self.admin_client() as admin:
            for name in _names(admin, f"user/{user}") + _names(admin, f"user/{user}/*"):
                _done(admin.setacl(name, self.admin, rights))

    def start(self) -> None:
        """Start it; returns when it answers."""
        assert not self.running, "it runs already"
        master = [str(PROGRAMS / "master"), "-D", "-C", str(self._config)]
        self._master = subprocess.Popen(
            [*master, "-M", str(self._folder / "cyrus.conf"), "-p", str(self._folder / "run" / "master.pid")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            self._wait()
        except NotStarted:
            self.kill()
            raise

    def start_on_free_ports(self) -> None:
        """Start it for the first time; somebody else may take a port in the moment before it does."""
        for _ in range(_TRIES - 1):
            with contextlib.suppress(NotStarted):
                return self.start()
            self._choose_ports()
        return self.start()

    def stop(self) -> None:
        """End it in good order; returns when no process is left."""
        if self._master is not None:
            end(self._master.pid, signal.SIGTERM)
            self.kill()

    def kill(self) -> None:
        """Kill the master and all its children at once; returns when no process is left."""
        if self._master is not None:
            # The whole group in one call, so that no child outlives the master by a moment.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._master.pid, signal.SIGKILL)
            kill_session(self._master.pid)
            self._master.wait()
            self._master = None

    def restart(self) -> None:
        """Stop it and start it again, on the same ports."""
        self.stop()
        self.start()

    @contextlib.contextmanager
    def _connected(self) -> Iterator[imaplib.IMAP4]:
        client = imaplib.IMAP4(HOST, self.imap_port, timeout=PATIENCE)
        try:
            yield client
        finally:
            # A server that a test has killed does not say good-bye.
            with contextlib.suppress(OSError, imaplib.IMAP4.abort):
                client.logout()
            with contextlib.suppress(OSError):
                client.shutdown()

    def _wait(self) -> None:
        """Return when every service is ours and answers; the ports are opened one after the other."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                for port in (self.imap_port, self.lmtp_port):
                    if b"Cyrus" not in greeting(port):
                        raise NotStarted(f"somebody else answers on port {port}")
                for port in (self._ports.http, *((self._ports.https,) if self.options.tls else ())):
                    socket.create_connection((HOST, port), timeout=PATIENCE).close()
                return
            except ConnectionRefusedError as error:
                if time.monotonic() > until or self._ended():
                    raise NotStarted(f"nobody answers: {error}") from error
                time.sleep(0.01)

    def _ended(self) -> bool:
        return self._master is None or self._master.poll() is not None

    def _prepare(self, program: Path) -> None:
        for name in ("spool", "run", *(f"conf/{name}" for name in _FOLDERS)):
            (self._folder / name).mkdir(parents=True)
        # Where it is kept, the user that the server becomes may have no way in.
        shutil.copy(program, self._folder / "imapd")
        administrators = (self.admin,)
        text = configuration(self._folder, self.options, administrators, self._certificate)
        self._config.write_text(text)
        self._set_password(self.admin, self.admin_password)
        self._choose_ports()
        shutil.chown(self._folder / "sasldb2", _USER)
        for path in (self._folder, *self._folder.rglob("*")):
            shutil.chown(path, _USER, "mail")

    def _choose_ports(self) -> None:
        self._ports = Ports()
        text = services(self._config, self._folder / "imapd", self._ports, self.options.tls)
        (self._folder / "cyrus.conf").write_text(text)

    def _set_password(self, user: str, password: str) -> None:
        tool = program("saslpasswd2")
        assert tool, "sasl2-bin is not installed"
        command = [tool, "-c", "-p", "-u", REALM, "-f", str(self._folder / "sasldb2"), user]
        subprocess.run(command, input=password.encode(), check=True, capture_output=True)


def _done(answer: tuple[str, list[Any]]) -> None:
    assert answer[0] == "OK", answer


def _names(admin: imaplib.IMAP4, pattern: str) -> list[str]:
    """The folders that the administrator sees, their names ready to be sent back."""
    answer, lines = admin.list('""', pattern)
    assert answer == "OK", lines
    return [_quoted(line.decode().partition(' "/" ')[2]) for line in lines if isinstance(line, bytes)]


def _quoted(name: str) -> str:
    return name if name.startswith('"') else f'"{name}"'


def _missing() -> str:
    """What this machine lacks; empty when a server can be started."""
    if not (PROGRAMS / "httpd").exists() or not (PROGRAMS / "master").exists():
        return "the packages cyrus-common and cyrus-caldav are not installed"
    if program("saslpasswd2") is None:
        return "the package sasl2-bin is not installed"
    return "" if os.geteuid() == 0 else "Cyrus has to be started as root"


@contextlib.contextmanager
def cyrus(
    users: Sequence[str] = ("ann", "bob"),
    *,
    owner_rights: str = "n",
    shared_seen: bool = True,
    tls: bool = False,
) -> Iterator[Cyrus]:
    """Start a server that answers, and end it with all that it kept; the words are those of `Options`.

    Skips the test where that cannot be done, and says why.
    """
    try:
        if reason := _missing():
            raise NotAvailable(reason)
        imapd_program = imapd()
    except NotAvailable as error:
        pytest.skip(f"no Cyrus here: {error}")
    # A short path, for sockets lie below it.
    folder = Path(tempfile.mkdtemp(prefix="cy"))
    try:
        options = Options(owner_rights=owner_rights, shared_seen=shared_seen, tls=tls)
        server = Cyrus(folder, options, imapd_program)
        try:
            server.start_on_free_ports()
            server.add_user(*users)
            yield server
        finally:
            server.kill()
    finally:
        shutil.rmtree(folder)
