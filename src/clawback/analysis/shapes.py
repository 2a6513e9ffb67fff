"""Shapes: a URL without what is made up for one recipient, so that links of one campaign look the same."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

from clawback.analysis.domains import host_of

MAX_PATH = 2_000
MAX_SEGMENTS = 20
_TOKEN = re.compile(r"[^-_.~=,;:!+]++")
_HEX = re.compile(r"[0-9a-fA-F]{8,}")
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_LONG = 24
_CODED = 6
_MIXED = 8
_RUN = 2.5
_LITERAL = 3


@lru_cache(maxsize=8192)
def shape_of(url: str) -> str:
    """``host/path`` of a canonical URL, personal tokens as ``*``, without query and fragment.

    "" when the path has no word of its own left, since every link to the host would have that shape.
    """
    host = host_of(url)
    path = url.partition("://")[2].partition("?")[0].partition("#")[0].partition("/")[2]
    segments = path[:MAX_PATH].rstrip("/").split("/")[:MAX_SEGMENTS]
    shapes = [_segment(segment) for segment in segments]
    named = [*shapes[:-1], shapes[-1].rpartition(".")[0] or shapes[-1]]  # what a file ends in says nothing
    telling = any(len(word) >= _LITERAL for shape in named for word in re.findall(r"[^\W\d_]+", shape))
    return f"{host}/{'/'.join(shapes)}" if host and telling else ""


def _segment(segment: str) -> str:
    if "@" in segment or "%40" in segment:
        return "*"
    return _TOKEN.sub(lambda token: "*" if personal(token[0]) else token[0], _UUID.sub("*", segment))


def personal(token: str) -> bool:
    """Whether a part of a path looks made up for one recipient.

    Numbers; 8 hex digits or more with a digit among them; 6 characters or more that mix letters and
    digits, not only at the end; 8 letters or more whose case turns every other one; everything over 24
    characters.
    """
    if token.isdigit() or len(token) > _LONG:
        return True
    if any(c.isdigit() for c in token):
        if _HEX.fullmatch(token):
            return True
        return len(token) >= _CODED and not token.rstrip("0123456789").isalpha()
    turns = sum(1 for a, b in pairwise(token) if a.isupper() != b.isupper())
    return len(token) >= _MIXED and turns * _RUN > len(token)
