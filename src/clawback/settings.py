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
    """The connector's own options; for maildir: `root`, `layout`, `address`, `vault`, `sieve`, `forward`."""


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


class ReportSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place where users report mail: a mailbox that gets reports, or a folder that they move mail into."""

    source: str = ""
    """The source whose mailboxes are meant; "" means all of them."""
    mailbox: str = ""
    """The mailbox that gets reports; "" means a folder in every mailbox, with the reported mail itself."""
    folder: str = ""
    """The folder as the mail system names it, with ``*`` and ``?``; in a report mailbox "" means all."""
    domains: tuple[str, ...] = ()
    """Domains whose people are believed; none means those of the organisation."""
    anyone: bool = False
    """Whether reports of people outside these domains are believed too."""
    reported_as: str = "phish"
    """What a report is taken as that does not say: ``phish``, ``malware``, ``junk`` or ``not_junk``."""
    days: int = 7
    """How old a report may be when it is first seen; older ones are no news."""
    keep: bool = True
    """Whether reports stay in the report mailbox when the mail they are about is taken out."""


class FeedbackSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How those who report mail are told the result, by SMTP; without a `host` nobody is told."""

    host: str = ""
    """The SMTP server."""
    port: int = 587
    """Its port."""
    security: str = "starttls"
    """``starttls``, ``tls`` from the first byte, or ``none``; never less than is asked for."""
    sender: str = ""
    """The address that the mail comes from."""
    user: str = ""
    """The name to log in with; "" means no login."""
    password_file: str = ""
    """A file with the password, which nobody else can read."""
    password_command: str | tuple[str, ...] = ""
    """A command that prints the password."""
    ca_file: str = ""
    """Certificates that are believed instead of the system's."""
    clean_after_minutes: int = 0
    """How long it waits to tell that no threats were found, so that a person may look first."""
    templates: str = ""
    """A folder with templates of your own: phishing_or_malware.txt, spam.txt, no_threats_found.txt."""


class OidcSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Signing in by OpenID Connect; without an `issuer` people sign in by password only."""

    issuer: str = ""
    """The identity provider's address as it calls itself, with ``https://``."""
    client_id: str = ""
    """What the provider calls this clawback."""
    client_secret_file: str = ""
    """A file with the client's secret, which nobody else can read."""
    client_secret_command: str | tuple[str, ...] = ""
    """A command that prints the client's secret."""
    label: str = "single sign-on"
    """The provider's name on the button: ``Sign in with ...``."""
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    """What is asked for."""
    name_claim: str = "preferred_username"
    """The claim that is the account's name; ``email`` counts only if the provider verified it."""
    roles_claim: str = "groups"
    """The claim with groups or roles; dots lead into objects, as in ``realm_access.roles``."""
    roles: dict[str, str] = {}
    """Which value of that claim gives which role; with none, roles are given by hand."""
    unknown: str = "refuse"
    """What happens to people without an account: ``refuse``, or ``add`` if `roles` gives them a role."""
    break_glass: str = ""
    """The only account that may still sign in by password; "" means that all that have one may."""
    hosts: tuple[str, ...] = ()
    """Hosts beside the issuer's at which the provider may be asked, such as that of its keys."""
    ca_file: str = ""
    """Certificates that are believed instead of the system's, relative to the settings file."""


class WebSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The portal and the API."""

    host: str = "127.0.0.1"
    """The address to listen at; beyond this machine only with TLS or behind a proxy."""
    port: int = 8686
    """The port to listen at; 0 takes any that is free."""
    certificate: str = ""
    """File with the TLS certificate and its chain (PEM), relative to the settings file; "" for no TLS."""
    key: str = ""
    """File with the certificate's key (PEM)."""
    behind_proxy: bool = False
    """A proxy on this machine does TLS and sets X-Forwarded-For and X-Forwarded-Proto."""
    names: tuple[str, ...] = ()
    """Host names by which people reach it, beside `host` and those of this machine itself."""
    idle_minutes: int = 60
    """How long somebody who signed in stays so without doing anything."""
    session_hours: int = 12
    """How long somebody who signed in stays so at most."""
    oidc: OidcSettings = OidcSettings()


class WebhookSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where webhooks may be sent. Which there are is not set here: `clawback webhooks` has them."""

    allow: tuple[str, ...] = ()
    """Networks such as ``10.1.0.0/16`` that may be reached though they are not public."""
    http: bool = False
    """Whether webhooks may be sent without TLS (``http://``)."""
    ca_file: str = ""
    """Certificates that are believed instead of the system's, relative to the settings file."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything in ``clawback.toml``."""

    data: str = "data"
    """Folder for the embedded store and blobs, relative to the settings file."""
    organisation: OrganisationSettings = OrganisationSettings()
    store: StoreSettings = StoreSettings()
    sources: tuple[SourceSettings, ...] = ()
    work: WorkSettings = WorkSettings()
    web: WebSettings = WebSettings()
    reports: tuple[ReportSettings, ...] = ()
    feedback: FeedbackSettings = FeedbackSettings()
    webhooks: WebhookSettings = WebhookSettings()
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
    _check_reports(settings, path)
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
    _check_web(settings.web, path)
    return settings


def _check_web(web: WebSettings, path: Path) -> None:
    if not 0 <= web.port <= 65_535:
        raise BadSettings(f"{path}: web.port must be 0 to 65535")
    if bool(web.certificate) is not bool(web.key):
        raise BadSettings(f"{path}: web.certificate and web.key go together")
    if not 1 <= web.idle_minutes <= 1_440 or not 1 <= web.session_hours <= 168:
        raise BadSettings(f"{path}: web.idle_minutes must be 1 to 1440, web.session_hours 1 to 168")
    _check_oidc(web.oidc, path)


_ROLES = ("reader", "analyst", "approver", "administrator")


def _check_oidc(oidc: OidcSettings, path: Path) -> None:
    if not oidc.issuer:
        if oidc != OidcSettings():
            raise BadSettings(f"{path}: web.oidc needs an issuer")
        return
    if not oidc.client_id or not oidc.name_claim:
        raise BadSettings(f"{path}: web.oidc needs a client_id and a name_claim")
    if bool(oidc.client_secret_file) == bool(oidc.client_secret_command):
        raise BadSettings(f"{path}: web.oidc needs one of client_secret_file and client_secret_command")
    if strange := sorted(set(oidc.roles.values()) - set(_ROLES)):
        raise BadSettings(f"{path}: web.oidc.roles: {strange[0]!r} is none of {', '.join(_ROLES)}")
    if oidc.unknown not in ("refuse", "add"):
        raise BadSettings(f"{path}: web.oidc.unknown must be refuse or add")
    if oidc.unknown == "add" and not (oidc.roles and oidc.roles_claim):
        raise BadSettings(f"{path}: web.oidc.unknown is add: say in web.oidc.roles who gets which role")


_REPORTED_AS = ("phish", "malware", "junk", "not_junk")
_SECURITIES = ("starttls", "tls", "none")


def _check_reports(settings: Settings, path: Path) -> None:
    names = {source.name for source in settings.sources}
    for place in settings.reports:
        if not place.mailbox and not place.folder.strip("*"):
            raise BadSettings(f"{path}: reports: name the mailbox that gets reports, or a folder for them")
        if place.source and place.source not in names:
            raise BadSettings(f"{path}: reports: there is no source {place.source!r}")
        if place.reported_as not in _REPORTED_AS:
            raise BadSettings(f"{path}: reports.reported_as must be one of {', '.join(_REPORTED_AS)}")
        if not 1 <= place.days <= 3_650:
            raise BadSettings(f"{path}: reports.days must be 1 to 3,650")
        if not (place.anyone or place.domains or settings.organisation.domains):
            raise BadSettings(f"{path}: reports: say in organisation.domains whose reports are believed")
    told = settings.feedback
    if told.host and ("@" not in told.sender or not 1 <= told.port <= 65_535):
        raise BadSettings(f"{path}: feedback needs an address as its sender, and a port of 1 to 65535")
    if not 0 <= told.clean_after_minutes <= 10_080:
        raise BadSettings(f"{path}: feedback.clean_after_minutes must be 0 to 10,080")
    if told.security not in _SECURITIES:
        raise BadSettings(f"{path}: feedback.security must be one of {', '.join(_SECURITIES)}")
    if told.user and bool(told.password_file) == bool(told.password_command):
        raise BadSettings(f"{path}: feedback.user needs one of password_file and password_command")
    if told.user and told.security == "none":
        raise BadSettings(f"{path}: feedback.security is none: a password is not sent in the clear")
