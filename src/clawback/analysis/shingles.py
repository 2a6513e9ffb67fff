"""Shingles: what a body is made of, kept so that two bodies can be compared by what they really share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from struct import Struct
from zlib import crc32

MOST = 256
"""Shingles kept of one body, the smallest: all of nearly every body that a person wrote."""
# Shorter bodies ("see attached, regards") are alike without belonging together.
MIN_WORDS = 12
_WHOLE, _CUT, _SHORT = b"\x01", b"\x02", b"\x03"
_WIDTH = 4
# An odd factor only changes the order, so that the smallest are a fair sample.
_SPREAD, _MASK = 0x9E3779B1, 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Shingles:
    """The 32-bit hashes of a body's 2-word shingles; when `cut`, the smallest 256 of more."""

    hashes: frozenset[int]
    cut: bool
    top: int


def signature_of(body: tuple[str, ...]) -> bytes:
    """What is kept of a body's words: a mark, then at most 256 hashes, ascending; b"" for no words.

    The mark says whether the hashes are all there are (1), the smallest of more (2), or those of fewer
    than 12 words (3). 32 bit, little endian. The same on every machine and in every process.
    """
    if not body:
        return b""
    pairs = pairwise(body) if len(body) > 1 else ((body[0], ""),)
    found = sorted({crc32(f"{a} {b}".encode("utf-8", "replace")) * _SPREAD & _MASK for a, b in pairs})
    mark = _SHORT if len(body) < MIN_WORDS else _WHOLE if len(found) <= MOST else _CUT
    kept = found[:MOST]
    return mark + Struct(f"<{len(kept)}I").pack(*kept)


def hashes_of(signature: bytes) -> tuple[int, ...]:
    """The hashes in a signature, ascending; () in one of an unknown form."""
    if signature[:1] not in (_WHOLE, _CUT, _SHORT) or len(signature) % _WIDTH != 1:
        return ()
    return Struct(f"<{len(signature) // _WIDTH}I").unpack_from(signature, 1)


def comparable(signature: bytes) -> bool:
    """Whether it is of a body that is long enough, in the form of today."""
    return signature[:1] in (_WHOLE, _CUT) and len(signature) % _WIDTH == 1 and len(signature) > 1


@lru_cache(maxsize=256)
def shingles_of(signature: bytes) -> Shingles | None:
    """The shingles that a signature holds; None when it is not `comparable`."""
    if not comparable(signature):
        return None
    hashes = hashes_of(signature)
    return Shingles(frozenset(hashes), signature[:1] == _CUT, hashes[-1])


def jaccard(a: bytes, b: bytes) -> float | None:
    """How much of two bodies is the same, 0 to 1: shared shingles by all shingles of either.

    Exact when neither body has more than 256, else an estimate over the smallest that both are known
    by (error about 0.03). None when that cannot be told: a body is too short, or its signature is of
    an older form.
    """
    mine, other = shingles_of(a), shingles_of(b)
    if mine is None or other is None:
        return None
    return 1.0 if a == b else _share(mine, other)


def nearest(signature: bytes, others: Iterable[bytes]) -> tuple[int, float]:
    """(number of the one that is most alike, how much); (-1, 0.0) when none can be told."""
    best, value = -1, -1.0
    for number, other in enumerate(others):
        share = jaccard(signature, other)
        if share is not None and share > value:
            best, value = number, share
            if share == 1.0:
                break
    return best, max(value, 0.0)


def _share(a: Shingles, b: Shingles) -> float:
    first, second = a.hashes, b.hashes
    if a.cut or b.cut:
        known = min(s.top for s in (a, b) if s.cut)
        first = frozenset(h for h in first if h <= known)
        second = frozenset(h for h in second if h <= known)
    same = len(first & second)
    return same / (len(first) + len(second) - same)
