"""The configuration of a Cyrus IMAP server that lives in a folder of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers.certificates import Certificate
from tests.servers.processes import HOST, free_port

PROGRAMS = Path("/usr/lib/cyrus/bin")
REALM = "localhost"
SHARED_SEEN = 4
"""The option of a mailbox whose marks of what was read are its owner's for everybody else too."""

_CONFIG = """
configdirectory: {folder}/conf
defaultpartition: default
partition-default: {folder}/spool
admins: {administrators}
servername: {realm}
syslog_prefix: clawback-test
hashimapspool: yes
virtdomains: off
unixhierarchysep: yes
altnamespace: yes
allowplaintext: yes
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {folder}/sasldb2
sasl_mech_list: PLAIN LOGIN
proxyservers: {administrators}
conversations: yes
conversations_max_guidinfolder: 1000
search_engine: none
httpmodules: jmap
httpallowcompress: no
jmap_nonstandard_extensions: yes
lmtp_downcase_rcpt: yes
duplicatesuppression: no
delete_mode: immediate
expunge_mode: delayed
mailbox_default_options: {mailbox_options}
implicit_owner_rights: {owner_rights}
lmtpsocket: {folder}/run/lmtp
idlesocket: {folder}/run/idle
notifysocket: {folder}/run/notify
proc_path: {folder}/conf/proc
mboxname_lockpath: {folder}/conf/lock
duplicate_db_path: {folder}/conf/deliver.db
statuscache_db_path: {folder}/conf/statuscache.db
"""

_TLS = """
tls_server_cert: {certificate.certificate}
tls_server_key: {certificate.key}
"""

_SERVICES = """
START {{
  recover cmd="{programs}/ctl_cyrusdb -C {config} -r"
}}
SERVICES {{
{services}
}}
EVENTS {{
  checkpoint cmd="{programs}/ctl_cyrusdb -C {config} -c" period=30
}}
"""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the services listen."""

    imap: int = field(default_factory=free_port)
    imaps: int = field(default_factory=free_port)
    http: int = field(default_factory=free_port)
    https: int = field(default_factory=free_port)
    lmtp: int = field(default_factory=free_port)


@dataclass(frozen=True, slots=True)
class Options:
    """What a test may want otherwise.

    `owner_rights` are those that no administrator can take from an owner. Debian's default, ``lkxan``, lets
    owners list a folder into which they cannot look, and delete it. Without `shared_seen`, Cyrus keeps for
    each reader of a mailbox marks of what was read, and the administrator neither sees nor keeps the owner's.
    """

    owner_rights: str = "n"
    shared_seen: bool = True
    tls: bool = False


def configuration(
    folder: Path, options: Options, administrators: Sequence[str], certificate: Certificate | None
) -> str:
    """The text of imapd.conf."""
    text = _CONFIG.format(
        folder=folder,
        administrators=" ".join(administrators),
        realm=REALM,
        mailbox_options=SHARED_SEEN if options.shared_seen else 0,
        owner_rights=options.owner_rights,
    )
    return text + (_TLS.format(certificate=certificate) if certificate else "")


def services(config: Path, imapd: Path, ports: Ports, tls: bool) -> str:
    """The text of cyrus.conf. Only imapd may lie elsewhere than the other programs."""
    lines = [
        _service("imap", str(imapd), config, ports.imap),
        _service("http", f"{PROGRAMS}/httpd", config, ports.http),
        _service("lmtp", f"{PROGRAMS}/lmtpd", config, ports.lmtp, "-a"),
    ]
    if tls:
        lines += [
            _service("imaps", str(imapd), config, ports.imaps, "-s"),
            _service("https", f"{PROGRAMS}/httpd", config, ports.https, "-s"),
        ]
    return _SERVICES.format(programs=PROGRAMS, config=config, services="\n".join(lines))


def _service(name: str, program: str, config: Path, port: int, more: str = "") -> str:
    command = f"{program} -C {config} {more}".strip()
    return f'  {name} cmd="{command}" listen="{HOST}:{port}" prefork=1 maxchild=100'
