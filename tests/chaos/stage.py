"""The stage of the chaos run: a Dovecot with mail of which every message says who it is."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
from tests.servers.dovecot import Dovecot
from tests.servers.sources import imap_settings

from clawback.settings import Settings, WorkSettings

URL = "https://login.bad.example/verify?id=17"
MARK = "X-Chaos"
ROOT = Path(__file__).resolve().parents[2]


def user(number: int) -> str:
    """A user's name."""
    return f"c{number:04d}"


def letter(name: str) -> bytes:
    """A message that bears its name; those whose name begins with ``bad`` carry the URL."""
    text = f"please look at {URL}" if name.startswith("bad") else "the minutes are attached"
    head = f"From: eve@bad.example\r\nTo: all@example.org\r\nSubject: {name}\r\n{MARK}: {name}\r\n"
    return (head + f"Message-ID: <{name}@bad.example>\r\n\r\n{text}, {name}.\r\n").encode()


class Names:
    """Gives every message a name of its own."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def new(self, kind: str) -> str:
        """A name that nobody has."""
        return f"{kind}-{next(self._numbers)}"


def fill(server: Dovecot, users: Sequence[str], bad: int, clean: int, names: Names) -> list[str]:
    """Deliver to everybody; the names of all messages, each of which is in one mailbox."""
    given: list[str] = []
    with server.lmtp() as line:
        for owner in users:
            for kind in ["bad"] * bad + ["clean"] * clean:
                name = names.new(kind)
                line.send([f"{owner}@example.org"], letter(name))
                given.append(name)
    return given


def settings(server: Dovecot, users: Sequence[str], home: Path) -> Settings:
    """Clawback by IMAP, following the log of the server."""
    return imap_settings(
        server,
        home,
        bodies="remediated",
        work=WorkSettings(sweep_seconds=5),
        mailboxes=list(users),
        log=str(server.log),
        timeout=10.0,
    )


class Worker:
    """Clawback in a process of its own, which may be killed with all its children at any moment."""

    def __init__(self, told: Settings) -> None:
        self._file = Path(told.home) / "settings.json"
        self._file.write_bytes(msgspec.json.encode(told))
        self._process: subprocess.Popen[bytes] | None = None
        self.log = Path(told.home) / "worker.log"

    def start(self) -> None:
        """Start it."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.worker", str(self._file)],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        """SIGKILL for it and its children."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Let it end in its own way."""
        self._end(signal.SIGTERM)

    @property
    def alive(self) -> bool:
        """Whether it runs; one that ended by itself is a finding."""
        return self._process is not None and self._process.poll() is None

    def _end(self, sign: signal.Signals) -> None:
        if self._process is None:
            return
        try:
            if sign is signal.SIGKILL:
                os.killpg(self._process.pid, sign)
            else:
                self._process.send_signal(sign)
        except ProcessLookupError:
            pass
        self._process.wait(60)
        self._process = None


def loaded(file: Path) -> Settings:
    """The settings that a worker was started with."""
    return msgspec.convert(json.loads(file.read_bytes()), Settings)
