"""URLs in style sheets and style attributes (CSS Syntax level 3, ``url()`` and ``@import``)."""

from __future__ import annotations

import re
from collections.abc import Iterator

_TOKEN = re.compile(
    r"""(?i:url\(\s*+|@import\s++)(?:"([^"\n]*+)"|'([^'\n]*+)'|([^\s"'();]++))""",
)
_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})[ \t\n\f]?|([^\n]))")


def find_in_css(css: str) -> Iterator[str]:
    """Every URL in `css`, as written, escapes undone."""
    if "\\" in css:
        css = _ESCAPE.sub(_unescaped, css)
    for match in _TOKEN.finditer(css):
        url = match[1] or match[2] or match[3]
        if url and url.lower() != "url":
            yield url


def _unescaped(match: re.Match[str]) -> str:
    if match[2]:
        return match[2]
    code = int(match[1], 16)
    return chr(code) if 0 < code < 0xD800 or 0xDFFF < code <= 0x10FFFF else "\ufffd"
