"""PDF pages through PDFium: the links of annotations, the text, embedded files, and pages drawn.

PDFium is not safe to use from several threads of one process at once.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from itertools import islice

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from PIL.Image import Image

MAX_TEXT = 200_000
"""Characters of one page that are read."""

MAX_ANNOTATIONS = 2_000
MAX_FILES = 20
_LONGEST_URI = 8_192
_SIDE = 1_300
_SCALE = 1.5
_OBJECTS = 3_000
_SEGMENTS = 20_000
_LAYERS = 40  # how often the things on a page may cover the whole of it
_MODULES = 100  # a QR code drawn as paths has at least this many squares
FAILURES = (pdfium.PdfiumError, ValueError, OverflowError, MemoryError, ctypes.ArgumentError)


@dataclass(slots=True)
class Pages:
    """What the pages showed. `pictures` are pages drawn in grey, for QR codes."""

    uris: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    pictures: list[Image] = field(default_factory=list)
    files: list[tuple[str, bytes]] = field(default_factory=list)
    count: int = 0
    needs_password: bool = False
    broken: bool = False


def read_pages(content: bytes, *, pages: int, drawn: int, texts: bool, largest_file: int) -> Pages:
    """Read the first `pages` pages, and draw up to `drawn` of them that show images or many shapes."""
    found = Pages()
    try:
        document = pdfium.PdfDocument(content)
    except FAILURES as error:
        code = error.err_code if isinstance(error, pdfium.PdfiumError) else None
        found.needs_password = code == pdfium_c.FPDF_ERR_PASSWORD
        found.broken = not found.needs_password
        return found
    with closing(document):
        found.count = len(document)
        for index in range(min(found.count, pages)):
            with suppress(*FAILURES):
                _read_page(document, index, drawn, texts, found)
        with suppress(*FAILURES):
            found.files = list(_files(document, largest_file))
    return found


def _read_page(document: pdfium.PdfDocument, index: int, drawn: int, texts: bool, found: Pages) -> None:
    with closing(document[index]) as page:
        found.uris += islice(_uris(document, page), MAX_ANNOTATIONS)
        if texts:
            with closing(page.get_textpage()) as text:
                count = min(text.count_chars(), MAX_TEXT)
                if count > 0:
                    found.texts.append(text.get_text_range(0, count))
        if len(found.pictures) < drawn and _may_show_code(page):
            found.pictures.append(_picture(page))


def _uris(document: pdfium.PdfDocument, page: pdfium.PdfPage) -> Iterator[str]:
    position, link = ctypes.c_int(0), pdfium_c.FPDF_LINK()
    while pdfium_c.FPDFLink_Enumerate(page, ctypes.byref(position), ctypes.byref(link)):
        action = pdfium_c.FPDFLink_GetAction(link)
        if not action or pdfium_c.FPDFAction_GetType(action) != pdfium_c.PDFACTION_URI:
            continue
        size = pdfium_c.FPDFAction_GetURIPath(document, action, None, 0)
        if 1 < size <= _LONGEST_URI:
            buffer = ctypes.create_string_buffer(size)
            pdfium_c.FPDFAction_GetURIPath(document, action, buffer, size)
            yield buffer.value.decode("utf-8", "replace")


def _may_show_code(page: pdfium.PdfPage) -> bool:
    """Whether a page shows an image, or as many shapes as a QR code has squares, and is cheap to draw."""
    whole = page.get_width() * page.get_height()
    shows_image, segments, covered = False, 0, 0.0
    pending = [
        (pdfium_c.FPDFPage_GetObject(page, index), whole)
        for index in range(min(pdfium_c.FPDFPage_CountObjects(page), _OBJECTS + 1))
    ]
    for count, (thing, room) in enumerate(pending):
        kind = pdfium_c.FPDFPageObj_GetType(thing)
        if count > _OBJECTS or segments > _SEGMENTS or covered > _LAYERS * whole:
            return False
        if kind == pdfium_c.FPDF_PAGEOBJ_IMAGE:
            shows_image = True
        elif kind == pdfium_c.FPDF_PAGEOBJ_PATH:
            segments += pdfium_c.FPDFPath_CountSegments(thing)
        elif kind == pdfium_c.FPDF_PAGEOBJ_FORM:
            # Inside a group the bounds are in its own units: each thing may be as large as the group.
            inner = range(min(pdfium_c.FPDFFormObj_CountObjects(thing), _OBJECTS))
            area = min(_area(thing), room)
            pending += [(pdfium_c.FPDFFormObj_GetObject(thing, index), area) for index in inner]
            continue
        else:
            continue
        covered += min(_area(thing), room) if room == whole else room
    return shows_image or segments >= 5 * _MODULES


def _area(thing: object) -> float:
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    bounds = (ctypes.byref(side) for side in (left, bottom, right, top))
    if not pdfium_c.FPDFPageObj_GetBounds(thing, *bounds):
        return 0.0
    return max(0.0, right.value - left.value) * max(0.0, top.value - bottom.value)


def _picture(page: pdfium.PdfPage) -> Image:
    longest = max(*page.get_size(), 1.0)
    with closing(page.render(scale=min(_SCALE, _SIDE / longest), grayscale=True)) as bitmap:
        picture: Image = bitmap.to_pil().copy()
    return picture


def _files(document: pdfium.PdfDocument, largest: int) -> Iterator[tuple[str, bytes]]:
    for index in range(min(document.count_attachments(), MAX_FILES)):
        attachment = document.get_attachment(index)
        data = bytes(attachment.get_data())
        if len(data) <= largest:
            yield attachment.get_name(), data
