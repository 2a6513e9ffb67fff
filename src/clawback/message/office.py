"""Office documents in ZIP containers (ECMA-376, ISO 26300): links of relationships, fields and text.

Their XML is searched, never parsed: no entity is expanded and nothing is fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import unescape
from itertools import islice

from clawback.message.bounds import MAX_LINKS
from clawback.message.contents import Budget, Contents, Member, Place
from clawback.message.defect import Defect
from clawback.message.link import Link
from clawback.message.package_types import PackageType
from clawback.message.strings import find_in_bytes
from clawback.message.text_links import find_absolute, find_in_text
from clawback.message.zip_entries import Entry, inflate

MAX_PARTS = 400
"""Parts of one document that are read."""

MAX_PART = 4 * 1024 * 1024
"""Bytes of one part that are read."""

_RELATIONSHIP = re.compile(r"<(?:\w+:)?Relationship\s([^<>]*+)>")
_ATTRIBUTE = re.compile(r"(?<![\w:])([\w:]++)\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)')")
_BREAKS = re.compile(
    r"</(?:w:p|a:p|w:tr|si|row|c|text:p|text:h|table:table-row)>|<(?:w:br|w:tab|a:br|text:line-break)\b[^<>]*+>"
)
_TAG = re.compile(r"<[^<>]*+>")
_FIELD = re.compile(
    r"<w:instrText(?:\s[^<>]*+)?>([^<]*+)<|\sw:instr=\"([^\"]*+)\"|<f(?:\s[^<>]*+)?>([^<]*+)<"
)
_HREF = re.compile(r"\s(?:xlink:href|r:link|href)=(?:\"([^\"]*+)\"|'([^']*+)')")
_SKIPPED = re.compile(
    r"(?:^|/)(?:theme/|styles|fontTable|numbering|printerSettings|calcChain|tableStyles|presProps|viewProps)"
)
_IMAGE = re.compile(r"(?i)\.(?:png|jpe?g|gif|bmp|tiff?|webp)$")
_EMBEDDED = re.compile(
    r"(?:^|/)(?:embeddings|activeX|attachedToolbars|ObjectReplacements)/[^/]+$|(?:^|/)vbaProject\.bin$"
)


def read_office(
    content: bytes, entries: Sequence[Entry], kind: PackageType, place: Place, budget: Budget
) -> Contents:
    """A document's links, its images (for QR codes), and the files embedded in it."""
    links: list[Link] = []
    images: list[bytes] = []
    members: list[Member] = []
    defects: list[Defect] = []
    encrypted = False
    if len(entries) > MAX_PARTS:
        defects.append(Defect("too_many_members", f"{place.container}: {len(entries)} parts"))
    for entry in sorted(entries[:MAX_PARTS], key=_most_telling_first):
        take = _what_to_do(entry.name)
        if not take or entry.is_folder:
            continue
        encrypted = encrypted or entry.encrypted
        data = _part(content, entry, place, budget, defects)
        if take == "image":
            images.append(data)
        elif take == "member":
            members.append(Member(entry.name.rpartition("/")[2], data, size=len(data)))
        else:
            encrypted = encrypted or (entry.name == "META-INF/manifest.xml" and b"encryption-data" in data)
            links += _read_part(entry.name, data, place)
    return Contents(
        links=tuple(links[:MAX_LINKS]),
        members=tuple(members),
        images=tuple(images),
        defects=tuple(defects),
        encrypted=encrypted,
        true_type=kind.name,
    )


def _most_telling_first(entry: Entry) -> int:
    return 0 if entry.name.endswith(".rels") else 1 if entry.name.endswith(".xml") else 2


def _what_to_do(name: str) -> str:
    if _EMBEDDED.search(name):
        return "member"
    if _IMAGE.search(name):
        return "" if "thumbnail" in name.lower() else "image"
    if name.endswith((".rels", ".xml", ".fpage", ".bin")):
        return "" if _SKIPPED.search(name) and not name.endswith(".rels") else "part"
    return ""


def _part(content: bytes, entry: Entry, place: Place, budget: Budget, defects: list[Defect]) -> bytes:
    compressed = min(entry.compressed, len(content))
    if entry.encrypted or compressed > budget.scanned:
        return b""
    data, code = inflate(content, entry, min(MAX_PART, budget.inflatable(compressed)))
    budget.inflated -= len(data)
    budget.scanned -= compressed
    if code:
        defects.append(Defect(code, f"{place.container}: {entry.name}"))
    return data


def _read_part(name: str, data: bytes, place: Place) -> Iterator[Link]:
    if name.endswith(".bin"):
        yield from place.links(find_in_bytes(data, MAX_LINKS), "office.text")
        return
    text = _decoded(data)
    if name.endswith(".rels"):
        yield from read_relationships(text, place)
    elif not name.startswith(("docProps/", "META-INF/", "customXml/")) and name != "[Content_Types].xml":
        yield from read_markup(text, place)


def _decoded(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8", "replace")


def read_relationships(text: str, place: Place) -> Iterator[Link]:
    """The links of external relationships: ``office.hyperlink``, ``office.oleObject`` and so on."""
    for match in islice(_RELATIONSHIP.finditer(text), MAX_LINKS):
        attributes = {name: double or single for name, double, single in _ATTRIBUTE.findall(match[1])}
        if attributes.get("TargetMode", "").lower() == "external":
            kind = attributes.get("Type", "").rpartition("/")[2][:40] or "relationship"
            yield from place.links(_targets(unescape(attributes.get("Target", ""))), f"office.{kind}")


def _targets(target: str) -> Iterator[str]:
    """The target itself, or the URLs inside one such as ``mhtml:https://a/!x-usc:https://b``."""
    if target[:8].lower().startswith(("http://", "https://", "ftp://")) and target.count("://") == 1:
        yield target
    else:
        yield from find_absolute(target.replace("!x-usc:", " "), 10)


def read_markup(text: str, place: Place) -> Iterator[Link]:
    """The links in one part's XML: in field codes and formulas, in ``href`` attributes, in its text."""
    fields = unescape("".join(match[1] or match[2] or f" {match[3]}" for match in _FIELD.finditer(text)))
    yield from place.links(find_absolute(fields, MAX_LINKS), "office.field")
    hrefs = (unescape(match[1] or match[2] or "") for match in _HREF.finditer(text))
    yield from place.links((href for href in hrefs if "://" in href), "office.href")
    visible = text_of_markup(_FIELD.sub(_after_field, text))
    if "." in visible:
        yield from place.links(find_in_text(visible, MAX_LINKS), "office.text")


def _after_field(match: re.Match[str]) -> str:
    return "<" if match[0].endswith("<") else ""


def text_of_markup(text: str) -> str:
    """What a person reads of a part's XML: runs joined, paragraphs and cells on lines of their own."""
    return unescape(_TAG.sub("", _BREAKS.sub("\n", text)))
