"""Which way a message went, seen from the organisation."""

from __future__ import annotations

from collections.abc import Sequence

from clawback.message.address import Address
from clawback.message.message import Direction, Organisation
from clawback.message.received import Hop
from clawback.message.received_syntax import is_public
from clawback.message.trust import is_own_domain, is_own_host

# RFC 3848: the sender had logged in. HTTP and MAPI are submissions by a person who had, too.
_LOGGED_IN = ("esmtpa", "esmtpsa", "utf8smtpa", "utf8smtpsa", "lmtpa", "lmtpsa", "http", "https", "mapi")


def direction_of(
    sender: Address,
    envelope_sender: str,
    recipients: Sequence[str],
    hops: Sequence[Hop],
    organisation: Organisation,
) -> Direction:
    """Inbound, outbound or within the organisation; unknown where its domains are.

    A message is only the organisation's own if both senders say so (an empty envelope sender says nothing)
    and no hop shows that it came in from outside without a login: a forged From is inbound. Without
    recipients in the trace, mail of others is inbound and own mail without a single hop (a sent copy) is
    outbound.
    """
    if not organisation.domains or not (sender.domain or envelope_sender):
        return Direction.UNKNOWN
    own = _is_own(sender, envelope_sender, organisation) and not _came_in(hops, organisation)
    to_us = any(is_own_domain(one.rpartition("@")[2], organisation) for one in recipients)
    if not own:
        taken = to_us or not recipients or any(is_own_host(hop.by_host, organisation) for hop in hops)
        return Direction.INBOUND if taken else Direction.UNKNOWN
    if to_us:
        return Direction.INTRA_ORG
    return Direction.OUTBOUND if recipients or not hops else Direction.UNKNOWN


def _is_own(sender: Address, envelope_sender: str, organisation: Organisation) -> bool:
    domains = [domain for domain in (sender.domain, envelope_sender.rpartition("@")[2]) if domain]
    return all(is_own_domain(domain, organisation) for domain in domains)


def _came_in(hops: Sequence[Hop], organisation: Organisation) -> bool:
    """Whether a host of ours took the message from a public address of others that had not logged in."""
    return any(
        is_own_host(hop.by_host, organisation)
        and is_public(hop.from_ip)
        and not is_own_host(hop.from_host, organisation)
        and hop.protocol.lower().partition(" ")[0] not in _LOGGED_IN
        for hop in hops
    )
