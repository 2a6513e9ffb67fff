"""Which attributes carry links, and how each kind is read."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

URL_ATTRIBUTES = frozenset(
    {
        *("href", "src", "action", "formaction", "background", "poster", "cite", "longdesc", "manifest"),
        *("lowsrc", "dynsrc", "originalsrc", "xlink:href", "o:href", "v:src", "data-src", "data-href"),
        *("data-url", "data-link", "data-saferedirecturl", "data-original", "ping", "codebase"),
    }
)
SET_ATTRIBUTES = frozenset({"srcset", "imagesrcset", "data-srcset"})
NESTED_ATTRIBUTES = frozenset({"srcdoc"})
_MAX_TAG_NAME = 32

_REFRESH = re.compile(r"[\s\d.;,]*+(?:url\s*+=\s*+)?[\"']?([^\"']*+)", re.IGNORECASE)
_CANDIDATE = re.compile(r"[\s,]*+(\S++)(?:\s++[^,(]*+)?")
_BASE64_NOISE = re.compile(rb"[^A-Za-z0-9+/]")


def source_of(tag: str, attribute: str) -> str:
    """How a link's source is called: ``a.href``; the tag's name is the writer's and so cut short."""
    return f"{tag[:_MAX_TAG_NAME]}.{attribute}"


def read_srcset(value: str) -> Iterator[str]:
    """The URLs of an image candidate list (HTML standard section 4.8.4.2.1)."""
    for match in _CANDIDATE.finditer(value):
        url = match[1].rstrip(",")
        if url:
            yield url


def read_refresh(content: str) -> str:
    """The URL of ``<meta http-equiv=refresh content="0; url=...">``, "" if it only reloads."""
    match = _REFRESH.match(content)
    return match[1].strip() if match else ""


def read_data_url(url: str, limit: int) -> tuple[str, bytes]:
    """The media type (lower case) and the bytes of a ``data:`` URL, base64 read leniently (RFC 2397).

    ("", b"") if it is none or longer than `limit` characters.
    """
    url = url.strip()
    if url[:5].lower() != "data:" or len(url) > limit:
        return "", b""
    head, comma, body = url[5:].partition(",")
    if not comma:
        return "", b""
    kind, *parameters = head.lower().split(";")
    content = unquote_to_bytes(body.encode("utf-8", "replace"))
    if any(p.strip() == "base64" for p in parameters):
        content = _decoded(content)
    return kind.strip(), content


def _decoded(content: bytes) -> bytes:
    plain = _BASE64_NOISE.sub(b"", content)
    plain = plain[: len(plain) - len(plain) % 4] if len(plain) % 4 == 1 else plain
    try:
        return base64.b64decode(plain + b"=" * (-len(plain) % 4))
    except binascii.Error:
        return b""
