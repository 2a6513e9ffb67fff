"""Registrable domains by the public suffix list (publicsuffix.org), kept offline in its package."""

from __future__ import annotations

from functools import cache, lru_cache

from publicsuffixlist import PublicSuffixList

_MAX_HOST = 253  # RFC 1035 section 2.3.4


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


@lru_cache(maxsize=16_384)
def registrable_domain(host: str) -> str:
    """The part of `host` that one owner registered; "" for an IP address or a bare public suffix.

    Private suffixes of the list count (``x.github.io`` is a domain of its own). `host` is lower-case
    punycode; a name whose top level is unknown is taken as registered just below it.
    """
    if not host or len(host) > _MAX_HOST or is_ip(host):
        return ""
    return _suffixes().privatesuffix(host.rstrip(".")) or ""


@lru_cache(maxsize=16_384)
def has_known_suffix(host: str) -> bool:
    """Whether `host` stands below a suffix that the list names, and is not that suffix itself."""
    if len(host) > _MAX_HOST or is_ip(host):
        return False
    return _suffixes().privatesuffix(host.lower().rstrip("."), accept_unknown=False) is not None


def is_ip(host: str) -> bool:
    """Whether a canonical host is an IP address: WHATWG reads any name with a numeric last label as IPv4."""
    return ":" in host or host[host.rfind(".") + 1 :].isdigit()
