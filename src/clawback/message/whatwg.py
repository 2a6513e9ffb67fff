"""The WHATWG URL parser, made safe for any text."""

from __future__ import annotations

import can_ada

WEB_SCHEMES = frozenset({"http:", "https:", "ftp:"})


def parse_web_url(text: str) -> can_ada.URL | None:
    """Parse an absolute http, https or ftp URL; None for everything else. The result may be changed."""
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()  # can_ada refuses lone surrogates with a TypeError
    try:
        parsed = can_ada.parse(text)
    except ValueError:
        return None
    return parsed if parsed.protocol in WEB_SCHEMES and parsed.hostname else None
