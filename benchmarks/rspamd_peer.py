"""An rspamd of our own on loopback: one worker pinned to one core.

Nothing may leave the machine: a stub answers every DNS question with NXDOMAIN at once, and counts them.
So the modules that ask the network can be on, which costs their own work but no waiting for anybody, or
off (those that ask DNS, a fuzzy server, Redis or a reputation service).
"""

from __future__ import annotations

import contextlib
import http.client
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_OFF = (
    "rbl surbl fuzzy_check dmarc spf dkim arc asn greylist ratelimit history_redis url_redirector p0f "
    "mx_check neural reputation dkim_signing bayes_expiry clickhouse elastic rspamd_update antivirus "
    "external_services dcc milter_headers metadata_exporter hfilter replies bimi"
)
_TICKS = os.sysconf("SC_CLK_TCK")


def find() -> str | None:
    """The rspamd program, if it is installed."""
    return shutil.which("rspamd") or shutil.which("rspamd", path="/usr/sbin:/usr/bin")


class NothingFound:
    """A DNS server on loopback that says NXDOMAIN to everything."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.questions = 0
        threading.Thread(target=self._answer, daemon=True).start()

    def _answer(self) -> None:
        while True:
            try:
                question, where = self._socket.recvfrom(4096)
            except OSError:
                return
            if len(question) < 12:
                return
            self.questions += 1
            self._socket.sendto(question[:2] + b"\x81\x83" + question[4:6] + b"\0" * 6 + question[12:], where)

    def close(self) -> None:
        """Stop answering."""
        self._socket.sendto(b"", ("127.0.0.1", self.port))


@dataclass(slots=True)
class Rspamd:
    """A running rspamd."""

    port: int
    worker: int
    dns: NothingFound

    def scan(self, raw: bytes) -> bool:
        """Have one message scanned; whether it was answered with a result."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("POST", "/checkv2", raw)
        answer = connection.getresponse()
        answered = answer.read().startswith(b"{") and answer.status == 200
        connection.close()
        return answered

    def seconds(self) -> float:
        """Processor seconds that the worker has used."""
        fields = Path(f"/proc/{self.worker}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS


@contextlib.contextmanager
def running(program: str, core: int, *, network_modules: bool) -> Iterator[Rspamd]:
    """Start rspamd in a folder of its own and end it afterwards, by its process id."""
    dns = NothingFound()
    with tempfile.TemporaryDirectory(prefix="rspamd-") as folder:
        root = Path(folder)
        port = _write_settings(root, dns.port, network_modules)
        command = [program, "-f", "-i", "-c", "/etc/rspamd/rspamd.conf", f"--var=LOCAL_CONFDIR={root}"]
        command += [f"--var={name}={root / 'run'}" for name in ("RUNDIR", "DBDIR", "LOGDIR")]
        command += _as_nobody()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            _wait(port, process, root / "run" / "rspamd.log")
            worker = _worker(process.pid)
            os.sched_setaffinity(worker, {core})
            yield Rspamd(port, worker, dns)
        finally:
            process.terminate()
            process.wait(30)
            dns.close()


def _as_nobody() -> list[str]:
    with contextlib.suppress(KeyError):
        pwd.getpwnam("_rspamd")
        return ["-u", "_rspamd", "-g", "_rspamd"]
    return []


def _write_settings(root: Path, dns_port: int, network_modules: bool) -> int:
    port = _free_port()
    (root / "run").mkdir()
    settings = root / "local.d"
    settings.mkdir()
    if not network_modules:
        for module in _OFF.split():
            (settings / f"{module}.conf").write_text("enabled = false;\n")
        (settings / "phishing.conf").write_text("phishtank_enabled = false;\nopenphish_enabled = false;\n")
    (settings / "options.inc").write_text(
        f'dns {{ nameserver = ["127.0.0.1:{dns_port}"]; timeout = 0.2s; retransmits = 1; }}\n'
        'local_addrs = ["127.0.0.0/8"];\nneighbours {}\n'
        f'control_socket = "{root}/run/control.sock mode=0600";\n'
    )
    (settings / "logging.inc").write_text('level = "error";\n')
    (settings / "worker-normal.inc").write_text(f'bind_socket = "127.0.0.1:{port}";\ncount = 1;\n')
    (settings / "worker-controller.inc").write_text("enabled = false;\n")
    (settings / "worker-proxy.inc").write_text("enabled = false;\n")
    if os.geteuid() == 0:
        for path in (root, *root.rglob("*")):
            with contextlib.suppress(LookupError):
                shutil.chown(path, "_rspamd", "_rspamd")
    return port


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/ping")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.1)
    told = log.read_text(errors="replace")[-800:] if log.exists() else "it wrote no log"
    raise RuntimeError(f"rspamd does not answer: {told}")


def _worker(main: int) -> int:
    """The process id of the normal worker: the main process renames its children."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            told = path.read_text().rpartition(")")[2].split()
            title = (path.parent / "cmdline").read_bytes()
            if int(told[1]) == main and b"normal" in title:
                return int(path.parent.name)
    raise RuntimeError("rspamd has no normal worker")
