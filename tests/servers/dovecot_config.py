"""The configuration of a Dovecot that lives in a folder of its own."""

from __future__ import annotations

import grp
import json
import os
import pwd
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.servers.certificates import Certificate
from tests.servers.processes import HOST, free_port

MAIL_UID = 5000
MASTER_USER = "remedy"
API_KEY = "administrator"

Format = Literal["maildir", "sdbox", "mdbox"]

_LOCATIONS: dict[Format, str] = {
    "maildir": "maildir:~/Maildir",
    "sdbox": "sdbox:~/sdbox",
    "mdbox": "mdbox:~/mdbox",
}
_SPECIAL_FOLDERS = ("Trash", "Sent", "Junk")
_EVENTS = "save copy expunge delete undelete flag_change mailbox_create mailbox_delete mailbox_rename"
_RIGHTS = "lrwstipekxa"

_CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
info_log_path = {folder}/info.log
listen = {host}
protocols = {protocols}
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_master_user_separator = *
auth_username_format = %Ln
auth_failure_delay = 0
auth_cache_size = {auth_cache_size}
doveadm_api_key = {api_key}
mail_max_userip_connections = {connections}
mail_uid = {owner.uid}
mail_gid = {owner.gid}
first_valid_uid = 1
mail_home = {folder}/mail/%n
mail_location = {location}
mail_plugins = {plugins}
{owner.settings}
{tls}
passdb {{
  driver = passwd-file
  args = username_format=%u {folder}/master-users
  master = yes
  # As in Debian's own configuration: the mailbox has to exist.
  result_success = continue
}}
passdb {{
  {users}
}}
userdb {{
  {users}
}}
namespace inbox {{
  inbox = yes
  separator = /
{mailboxes}
}}
service imap-login {{
  {owner.chroot}
  service_count = 0
  inet_listener imap {{
    port = {ports.imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
{sieve}
service lmtp {{
  user = {owner.name}
  inet_listener lmtp {{
    port = {ports.lmtp}
  }}
}}
service doveadm {{
  inet_listener http {{
    port = {ports.doveadm}
  }}
}}
service anvil {{
  {owner.chroot}
  # Without it every failed login makes the next one from the loopback wait longer.
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  {owner.chroot}
}}
# The list of rights that hides folders from their owner would stop the administrator's tool too.
protocol doveadm {{
  mail_plugins = {administrator_plugins}
}}
protocol imap {{
  mail_plugins = {imap_plugins}
}}
protocol lmtp {{
  mail_plugins = {lmtp_plugins}
}}
plugin {{
{plugin_settings}
}}
{extra}
"""

_SIEVE = """
service managesieve-login {{
  {owner.chroot}
  inet_listener sieve {{
    port = {ports.sieve}
  }}
}}
"""

_USERS = """
uri = file:{folder}/users
default_pass_scheme = PLAIN
iterate_prefix = userdb/
key passdb {{
  key = passdb/%n
  format = json
}}
key userdb {{
  key = userdb/%n
  format = json
}}
passdb_objects = passdb
userdb_objects = userdb
"""


@dataclass(frozen=True, slots=True)
class Options:
    """What a test wants of its server; without a word it is one that nobody has prepared for us.

    Folders in `hidden` are made for every user, who neither sees nor opens them: the master user does.
    With `passwd_file` a user costs the server less to look up, as benchmarks want it, but it looks for
    changes once a second only. `extra` is configuration that comes last, so that it wins.
    """

    format: Format = "maildir"
    special_folders: bool = True
    hidden: tuple[str, ...] = ("Quarantine",)
    mail_log: bool = False
    quota: str = ""
    sieve: bool = False
    tls: bool = False
    passwd_file: bool = False
    auth_cache_size: str = "0"
    mail_max_userip_connections: int = 10
    extra: str = ""


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of one server, each free when it was chosen."""

    imap: int
    imaps: int
    lmtp: int
    doveadm: int
    sieve: int

    @classmethod
    def free(cls) -> Ports:
        """Choose them."""
        return cls(*(free_port() for _ in range(5)))


@dataclass(frozen=True, slots=True)
class Owner:
    """The user to whom all mail belongs, and what the server needs when it cannot run as root."""

    uid: int
    gid: int
    name: str
    settings: str = ""
    chroot: str = ""

    @classmethod
    def of_this_process(cls) -> Owner:
        """A user without a name when we are root, else ourselves."""
        uid, gid = os.geteuid(), os.getegid()
        if uid == 0:
            return cls(MAIL_UID, MAIL_UID, f"#{MAIL_UID}")
        user, group = pwd.getpwuid(uid).pw_name, grp.getgrgid(gid).gr_name
        settings = (
            f"default_internal_user = {user}\ndefault_login_user = {user}\ndefault_internal_group = {group}"
        )
        return cls(uid, gid, user, settings, "chroot =")


def configuration(
    folder: Path, options: Options, ports: Ports, owner: Owner, certificate: Certificate | None
) -> str:
    """The whole of dovecot.conf, for a server that keeps everything below the folder."""
    log = ["notify", "mail_log"] if options.mail_log else []
    quota = ["quota"] if options.quota else []
    acl = ["acl"] if options.hidden else []
    plugins = [*acl, *quota, *log]
    return _CONFIG.format(
        folder=folder,
        host=HOST,
        protocols="imap lmtp sieve" if options.sieve else "imap lmtp",
        sieve=_SIEVE.format(owner=owner, ports=ports) if options.sieve else "",
        owner=owner,
        ports=ports,
        imaps=ports.imaps if certificate else 0,
        location=_LOCATIONS[options.format],
        auth_cache_size=options.auth_cache_size,
        api_key=API_KEY,
        connections=options.mail_max_userip_connections,
        users=_users(folder, options),
        tls=_tls(certificate),
        mailboxes="".join(_mailboxes(options)),
        plugins=" ".join(plugins),
        administrator_plugins=" ".join([*quota, *log]),
        imap_plugins=" ".join([*plugins, *(f"imap_{name}" for name in (*acl, *quota))]),
        lmtp_plugins=" ".join([*plugins, *(["sieve"] if options.sieve else [])]),
        plugin_settings="\n".join(_plugin_settings(folder, options)),
        extra=options.extra,
    )


def _users(folder: Path, options: Options) -> str:
    if options.passwd_file:
        return f"driver = passwd-file\n  args = username_format=%n {folder}/passwd"
    return f"driver = dict\n  args = {folder}/users.conf"


def users_configuration(folder: Path) -> str:
    """Where the server looks for its users: in the file of `known_users`."""
    return _USERS.format(folder=folder)


def passwd_file(folder: Path, owner: Owner, passwords: Mapping[str, str]) -> str:
    """The users in the format of passwd(5)."""
    ids = f"{owner.uid}:{owner.gid}"
    homes = folder / "mail"
    return "".join(f"{user}:{{PLAIN}}{word}:{ids}::{homes / user}::\n" for user, word in passwords.items())


def known_users(folder: Path, passwords: Mapping[str, str]) -> str:
    """The users as the driver `dict` reads them."""
    lines: list[str] = []
    for user, password in passwords.items():
        lines += [f"shared/passdb/{user}", json.dumps({"password": password})]
        lines += [f"shared/userdb/{user}", json.dumps({"home": str(folder / "mail" / user)})]
    return "".join(f"{line}\n" for line in lines)


def rights(options: Options) -> str:
    """The list of rights by which owners do not see the hidden folders, and the master user does."""
    lines = [f"* owner {_RIGHTS}", f"* user={MASTER_USER} {_RIGHTS}"]
    for folder in options.hidden:
        lines += [f"{folder} -owner {_RIGHTS}", f"{folder}/* -owner {_RIGHTS}"]
    return "".join(f"{line}\n" for line in lines)


def _tls(certificate: Certificate | None) -> str:
    if certificate is None:
        return "ssl = no"
    return f"ssl = yes\nssl_cert = <{certificate.certificate}\nssl_key = <{certificate.key}"


def _mailboxes(options: Options) -> Iterator[str]:
    for name in _SPECIAL_FOLDERS if options.special_folders else ():
        yield f"  mailbox {name} {{\n    auto = create\n    special_use = \\{name}\n  }}\n"
    for name in options.hidden:
        yield f'  mailbox "{name}" {{\n    auto = create\n  }}\n'


def _plugin_settings(folder: Path, options: Options) -> Iterator[str]:
    if options.hidden:
        yield f"  acl = vfile:{folder}/rights"
    if options.quota:
        yield "  quota = count:User quota"
        yield f"  quota_rule = *:storage={options.quota}"
        yield from (f"  quota_rule{n} = {name}:ignore" for n, name in enumerate(options.hidden, 2))
        yield "  quota_vsizes = yes"
        yield "  quota_grace = 0"
    if options.sieve:
        yield "  sieve = file:~/sieve;active=~/.dovecot.sieve"
    if options.mail_log:
        yield f"  mail_log_events = {_EVENTS}"
        yield "  mail_log_fields = uid box msgid size flags"
