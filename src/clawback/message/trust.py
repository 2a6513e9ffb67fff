"""Which hosts and domains are the organisation's own."""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clawback.message.message import Organisation


def is_trusted(host: str, organisation: Organisation) -> bool:
    """Whether `host` is one of the trusted hops, or stands below one."""
    return bool(organisation.trusted_hops) and _is_below(host, organisation.trusted_hops)


def is_own_domain(domain: str, organisation: Organisation) -> bool:
    """Whether `domain` is one of the organisation's, or stands below one."""
    return bool(organisation.domains) and _is_below(domain, organisation.domains)


def is_own_host(host: str, organisation: Organisation) -> bool:
    """Whether a host takes mail for the organisation: a trusted hop; with none known, one in its domains."""
    if organisation.trusted_hops:
        return is_trusted(host, organisation)
    return is_own_domain(host, organisation)


def _is_below(name: str, known: Set[str]) -> bool:
    name = name.lower().rstrip(".")
    while name:
        if name in known:
            return True
        name = name.partition(".")[2]
    return False
