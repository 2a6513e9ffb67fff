"""Domains and hosts in their canonical form, and how far a domain reaches."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from clawback.message.suffixes import registrable_domain
from clawback.message.url import normalise

# A host may have 127 labels; deeper names are indexed under their first levels only, and indicators
# that name something deeper are looked up there too (see `index_domain`), so nothing is missed.
MAX_LEVELS = 6
MAX_HOST = 255


@lru_cache(maxsize=8192)
def canonical_host(text: str) -> str:
    """Lower-case punycode without a trailing dot, IPv6 without brackets; "" when no host looks like that.

    Source: the host parser of the WHATWG URL standard.
    """
    if not text or len(text) > MAX_HOST or any(c in "/?#@\\" or c.isspace() for c in text):
        return ""
    inner = text.removeprefix("[").removesuffix("]")
    url = normalise(f"http://[{inner}]/" if ":" in inner else f"http://{text}/")
    return url.host if url and ".." not in url.host and not url.host.startswith(".") else ""


def host_of(url: str) -> str:
    """The host of a canonical URL, without user, port, brackets and trailing dot; "" when it has none."""
    authority = url.partition("://")[2]
    for stop in "/?#":
        authority = authority.partition(stop)[0]
    host = authority.rpartition("@")[2]
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].rstrip(".")


def canonical_ip(text: str) -> str:
    """The compressed form of an IP address, IPv4 inside IPv6 as IPv4; "" when it is none."""
    if not text or not (text[0].isdigit() or ":" in text):
        return ""
    try:
        address: IPv4Address | IPv6Address = ip_address(text.strip().removeprefix("[").removesuffix("]"))
    except ValueError:
        return ""
    if isinstance(address, IPv6Address):
        if address.scope_id:
            return ""
        address = address.ipv4_mapped or address
    return str(address)


def is_under(host: str, domain: str) -> bool:
    """Whether `domain` names `host`: the host itself or something below, held by the same owner.

    A domain reaches as far as its owner: ``amazonaws.com`` does not reach ``bucket.s3.amazonaws.com``,
    because customers register below the public suffix ``s3.amazonaws.com``.
    """
    if host != domain and not host.endswith(f".{domain}"):
        return False
    owner = registrable_domain(host)
    return bool(owner) and (domain == owner or domain.endswith(f".{owner}"))


@lru_cache(maxsize=8192)
def domains_of(host: str) -> tuple[str, ...]:
    """The registrable domain of a host and every domain below it up to the host, shortest first.

    At most `MAX_LEVELS` levels below the registrable domain; none for an IP or a bare public suffix.
    """
    owner = registrable_domain(host)
    if not owner or not (host == owner or host.endswith(f".{owner}")):
        return ()
    below = host[: -len(owner)].rstrip(".").split(".") if host != owner else []
    found = [owner]
    for label in reversed(below[-MAX_LEVELS:]):
        found.append(f"{label}.{found[-1]}")
    return tuple(found)


def index_domain(domain: str) -> str:
    """The domain under which everything that `domain` reaches is indexed (itself unless very deep)."""
    found = domains_of(domain)
    return found[-1] if found else domain
