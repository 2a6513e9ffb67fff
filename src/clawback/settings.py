"""Settings: one frozen object, read from one TOML file at the door.

What people change while clawback runs (automation, indicators) is not here: it lives in the store.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from clawback.errors import BadSettings

ENVIRONMENT = "CLAWBACK_SETTINGS"
FILE_NAME = "clawback.toml"


class OrganisationSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The people clawback works for."""

    domains: tuple[str, ...] = ()
    """The organisation's own mail domains."""
    trusted_hops: tuple[str, ...] = ()
    """authserv-ids and host names of the organisation's own border."""


class StoreSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where clawback remembers."""

    url: str = ""
    """Database: ``sqlite:///path`` or ``postgresql+psycopg://user@host/name``; "" is a file in `data`."""
    bodies: str = "none"
    """Raw mail kept as sealed blobs: ``none``, ``remediated`` (before a copy is touched) or ``all``."""


class SourceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One mail system."""

    name: str
    """What the source is called in listings and handles."""
    kind: str = "maildir"
    """The connector: ``maildir``, or what a plugin brings."""
    options: dict[str, Any] = {}
    """The connector's own options; for maildir: `root`, `layout`, `address`, `vault`."""


class WorkSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How clawback works."""

    readers: int = 0
    """Processes that parse mail, each with a memory limit; 0 means one for each core."""
    sweep_seconds: int = 60
    """How often every mailbox is looked at even if no event came."""
    mailboxes_at_once: int = 8
    """Mailboxes that are worked on side by side; more helps where a mail system answers slowly."""
    messages_per_second: float = 0.0
    """How many messages a first reading of mailboxes may fetch each second; 0 means as many as it can."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything in ``clawback.toml``."""

    data: str = "data"
    """Folder for the embedded store and blobs, relative to the settings file."""
    organisation: OrganisationSettings = OrganisationSettings()
    store: StoreSettings = StoreSettings()
    sources: tuple[SourceSettings, ...] = ()
    work: WorkSettings = WorkSettings()
    home: str = ""
    """Set by `load`: the folder of the settings file."""
    file: str = ""
    """Set by `load`: the settings file."""

    @property
    def data_folder(self) -> Path:
        """The folder of the embedded store."""
        return Path(self.home, self.data)

    @property
    def store_url(self) -> str:
        """The database's URL."""
        return self.store.url or f"sqlite:///{self.data_folder / 'clawback.sqlite3'}"


def find(explicit: str | None) -> Path:
    """The settings file: the one named, else the environment's, else here, else the system's."""
    if explicit:
        return Path(explicit)
    if named := os.environ.get(ENVIRONMENT):
        return Path(named)
    places = [Path(FILE_NAME), Path("/etc/clawback") / FILE_NAME]
    return next((place for place in places if place.is_file()), places[0])


def load(path: Path) -> Settings:
    """Read and check a settings file (BadSettings says what and where)."""
    try:
        plain = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise BadSettings(f"there is no settings file {path}: make one with `clawback init`") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadSettings(f"{path} cannot be read: {error}") from None
    where = {"home": str(path.resolve().parent), "file": str(path.resolve())}
    try:
        settings = msgspec.convert({**plain, **where}, Settings)
    except msgspec.ValidationError as error:
        raise BadSettings(f"{path}: {error}") from None
    return _checked(settings, path)


def _checked(settings: Settings, path: Path) -> Settings:
    names = [source.name for source in settings.sources]
    if len(set(names)) != len(names):
        raise BadSettings(f"{path}: two sources have the same name")
    if settings.store.bodies not in ("none", "remediated", "all"):
        raise BadSettings(f"{path}: store.bodies is {settings.store.bodies!r}, not none, remediated or all")
    if not 0 <= settings.work.readers <= 256:
        raise BadSettings(f"{path}: work.readers must be 0 to 256")
    if settings.work.sweep_seconds < 1:
        raise BadSettings(f"{path}: work.sweep_seconds must be at least 1")
    if not 1 <= settings.work.mailboxes_at_once <= 256:
        raise BadSettings(f"{path}: work.mailboxes_at_once must be 1 to 256")
    if not 0 <= settings.work.messages_per_second <= 1_000_000:
        raise BadSettings(f"{path}: work.messages_per_second must be 0 to 1,000,000")
    return settings
