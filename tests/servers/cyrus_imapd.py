"""Cyrus' imapd on a machine where Dovecot's is installed: Debian's packages of the two exclude each other."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.servers.cyrus_config import PROGRAMS
from tests.servers.processes import program

_PACKAGE = "cyrus-imapd"
_INSTALLED = PROGRAMS / "imapd"
_INSIDE = _INSTALLED.relative_to("/")
_DOWNLOAD_SECONDS = 300


class NotAvailable(Exception):
    """There is no imapd, and none can be had; the text says why."""


def imapd() -> Path:
    """The program: the installed one, or the one in Debian's package, fetched once and kept."""
    if _INSTALLED.exists():
        return _INSTALLED
    version = _version_of_the_others()
    cache = _cache() / f"{_PACKAGE}-{version}"
    kept = cache / _INSIDE
    cache.parent.mkdir(parents=True, exist_ok=True)
    # Two processes of one test run may come here at once.
    with (cache.parent / f"{cache.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            _fetch(version, cache)
    return kept


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "clawback-tests"


def _version_of_the_others() -> str:
    query = program("dpkg-query")
    if query is None:
        raise NotAvailable("this is no Debian")
    command = [query, "-W", "-f", "${Version}", "cyrus-common"]
    run = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if run.returncode or not run.stdout:
        raise NotAvailable("the package cyrus-common is not installed")
    return run.stdout.strip()


def _fetch(version: str, cache: Path) -> None:
    """Unpack the package beside its final place, so that a half-unpacked one is never taken."""
    with tempfile.TemporaryDirectory(dir=cache.parent) as name:
        folder = Path(name)
        _run(folder, "apt-get", "download", "-q", f"{_PACKAGE}={version}")
        (package,) = folder.glob("*.deb")
        _run(folder, "dpkg", "-x", str(package), str(folder / "unpacked"))
        shutil.rmtree(cache, ignore_errors=True)
        (folder / "unpacked").rename(cache)


def _run(folder: Path, name: str, *arguments: str) -> None:
    path = program(name)
    if path is None:
        raise NotAvailable(f"{name} is not installed")
    try:
        subprocess.run(
            [path, *arguments],
            cwd=folder,
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_DOWNLOAD_SECONDS,
        )
    except subprocess.SubprocessError as error:
        raise NotAvailable(f"the package {_PACKAGE} cannot be fetched: {error}") from error
