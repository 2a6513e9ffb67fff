"""The settings file that `clawback init` and `clawback demo` write."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from clawback.errors import BadParameter

TEMPLATE = """\
# clawback's settings. Automation and indicators are not here: `clawback automation`, `clawback indicators`.
data = {data}                     # folder of the embedded store, relative to this file

[organisation]
domains = {domains}               # your own mail domains
trusted_hops = {hops}             # host names of your border, whose Authentication-Results are believed

[store]
# url = "postgresql+psycopg://clawback@127.0.0.1/clawback"
bodies = "none"                     # raw mail kept as sealed copies: none, remediated, all

[work]
sweep_seconds = 60                  # every mailbox is looked at this often, even if no event came
"""

MAILDIR = """\
[[sources]]
name = "main"
kind = "maildir"
[sources.options]
root = {root}                     # one Maildir for each user below this folder
layout = {layout}                 # the way from the root to a Maildir
address = {address}               # what a mailbox is called
"""

IMAP = """\

[[sources]]
name = "main"
kind = "imap"
[sources.options]                   # docs/how-to/imap.md lists all of them
host = {host}
tls = {tls}                       # implicit, starttls, or none
access = {access}                 # master (SASL authorisation), admin (Cyrus), own (credentials each)
user = {user}                     # the master user or administrator
password_file = {password_file}   # readable by nobody else
address = {address}               # what the mailbox of a user is called
mailboxes_command = {mailboxes}   # what lists the users; [] asks the server (admin only)
log = {log}                       # the server's log, where it can be read; else connections idle
doveadm = {doveadm}               # the command that moves on the mail host, faster than IMAP; [] for none
"""


def settings_text(source: str, *, domains: Iterable[str], data: str, trusted_hops: Iterable[str] = ()) -> str:
    """The text of a settings file with this source."""
    head = TEMPLATE.format(data=_toml(data), domains=_array(domains), hops=_array(trusted_hops))
    return "\n".join(_aligned(line) for line in (head + source).splitlines()) + "\n"


def maildir_source(*, root: str, layout: str, address: str) -> str:
    """The source of one tree of Maildirs."""
    return MAILDIR.format(root=_toml(root), layout=_toml(layout), address=_toml(address))


def imap_source(
    *,
    host: str,
    tls: str,
    access: str,
    user: str,
    password_file: str,
    address: str,
    mailboxes: Iterable[str],
    log: str,
    doveadm: Iterable[str],
) -> str:
    """The source of one IMAP server."""
    return IMAP.format(
        host=_toml(host),
        tls=_toml(tls),
        access=_toml(access),
        user=_toml(user),
        password_file=_toml(password_file),
        address=_toml(address),
        mailboxes=_array(mailboxes),
        log=_toml(log),
        doveadm=_array(doveadm),
    )


def write_settings(path: Path, text: str) -> None:
    """Write the file; BadParameter when that cannot be done."""
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise BadParameter(f"{path} cannot be written: {error.strerror}") from None


def _aligned(line: str) -> str:
    """The line with its comment where the other comments are, when there is room."""
    setting, mark, comment = line.rpartition("  # ")
    return f"{setting.rstrip():<35} # {comment}" if mark else line


def _array(texts: Iterable[str]) -> str:
    return "[" + ", ".join(_toml(text) for text in texts) + "]"


def _toml(text: str) -> str:
    """A TOML basic string; what it may not hold as it stands is escaped."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in plain) + '"'
