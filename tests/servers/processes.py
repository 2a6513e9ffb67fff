"""What every real server in a test needs: a free port, and an end of all its processes."""

from __future__ import annotations

import contextlib
import os
import random
import select
import shutil
import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

HOST = "127.0.0.1"
PATIENCE = 20.0
_SYSTEM_FOLDERS = "/usr/sbin:/usr/local/sbin:/sbin"
# Below the range that the kernel takes the ports of outgoing connections from.
_PORTS = range(10_240, 32_768)


def program(name: str) -> str | None:
    """The path of a program, looked for in the folders of the system too; None when it is not installed."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:{_SYSTEM_FOLDERS}")


def free_port() -> int:
    """A port of the loopback on which nobody listens at this moment."""
    while True:
        port = random.SystemRandom().choice(_PORTS)
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((HOST, port))
            return port


def greeting(port: int) -> bytes:
    """The first line of a server, however long it takes it to say it, at most 20 seconds."""
    with socket.create_connection((HOST, port), timeout=PATIENCE) as line, line.makefile("rb") as answers:
        return answers.readline()


def launch(command: Sequence[str], notices: Path, complaints: Path) -> subprocess.Popen[bytes]:
    """Start a daemon that stays in the foreground, in a session of its own; returns when it is ready.

    It tells so on the socket ``notices`` as systemd's services do, see sd_notify(3). What it writes to its
    standard error goes to a file. It has ended when it has a return code.
    """
    notices.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told, complaints.open("wb") as errors:
        told.bind(str(notices))
        process = subprocess.Popen(
            command,
            env={**os.environ, "NOTIFY_SOCKET": str(notices)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )
        ended = os.pidfd_open(process.pid)
        try:
            ready, _, _ = select.select([told.fileno(), ended], [], [], PATIENCE)
        finally:
            os.close(ended)
        if told.fileno() not in ready:
            kill_session(process.pid)
            process.wait()
        return process


def session_members(leader: int) -> frozenset[int]:
    """The living processes of a session: a daemon and all that it has started."""
    found = set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                state, _, _, session = _after_name((folder / "stat").read_text("utf-8", "replace"))[:4]
                if state not in "ZX" and int(session) == leader:
                    found.add(int(folder.name))
    return frozenset(found)


def _after_name(stat: str) -> list[str]:
    return stat.rpartition(")")[2].split()


def kill_session(leader: int) -> None:
    """Kill a daemon and all that it has started, and wait until none of them is left."""
    while members := session_members(leader):
        for pid in members:
            end(pid, signal.SIGKILL)


def end(pid: int, with_signal: signal.Signals) -> bool:
    """Send a process a signal and wait until it is gone; False when it is still there after 20 seconds."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(process, with_signal)
        gone = select.poll()
        gone.register(process, select.POLLIN)
        return bool(gone.poll(PATIENCE * 1000))
    finally:
        os.close(process)
