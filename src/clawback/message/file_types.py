"""What a file is, by its own first bytes: the answer of the bytes, whatever name and header claim."""

from __future__ import annotations

import re

ZIP = "application/zip"
OLE2 = "application/x-ole-storage"
PDF = "application/pdf"
RTF = "text/rtf"
TNEF = "application/vnd.ms-tnef"
CALENDAR = "text/calendar"
HTML = "text/html"
SVG = "image/svg+xml"
XML = "application/xml"
TEXT = "text/plain"
MESSAGE = "message/rfc822"
SHORTCUT = "application/x-mswinurl"
LNK = "application/x-ms-shortcut"
ONENOTE = "application/onenote"
GZIP = "application/gzip"
BZIP2 = "application/x-bzip2"
XZ = "application/x-xz"
TAR = "application/x-tar"
SEVEN_ZIP = "application/x-7z-compressed"
RAR = "application/vnd.rar"
CAB = "application/vnd.ms-cab-compressed"
ISO = "application/x-iso9660-image"
LZMA = "application/x-lzma"
PLIST = "application/x-bplist"
PGP_MESSAGE = "application/pgp-encrypted"
VCARD = "text/vcard"

UNOPENED = (
    SEVEN_ZIP,
    RAR,
    CAB,
    ISO,
    "application/zstd",
    "application/x-compress",
    "application/x-lzip",
    "application/x-arj",
    "application/x-xar",
    "application/x-archive",
    "application/x-rpm",
    "application/x-cpio",
    "application/x-ace-compressed",
    "application/x-installshield",
    "application/x-vhd",
    "application/x-vhdx",
    "application/x-vmdk",
    "application/x-lzh-compressed",
)
"""Archives and disk images whose members nobody here reads."""

IMAGES = ("image/png", "image/jpeg", "image/gif", "image/bmp", "image/tiff", "image/webp", "image/x-icon")
"""Images that may show a QR code."""

