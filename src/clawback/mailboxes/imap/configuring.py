"""From a source's options in the settings file to what the connector must be told."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from clawback.errors import BadSettings
from clawback.loopback import is_loopback
from clawback.mailboxes.imap.options import (
    Access,
    Login,
    Mailboxes,
    Naming,
    Options,
    Secret,
    Server,
    Tls,
    Watching,
)
from clawback.mailboxes.secrets import read_credentials, read_secret

SECRET_SECONDS = 60.0
"""Seconds for which a secret is kept before it is read anew."""


class _Plain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    host: str
    port: int = 0
    tls: Literal["implicit", "starttls", "none"] = "implicit"
    ca_file: str = ""
    insecure: bool = False
    access: Literal["master", "admin", "own"] = "master"
    user: str = ""
    password_file: str | None = None
    password_command: str | list[str] | None = None
    separator: str = ""
    credentials_file: str = ""
    mailboxes: list[str] = []
    mailboxes_file: str = ""
    mailboxes_command: list[str] = []
    login_name: str = "{user}"
    address: str = "{user}@example.org"
    inbox: str = "user/{user}"
    folder: str = "user/{user}/{folder}"
    soft_deleted: str = "Quarantine/Soft deleted"
    quarantine: str = "Quarantine"
    connections: int = 8
    timeout: float = 30.0
    compress: bool = False
    largest_megabytes: int = 64
    log: str = ""
    listen: str = ""
    token_file: str = ""
    idle: int = 100
    doveadm: list[str] = []
    sieve_port: int = 0


def options_of(name: str, plain: Mapping[str, Any], home: Path) -> Options:
    """Check the options of a source and complete them. Raises BadSettings, with the source's name."""
    try:
        told = msgspec.convert(dict(plain), _Plain)
        _check(told)
        return Options(
            server=_server(told, home),
            login=_login(told, home),
            naming=Naming(
                told.login_name, told.address, told.inbox, told.folder, told.soft_deleted, told.quarantine
            ),
            mailboxes=Mailboxes(
                tuple(told.mailboxes),
                Path(home, told.mailboxes_file) if told.mailboxes_file else None,
                tuple(told.mailboxes_command),
            ),
            watching=_watching(told, home),
            connections=told.connections,
            doveadm=tuple(told.doveadm),
            sieve_port=told.sieve_port,
        )
    except (msgspec.ValidationError, BadSettings) as error:
        raise BadSettings(f"source {name!r}: {error}") from None


def _check(told: _Plain) -> None:
    bounds = {
        "connections": (told.connections, 1, 200),
        "timeout": (told.timeout, 1, 3_600),
        "largest_megabytes": (told.largest_megabytes, 1, 120),
        "idle": (told.idle, 0, 10_000),
        "port": (told.port, 0, 65_535),
        "sieve_port": (told.sieve_port, 0, 65_535),
    }
    for option, (value, least, most) in bounds.items():
        if not least <= value <= most:
            raise BadSettings(f"{option} must be {least:,} to {most:,}")
    if not told.host:
        raise BadSettings("host is missing")
    if told.soft_deleted == told.quarantine:
        raise BadSettings("soft_deleted and quarantine must be two folders")
    for option, template, words in (
        ("login_name", told.login_name, ("{user}", "{mailbox}")),
        ("address", told.address, ("{user}",)),
        ("inbox", told.inbox, ("{user}", "{mailbox}")),
        ("folder", told.folder, ("{user}", "{mailbox}")),
        ("folder", told.folder, ("{folder}",)),
    ):
        # Else two mailboxes would be one.
        if not any(word in template for word in words):
            raise BadSettings(f"{option} must hold {' or '.join(words)}")
    lists = [told.mailboxes, told.mailboxes_file, told.mailboxes_command]
    if told.access == "master" and not any(lists):
        raise BadSettings(
            "a master user cannot list the mailboxes: give mailboxes, mailboxes_file or mailboxes_command"
        )
    if sum(map(bool, lists)) > 1:
        raise BadSettings("give one of mailboxes, mailboxes_file and mailboxes_command")


def _server(told: _Plain, home: Path) -> Server:
    if told.tls == "none" and not (told.insecure or is_loopback(told.host)):
        raise BadSettings(f"passwords would go to {told.host} in clear text: use tls, or say insecure = true")
    return Server(
        told.host,
        told.port or (993 if told.tls == "implicit" else 143),
        Tls(told.tls),
        Path(home, told.ca_file) if told.ca_file else None,
        told.timeout,
        told.largest_megabytes << 20,
        told.compress,
    )


def _login(told: _Plain, home: Path) -> Login:
    access = Access(told.access)
    if access is Access.OWN:
        if not told.credentials_file:
            raise BadSettings("access = 'own' needs credentials_file")
        own = read_credentials(Path(home, told.credentials_file))
        return Login(access, own={m: (user, _given(secret)) for m, (user, secret) in own.items()})
    if not told.user:
        raise BadSettings("user must name the administrator")
    ways = {"password_file": told.password_file, "password_command": told.password_command}
    if sum(map(bool, ways.values())) != 1:
        raise BadSettings("give one of password_file and password_command")
    return Login(access, told.user, _kept(ways, home), told.separator)


def _given(secret: str) -> Secret:
    return lambda: secret


def _kept(ways: Mapping[str, object], home: Path) -> Secret:
    """The secret, read anew when it was read a while ago; by one of the threads that want it."""
    ways = {way: told for way, told in ways.items() if told}
    kept: list[tuple[str, float]] = []
    reading = threading.Lock()

    def secret() -> str:
        with reading:
            if not kept or time.monotonic() >= kept[0][1]:
                kept[:] = [(read_secret(ways, home), time.monotonic() + SECRET_SECONDS)]
            return kept[0][0]

    return secret


def _watching(told: _Plain, home: Path) -> Watching:
    token = read_secret({"password_file": told.token_file}, home) if told.token_file else ""
    return Watching(Path(home, told.log) if told.log else None, told.listen, token, told.idle)
