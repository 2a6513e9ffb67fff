"""A real Dovecot on the loopback, from a folder of its own, for as long as a test needs it."""

from __future__ import annotations

import contextlib
import grp
import imaplib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

MAIL_UID = 5000
PASSWORD = "pw"
PROGRAM = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")

_CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
listen = 127.0.0.1
protocols = imap
ssl = no
disable_plaintext_auth = no
auth_failure_delay = 0
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = 1
mail_home = {folder}/mail/%n
mail_location = maildir:~/Maildir
{users}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%n
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


class Dovecot:
    """A running server; `mail` holds one home for each user."""

    def __init__(self, folder: Path, port: int) -> None:
        self.mail = folder / "mail"
        self.port = port

    @contextlib.contextmanager
    def client(self, user: str) -> Iterator[imaplib.IMAP4]:
        """A user's mail program, logged in."""
        with imaplib.IMAP4("127.0.0.1", self.port, timeout=20) as client:
            client.login(user, PASSWORD)
            yield client


@contextlib.contextmanager
def dovecot() -> Iterator[Dovecot]:
    """Start a server, wait until it answers, end it."""
    # A short path, for sockets lie below it.
    folder = Path(tempfile.mkdtemp(prefix="dv"))
    port = _free_port()
    folder.chmod(0o755)
    config = folder / "dovecot.conf"
    config.write_text(_config(folder, port))
    assert PROGRAM
    process = subprocess.Popen(
        [PROGRAM, "-F", "-c", config],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(port, process, folder / "dovecot.log")
        yield Dovecot(folder, port)
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(folder)


def _config(folder: Path, port: int) -> str:
    uid, gid, users = MAIL_UID, MAIL_UID, ""
    if os.geteuid() != 0:
        uid, gid = os.geteuid(), os.getegid()
        user, group = pwd.getpwuid(uid).pw_name, grp.getgrgid(gid).gr_name
        users = (
            f"default_internal_user = {user}\ndefault_login_user = {user}\ndefault_internal_group = {group}"
        )
    mail = folder / "mail"
    mail.mkdir()
    os.chown(mail, uid, gid)
    return _CONFIG.format(folder=folder, port=port, uid=uid, gid=gid, users=users, password=PASSWORD)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=20) as line:
            if line.recv(4) == b"* OK":
                return
        time.sleep(0.02)
    raise RuntimeError(log.read_text() if log.exists() else "dovecot does not start")
