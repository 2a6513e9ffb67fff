"""A real Dovecot on the loopback, from a folder of its own, for as long as a test needs it."""

from __future__ import annotations

import contextlib
import imaplib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from imapclient import IMAPClient
from tests.servers.certificates import OPENSSL, certificate
from tests.servers.dovecot_config import (
    API_KEY,
    MAIL_UID,
    MASTER_USER,
    Format,
    Options,
    Owner,
    Ports,
    configuration,
    known_users,
    passwd_file,
    rights,
    users_configuration,
)
from tests.servers.lmtp import SENDER, Lmtp
from tests.servers.processes import (
    HOST,
    PATIENCE,
    end,
    greeting,
    kill_session,
    launch,
    program,
    session_members,
)

__all__ = [
    "DOMAIN",
    "MAIL_UID",
    "PASSWORD",
    "PROGRAM",
    "Dovecot",
    "NotStarted",
    "Options",
    "address",
    "dovecot",
]

DOMAIN = "example.org"
PASSWORD = "pw"
MASTER_PASSWORD = "masterpw"
PROGRAM = program("dovecot")
_LIBRARIES = Path("/usr/lib/dovecot")
_PACKAGES = {
    "imap": "dovecot-imapd",
    "lmtp": "dovecot-lmtpd",
    "modules/lib90_sieve_plugin.so": "dovecot-sieve",
    "managesieve": "dovecot-managesieved",
}
_TRIES = 5


def missing() -> str:
    """Why no server can be started on this machine, in words for a skipped test; empty when one can."""
    wanted = [] if PROGRAM else ["dovecot-core"]
    wanted += [package for path, package in _PACKAGES.items() if not (_LIBRARIES / path).exists()]
    wanted += [] if OPENSSL else ["openssl"]
    return f"dovecot is not installed (apt-get install {' '.join(wanted)})" if wanted else ""


def address(user: str) -> str:
    """The mailbox address of a user."""
    return user if "@" in user else f"{user}@{DOMAIN}"


class NotStarted(Exception):
    """The server does not start; the text is its own."""


