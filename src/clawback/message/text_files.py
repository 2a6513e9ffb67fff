"""Files of text: HTML, SVG, XML, scripts, shortcuts, RTF, contacts and plain text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from itertools import islice

from clawback.message.bounds import MAX_LINKS, MAX_TEXT
from clawback.message.charset import decode_text
from clawback.message.contents import Budget, Contents, Place
from clawback.message.defect import Defect
from clawback.message.html import read_html
from clawback.message.link import LinkLocation
from clawback.message.namespaces import is_namespace
from clawback.message.office import read_relationships, text_of_markup
from clawback.message.strings import find_in_bytes
from clawback.message.text_links import find_absolute, find_in_text

_NAMESPACE = re.compile(r"\s(?:xmlns(?::[\w.\-]{1,60})?|xsi:schemaLocation)=(?:\"[^\"]*+\"|'[^']*+')")
_DOCTYPE = re.compile(r"<!DOCTYPE[^<>\[]{0,2000}>")
_SHORTCUT_LINE = re.compile(r"(?im)^[ \t]*(?:BASE)?(?:URL|IconFile|Icon|Exec)[ \t]*=[ \t]*([^\r\n]{1,8192})")


def _cut(content: bytes, place: Place, markup: bool = False) -> tuple[str, tuple[Defect, ...]]:
    """The file as text, at most 8 MB of it."""
    cut = Defect("text_cut", f"{place.container}: longer than {MAX_TEXT} bytes")
    text, _ = decode_text(content[:MAX_TEXT], "", markup=markup)
    return text.replace("\0", "\ufffd"), (cut,) if len(content) > MAX_TEXT else ()


def read_html_file(content: bytes, place: Place, budget: Budget) -> Contents:
    """An HTML or SVG file: its links as ``html:a.href`` and so on, its data: images for QR codes."""
    text, defects = _cut(content, place, markup=True)
    reading = read_html(text, location=LinkLocation.ATTACHMENT, part=place.part, container=place.container)
    links = tuple(replace(link, source=f"html:{link.source}") for link in reading.links)
    return Contents(links=links, images=reading.images, defects=(*defects, *reading.defects))


def read_xml_file(content: bytes, place: Place, budget: Budget) -> Contents:
    """An XML file, namespaces aside; nothing in it is expanded. Flat office documents are XML, too."""
    text, defects = _cut(content, place)
    related = tuple(read_relationships(text, place)) if "Relationship" in text else ()
    text = _DOCTYPE.sub("", _NAMESPACE.sub("", text))
    written = dict.fromkeys(find_absolute(unescape(text), MAX_LINKS))
    written |= dict.fromkeys(find_in_text(text_of_markup(text), MAX_LINKS))
    links = place.links((url for url in written if not is_namespace(url)), "xml.text")
    return Contents(links=(*related, *links), defects=defects)


def read_script(content: bytes, place: Place, budget: Budget) -> Contents:
    """A script: URLs that name their scheme, since ``a.b`` is no host there."""
    text, defects = _cut(content, place)
    return Contents(links=place.links(find_absolute(text, MAX_LINKS), "script.text"), defects=defects)


def read_text_file(content: bytes, place: Place, budget: Budget) -> Contents:
    """A text file or a table in one (CSV)."""
    text, defects = _cut(content, place)
    return Contents(links=place.links(find_in_text(text, MAX_LINKS), "file.text"), defects=defects)


def read_shortcut(content: bytes, place: Place, budget: Budget) -> Contents:
    """An internet shortcut (.url) or a desktop entry: where it leads."""
    text, defects = _cut(content, place)
    targets = (match[1].strip() for match in islice(_SHORTCUT_LINE.finditer(text), MAX_LINKS))
    return Contents(links=place.links(targets, "shortcut.url"), defects=defects)


def read_binary(content: bytes, place: Place, budget: Budget) -> Contents:
    """A binary file without a reader of its own: the URLs written in it (Windows shortcuts, plists)."""
    return Contents(links=place.links(find_in_bytes(content, MAX_LINKS), "file.strings"))


_RTF_HEX = re.compile(r"\\'([0-9a-fA-F]{2})")
_RTF_UNICODE = re.compile(r"\\u(-?\d{1,6})(?:\\'[0-9a-fA-F]{2}|[ ?])?")
_RTF_BREAK = re.compile(r"\\(?:par|line|cell|row|sect|page|tab)(?![a-z])[ ]?")
_RTF_WORD = re.compile(r"\\\*|\\[a-zA-Z]{1,40}(?:-?\d{1,10})?[ ]?|[{}]")
_RTF_DATA = re.compile(r"\\(?:objdata|datastore)\b([^{}\\]{8,})")
_NOT_HEX = re.compile(r"[^0-9a-fA-F]")
_MAX_OBJECTS = 50


def read_rtf(content: bytes, place: Place, budget: Budget) -> Contents:
    """An RTF document: its fields and text, and the URLs in the objects it embeds as hex digits."""
    raw = content[:MAX_TEXT].decode("latin-1")
    text = text_of_rtf(raw)
    objects = (bytes.fromhex(digits) for digits in _rtf_objects(raw))
    embedded = (url for data in objects for url in find_in_bytes(data, 100))
    links = (
        *place.links(find_in_text(text, MAX_LINKS), "rtf.text"),
        *place.links(embedded, "rtf.object"),
    )
    cut = Defect("text_cut", f"{place.container}: longer than {MAX_TEXT} bytes")
    return Contents(links=links, defects=(cut,) if len(content) > MAX_TEXT else ())


def _rtf_objects(raw: str) -> Iterator[str]:
    for match in islice(_RTF_DATA.finditer(raw), _MAX_OBJECTS):
        digits = _NOT_HEX.sub("", match[1])
        yield digits[: len(digits) & ~1]


def text_of_rtf(raw: str) -> str:
    """What an RTF document says, its field instructions included."""
    text = _RTF_DATA.sub("", raw).replace("\r", "").replace("\n", "")
    text = _RTF_BREAK.sub("\n", _RTF_UNICODE.sub(_rtf_character, text))
    text = _RTF_HEX.sub(lambda match: chr(int(match[1], 16)), _RTF_WORD.sub("", text))
    return text


def _rtf_character(match: re.Match[str]) -> str:
    code = int(match[1]) & 0xFFFF
    return "\ufffd" if 0xD800 <= code < 0xE000 else chr(code)