SCRIPTS = (
    "application/x-sh",
    "text/x-python",
    "text/x-perl",
    "application/x-php",
    "application/x-windows-script",
    "application/x-bat",
    "application/x-powershell",
    "text/vbscript",
    "text/javascript",
)
"""Programs in source form, recognised by how they begin."""

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", PDF),
    (b"PK\x03\x04", ZIP),
    (b"PK\x05\x06", ZIP),
    (b"PK\x07\x08", ZIP),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE2),
    (b"{\\rt", RTF),
    (b"\x78\x9f\x3e\x22", TNEF),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"\0\0\1\0", "image/x-icon"),
    (b"8BPS", "image/vnd.adobe.photoshop"),
    (b"\xff\x0a", "image/jxl"),
    (b"\0\0\0\x0cJXL ", "image/jxl"),
    (b"\0\0\0\x0cjP  ", "image/jp2"),
    (b"\xd7\xcd\xc6\x9a", "image/wmf"),
    (b"\1\0\x09\0\0\3", "image/wmf"),
    (b"\x7fELF", "application/x-elf"),
    (b"\xfe\xed\xfa\xce", "application/x-mach-binary"),
    (b"\xfe\xed\xfa\xcf", "application/x-mach-binary"),
    (b"\xce\xfa\xed\xfe", "application/x-mach-binary"),
    (b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
    (b"dex\n", "application/x-dex"),
    (b"\0asm", "application/wasm"),
    (b"L\0\0\0\1\x14\2\0\0\0\0\0\xc0\0\0\0\0\0\0F", LNK),
    (b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3", ONENOTE),
    (b"\xa1\x2f\xff\x43\xd9\xef\x76\x4c\x9e\xe2\x10\xea\x57\x22\x76\x5f", ONENOTE),
    (b"ITSF", "application/vnd.ms-htmlhelp"),
    (b"MSCF", CAB),
    (b"ISc(", "application/x-installshield"),
    (b"7z\xbc\xaf\x27\x1c", SEVEN_ZIP),
    (b"Rar!\x1a\7", RAR),
    (b"\x1f\x8b\x08", GZIP),
    (b"BZh", BZIP2),
    (b"\xfd7zXZ\0", XZ),
    (b"]\0\0", LZMA),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"\x1f\x9d", "application/x-compress"),
    (b"\x1f\xa0", "application/x-compress"),
    (b"LZIP", "application/x-lzip"),
    (b"\x60\xea", "application/x-arj"),
    (b"xar!", "application/x-xar"),
    (b"!<arch>\n", "application/x-archive"),
    (b"\xed\xab\xee\xdb", "application/x-rpm"),
    (b"070701", "application/x-cpio"),
    (b"**ACE**", "application/x-ace-compressed"),
    (b"conectix", "application/x-vhd"),
    (b"vhdxfile", "application/x-vhdx"),
    (b"KDMV", "application/x-vmdk"),
    (b"SQLite format 3\0", "application/vnd.sqlite3"),
    (b"\0\1\0\0Standard Jet DB", "application/x-msaccess"),
    (b"\0\1\0\0Standard ACE DB", "application/x-msaccess"),
    (b"!BDN", "application/vnd.ms-outlook-pst"),
    (b"wOFF", "font/woff"),
    (b"wOF2", "font/woff2"),
    (b"OTTO", "font/otf"),
    (b"ttcf", "font/collection"),
    (b"\0\1\0\0\0", "font/ttf"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
    (b"#!AMR", "audio/amr"),
    (b"MThd", "audio/midi"),
    (b"\x1aE\xdf\xa3", "video/x-matroska"),
    (b"\0\0\1\xba", "video/mpeg"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-asf"),
    (b"FLV\1", "video/x-flv"),
    (b"CWS", "application/x-shockwave-flash"),
    (b"FWS", "application/x-shockwave-flash"),
    (b"ZWS", "application/x-shockwave-flash"),
    (b"%!PS", "application/postscript"),
    (b"\xc5\xd0\xd3\xc6", "application/postscript"),
    (b"bplist00", PLIST),
    (b"AT&TFORM", "image/vnd.djvu"),
    (b"-----BEGIN PGP MESSAGE-----", PGP_MESSAGE),
    (b"-----BEGIN PGP SIGNATURE-----", "application/pgp-signature"),
    (b"-----BEGIN PGP PUBLIC KEY BLOCK-----", "application/pgp-keys"),
)
_BY_FIRST_BYTE: dict[int, tuple[tuple[bytes, str], ...]] = {
    first: tuple(row for row in _MAGIC if row[0][0] == first) for first in {row[0][0] for row in _MAGIC}
}
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo", b"ACON": "image/x-ani"}
_BRANDS = {
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heif",
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"M4A ": "audio/mp4",
    b"qt  ": "video/quicktime",
}
_SNIFFED = 4_096  # bytes that tell what kind of text a text is
_ISO_MARK = 0x8001
_TAR_MARK = 257


def true_type(content: bytes) -> str:
    """The media type that the bytes themselves tell, in lower case; "" if they tell nothing.

    Containers are named as such (``application/zip``, ``application/x-ole-storage``); their readers know
    which kind of document they hold.
    """
    if not content:
        return ""
    for magic, name in _BY_FIRST_BYTE.get(content[0], ()):
        if content.startswith(magic):
            return name
    return _structured(content) or _textual(content)


def _structured(content: bytes) -> str:
    """Formats whose mark does not stand at the very start, or needs a second look."""
    if content[:2] == b"MZ" and len(content) > 63:
        return "application/vnd.microsoft.portable-executable"
    if content[:4] == b"\xca\xfe\xba\xbe" and len(content) > 8:
        return "application/java-vm" if content[6:8] >= b"\0\x2d" else "application/x-mach-binary"
    if content[:4] == b"RIFF":
        return _RIFF.get(content[8:12], "application/x-riff")
    if content[4:8] == b"ftyp":
        return _BRANDS.get(content[8:12], "video/mp4")
    if content[:2] == b"BM" and content[6:10] == b"\0\0\0\0":
        return "image/bmp"
    if content[40:44] == b" EMF" and content[:4] == b"\1\0\0\0":
        return "image/emf"
    if content[_TAR_MARK : _TAR_MARK + 5] == b"ustar":
        return TAR
    if content[_ISO_MARK : _ISO_MARK + 5] in (b"CD001", b"BEA01", b"NSR02"):
        return ISO
    if content[2:5] == b"-lh" and content[6:7] == b"-":
        return "application/x-lzh-compressed"
    if content[:1] == b"\x30" and b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07" in content[:32]:
        return "application/pkcs7-mime"
    if b"%PDF-" in content[:1_024]:  # ISO 32000-1 annex H: readers look for it there
        return PDF
    return "application/x-vhd" if content[-512:-504] == b"conectix" else ""


_HEADER_LINE = re.compile(
    rb"[A-Za-z][A-Za-z0-9\-]{1,60}:[ \t][^\r\n]{0,998}(?:\r?\n[ \t][^\r\n]{0,998}){0,50}\r?\n"
)
_MAIL_HEADERS = re.compile(
    rb"(?im)^(?:received|return-path|message-id|mime-version|delivered-to|from|to|subject|date|dkim-signature"
    rb"|x-[a-z\-]{2,40}|authentication-results|content-type):"
)
_HTML_TAGS = re.compile(
    rb"(?i)<(?:!doctype\s+html|html|head|body|script|iframe|meta|title|table|div|form|a\s+href|img\s|p>|br|h[1-6]|style|center)"
)
_SCRIPTS: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"#![^\n]{0,80}(?:sh|bash|zsh)\b"), "application/x-sh"),
    (re.compile(rb"#![^\n]{0,80}python"), "text/x-python"),
    (re.compile(rb"#![^\n]{0,80}perl"), "text/x-perl"),
    (re.compile(rb"<\?php"), "application/x-php"),
    (re.compile(rb"<(?:%|job\b|package\b)"), "application/x-windows-script"),
    (re.compile(rb"(?i)@?echo off|@echo|start /b|cmd(?:\.exe)? /c"), "application/x-bat"),
    (
        re.compile(rb"(?i)(?:\$\w+\s*=|param\s*\(|function\s+[\w-]+\s*\{|powershell|iex\s*\(|invoke-)"),
        "application/x-powershell",
    ),
    (
        re.compile(
            rb"(?i)(?:dim\s+\w+|option explicit|on error resume|set\s+\w+\s*=\s*createobject|sub\s+\w+\s*\()"
        ),
        "text/vbscript",
    ),
    (
        re.compile(rb"(?:var|let|const)\s+[\w$]+\s*=|function\s*[\w$]*\s*\(|\(function|try\s*\{|eval\("),
        "text/javascript",
    ),
)


