"""Canonical values: what a person or a feed wrote, turned into the form messages are compared in."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_network

from clawback.analysis.domains import canonical_host, canonical_ip
from clawback.analysis.kinds import IndicatorKind, Match
from clawback.analysis.places import EMPTY_SHA256
from clawback.analysis.senders import canonical_domain, canonical_sender
from clawback.errors import BadIndicator
from clawback.message.rewriting import unwrap
from clawback.message.suffixes import registrable_domain
from clawback.message.url import normalise, refang

MAX_VALUE = 8192
_HEX = frozenset("0123456789abcdefABCDEF")
_OTHER_HASHES = {32: "an MD5", 40: "a SHA-1", 96: "a SHA-384", 128: "a SHA-512"}
# ``mailto:x``, but not ``host:8080``
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.\-]*+:(?!\d)")
_IPV6_LITERAL = re.compile(r"\[[0-9a-fA-F.]{0,20}:[0-9a-fA-F:.]{1,40}\]")
_SCHEMES = ("http", "https", "ftp")


def canonical_value(kind: IndicatorKind, value: str, match: Match = Match.EXACT) -> str:
    """The value in the canonical form of its kind; BadIndicator says in one sentence why there is none."""
    text = _clean(value)
    if match is Match.PREFIX:
        if kind is not IndicatorKind.URL:
            raise BadIndicator(f"Only a URL can be matched by prefix, not kind {kind}.")
        return _prefix(text)
    return _READERS[kind](text)


def guess_kind(text: str) -> IndicatorKind:
    """What kind of indicator a person means by a text.

    64 hex digits: sha256. An address, or ``@domain``: sender. An IP: ip. Anything with a scheme or a
    path: url. A registrable domain such as ``evil.test``: domain (it reaches hosts below it). Any
    other host name, such as ``www.evil.test``: host. BadIndicator when it is none of them.
    """
    clean = _clean(text)
    if _is_hex(clean):
        return IndicatorKind.SHA256
    if "://" in clean or "/" in clean.partition("?")[0]:
        return IndicatorKind.IP if _is_network(clean) else IndicatorKind.URL
    if "@" in clean:
        return IndicatorKind.SENDER
    if canonical_ip(clean):
        return IndicatorKind.IP
    if clean.startswith("*."):
        return IndicatorKind.DOMAIN
    if "?" in clean or (":" in clean and canonical_host(clean.partition(":")[0])):
        return IndicatorKind.URL
    return _name_kind(clean)


def _name_kind(text: str) -> IndicatorKind:
    host = canonical_host(text)
    if "." not in host:
        raise BadIndicator(f"{_shown(text)} is not a URL, host, domain, address, IP or SHA-256.")
    owner = registrable_domain(host)
    # Cloud machines (``ec2-1-2-3-4.compute-1.amazonaws.com``) are public suffixes, yet one host each.
    plain_suffix = not owner and host.count(".") == 1
    return IndicatorKind.DOMAIN if owner == host or plain_suffix else IndicatorKind.HOST


def _clean(value: str) -> str:
    if not isinstance(value, str):
        raise BadIndicator(f"An indicator must be text, not {type(value).__name__}.")
    if len(value) > MAX_VALUE:
        raise BadIndicator(f"The indicator has {len(value):,} characters; at most {MAX_VALUE:,} are read.")
    text = _refanged(value.strip())
    if not text:
        raise BadIndicator("The indicator is empty.")
    if any(ord(c) < 32 or 0xD800 <= ord(c) <= 0xDFFF or ord(c) == 127 for c in text):
        raise BadIndicator(f"{_shown(text)} has control characters in it.")
    return text


def _refanged(text: str) -> str:
    """A URL that is alive stays as it is: ``[.]`` may stand in its query; so does an IPv6 literal."""
    alive = ("://" in text and normalise(text)) or _IPV6_LITERAL.search(text)
    return text if alive else refang(text)


def _url(text: str) -> str:
    url = normalise(text) or normalise(_with_scheme(text))
    if url is None:
        raise BadIndicator(f"{_shown(text)} is not a URL that mail can link to.")
    inner, rewriter = unwrap(url.url)
    target = normalise(inner) if rewriter else url
    return target.url if target else url.url


def _with_scheme(text: str) -> str:
    authority = text.partition("/")[0]
    return text if "@" in authority or _SCHEME.match(text) else f"http://{text}"


def _prefix(text: str) -> str:
    scheme, separator, rest = text.partition("://")
    if not separator or scheme.lower() not in _SCHEMES or not rest.strip("/"):
        raise BadIndicator(
            f"A URL prefix must start with scheme and full host, at least https://host/, not {_shown(text)}."
        )
    return _url(text)


def _host(text: str) -> str:
    if "://" in text or "/" in text:
        raise BadIndicator(f"{_shown(text)} is a URL, not a host.")
    if text.startswith("*."):
        raise BadIndicator(f"{_shown(text)} has a wildcard: use kind domain for everything below a name.")
    host = canonical_host(text)
    if not host:
        raise BadIndicator(f"{_shown(text)} is not a host name.")
    return host


def _domain(text: str) -> str:
    domain = _host(text.removeprefix("*."))
    if canonical_ip(domain):
        raise BadIndicator(f"{domain} is an IP address: use kind ip.")
    if "." not in domain:
        raise BadIndicator(f"{_shown(text)} is not a full domain name.")
    if not registrable_domain(domain):
        raise BadIndicator(f"{domain} is a public suffix and would match half the world: name one below.")
    return domain


def _sender(text: str) -> str:
    if text.startswith("@"):
        domain = canonical_domain(text[1:])
        if not canonical_host(domain):
            raise BadIndicator(f"{_shown(text)} is not a sender domain.")
        return f"@{domain}"
    inner = text[:-1].rpartition("<")[2].strip() if text.endswith(">") else text
    if inner[:7].lower() == "mailto:":
        inner = inner[7:]
    address = canonical_sender(inner)
    if not address or any(c.isspace() for c in address):
        raise BadIndicator(f"{_shown(text)} is not a mail address.")
    return address


def _ip(text: str) -> str:
    address = canonical_ip(text)
    if not address and _is_network(text):
        raise BadIndicator(f"{text} is a network: list its addresses one by one.")
    if not address:
        raise BadIndicator(f"{_shown(text)} is not an IP address.")
    return address


def _sha256(text: str) -> str:
    if not _is_hex(text):
        raise BadIndicator(f"{_shown(text)} is not a SHA-256 (64 hex digits).")
    if text.lower() == EMPTY_SHA256:
        raise BadIndicator("That is the SHA-256 of an empty file, which says nothing.")
    return text.lower()


def _is_hex(text: str) -> bool:
    if not _HEX.issuperset(text):
        return False
    if len(text) in _OTHER_HASHES:
        raise BadIndicator(f"{_shown(text)} looks like {_OTHER_HASHES[len(text)]}; only SHA-256 is compared.")
    return len(text) == 64


def _is_network(text: str) -> bool:
    try:
        return "/" in text and ip_network(text, strict=False) is not None
    except ValueError:
        return False


def _shown(text: str) -> str:
    cut = text if len(text) <= 80 else f"{text[:77]}..."
    return repr(cut)


_READERS: dict[IndicatorKind, Callable[[str], str]] = {
    IndicatorKind.URL: _url,
    IndicatorKind.HOST: _host,
    IndicatorKind.DOMAIN: _domain,
    IndicatorKind.SENDER: _sender,
    IndicatorKind.IP: _ip,
    IndicatorKind.SHA256: _sha256,
}
