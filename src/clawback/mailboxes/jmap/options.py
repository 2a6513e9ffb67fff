"""What the JMAP connector must be told: where, as whom, what places only clawback sees, how much at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Secret = Callable[[], str]
"""Gives the secret anew each time it is called; may raise BadSettings, LoginFailed or Unavailable."""


@dataclass(frozen=True, slots=True)
class Login:
    """One credential: a user name with its password, or a bearer token when `user` is empty."""

    user: str
    secret: Secret = field(repr=False)


@dataclass(frozen=True, slots=True)
class Places:
    """The folders that only clawback should see. JMAP cannot hide a folder from its owner.

    So the folder at the top is looked for and not made, unless `make` allows a visible one; what is made
    below it has its rights on the servers that inherit them (Cyrus).
    """

    soft_deleted: str = "Quarantine/Soft deleted"
    quarantine: str = "Quarantine"
    make: bool = False


@dataclass(frozen=True, slots=True)
class Options:
    """All of it.

    `url` is that of the session (RFC 8620, section 2) or of the host, whose ``/.well-known/jmap`` is taken.
    Either `login` is an administrator's, who reaches every account, or `own` has a credential for each
    mailbox (lower case). `address` makes an address of an account's name that is none. `insecure` allows
    plain HTTP to other hosts than this one. `share_seen` lets us have Cyrus share the marks of what was read
    in a folder before a copy is taken from it, so that an administrator's moves keep the owner's marks.

    `timeout` is in seconds for one exchange, `requests` how many of them at once, `largest` in bytes for
    one message, `poll` in seconds for one round of asking every account for news.
    """

    url: str
    login: Login | None = None
    own: Mapping[str, Login] = field(default_factory=dict, repr=False)
    address: str = "{user}@example.org"
    places: Places = Places()
    ca_file: Path | None = None
    insecure: bool = False
    share_seen: bool = False
    timeout: float = 60.0
    requests: int = 4
    largest: int = 64 << 20
    poll: float = 10.0
