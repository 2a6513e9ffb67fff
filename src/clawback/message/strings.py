"""URLs in binary files: runs of printable characters, one byte each or two (UTF-16LE)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from clawback.message.namespaces import is_namespace
from clawback.message.text_links import find_absolute

_MAX_SCANNED = 16 * 1024 * 1024
_NARROW = re.compile(rb"(?i:https?|ftp)://[!-~]{3,2000}")
_WIDE = re.compile(rb"(?:[hH]\0[tT]\0[tT]\0[pP]\0(?:[sS]\0)?|[fF]\0[tT]\0[pP]\0):\0/\0/\0(?:[!-~]\0){3,2000}")


def find_in_bytes(content: bytes, limit: int) -> Iterator[str]:
    """The URLs written in `content`, at most `limit`, those of one byte a character first."""
    content = content[:_MAX_SCANNED]
    urls = (url for text in _texts(content) for url in find_absolute(text, 1))
    yield from islice((url for url in urls if not is_namespace(url)), limit)


def _texts(content: bytes) -> Iterator[str]:
    if b"://" in content:
        yield from (match[0].decode("latin-1") for match in _NARROW.finditer(content))
    if b":\0/\0/\0" in content:
        yield from (match[0].decode("utf-16-le") for match in _WIDE.finditer(content))