class Dovecot:
    """A server that can be started, stopped, killed and started again, always with the same mail.

    `mail` holds one home for each user, `log` is what it tells of mail, `error_log` what went wrong, and
    `ca_file` what a client has to trust when it speaks TLS.
    """

    master_user = MASTER_USER
    master_password = MASTER_PASSWORD
    doveadm_key = API_KEY

    def __init__(self, folder: Path, options: Options, users: Sequence[str]) -> None:
        self.options = options
        self.mail = folder / "mail"
        self.config = folder / "dovecot.conf"
        self.log = folder / "info.log"
        self.error_log = folder / "dovecot.log"
        self._folder = folder
        self._owner = Owner.of_this_process()
        self._certificate = certificate(folder / "tls") if options.tls else None
        self._users = dict.fromkeys(users, PASSWORD)
        self._ports = Ports.free()
        self._master: subprocess.Popen[bytes] | None = None
        self._prepare()

    @property
    def port(self) -> int:
        """The port of IMAP, where STARTTLS is offered too when the server speaks TLS."""
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
    def doveadm_port(self) -> int:
        """The port of the administrator's HTTP interface; the key is `doveadm_key`."""
        return self._ports.doveadm

    @property
    def sieve_port(self) -> int:
        """The port of ManageSieve, open only when users have scripts."""
        return self._ports.sieve

    @property
    def ca_file(self) -> Path:
        """The certificate of the authority, when the server speaks TLS."""
        assert self._certificate, "this server has no TLS"
        return self._certificate.authority

    @property
    def running(self) -> bool:
        """Whether we have started it, and not ended it since."""
        return self._master is not None

    def processes(self) -> frozenset[int]:
        """All processes of this server that live now."""
        return frozenset() if self._master is None else session_members(self._master.pid)

    @contextlib.contextmanager
    def client(self, user: str) -> Iterator[imaplib.IMAP4]:
        """A user's mail program, logged in."""
        with self._connected() as client:
            client.login(user, self._users.get(user, PASSWORD))
            yield client

    @contextlib.contextmanager
    def master_client(self, user: str) -> Iterator[imaplib.IMAP4]:
        """A user's mailbox, opened by the master user."""
        said = f"{user}\0{MASTER_USER}\0{MASTER_PASSWORD}".encode()
        with self._connected() as client:
            client.authenticate("PLAIN", lambda _: said)
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

    def await_messages(self, user: str, count: int, folder: str = "INBOX") -> None:
        """Wait until a folder that exists holds so many messages; raises `TimeoutError` after 20 seconds."""
        until = time.monotonic() + PATIENCE
        with IMAPClient(HOST, self.port, ssl=False, timeout=PATIENCE) as client:
            client.plain_login(MASTER_USER, MASTER_PASSWORD, user)
            client.select_folder(folder, readonly=True)
            while client.folder_status(folder, ["MESSAGES"])[b"MESSAGES"] < count:
                client.idle()
                client.idle_check(max(until - time.monotonic(), 0))
                client.idle_done()
                if time.monotonic() > until:
                    raise TimeoutError(f"{folder} of {user} does not hold {count} messages")

    def doveadm(self, *arguments: str, check: bool = True, stdin: IO[bytes] | None = None) -> str:
        """What the administrator's tool prints; with `check`, `CalledProcessError` when it fails."""
        tool = program("doveadm")
        assert tool
        command = [tool, "-c", str(self.config), *arguments]
        given = stdin or subprocess.DEVNULL
        run = subprocess.run(command, check=False, stdin=given, capture_output=True, text=True)
        if check and run.returncode:
            failure = subprocess.CalledProcessError(run.returncode, command, run.stdout, run.stderr)
            failure.add_note(run.stderr)
            raise failure
        return run.stdout

    def add_user(self, user: str, password: str = PASSWORD) -> None:
        """Let a user be known from now on."""
        self._users[user] = password
        self._write_users()

    def remove_user(self, user: str) -> None:
        """Let a user be unknown from now on; the files stay, and so do connections that are open."""
        del self._users[user]
        self._write_users()

    def write_sieve(self, user: str, script: str) -> None:
        """Give a user a Sieve script for what is delivered from now on."""
        home = self.mail / user
        home.mkdir(exist_ok=True)
        path = home / ".dovecot.sieve"
        path.write_text(script)
        for made in (home, path):
            os.chown(made, self._owner.uid, self._owner.gid)

    def start(self) -> None:
        """Start it; returns when it answers."""
        assert not self.running, "it runs already"
        assert PROGRAM, "dovecot is not installed"
        complaints = self._folder / "complaints"
        command = [PROGRAM, "-F", "-c", str(self.config)]
        process = launch(command, self._folder / "notices", complaints)
        if process.returncode is not None:
            raise NotStarted(
                f"dovecot ends with {process.returncode}\n{complaints.read_text()}{self._errors()}"
            )
        self._master = process
        for port in (self.port, self.lmtp_port):
            if not greeting(port):
                raise NotStarted(f"nobody answers on port {port}\n{self._errors()}")

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
            # Else the next one may take another process that got this number for its master.
            (self._folder / "run" / "master.pid").unlink(missing_ok=True)
            self._master = None

    def restart(self) -> None:
        """Stop it and start it again, on the same ports."""
        self.stop()
        self.start()

    @contextlib.contextmanager
    def _connected(self) -> Iterator[imaplib.IMAP4]:
        client = imaplib.IMAP4(HOST, self.port, timeout=PATIENCE)
        try:
            yield client
        finally:
            # A server that a test has killed does not say good-bye.
            with contextlib.suppress(OSError, imaplib.IMAP4.abort):
                client.logout()
            with contextlib.suppress(OSError):
                client.shutdown()

    def _errors(self) -> str:
        return self.error_log.read_text() if self.error_log.exists() else ""

    def _prepare(self) -> None:
        self._folder.chmod(0o755)
        self.mail.mkdir()
        os.chown(self.mail, self._owner.uid, self._owner.gid)
        (self._folder / "master-users").write_text(f"{MASTER_USER}:{{PLAIN}}{MASTER_PASSWORD}::::::\n")
        (self._folder / "rights").write_text(rights(self.options))
        (self._folder / "users.conf").write_text(users_configuration(self._folder))
        self._write_users()
        self._choose_ports()

    def _choose_ports(self) -> None:
        self._ports = Ports.free()
        text = configuration(self._folder, self.options, self._ports, self._owner, self._certificate)
        self.config.write_text(text)

    def _write_users(self) -> None:
        self._replace("users", known_users(self._folder, self._users))
        self._replace("passwd", passwd_file(self._folder, self._owner, self._users))

    def _replace(self, name: str, text: str) -> None:
        new = self._folder / f"{name}.new"
        new.write_text(text)
        new.replace(self._folder / name)


@contextlib.contextmanager
def dovecot(
    format: Format = "maildir",
    users: Sequence[str] = ("ann", "bob"),
    *,
    special_folders: bool = True,
    hidden: tuple[str, ...] = ("Quarantine",),
    mail_log: bool = False,
    quota: str = "",
    sieve: bool = False,
    tls: bool = False,
    passwd_file: bool = False,
    auth_cache_size: str = "0",
    mail_max_userip_connections: int = 10,
    extra: str = "",
) -> Iterator[Dovecot]:
    """Start a server that answers, and end it with all that it kept; the words are those of `Options`."""
    options = Options(
        format=format,
        special_folders=special_folders,
        hidden=hidden,
        mail_log=mail_log,
        quota=quota,
        sieve=sieve,
        tls=tls,
        passwd_file=passwd_file,
        auth_cache_size=auth_cache_size,
        mail_max_userip_connections=mail_max_userip_connections,
        extra=extra,
    )
    # A short path, for sockets lie below it.
    folder = Path(tempfile.mkdtemp(prefix="dv"))
    try:
        server = Dovecot(folder, options, users)
        try:
            server.start_on_free_ports()
            yield server
        finally:
            server.kill()
    finally:
        shutil.rmtree(folder)