def _textual(content: bytes) -> str:
    head = content[:_SNIFFED]
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16-le" if head[0] == 0xFF else "utf-16-be"
        head = head[2:].decode(encoding, "replace").encode()
    elif b"\0" in head:
        return ""
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not head or _is_binary(head):
        return ""
    return _marked_text(head) or _scripted(head) or TEXT


def _is_binary(head: bytes) -> bool:
    controls = len(head) - len(
        head.translate(None, b"\1\2\3\4\5\6\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19")
    )
    return controls * 50 > len(head)


def _marked_text(head: bytes) -> str:
    upper = head[:40].upper()
    if upper.startswith(b"BEGIN:VCALENDAR"):
        return CALENDAR
    if upper.startswith(b"BEGIN:VCARD"):
        return VCARD
    if upper.startswith((b"[INTERNETSHORTCUT]", b"[DEFAULT]", b"[DESKTOP ENTRY]")):
        return SHORTCUT
    if head.startswith(b"<"):
        return _markup(head)
    if _HEADER_LINE.match(head) and len(_MAIL_HEADERS.findall(head)) >= 3:
        return MESSAGE
    return HTML if _HTML_TAGS.search(head[:1_024]) else ""


def _markup(head: bytes) -> str:
    lower = head.lower()
    svg, html = lower.find(b"<svg"), _HTML_TAGS.search(head)
    if svg >= 0 and (html is None or svg < html.start()):
        return SVG
    if lower.startswith(b"<?xml") and b"<html" not in lower:
        return XML
    if html:
        return HTML
    script = _scripted(head)
    return script or (XML if re.match(rb"<[A-Za-z_:][\w:.\-]*[\s>/]", head) else "")


def _scripted(head: bytes) -> str:
    """Scripts by how they begin, comments aside: only a hint, since any text may look so."""
    start = head.lstrip(b"\r\n\t ;/*'#")[:200] if not head.startswith((b"#!", b"<")) else head[:200]
    return next((name for pattern, name in _SCRIPTS if pattern.match(start)), "")
