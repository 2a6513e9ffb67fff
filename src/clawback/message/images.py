"""Images looked at for QR codes, each image once: logos come again and again."""

from __future__ import annotations

from hashlib import sha256

from clawback.message.contents import Budget, Contents, Place
from clawback.message.defect import Defect
from clawback.message.link import Link, LinkLocation
from clawback.message.qr import read_qr
from clawback.message.text_links import find_in_text

_SMALLEST = 100
"""Bytes: no image file below can hold the 21 by 21 modules of a QR code."""

_REMEMBERED = 4_096
_LINKS_PER_CODE = 20

# Answers by SHA-256; emptied when full, so that a lookup needs no lock and no order.
_known: dict[bytes, tuple[tuple[str, ...], tuple[Defect, ...]]] = {}


def read_image(content: bytes, place: Place, budget: Budget) -> Contents:
    """The links in an image's QR codes."""
    if len(content) < _SMALLEST:
        return Contents()
    digest = sha256(content).digest()
    known = _known.get(digest)
    if known is None:
        if budget.images <= 0:
            return Contents(defects=(Defect("too_many_images", place.container),))
        budget.images -= 1
        known = _remember(digest, read_qr(content))
    texts, defects = known
    return Contents(links=links_of_codes(texts, place), defects=defects)


def _remember(
    digest: bytes, answer: tuple[tuple[str, ...], tuple[Defect, ...]]
) -> tuple[tuple[str, ...], tuple[Defect, ...]]:
    if len(_known) >= _REMEMBERED:
        _known.clear()
    _known[digest] = answer
    return answer


def links_of_codes(texts: tuple[str, ...], place: Place) -> tuple[Link, ...]:
    """The links written in the texts of QR codes."""
    written = (url for text in texts for url in find_in_text(text, _LINKS_PER_CODE))
    return place.links(written, "qr", location=LinkLocation.QR_CODE)
