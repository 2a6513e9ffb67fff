"""A certificate for the loopback, and the authority that signed it, made by openssl."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.servers.processes import program

OPENSSL = program("openssl")
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
_NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1"


@dataclass(frozen=True, slots=True)
class Certificate:
    """The files of a server's certificate and key, and of the authority that clients have to trust."""

    authority: Path
    certificate: Path
    key: Path


def certificate(folder: Path) -> Certificate:
    """Make an authority of its own in a folder, and a certificate for localhost and 127.0.0.1."""
    folder.mkdir()
    made = Certificate(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    authority_key = folder / "ca.key"
    signs = ("-addext", "keyUsage=critical,keyCertSign")
    _openssl("-keyout", authority_key, "-out", made.authority, "-subj", "/CN=Authority of a test", *signs)
    signed_by = ("-CA", made.authority, "-CAkey", authority_key)
    ends = ("-addext", _NAMES, "-addext", "basicConstraints=critical,CA:FALSE")
    _openssl("-keyout", made.key, "-out", made.certificate, "-subj", "/CN=localhost", *signed_by, *ends)
    return made


def _openssl(*arguments: str | Path) -> None:
    assert OPENSSL, "openssl is not installed"
    command = [OPENSSL, "req", "-x509", *_KEY, *arguments]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
