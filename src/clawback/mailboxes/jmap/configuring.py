"""From a source's options in the settings file to what the connector must be told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from clawback.errors import BadSettings
from clawback.mailboxes.jmap.accounts import Accounts
from clawback.mailboxes.jmap.line import Line
from clawback.mailboxes.jmap.options import Login, Options, Places
from clawback.mailboxes.secrets import read_credentials, read_secret


class _Plain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: str
    user: str = ""
    password_file: str | None = None
    password_command: str | list[str] | None = None
    credentials_file: str = ""
    address: str = "{user}@example.org"
    soft_deleted: str = "Quarantine/Soft deleted"
    quarantine: str = "Quarantine"
    make_quarantine: bool = False
    share_seen: bool = False
    ca_file: str = ""
    insecure: bool = False
    timeout: float = 60.0
    requests: int = 4
    largest_megabytes: int = 64
    poll_seconds: float = 10.0


def options_of(name: str, plain: Mapping[str, Any], home: Path) -> Options:
    """Check the options of a source and complete them. Raises BadSettings, with the source's name."""
    try:
        told = msgspec.convert(dict(plain), _Plain)
        _check(told)
        login, own = _logins(told, home)
        options = Options(
            url=told.url,
            login=login,
            own=own,
            address=told.address,
            places=Places(told.soft_deleted, told.quarantine, told.make_quarantine),
            ca_file=Path(home, told.ca_file) if told.ca_file else None,
            insecure=told.insecure,
            share_seen=told.share_seen,
            timeout=told.timeout,
            requests=told.requests,
            largest=told.largest_megabytes << 20,
            poll=told.poll_seconds,
        )
        Accounts(Line(options))  # which refuses what cannot be used, and asks nobody
        return options
    except (msgspec.ValidationError, BadSettings) as error:
        raise BadSettings(f"source {name!r}: {error}") from None


def _check(told: _Plain) -> None:
    bounds = {
        "requests": (told.requests, 1, 64),
        "timeout": (told.timeout, 1, 3_600),
        "largest_megabytes": (told.largest_megabytes, 1, 1_024),
        "poll_seconds": (told.poll_seconds, 0.1, 86_400),
    }
    for option, (value, least, most) in bounds.items():
        if not least <= value <= most:
            raise BadSettings(f"{option} must be {least:,} to {most:,}")
    if told.address.count("{user}") != 1 or set(told.address.replace("{user}", "")) & set("{}"):
        raise BadSettings("address must hold {user} once, and no other braces")
    if told.soft_deleted == told.quarantine:
        raise BadSettings("soft_deleted and quarantine must be two folders")
    for option, folder in {"soft_deleted": told.soft_deleted, "quarantine": told.quarantine}.items():
        if not all(folder.split("/")):
            raise BadSettings(f"{option} must name a folder, its levels parted by '/'")


def _logins(told: _Plain, home: Path) -> tuple[Login | None, Mapping[str, Login]]:
    """The administrator's login, or those of all owners."""
    ways = {"password_file": told.password_file, "password_command": told.password_command}
    if told.credentials_file:
        if told.user or any(ways.values()):
            raise BadSettings("give either credentials_file, or user and its password")
        own = read_credentials(Path(home, told.credentials_file))
        return None, {mailbox: _given(user, secret) for mailbox, (user, secret) in own.items()}
    if not any(ways.values()):
        raise BadSettings("give password_file, password_command or credentials_file")
    return Login(told.user, lambda: read_secret(ways, home)), {}


def _given(user: str, secret: str) -> Login:
    return Login(user, lambda: secret)
