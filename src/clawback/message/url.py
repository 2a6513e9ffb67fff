"""URLs in one canonical form (WHATWG URL standard), and the links made of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import can_ada

from clawback.message.link import Link, LinkLocation
from clawback.message.rewriting import unwrap
from clawback.message.suffixes import has_known_suffix, registrable_domain
from clawback.message.whatwg import parse_web_url

MAX_URL = 8_192
MAX_WRITTEN = 2_048
MAX_TEXT = 200
_CACHED_LENGTH = 512  # keeps the cache under about 16 MB

_STRIPPED = "".join(map(chr, range(0x21)))  # what WHATWG strips from both ends: C0 controls and space
_REMOVED = {9: None, 10: None, 13: None}  # WHATWG removes tab and newline wherever they stand
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.\-]*+:")
_BARE_HOST = re.compile(r"(?:[a-zA-Z0-9_](?:[a-zA-Z0-9_\-]*+)\.)++[a-zA-Z0-9\-]{2,63}+(?=[:/?#]|$)")


@dataclass(frozen=True, slots=True)
class Url:
    """A canonical URL: `url` as a whole, `host` in lower-case punycode (an IPv6 address without its
    brackets), `domain` the registrable domain ("" for an IP), `scheme` http, https or ftp."""

    url: str
    host: str
    domain: str
    scheme: str


def normalise(text: str, base: str = "") -> Url | None:
    """Read `text` as a browser would and give its canonical form; None if it leads to no host.

    Kept: http, https and ftp. Without `base` a bare host (``example.com/x``) is read as http, other
    relative references are None. Default port, user info, the dot after the host and the fragment are
    dropped; a fragment that is a route (``#/...`` or ``#!...``) stays, because single-page kits have
    their pages there. More than 8,192 characters give None.
    """
    if len(text) > MAX_URL:
        return None
    if len(text) <= _CACHED_LENGTH and len(base) <= _CACHED_LENGTH:
        return _normalise_cached(text, base)
    return _normalise(text, base)


def _normalise(text: str, base: str) -> Url | None:
    absolute = _absolute(text.strip(_STRIPPED).translate(_REMOVED), base)
    if not absolute:
        return None
    parsed = parse_web_url(absolute)
    return _canonical(parsed) if parsed else None


_normalise_cached = lru_cache(maxsize=8_192)(_normalise)


def _absolute(text: str, base: str) -> str:
    """`text` with what a reader would add to make it absolute; "" if it is relative and there is no base."""
    host = _BARE_HOST.match(text)
    if host is None and _SCHEME.match(text):
        return text
    if text[:2].replace("\\", "/") == "//":
        return "http:" + text
    if base:
        return _join(base, text)
    return "http://" + text if host and _reads_as_host(host[0], text) else ""


def _join(base: str, reference: str) -> str:
    """Put a relative reference behind its base; dot segments are left to the WHATWG parser."""
    scheme, _, rest = base.partition("://")
    host, _, path = re.split(r"[?#]", rest, maxsplit=1)[0].partition("/")
    if not host or not reference or reference[0] == "#":
        return ""
    if reference[0] in "/\\":
        return f"{scheme}://{host}{reference}"
    if reference[0] == "?":
        return f"{scheme}://{host}/{path}{reference}"
    return f"{scheme}://{host}/{path.rpartition('/')[0]}/{reference}"


def _reads_as_host(host: str, text: str) -> bool:
    return host[:4].lower() == "www." or (has_known_suffix(host.lower()) and "@" not in text[: len(host) + 1])


def _canonical(parsed: can_ada.URL) -> Url:
    if parsed.has_credentials():
        parsed.username = ""
        parsed.password = ""
    if parsed.has_hash() and not parsed.hash.startswith(("#/", "#!")):
        parsed.hash = ""
    if parsed.hostname.endswith("."):
        parsed.hostname = parsed.hostname.rstrip(".") or "."
    host = parsed.hostname.strip("[]")
    return Url(parsed.href, host, registrable_domain(host), parsed.protocol[:-1])


_DEFANGED = (
    (re.compile(r"^\s*[hH][xX]{2}[pP]"), "http"),
    (re.compile(r"^\s*[fF][xX][pP](?=s?:)"), "ftp"),
    (re.compile(r"\[:\]|\[:"), ":"),
    (re.compile(r"://\]"), "://"),
    (re.compile(r"\[\.\]|\(\.\)|\{\.\}|\[\.|\.\]|\[dot\]|\(dot\)", re.IGNORECASE), "."),
    (re.compile(r"\[@\]|\(@\)|\[at\]|\(at\)", re.IGNORECASE), "@"),
    (re.compile(r"\[/\]"), "/"),
)


def refang(text: str) -> str:
    """Undo the spellings people use to make an indicator harmless (``hxxp://evil[.]example``).

    For what a user or a feed gives us; never for mail, where such a spelling is no link.
    """
    for pattern, plain in _DEFANGED:
        text = pattern.sub(plain, text)
    return text.strip()


def make_link(
    written: str,
    *,
    location: LinkLocation,
    source: str,
    part: str = "",
    text: str = "",
    container: str = "",
    base: str = "",
) -> Link | None:
    """Make a `Link` of what stood in a message, protective rewriting undone; None if it is no link."""
    url = normalise(written, base)
    if url is None:
        return None
    inner, rewriter = unwrap(url.url)
    target = normalise(inner) if rewriter else url
    if target is None:
        target, rewriter = url, ""
    return Link(
        url=target.url,
        written=written[:MAX_WRITTEN],
        location=location,
        source=source,
        host=target.host,
        domain=target.domain,
        part=part,
        text=text[:MAX_TEXT],
        wrapped=url.url if rewriter else "",
        rewritten_by=rewriter,
        container=container,
    )
