"""Every seam where others can add something, in one place; the built-ins come in the same way.

A connector plugin is an entry point in the group ``clawback.connectors``: its name is the `kind` in
the settings, its value a function ``(name, options, home) -> Connector``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from clawback.errors import BadSettings
from clawback.mailboxes.base import Connector
from clawback.mailboxes.imap.configuring import options_of
from clawback.mailboxes.imap.connector import ImapConnector
from clawback.mailboxes.jmap import JmapConnector
from clawback.mailboxes.jmap.configuring import options_of as jmap_options_of
from clawback.mailboxes.maildir import MaildirConnector
from clawback.mailboxes.secrets import read_secret
from clawback.oidc.provider import Provider, Relying
from clawback.response.sinks import SinkKind
from clawback.sinks.base import Teller
from clawback.sinks.mail import Security, SmtpPostman, SmtpServer
from clawback.sinks.reach import Reach, networks_of
from clawback.sinks.webhooks import WebhookTeller

MakeConnector = Callable[[str, Mapping[str, Any], Path], Connector]
CONNECTORS = "clawback.connectors"

_MAILDIR_OPTIONS = {"root", "layout", "address", "vault", "sieve", "forward"}


def maildir(name: str, options: Mapping[str, Any], home: Path) -> Connector:
    """The Maildir connector from its options: `root` (folder), `layout`, `address`, `vault`, `sieve`, ..."""
    unknown = sorted(set(options) - _MAILDIR_OPTIONS)
    if unknown:
        raise BadSettings(f"source {name!r}: a maildir has no option {unknown[0]!r}")
    if not isinstance(options.get("root"), str):
        raise BadSettings(f"source {name!r}: option 'root' must name the folder of the mailboxes")
    return MaildirConnector(
        name,
        Path(home, options["root"]),
        str(options.get("layout", "{user}/Maildir")),
        str(options.get("address", "{user}@example.org")),
        Path(home, str(options["vault"])) if "vault" in options else None,
        sieve=str(options.get("sieve", "")),
        forward=str(options.get("forward", "")),
    )


def imap(name: str, options: Mapping[str, Any], home: Path) -> Connector:
    """The IMAP connector from its options (docs/how-to/imap.md lists them)."""
    return ImapConnector(name, options_of(name, options, home))


def jmap(name: str, options: Mapping[str, Any], home: Path) -> Connector:
    """The JMAP connector from its options (docs/how-to/jmap.md lists them)."""
    return JmapConnector(name, jmap_options_of(name, options, home))


BUILT_IN: Mapping[str, MakeConnector] = {"imap": imap, "jmap": jmap, "maildir": maildir}


def connector(kind: str, name: str, options: Mapping[str, Any], home: Path) -> Connector:
    """Make the connector of that kind (BadSettings when nobody brings it)."""
    make = BUILT_IN.get(kind) or _from_entry_points(kind)
    if make is None:
        known = ", ".join(sorted({*BUILT_IN, *(e.name for e in entry_points(group=CONNECTORS))}))
        raise BadSettings(f"source {name!r}: no connector is called {kind!r} (there are: {known})")
    return make(name, options, home)


def postman(options: Mapping[str, Any], home: Path) -> SmtpPostman:
    """Who carries letters by SMTP, from the settings of feedback; its password is read when it is needed."""
    ways = {name: options[name] for name in ("password_file", "password_command") if options.get(name)}
    server = SmtpServer(
        str(options["host"]),
        int(options["port"]),
        Security(str(options["security"])),
        str(options["user"]),
        partial(read_secret, ways, home) if ways else None,
        Path(home, str(options["ca_file"])) if options["ca_file"] else None,
    )
    return SmtpPostman(server, str(options["sender"]))


def identity_provider(options: Mapping[str, Any], home: Path) -> Provider:
    """The provider of people's identities from the settings ``web.oidc``; its secret is read when needed."""
    named = {"password_file": "client_secret_file", "password_command": "client_secret_command"}
    ways = {name: options[own] for name, own in named.items() if options[own]}
    relying = Relying(
        str(options["issuer"]),
        str(options["client_id"]),
        partial(read_secret, ways, home),
        tuple(options["scopes"]),
        tuple(options["hosts"]),
        Path(home, options["ca_file"]) if options["ca_file"] else None,
    )
    return Provider(relying)


def tellers(webhooks: Mapping[str, Any], home: Path) -> Mapping[SinkKind, Teller]:
    """Who tells each kind of sink, from the settings; raises BadSettings."""
    reach = Reach(networks_of(webhooks["allow"]), bool(webhooks["http"]))
    ca_file = Path(home, webhooks["ca_file"]) if webhooks["ca_file"] else None
    return {SinkKind.WEBHOOK: WebhookTeller(reach, ca_file=ca_file)}


def _from_entry_points(kind: str) -> MakeConnector | None:
    for entry in entry_points(group=CONNECTORS):
        if entry.name == kind:
            make: MakeConnector = entry.load()
            return make
    return None
