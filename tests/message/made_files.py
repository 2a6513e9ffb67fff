"""Small files made in code: what the tests of this room put into messages."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import zxingcpp
from PIL import Image

from clawback.message.files import Budget, FileReading, inspect


def look_into(content: bytes, name: str = "", kind: str = "application/octet-stream") -> FileReading:
    """Inspect a file as the second part of a message."""
    return inspect(content, name=name, declared_type=kind, path="2", budget=Budget())


def found_links(reading: FileReading) -> list[tuple[str, str]]:
    """(source, URL) of each link, in order."""
    return [(link.source, link.url) for link in reading.links]


def codes(reading: FileReading) -> set[str]:
    """The codes of its defects."""
    return {defect.code for defect in reading.defects}


def make_zip(files: Mapping[str, bytes | str], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP file of these members."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


def encrypted_zip(name: str = "invoice.exe") -> bytes:
    """A ZIP file whose only member says that it has a password."""
    plain = bytearray(make_zip({name: b"no secret at all"}))
    plain[6] |= 1
    plain[plain.find(b"PK\1\2") + 8] |= 1
    return bytes(plain)


def make_docx(
    body: str = "", relationships: str = "", extra: Mapping[str, bytes | str] | None = None
) -> bytes:
    """A Word document with this body, these relationships and further parts."""
    return make_zip(
        {
            "[Content_Types].xml": "<Types xmlns='http://schemas.openxmlformats.org/package'/>",
            "word/document.xml": f"<w:document><w:body>{body}</w:body></w:document>",
            "word/_rels/document.xml.rels": f"<Relationships>{relationships}</Relationships>",
            **(extra or {}),
        }
    )


def make_pdf(objects: Sequence[bytes], *, encrypt: bytes = b"") -> bytes:
    """A PDF of one page (object 3, whose annotations are object 4) and these objects from number 4 on."""
    bodies = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Annots 4 0 R/Contents 5 0 R"
        b"/Resources<</Font<</F 6 0 R>>>>>>",
        *objects,
    ]
    out = bytearray(b"%PDF-1.5\n")
    offsets = []
    for number, body in enumerate(bodies, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(bodies) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<</Size %d/Root 1 0 R%b>>\nstartxref\n%d\n%%%%EOF\n" % (len(bodies) + 1, encrypt, start)
    return bytes(out)


def pdf_stream(content: bytes, dictionary: bytes = b"", *, packed: bool = True) -> bytes:
    """A stream object."""
    data = zlib.compress(content) if packed else content
    filters = b"/Filter/FlateDecode" if packed else b""
    return b"<<%b%b/Length %d>>stream\n%b\nendstream" % (dictionary, filters, len(data), data)


PDF_FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"


def pdf_page(*, annotations: bytes = b"[]", content: bytes = b"", more: Sequence[bytes] = ()) -> bytes:
    """A PDF of one page with these annotations and this content stream."""
    return make_pdf([annotations, pdf_stream(content), PDF_FONT, *more])


def uri_annotation(uri: bytes) -> bytes:
    """A link annotation over the whole page."""
    return b"[<</Type/Annot/Subtype/Link/Rect[0 0 300 300]/A<</S/URI/URI %b>>>>]" % uri


def compound_file(streams: Mapping[str, bytes]) -> bytes:
    """A compound file (version 3) whose root holds these streams, each of at least 4,096 bytes."""
    sectors: list[bytes] = []
    table: list[int] = []
    entries = [_entry("Root Entry", 5, 1 if streams else 0xFFFFFFFF, 0xFFFFFFFE, 0)]
    for number, (name, content) in enumerate(streams.items(), 1):
        content = content.ljust(4_096, b"\0")  # noqa: PLW2901 - a smaller stream would need a second table
        count = -(-len(content) // 512)
        first = len(sectors)
        sectors += [content[at : at + 512].ljust(512, b"\0") for at in range(0, len(content), 512)]
        table += [*range(first + 1, first + count), 0xFFFFFFFE]
        following = number + 1 if number < len(streams) else 0xFFFFFFFF
        entries.append(_entry(name, 2, 0xFFFFFFFF, first, len(content), right=following))
    directory = b"".join(entries)
    directory_at, used = len(sectors), -(-len(directory) // 512)
    sectors += [directory[at : at + 512].ljust(512, b"\0") for at in range(0, len(directory), 512)]
    table += [*range(directory_at + 1, directory_at + used), 0xFFFFFFFE]
    table_at, blocks = len(sectors), -(-(len(table) + 100) // 128)
    table += [0xFFFFFFFD] * blocks
    table += [0xFFFFFFFF] * (128 * blocks - len(table))
    sectors.append(struct.pack(f"<{len(table)}L", *table))
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<5H", 0x3E, 3, 0xFFFE, 9, 6)
    head += bytes(6) + struct.pack("<9L", 0, blocks, directory_at, 0, 4_096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    return (
        head
        + struct.pack("<109L", *range(table_at, table_at + blocks), *([0xFFFFFFFF] * (109 - blocks)))
        + b"".join(sectors)
    )


def _entry(name: str, kind: int, child: int, start: int, size: int, right: int = 0xFFFFFFFF) -> bytes:
    written = name.encode("utf-16-le") + b"\0\0"
    links = struct.pack("<3L", 0xFFFFFFFF, right, child)
    return (
        written.ljust(64, b"\0")
        + struct.pack("<HBB", len(written), kind, 1)
        + links
        + bytes(36)
        + struct.pack("<LQ", start, size)
    )


def tnef_attribute(level: int, name: int, data: bytes) -> bytes:
    """One attribute with its checksum."""
    return struct.pack("<BLL", level, name, len(data)) + data + struct.pack("<H", sum(data) & 0xFFFF)


def make_tnef(*attributes: bytes) -> bytes:
    """A winmail.dat of these attributes."""
    return b"\x78\x9f\x3e\x22\x01\x00" + b"".join(attributes)


def mapi_list(*properties: tuple[int, int, bytes]) -> bytes:
    """A list of (type, id, value): strings and binaries with their counts, others as they are."""
    out = struct.pack("<L", len(properties))
    for kind, key, value in properties:
        out += struct.pack("<2H", kind, key)
        if kind in (0x1E, 0x1F, 0x102, 0x0D):
            out += struct.pack("<2L", 1, len(value))
            value = value + bytes(-len(value) % 4)  # noqa: PLW2901 - values are padded to four bytes
        out += value
    return out


def qr_picture(text: str, scale: int = 4) -> Image.Image:
    """A QR code in grey, with its quiet zone."""
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode)
    written: Any = zxingcpp.write_barcode_to_image(code, scale=scale)  # a buffer, which its stub forgets
    height, width = written.shape
    return Image.frombytes("L", (width, height), bytes(written))


def qr_png(text: str) -> bytes:
    """A PNG file of a QR code."""
    target = io.BytesIO()
    qr_picture(text).save(target, "PNG")
    return target.getvalue()
