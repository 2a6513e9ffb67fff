"""Which kind of file a ZIP container is, by the names and first bytes of its entries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clawback.message import file_types as types
from clawback.message.zip_entries import Entry, inflate

_OOXML = "application/vnd.openxmlformats-officedocument."
_BY_FOLDER = {
    "word/": (f"{_OOXML}wordprocessingml.document", "application/vnd.ms-word.document.macroenabled.12"),
    "xl/": (f"{_OOXML}spreadsheetml.sheet", "application/vnd.ms-excel.sheet.macroenabled.12"),
    "ppt/": (
        f"{_OOXML}presentationml.presentation",
        "application/vnd.ms-powerpoint.presentation.macroenabled.12",
    ),
    "visio/": ("application/vnd.ms-visio.drawing", "application/vnd.ms-visio.drawing.macroenabled.12"),
    "Documents/": ("application/vnd.ms-xpsdocument", "application/vnd.ms-xpsdocument"),
}
_BINARY_WORKBOOK = "application/vnd.ms-excel.sheet.binary.macroenabled.12"
_BY_ENTRY = {
    "AndroidManifest.xml": "application/vnd.android.package-archive",
    "AppxManifest.xml": "application/appx",
    "META-INF/MANIFEST.MF": "application/java-archive",
    "doc.kml": "application/vnd.google-earth.kmz",
    "Index/Document.iwa": "application/vnd.apple.iwork",
}
_LONGEST_TYPE = 200
_LOOKED_AT = 1_000


@dataclass(frozen=True, slots=True)
class PackageType:
    """The media type; `is_document` for office documents, which are read by their parts."""

    name: str
    is_document: bool = False


def package_type(content: bytes, entries: Sequence[Entry]) -> PackageType:
    """What the ZIP file with these entries is."""
    names = [entry.name for entry in entries[:_LOOKED_AT]]
    known = set(names)
    if "[Content_Types].xml" in known or "_rels/.rels" in known:
        return _open_packaging(names, known)
    if "mimetype" in known:
        declared = _declared(content, entries)
        if declared:
            return PackageType(declared, declared.startswith("application/vnd.oasis.opendocument"))
    return PackageType(next((kind for name, kind in _BY_ENTRY.items() if name in known), types.ZIP))


def _open_packaging(names: Sequence[str], known: set[str]) -> PackageType:
    if "xl/workbook.bin" in known:
        return PackageType(_BINARY_WORKBOOK, is_document=True)
    for folder, (plain, with_macros) in _BY_FOLDER.items():
        if any(name.startswith(folder) for name in names):
            macros = any(name.endswith("/vbaProject.bin") for name in names)
            return PackageType(with_macros if macros else plain, is_document=True)
    return PackageType(_BY_ENTRY["AppxManifest.xml"] if "AppxManifest.xml" in known else types.ZIP)


def _declared(content: bytes, entries: Sequence[Entry]) -> str:
    entry = next(entry for entry in entries if entry.name == "mimetype")
    data, _ = inflate(content, entry, _LONGEST_TYPE)
    text = data.decode("ascii", "replace").strip().lower()
    return text if text.startswith("application/") and text.isprintable() else ""
