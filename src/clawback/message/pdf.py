"""PDF files: links of annotations, actions and text, QR codes on their pages, files inside them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from clawback.message.bounds import MAX_LINKS
from clawback.message.contents import Budget, Contents, Member, Place
from clawback.message.defect import Defect
from clawback.message.images import links_of_codes
from clawback.message.link import Link
from clawback.message.pdf_pages import Pages, read_pages
from clawback.message.pdf_scan import Scan, scan_pdf
from clawback.message.qr import read_qr_pixels
from clawback.message.text_links import find_absolute, find_in_text

MAX_SIZE = 32 * 1024 * 1024
"""Bytes of a file that is handed to PDFium."""


def read_pdf(content: bytes, place: Place, budget: Budget) -> Contents:
    """The links of a PDF: ``pdf.uri``, ``pdf.action``, ``pdf.script``, ``pdf.text``, and ``qr``."""
    scan = scan_pdf(content, budget)
    safe = not scan.too_large and len(content) <= MAX_SIZE and budget.pages > 0
    pages = Pages()
    if safe:
        pages = read_pages(
            content,
            pages=budget.pages,
            drawn=budget.rendered if scan.drawable else 0,
            texts=not scan.too_wordy,
            largest_file=budget.inflated,
        )
    budget.pages -= min(pages.count, budget.pages)
    budget.rendered -= len(pages.pictures)
    codes = dict.fromkeys(text for picture in pages.pictures for text in read_qr_pixels(picture))
    links = (*_links(scan, pages, place), *links_of_codes(tuple(codes), place))
    return Contents(
        links=links[:MAX_LINKS],
        members=tuple(Member(name, data, size=len(data)) for name, data in pages.files),
        defects=_defects(pages, safe, scan, place),
        encrypted=pages.needs_password,
    )


def _links(scan: Scan, pages: Pages, place: Place) -> Sequence[Link]:
    written = dict.fromkeys(pages.uris)
    written |= dict.fromkeys(text for key, text in scan.strings if key in {"URI", "Base"})
    others = (text for key, text in scan.strings if key in {"F", "UF"} and "://" in text)
    scripts = (url for key, text in scan.strings if key == "JS" for url in find_absolute(text, 100))
    visible = (url for text in pages.texts for url in find_in_text(text, MAX_LINKS))
    return (
        *place.links(written, "pdf.uri"),
        *place.links(others, "pdf.action"),
        *place.links(scripts, "pdf.script"),
        *place.links(islice(dict.fromkeys(visible), MAX_LINKS), "pdf.text"),
    )


def _defects(pages: Pages, safe: bool, scan: Scan, place: Place) -> tuple[Defect, ...]:
    if not safe:
        return (Defect("pdf_not_opened", f"{place.container}: too large, or inflates to too much"),)
    if pages.broken:
        return (Defect("bad_pdf", place.container),)
    return (Defect("text_cut", f"{place.container}: too many strings"),) if scan.too_wordy else ()
