"""What the connector says about itself to people, after a look at the server."""

from __future__ import annotations

from collections.abc import Sequence

from clawback.errors import MailboxError
from clawback.mailboxes.imap import managesieve
from clawback.mailboxes.imap.hands import Hand
from clawback.mailboxes.imap.options import Access, Login, Tls
from clawback.mailboxes.imap.session import open_session
from clawback.mailboxes.imap.system import System
from clawback.mailboxes.imap.watching import idles, sentence

_HOW = {
    Tls.IMPLICIT: "TLS from the start",
    Tls.STARTTLS: "STARTTLS, and nothing without it",
    Tls.NONE: "no encryption",
}


async def describe(system: System, hand: Hand) -> tuple[str, ...]:
    """Sentences for `clawback doctor`. Raises what stands in the way of a first session."""
    mailboxes = await system.mailboxes()
    refused = ""
    if mailboxes:
        async with system.session(mailboxes[0]):
            refused = await _refused(system, mailboxes[0])
    return (
        _where(system),
        hand.reason(),
        _reads(system),
        sentence(system),
        _hides(system),
        await _scripts(system, mailboxes),
        *([refused] if refused else []),
    )


async def _refused(system: System, mailbox: str) -> str:
    """What is to be said when a second login beside the one that is open is refused; "" when none is."""
    options = system.options
    if not _needs_two(system):
        return ""
    try:
        second = await open_session(options.server, options.login, mailbox, system.names.user(mailbox))
    except MailboxError as error:
        other = "connections = 1" if options.login.access is Access.ADMIN else "a `log`, or idle = 0"
        return (
            f"a second login beside ours is refused, and our settings need two at once ({error}): raise the "
            "server's limit for one user from one address (Dovecot: mail_max_userip_connections), for which "
            f"mail programs on this machine count too, or set {other}"
        )
    await second.leave()
    return ""


async def _scripts(system: System, mailboxes: Sequence[str]) -> str:
    """Whether the owners' Sieve scripts can be read."""
    port = system.options.sieve_port
    if not port:
        return "does not see the owners' mail rules: set sieve_port if the server speaks ManageSieve"
    where = f"the owners' mail rules by ManageSieve at port {port}"
    try:
        for mailbox in mailboxes[:1]:
            await managesieve.rules_of(system.options, mailbox, system.names.user(mailbox))
    except MailboxError as error:
        return f"cannot read {where}: {error}"
    return f"reads {where}"


def _needs_two(system: System) -> bool:
    """Whether one login is used by two connections at once: to a mailbox one may idle while one works."""
    if system.options.login.access is Access.ADMIN:
        return system.options.connections > 1
    return idles(system)


def _where(system: System) -> str:
    server = system.options.server
    return f"IMAP server {server.where} with {_HOW[server.tls]}; {_whom(system.options.login)}"


def _whom(login: Login) -> str:
    match login.access:
        case Access.OWN:
            return f"with credentials of their own for {len(login.own):,} mailboxes"
        case Access.ADMIN:
            return f"as the administrator {login.admin}, who sees every mailbox"
        case Access.MASTER:
            how = f"user{login.separator}{login.admin}" if login.separator else "SASL authorisation"
            return f"as the master user {login.admin} in each owner's name ({how})"


def _reads(system: System) -> str:
    can = system.capabilities
    what = {
        "X-GUID": "knows copies again by Dovecot's GUID",
        "EMAILID": "knows copies again by EMAILID",
        "": "knows copies again by their bytes alone, for the server has no GUID",
    }[system.guid]
    delta = (
        "reads what changed by QRESYNC"
        if "QRESYNC" in can
        else "reads whole folders that changed, for the server has no QRESYNC"
    )
    return f"{delta}; {what}"


def _hides(system: System) -> str:
    naming = system.options.naming
    return (
        f"soft deleted copies go to {naming.soft_deleted!r} and quarantined ones to {naming.quarantine!r} "
        "in the same mailbox: hide both from the owners by the server's ACL"
    )
