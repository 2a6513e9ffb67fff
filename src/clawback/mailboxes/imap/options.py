"""What the IMAP connector must be told: where, as whom, what mailboxes there are, how much at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class Tls(StrEnum):
    """How the connection is kept secret. There is no silent way down."""

    IMPLICIT = "implicit"
    STARTTLS = "starttls"
    NONE = "none"


class Access(StrEnum):
    """How mailboxes are opened."""

    MASTER = "master"
    """A session for each mailbox, opened by one administrator in its owner's name."""
    ADMIN = "admin"
    """Sessions of one administrator, who sees every mailbox by a name of its own (Cyrus)."""
    OWN = "own"
    """A session for each mailbox, with credentials of its own."""


Secret = Callable[[], str]


@dataclass(frozen=True, slots=True)
class Server:
    """Where the server is. `timeout` in seconds for each exchange, `largest` in bytes for one message."""

    host: str
    port: int
    tls: Tls = Tls.IMPLICIT
    ca_file: Path | None = None
    timeout: float = 30.0
    largest: int = 64 << 20
    compress: bool = False

    @property
    def where(self) -> str:
        """The server, for people."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Login:
    """As whom. With `separator`, a master logs in as ``user<separator>admin``, else by SASL authzid.

    `own` maps a mailbox (lower case) to its user name and secret, for Access.OWN.
    """

    access: Access
    admin: str = ""
    secret: Secret | None = field(default=None, repr=False)
    separator: str = ""
    own: Mapping[str, tuple[str, Secret]] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Naming:
    """Names: of users, of mailboxes as the administrator sees them, and of the places only clawback sees.

    `user` and `address` turn a mailbox's address into a user name and back ({user}, {domain},
    {mailbox}); `inbox` and `folder` are an administrator's names (and {folder}).
    """

    user: str = "{user}"
    address: str = "{user}@example.org"
    inbox: str = "user/{user}"
    folder: str = "user/{user}/{folder}"
    soft_deleted: str = "Quarantine/Soft deleted"
    quarantine: str = "Quarantine"


@dataclass(frozen=True, slots=True)
class Mailboxes:
    """Where the list of mailboxes comes from; the first that is set. With none, the server is asked."""

    listed: tuple[str, ...] = ()
    file: Path | None = None
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Watching:
    """How new mail is noticed: the server's log, a receiver for its pushes, idle connections.

    `idle` is how many mailboxes may be watched by a connection each.
    """

    log: Path | None = None
    listen: str = ""
    token: str = field(default="", repr=False)
    idle: int = 100


@dataclass(frozen=True, slots=True)
class Options:
    """All of it. `connections` is how many sessions may be open at once, those that idle not counted.

    `doveadm` is the command that moves copies on the mail host; empty when there is none. `sieve_port` is
    where ManageSieve shows the owners' scripts, 0 for nowhere.
    """

    server: Server
    login: Login
    naming: Naming = Naming()
    mailboxes: Mailboxes = Mailboxes()
    watching: Watching = Watching()
    connections: int = 8
    doveadm: tuple[str, ...] = ()
    sieve_port: int = 0
