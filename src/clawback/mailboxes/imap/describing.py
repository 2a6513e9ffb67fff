"""What the connector says about itself to people, after a look at the server."""

from __future__ import annotations

from clawback.mailboxes.imap.hands import Hand
from clawback.mailboxes.imap.options import Access, Login, Tls
from clawback.mailboxes.imap.system import System
from clawback.mailboxes.imap.watching import sentence

_HOW = {
    Tls.IMPLICIT: "TLS from the start",
    Tls.STARTTLS: "STARTTLS, and nothing without it",
    Tls.NONE: "no encryption",
}


async def describe(system: System, hand: Hand) -> tuple[str, ...]:
    """Sentences for `clawback doctor`. Raises what stands in the way of a first session."""
    mailboxes = await system.mailboxes()
    if mailboxes:
        async with system.session(mailboxes[0]):
            pass
    return (
        _where(system),
        hand.reason(),
        _reads(system),
        sentence(system),
        _hides(system),
    )


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
