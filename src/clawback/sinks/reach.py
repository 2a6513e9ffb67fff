"""Where we may be made to connect to: never into the network behind us, unless the settings allow it.

A person who may name an address for us to call could else reach what only this machine reaches: the metadata
service of a cloud, a database, a printer. So the name is resolved here, each of its addresses is checked, and
the connection is made to the addresses that were checked and to no others, however the name resolves later.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from aiohttp.abc import AbstractResolver, ResolveResult

from clawback.errors import BadParameter, BadSettings
from clawback.message.whatwg import parse_web_url

LONGEST_URL = 2_000
RESOLVE_SECONDS = 5.0
MOST_ADDRESSES = 32
"""Addresses of one name that are looked at; more is no honest name."""

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
LookUp = Callable[[str, int], Awaitable[Sequence[str]]]
"""Answers the addresses of a name; raises OSError when it has none."""

_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")
_KEPT = (
    # Of public ranges, but the inside of a cloud all the same: Azure's wire server, and NAT64 of one's own.
    IPv4Network("168.63.129.16/32"),
    IPv6Network("64:ff9b:1::/48"),
    # Not told as such by every Python that we run on.
    IPv4Network("192.88.99.0/24"),
    IPv4Network("100.64.0.0/10"),
    IPv4Network("192.0.0.0/24"),
    IPv6Network("2001::/23"),
    IPv6Network("3fff::/20"),
    IPv6Network("5f00::/16"),
)


class Unreachable(OSError):
    """The settings do not let us connect there."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Where we may connect to: the public internet, and these networks beside. `http` allows no TLS."""

    allowed: tuple[Network, ...] = ()
    http: bool = False

    def refuses(self, text: str) -> str:
        """Why we may not connect to an address, "" when we may. Raises ValueError for what is no address."""
        address = ip_address(text.partition("%")[0])
        faces = (address, *_inside(address))
        if any(faces[-1] in network for network in self.allowed):
            return ""
        return next((why for face in faces if (why := _why_not(face))), "")

    def checked(self, url: str) -> str:
        """The URL as browsers read it. BadParameter when it may not be called, whatever it resolves to."""
        text = url.strip()
        if len(text) > LONGEST_URL:
            raise BadParameter(f"the URL has more than {LONGEST_URL:,} characters")
        parsed = parse_web_url(text)
        if parsed is None:
            raise BadParameter("that is no URL such as https://siem.example.org/hooks/clawback")
        if parsed.protocol != "https:" and not (self.http and parsed.protocol == "http:"):
            raise BadParameter("the URL must begin with https:// (http:// only if webhooks.http allows it)")
        if parsed.username or parsed.password:
            raise BadParameter("the URL may hold no user name or password")
        if parsed.hash:
            raise BadParameter("the URL may have no fragment (#...): it is never sent")
        host = parsed.hostname.strip("[]")
        with suppress(ValueError):  # a name is looked up when it is called, and each time anew
            if why := self.refuses(host):
                raise BadParameter(f"{host} is {why}; webhooks.allow in the settings can allow its network")
        return parsed.href


def _inside(address: Address) -> tuple[Address, ...]:
    """The IPv4 address that an IPv6 address leads to, if it is one that does."""
    if isinstance(address, IPv4Address):
        return ()
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 0xFFFF):
        return (IPv4Address(int(address) & 0xFFFFFFFF),)
    return ()


def _why_not(address: Address) -> str:
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return ""  # what counts is the address inside
    for told, is_so in (
        ("this machine", address.is_loopback),
        ("no address to connect to", address.is_unspecified),
        ("a link-local address, such as metadata services have", address.is_link_local),
        ("a multicast address", address.is_multicast),
        ("a private address", address.is_private),
        ("a reserved address", address.is_reserved or not address.is_global),
        ("a reserved address", any(address in network for network in _KEPT)),
        ("a reserved address", isinstance(address, IPv6Address) and address.is_site_local),
    ):
        if is_so:
            return told
    return ""


def networks_of(texts: Sequence[str]) -> tuple[Network, ...]:
    """The networks that settings name; raises BadSettings."""
    try:
        return tuple(ip_network(text) for text in texts)
    except ValueError as error:
        raise BadSettings(f"webhooks.allow holds no network such as 10.1.0.0/16: {error}") from None


async def look_up(host: str, port: int) -> Sequence[str]:
    """What the system's resolver answers."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


class CheckedResolver(AbstractResolver):
    """Resolves for one HTTP client, and answers only when each address of the name is one we may reach."""

    def __init__(self, reach: Reach, ask: LookUp = look_up) -> None:
        self._reach = reach
        self._ask = ask

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses that a connection is then made to; raises Unreachable."""
        async with asyncio.timeout(RESOLVE_SECONDS):
            found = (await self._ask(host, port))[:MOST_ADDRESSES]
        if not found:
            raise OSError(f"{host} has no address")
        for text in found:
            # One that is not allowed among others that are is how a rebinding begins.
            if why := self._reach.refuses(text):
                raise Unreachable(f"{host} leads to {why}")
        return [_as_result(host, text, port) for text in found]

    async def close(self) -> None:
        """Nothing is held."""


def _as_result(host: str, text: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ip_address(text.partition("%")[0]).version == 6 else socket.AF_INET
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return ResolveResult(hostname=host, host=text, port=port, family=family, proto=0, flags=flags)
