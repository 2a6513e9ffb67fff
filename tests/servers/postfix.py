"""A real Postfix on the loopback, which takes mail by SMTP and hands it to an LMTP server; nothing leaves."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import smtplib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from subprocess import DEVNULL, run
from types import MappingProxyType

from tests.servers.dovecot import DOMAIN, NotStarted, address
from tests.servers.lmtp import NotDelivered, with_line_ends
from tests.servers.processes import (
    HOST,
    PATIENCE,
    end,
    free_port,
    greeting,
    kill_session,
    program,
    session_members,
)

PROGRAM = program("postfix")
PROGRAMS = "/usr/lib/postfix/sbin"
_OWNER = "postfix"
_TRIES = 5
_NO_ALIASES: Mapping[str, Sequence[str]] = MappingProxyType({})

_MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = {programs}
mail_owner = {owner}
setgid_group = postdrop
myhostname = mail.{domain}
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
inet_interfaces = {host}
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
maillog_file = {folder}/mail.log
maillog_file_prefixes = {folder}
multi_instance_name =
multi_instance_enable = no
virtual_mailbox_domains = {domain}
virtual_mailbox_maps = static:ok
virtual_alias_maps = texthash:{folder}/aliases
virtual_transport = lmtp:inet:{host}:{lmtp_port}
# Nothing ever leaves the machine.
default_transport = error:5.7.1 outbound mail is off
relay_transport = error:5.7.1 outbound mail is off
smtp_host_lookup = native
lmtp_host_lookup = native
disable_dns_lookups = yes
smtpd_recipient_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
lmtp_destination_recipient_limit = 50
enable_long_queue_ids = yes
# Mail that waits for a server that was away is tried again at once.
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 1s
transport_retry_time = 1s
"""

_MASTER = """
{host}:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def missing() -> str:
    """Why no server can be started on this machine, in words for a skipped test; empty when one can."""
    if not PROGRAM:
        return "postfix is not installed (apt-get install postfix)"
    return "" if os.geteuid() == 0 else "postfix starts as root only"


class Postfix:
    """A server that can be started and stopped; `log` is what it tells of each message."""

    def __init__(
        self, folder: Path, lmtp_port: int, aliases: Mapping[str, Sequence[str]], settings: str = ""
    ) -> None:
        self.log = folder / "mail.log"
        self.config = folder / "conf"
        self.port = 0
        self._folder = folder
        self._master: int | None = None
        self._prepare(lmtp_port, aliases, settings)

    @property
    def running(self) -> bool:
        """Whether we have started it, and not ended it since."""
        return self._master is not None

    def processes(self) -> frozenset[int]:
        """All processes of this server that live now."""
        return frozenset() if self._master is None else session_members(self._master)

    def send(self, sender: str, recipients: Sequence[str], content: bytes) -> None:
        """Hand in a message by SMTP for users, aliases or addresses; returns when it is in the queue.

        Raises what `smtplib` raises when all are refused, `NotDelivered` when some are.
        """
        with smtplib.SMTP(HOST, self.port, "test.example.net", PATIENCE) as connection:
            to = [address(user) for user in recipients]
            refused = connection.sendmail(sender, to, with_line_ends(content))
        if refused:
            raise NotDelivered({recipient: repr(reply) for recipient, reply in refused.items()})

    def start(self) -> None:
        """Start it; returns when it answers."""
        assert not self.running, "it runs already"
        assert PROGRAM, "postfix is not installed"
        command = [PROGRAM, "-c", str(self.config), "start"]
        # No pipe: what it starts would keep it open.
        started = run(command, check=False, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL, timeout=60)
        if started.returncode:
            raise NotStarted(f"postfix start ends with {started.returncode}\n{self._told()}")
        self._master = int((self._folder / "spool" / "pid" / "master.pid").read_text())
        if not greeting(self.port):
            raise NotStarted(f"nobody answers on port {self.port}\n{self._told()}")

    def start_on_free_port(self) -> None:
        """Start it for the first time; somebody else may take the port in the moment before it does."""
        for _ in range(_TRIES - 1):
            with contextlib.suppress(NotStarted):
                return self.start()
            self._choose_port()
        return self.start()

    def stop(self) -> None:
        """End it; what is in its queue stays there. Returns when no process is left."""
        if self._master is not None:
            end(self._master, signal.SIGTERM)
            kill_session(self._master)
            self._master = None

    def _told(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def _choose_port(self) -> None:
        self.port = free_port()
        (self.config / "master.cf").write_text(_MASTER.format(host=HOST, port=self.port))

    def _prepare(self, lmtp_port: int, aliases: Mapping[str, Sequence[str]], settings: str) -> None:
        self._folder.chmod(0o755)
        for name in ("conf", "spool", "data"):
            (self._folder / name).mkdir()
        os.chown(self._folder / "data", pwd.getpwnam(_OWNER).pw_uid, -1)
        lines = (f"{address(alias)} {' '.join(map(address, users))}\n" for alias, users in aliases.items())
        (self._folder / "aliases").write_text("".join(lines))
        text = _MAIN.format(
            folder=self._folder,
            programs=PROGRAMS,
            owner=_OWNER,
            domain=DOMAIN,
            host=HOST,
            lmtp_port=lmtp_port,
        )
        (self.config / "main.cf").write_text(text + settings)
        self._choose_port()


@contextlib.contextmanager
def postfix(
    lmtp_port: int, aliases: Mapping[str, Sequence[str]] = _NO_ALIASES, settings: str = ""
) -> Iterator[Postfix]:
    """Start a server in front of an LMTP server, and end it with all that it kept; only root can.

    `settings` are further lines of its main.cf.
    """
    folder = Path(tempfile.mkdtemp(prefix="pf"))
    try:
        server = Postfix(folder, lmtp_port, aliases, settings)
        try:
            server.start_on_free_port()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)
